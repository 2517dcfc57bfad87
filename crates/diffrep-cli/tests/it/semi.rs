//! Labels for all images from few.
use crate::command::{Place, array, diffrep, fail, succeed};
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
    // Twice what one class for all would get.
    assert!(accuracy(&codes) > 0.2 && accuracy(&untrained) > 0.2, "{codes} {untrained}");
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
fn the_trained_network_labels_new_images_at_the_t_that_it_was_fed() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "4"]));
    let init = place.path("run");
    let test = diffrep::data::open("digits", &Default::default()).unwrap().test.unwrap();
    let truth = test.labels().unwrap();
    for t in ["0.9", "learned"] {
        let arguments =
            ["--labels", "5", "--steps", "30", "--batch", "20", "--t", t, "--init", init.to_str().unwrap()];
        let trained = succeed(semi(&place, t, &arguments));
        let mut predict = diffrep(&["predict", "--data", "digits", "--json", "--quiet"]);
        predict.arg(place.path(t));
        let predicted = succeed(predict);
        assert_eq!((&predicted["head"], &predicted["probe"]), (&"network".into(), &Value::Null));
        assert_eq!(predicted["t"].as_f64() == Some(0.9), t == "0.9");
        let labels = predicted["predictions"].as_array().unwrap();
        let right =
            (0..labels.len()).filter(|&row| labels[row]["label"].as_str() == truth.class(row)).count();
        assert_eq!(trained["test_accuracy"], right as f64 / labels.len() as f64);
    }
}

#[test]
fn a_time_limit_is_no_error_and_the_same_command_goes_on() {
    let place = Place::new();
    let arguments = ["--labels", "5", "--preset", "digits", "--steps", "20", "--batch", "20"];
    let stopped = succeed(semi(&place, "run", &[&arguments[..], &["--minutes", "0.000000001"]].concat()));
    assert_eq!(
        (&stopped["ended"], &stopped["step"], &stopped["steps"]),
        (&"time is up".into(), &1.into(), &20.into())
    );
    assert!(!place.path("run/predictions.csv").exists());
    let finished = succeed(semi(&place, "run", &arguments));
    assert_eq!(finished["ended"], "finished");
    let whole = succeed(semi(&place, "whole", &arguments));
    assert_eq!(finished["confusion"], whole["confusion"]);
}

#[test]
fn spreading_and_training_do_not_share_a_folder() {
    let place = Place::new();
    let here = |more: &[&str]| {
        let mut command = diffrep(&["semi", "--data", "digits", "--labels", "5", "--json", "--quiet"]);
        command.args(more).current_dir(place.path(""));
        command
    };
    succeed(here(&["--method", "propagate"]));
    let trained = ["--preset", "digits", "--steps", "2", "--batch", "20"];
    succeed(here(&trained));
    assert!(place.path("runs/digits-propagate/predictions.csv").is_file());
    assert!(place.path("runs/digits-laplacenet/run.json").is_file());
    let error = fail(here(&["--method", "propagate", "--out", "runs/digits-laplacenet"]));
    assert!(error.contains("digits-laplacenet is a run"), "{error}");
}

#[test]
fn labels_of_a_file_are_known_and_those_of_the_data_judge() {
    let place = Place::new();
    let file = place.path("few.csv");
    let mut split =
        diffrep(&["data", "split", "--data", "digits", "--per-class", "5", "--seed", "0", "--json"]);
    split.arg("--out").arg(&file);
    succeed(split);
    let spread =
        |out: &str, labels: &str| succeed(semi(&place, out, &["--labels", labels, "--method", "propagate"]));
    let (by_file, by_number) = (spread("file", file.to_str().unwrap()), spread("number", "5"));
    assert!(by_file["unlabelled_accuracy"].is_f64(), "{by_file}");
    for key in ["unlabelled_accuracy", "confusion", "labelled"] {
        assert_eq!(by_file[key], by_number[key], "{key}");
    }
}

