//! Labels for all images from few.
use crate::command::{Place, diffrep, fail, succeed};
use serde_json::Value;
use std::process::Command;

fn semi(place: &Place, out: &str, arguments: &[&str]) -> Command {
    let mut command = diffrep(&["semi", "--data", "digits", "--json", "--quiet"]);
    command.arg("--out").arg(place.path(out)).args(arguments);
    command
}

fn accuracy(value: &Value) -> f64 {
    value["unlabelled_accuracy"].as_f64().unwrap()
}

#[test]
fn labels_spread_over_pixels_and_over_codes() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "4"]));
    let run = place.path("run");
    let run = run.to_str().unwrap();
    let spread = |out: &str, more: &[&str]| {
        let arguments = [&["--labels", "5", "--method", "propagate"], more].concat();
        succeed(semi(&place, out, &arguments))
    };
    let pixels = spread("pixels", &["--suggest", "3"]);
    // Ten classes.
    assert!(accuracy(&pixels) > 0.5, "{pixels}");
    assert_eq!((pixels["labelled"].as_u64(), pixels["test_accuracy"].is_null()), (Some(50), true));
    assert_eq!(pixels["suggested"].as_array().unwrap().len(), 3);
    let table = std::fs::read_to_string(place.path("pixels").join("predictions.csv")).unwrap();
    assert_eq!(table.lines().filter(|line| line.contains(",true,")).count(), 50);
    let codes = spread("codes", &["--init", run, "--t", "0.5"]);
    let untrained = spread("untrained", &["--init", run, "--untrained"]);
    assert!(accuracy(&codes) > 0.1 && accuracy(&untrained) > 0.1);
    let raw = spread("raw", &["--init", run, "--t", "0.5", "--no-whiten"]);
    assert_ne!(accuracy(&codes), accuracy(&raw));
    // Every number says what it was made of.
    for (outcome, features) in [
        (&pixels, "raw pixels".to_owned()),
        (&codes, format!("codes of {run}: weights ema, step 4, t 0.5, whitened")),
        (&raw, format!("codes of {run}: weights ema, step 4, t 0.5, as they are")),
        (&untrained, format!("codes of {run}: weights random, t 0, whitened")),
    ] {
        assert_eq!(outcome["features"], features.as_str());
        assert_eq!(
            (&outcome["data"], &outcome["labels"]),
            (&"digits".into(), &"5 a class, label seed 0".into())
        );
    }
    let other = spread("other", &["--label-seed", "1"]);
    assert_ne!(accuracy(&pixels), accuracy(&other));
}

#[test]
fn a_trained_run_is_read_by_the_other_commands_and_goes_on_where_it_stopped() {
    let place = Place::new();
    let arguments = ["--labels", "5", "--preset", "digits", "--steps", "30", "--batch", "20"];
    let first = succeed(semi(&place, "run", &arguments));
    assert!(first["test_accuracy"].as_f64().is_some());
    let again = succeed(semi(&place, "run", &arguments));
    assert_eq!((accuracy(&first), &first["confusion"]), (accuracy(&again), &again["confusion"]));
    let run = place.path("run");
    let mut probe = diffrep(&["probe", "--json", "--quiet", "--probe", "knn"]);
    probe.arg(&run);
    assert!(!succeed(probe)["scores"].as_array().unwrap().is_empty());
    let mut report = diffrep(&["report", "--json", "--quiet", "--images", "50"]);
    report.arg(&run);
    let figures = succeed(report)["figures"].to_string();
    assert!(figures.contains("confusion") && figures.contains("doubtful"), "{figures}");
}

#[test]
fn slips_are_one_line_each() {
    let place = Place::new();
    for (arguments, told) in [
        (&["--labels", "0"][..], "images per class is 0, expected at least 1"),
        (&["--labels", "1000"], "class `0` has 142 image(s), expected at least 1000"),
        (&["--labels", "nowhere.txt"], "nowhere.txt"),
        (
            &["--labels", "5", "--method", "magic"],
            "--method is `magic`, expected propagate, laplacenet or supervised",
        ),
        (&["--labels", "5", "--t", "two"], "--t is `two`, expected a t in [0, 1] or `learned`"),
        (&["--labels", "5", "--batch", "1"], "batch is 1, expected at least 2"),
    ] {
        let error = fail(semi(&place, "out", arguments));
        assert!(error.contains(told), "{error}");
    }
}
