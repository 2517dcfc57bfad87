//! `diffrep analyse`.
use crate::command::{Place, diffrep, fail, succeed};
use std::process::Command;

fn on(place: &Place, arguments: &[&str]) -> Command {
    let mut command = diffrep(&["analyse", "--json", "--quiet"]);
    command.arg(place.path("run")).args(arguments);
    command
}

#[test]
fn every_factor_of_coloured_digits_has_a_curve_and_the_report_shows_it() {
    let place = Place::new();
    let mut train = diffrep(&["train", "--data", "coloured:digits", "--steps", "6", "--json", "--quiet"]);
    train.arg("--config").arg(place.path("tiny.toml")).arg("--out").arg(place.path("run"));
    succeed(train);
    let quick = ["--t", "1,0,0.5", "--seeds", "1", "--no-attention", "--images", "100"];
    let result = succeed(on(&place, &quick));
    let saved = std::fs::read(place.path("run/analyse.json")).unwrap();
    assert_eq!(serde_json::from_slice::<serde_json::Value>(&saved).unwrap(), result);
    assert_eq!(result["t"], serde_json::json!([0.0, 0.5, 1.0]));
    assert_eq!(result["images"], 100);
    let factors = result["factors"].as_array().unwrap();
    let names: Vec<&str> = factors.iter().map(|factor| factor["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["label", "foreground", "background"]);
    for factor in factors {
        assert_eq!(factor["accuracy"].as_array().unwrap().len(), 3);
        assert!(factor["attention"].is_null());
        // Pixels show the colour of a corner, so a linear probe reads the ground from them.
        assert!(factor["name"] != "background" || factor["pixels"].as_f64().unwrap() > 0.9, "{factor}");
    }
    for map in ["cka", "information"] {
        let diagonal = (0..3).map(|i| result[map][i][i].as_f64().unwrap());
        assert!(diagonal.into_iter().all(|value| (value - 1.0).abs() < 1e-6), "{map}");
        assert_eq!(result[map][0][2], result[map][2][0]);
    }
    assert_eq!(result["criteria"].as_array().unwrap().len(), 3);
    let gains = result["gains"].as_array().unwrap().iter();
    let gains: Vec<[f64; 3]> =
        gains.map(|at| ["t", "own", "other"].map(|k| at[k].as_f64().unwrap())).collect();
    assert_eq!(gains.iter().map(|at| at[0]).collect::<Vec<_>>(), [0.0, 0.5, 1.0]);
    assert!(gains.iter().all(|at| at[1] > 0.0 && at[2] > 0.0), "{gains:?}");
    for stem in ["factors", "factors-centred", "cka", "information", "dimensions", "gain"] {
        assert!(place.path(&format!("run/figures/{stem}.png")).is_file(), "{stem}");
    }
    let mut report = diffrep(&["report", "--json", "--quiet", "--t", "0,1", "--images", "20"]);
    report.arg(place.path("run"));
    succeed(report);
    let page = std::fs::read_to_string(place.path("run/report.html")).unwrap();
    assert!(page.contains("Linear CKA of the codes at every two t"));
}

#[test]
fn attention_has_a_weight_for_each_t() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "6"]));
    let result = succeed(on(&place, &["--t", "0,1", "--seeds", "1", "--images", "50"]));
    let weights = result["factors"][0]["attention"].as_array().unwrap();
    let sum: f64 = weights.iter().map(|weight| weight.as_f64().unwrap()).sum();
    assert!(weights.len() == 2 && (sum - 1.0).abs() < 1e-3, "{weights:?}");
}

#[test]
fn what_can_not_be_analysed_is_named() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "5", "--set", "encoder.time_conditioned=false"]));
    assert!(fail(on(&place, &[])).contains("not time-conditioned"));
    let place = Place::new();
    succeed(place.train("run", &["--steps", "5"]));
    for (arguments, named) in [
        (&["--label", "colour"][..], "no label column `colour`"),
        (&["--t", "0.5"], "one t can't be compared"),
        (&["--probe", "gru"], "--probe is `gru`"),
    ] {
        let message = fail(on(&place, arguments));
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn a_column_of_one_class_is_refused_before_anything_is_encoded() {
    let place = Place::new();
    let (pictures, labels) = (place.pictures("pictures", 10), place.path("labels.csv"));
    let rows = ["dark", "light"].into_iter().flat_map(|class| (0..10).map(move |n| (class, n)));
    let lines: String = rows.map(|(class, n)| format!("{class}/{n}.png,{class},camera\n")).collect();
    std::fs::write(&labels, format!("path,label,source\n{lines}")).unwrap();
    succeed(place.train_on(&pictures, "run", &["--steps", "2"]));
    let with = |more: &[&str]| {
        let mut command = on(&place, &[&["--t", "0,1", "--seeds", "1", "--no-attention"], more].concat());
        command.arg("--data").arg(&pictures).arg("--labels").arg(&labels);
        command
    };
    let error = fail(with(&[]));
    assert!(error.contains("source") && error.contains("at least 2 classes"), "{error}");
    let found = succeed(with(&["--label", "label"]));
    assert_eq!(found["factors"].as_array().unwrap().len(), 1);
    let words: Vec<&str> =
        found["arguments"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert_eq!(words[..3], ["analyse", "--t", "0,1"]);
}