#[test]
fn a_run_from_another_run_knows_its_own_images_and_tells_how_it_was_made() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "4"]));
    let pictures = place.pictures("pictures", 6);
    let [run, out] = ["run", "few"].map(|name| place.path(name));
    let mut command =
        diffrep(&["semi", "--labels", "1", "--steps", "10", "--batch", "4", "--json", "--quiet"]);
    command.arg("--data").arg(&pictures).arg("--init").arg(&run).arg("--out").arg(&out);
    succeed(command);
    let config: toml::Table = std::fs::read_to_string(out.join("config.toml")).unwrap().parse().unwrap();
    let source = config["data"]["source"].as_str().unwrap();
    assert_eq!(std::path::Path::new(source), pictures.canonicalize().unwrap());
    let mut report = diffrep(&["report", "--json", "--quiet"]);
    report.arg(&out);
    let figures = succeed(report)["figures"].to_string();
    assert!(["guesses", "loss", "doubtful"].iter().all(|stem| figures.contains(stem)), "{figures}");
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("<h1>laplacenet on pictures, 1 a class, label seed 0</h1>"));
    assert!(page.contains("diffrep semi --labels 1 --steps 10 --batch 4 --data"), "how to make it again");
    assert!(!page.contains("diffrep train --config"));
    assert!(
        page.contains("semi.neighbours") && page.contains("encoder.depth") && !page.contains("optimiser.")
    );
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
        (&["--labels", "5", "--t", "2"], "--t is `2`, expected a t in [0, 1] or `learned`"),
        (&["--labels", "5", "--batch", "1"], "batch is 1, expected 2 to 1 048 576"),
        (&["--labels", "5", "--minutes=-1"], "--minutes is -1, expected a positive number"),
    ] {
        let error = fail(semi(&place, "out", arguments));
        assert!(error.contains(told), "{error}");
        assert!(!place.path("out").exists(), "{arguments:?} left a folder");
    }
    // TOML knows no larger number, and run.json holds the seed.
    let large = semi(&place, "out", &["--labels", "5", "--seed", "9223372036854775808"]).output().unwrap();
    assert_eq!(large.status.code(), Some(2));
}

#[test]
fn labels_spread_over_pixels_are_reported_with_the_images_in_doubt() {
    let place = Place::new();
    let (pictures, out) = (place.pictures("pictures", 6), place.path("spread"));
    let mut spread = diffrep(&["semi", "--labels", "1", "--method", "propagate", "--json", "--quiet"]);
    spread.arg("--data").arg(&pictures).arg("--out").arg(&out);
    succeed(spread);
    // What other pictures of the same names show was never in doubt.
    let other = place.path("other");
    for class in ["dark", "light"] {
        std::fs::create_dir_all(other.join(class)).unwrap();
        for entry in std::fs::read_dir(pictures.join(class)).unwrap().skip(1) {
            let path = entry.unwrap().path();
            std::fs::copy(&path, other.join(class).join(path.file_name().unwrap())).unwrap();
        }
    }
    for (data, shown) in [(None, true), (Some(&pictures), true), (Some(&other), false)] {
        let mut report = diffrep(&["report", "--json", "--quiet"]);
        report.arg(&out);
        if let Some(data) = data {
            report.arg("--data").arg(data);
        }
        let figures = succeed(report)["figures"].to_string();
        assert_eq!(figures.contains("doubtful"), shown, "{figures}");
    }
    let page = std::fs::read_to_string(out.join("report.html")).unwrap();
    assert!(!page.contains("diffrep probe") && !page.contains("diffrep train"), "there is no encoder");
}

#[test]
fn images_in_doubt_are_those_of_the_run_or_none() {
    let place = Place::new();
    let [own, other, few] = ["own.npy", "other.npy", "few.csv"].map(|name| place.path(name));
    array(&own, 4);
    array(&other, 3);
    let lines = (0..20).map(|row| format!("{row:02},{}\n", row % 2)).collect::<String>();
    std::fs::write(&few, format!("path,label\n{lines}")).unwrap();
    let mut semi = diffrep(&["semi", "--steps", "2", "--batch", "8", "--json", "--quiet"]);
    semi.arg("--data").arg(&own).arg("--labels").arg(&few).arg("--out").arg(place.path("run"));
    succeed(semi);
    // Rows of arrays are called alike whatever they show.
    for (data, shown) in [(None, true), (Some(&own), true), (Some(&other), false)] {
        let mut report = diffrep(&["report", "--json", "--quiet", "--images", "20"]);
        report.arg(place.path("run"));
        if let Some(data) = data {
            report.arg("--data").arg(data);
        }
        let figures = succeed(report)["figures"].to_string();
        assert_eq!(figures.contains("doubtful"), shown, "{figures}");
    }
}

#[test]
fn the_report_of_a_run_that_is_not_finished_names_no_command_of_another() {
    let place = Place::new();
    let begun = ["--labels", "5", "--steps", "200", "--batch", "20", "--minutes", "0.00001"];
    assert_eq!(succeed(semi(&place, "run", &begun))["ended"], "time is up");
    let mut report = diffrep(&["report", "--json", "--quiet", "--images", "20"]);
    report.arg(place.path("run"));
    succeed(report);
    let page = std::fs::read_to_string(place.path("run/report.html")).unwrap();
    assert!(
        page.contains("Training from few labels is not over") && !page.contains("diffrep train"),
        "{page}"
    );
}

#[test]
fn options_that_change_nothing_are_refused() {
    let place = Place::new();
    for (option, value) in [
        ("--steps", "5"),
        ("--minutes", "1"),
        ("--batch", "20"),
        ("--views", "2"),
        ("--flip", "0.5"),
        ("--learning-rate", "0.1"),
        ("--seed", "1"),
        ("--t", "0.5"),
    ] {
        let error = fail(semi(&place, "out", &["--labels", "5", "--method", "propagate", option, value]));
        assert!(error.contains(&format!("{option} changes nothing with --method propagate")), "{error}");
    }
    for option in [["--preset", "digits"], ["--set", "encoder.width=4"]] {
        let error =
            fail(semi(&place, "out", &[&["--labels", "5", "--method", "propagate"], &option[..]].concat()));
        assert!(error.contains(option[0]) && error.contains("changes nothing"), "{error}");
    }
    let error = fail(semi(&place, "out", &["--labels", "5", "--set", "train.batch=7"]));
    assert!(error.contains("--set train.batch=7 changes nothing"), "{error}");
    let error = fail(semi(&place, "out", &["--labels", "few.csv", "--label-seed", "3"]));
    assert!(error.contains("--label-seed changes nothing"), "{error}");
    for method in ["laplacenet", "supervised"] {
        let error = fail(semi(&place, "out", &["--labels", "5", "--method", method, "--t", "learned"]));
        assert!(error.contains("--t changes nothing"), "{error}");
    }
    succeed(place.train("static", &["--steps", "2", "--method", "ae"]));
    let init = place.path("static");
    let fixed = ["--labels", "5", "--t", "0.5", "--init", init.to_str().unwrap()];
    assert!(fail(semi(&place, "out", &fixed)).contains("--t 0.5 changes nothing"));
    let neighbours = ["--labels", "5", "--method", "supervised", "--neighbours", "9"];
    let error = fail(semi(&place, "out", &neighbours));
    assert!(error.contains("--neighbours changes nothing with --method supervised"), "{error}");
    for option in [["--checkpoint", "best"], ["--weights", "raw"]] {
        let output = semi(&place, "out", &[&["--labels", "5"], &option[..]].concat()).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("--init"));
    }
    assert!(!place.path("out").exists());
}

#[test]
fn what_another_command_spread_is_not_written_over() {
    let place = Place::new();
    let spread =
        |more: &[&str]| semi(&place, "out", &[&["--labels", "5", "--method", "propagate"], more].concat());
    let first = succeed(spread(&[]));
    let error = fail(spread(&["--neighbours", "20"]));
    assert!(error.contains("has what `diffrep semi --data digits --labels 5"), "{error}");
    // The same with suggestions is the same.
    let again = succeed(spread(&["--suggest", "2"]));
    assert_eq!(again["unlabelled_accuracy"], first["unlabelled_accuracy"]);
}

#[test]
fn an_empty_folder_is_no_class_to_label() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 6);
    std::fs::create_dir(pictures.join("unsorted")).unwrap();
    let few = place.path("few.csv");
    let mut split = diffrep(&["data", "split", "--per-class", "2", "--json", "--quiet"]);
    split.arg("--data").arg(&pictures).arg("--out").arg(&few);
    assert_eq!(succeed(split)["classes"], 2);
    for (number, labels) in ["2", few.to_str().unwrap()].into_iter().enumerate() {
        let mut spread = diffrep(&["semi", "--method", "propagate", "--json", "--quiet", "--labels", labels]);
        spread.arg("--data").arg(&pictures).arg("--out").arg(place.path(&format!("out-{number}")));
        let found = succeed(spread);
        assert_eq!(found["classes"], serde_json::json!(["dark", "light"]));
        assert!(found["unlabelled_accuracy"].as_f64().unwrap() > 0.9, "{found}");
    }
}
