//! Nobody is measured on labels that were learned.
use crate::command::{Place, diffrep, fail, succeed};
use std::path::Path;
use std::process::Command;

fn supervised(place: &Place, data: &Path, out: &Path, more: &[&str]) -> Command {
    let mut train = diffrep(&["train", "--method", "supervised", "--json", "--quiet"]);
    train
        .arg("--config")
        .arg(place.path("tiny.toml"))
        .arg("--data")
        .arg(data)
        .arg("--out")
        .arg(out)
        .args(more);
    train
}

fn probe(run: &Path, more: &[&str]) -> Command {
    let mut command = diffrep(&["probe", "--probe", "knn", "--seeds", "1", "--json", "--quiet"]);
    command.arg(run).args(more);
    command
}

#[test]
fn an_encoder_is_not_measured_on_rows_whose_labels_it_learned() {
    let place = Place::new();
    let (pictures, run) = (place.pictures("pictures", 10), place.path("run"));
    succeed(supervised(&place, &pictures, &run, &["--steps", "2"]));
    let error = fail(probe(&run, &[]));
    assert!(error.contains("supervised has learned the labels of these images"), "{error}");
    let other = place.pictures("other", 10);
    let (ours, others) = (pictures.to_str().unwrap(), other.to_str().unwrap());
    succeed(probe(&run, &["--test-data", others]));
    // What counts is the data, not what their folder is called.
    let detour = place.path("other/../pictures");
    assert!(fail(probe(&run, &["--data", detour.to_str().unwrap()])).contains("has learned the labels"));
    std::fs::create_dir(place.path("elsewhere")).unwrap();
    let namesake = place.pictures("elsewhere/pictures", 10);
    succeed(probe(&run, &["--data", namesake.to_str().unwrap()]));
    // Nor is it when they are given to be tested on.
    let given = fail(probe(&run, &["--data", others, "--test-data", ours]));
    assert!(given.contains("has learned the labels"), "{given}");
    // Nor is a run that started from it.
    let heir = place.path("heir");
    succeed(supervised(&place, &other, &heir, &["--steps", "2", "--init", run.to_str().unwrap()]));
    assert!(fail(probe(&heir, &["--data", ours])).contains("has learned the labels"));
    // Nor what was exported and imported.
    let (tensors, again) = (place.path("tensors.safetensors"), place.path("again"));
    let mut export = diffrep(&["export", "--json", "--quiet"]);
    export.arg(&heir).arg("--out").arg(&tensors);
    succeed(export);
    let mut import = diffrep(&["import", "--json", "--quiet"]);
    import.arg(&tensors).arg("--out").arg(&again);
    succeed(import);
    for data in [ours, others] {
        let error = fail(probe(&again, &["--data", data]));
        assert!(error.contains("supervised has learned the labels"), "{error}");
    }
    succeed(probe(&again, &["--data", namesake.to_str().unwrap()]));
}

#[test]
fn a_probe_is_not_tested_on_rows_that_it_learns_from() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 10);
    succeed(place.train("run", &["--steps", "1"]));
    let given = ["--data", pictures.to_str().unwrap(), "--test-data", pictures.to_str().unwrap()];
    let error = fail(probe(&place.path("run"), &given));
    assert!(error.contains("some of these images are learned from"), "{error}");
    // One folder in two parts, by two files of labels.
    let labels = |name: &str, rows: std::ops::Range<u8>| {
        let lines = rows.map(|n| format!("dark/{n}.png,a\nlight/{n}.png,b\n")).collect::<String>();
        std::fs::write(place.path(name), format!("path,label\n{lines}")).unwrap();
        place.path(name).display().to_string()
    };
    let (first, second) = (labels("first.csv", 0..6), labels("second.csv", 6..10));
    let overlapping = labels("overlapping.csv", 5..10);
    let parted = |test| {
        probe(&place.path("run"), &[&given[..], &["--labels", &first, "--test-labels", test]].concat())
    };
    succeed(parted(&second));
    assert!(fail(parted(&overlapping)).contains("are learned from"));
}

#[test]
fn guesses_are_not_judged_where_the_start_has_learned_the_labels() {
    let place = Place::new();
    let (pictures, run) = (place.pictures("pictures", 10), place.path("run"));
    succeed(supervised(&place, &pictures, &run, &["--steps", "2"]));
    let spread = |out: &str, more: &[&str]| {
        let mut semi =
            diffrep(&["semi", "--labels", "2", "--method", "propagate", "--neighbours", "5", "--json"]);
        semi.arg("--data")
            .arg(&pictures)
            .arg("--out")
            .arg(place.path(out))
            .arg("--init")
            .arg(&run)
            .args(more);
        semi
    };
    let output = spread("learned", &[]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("supervised has learned labels of these images"),
        "{text}"
    );
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(outcome["unlabelled_accuracy"].is_null(), "{outcome}");
    let untrained = succeed(spread("untrained", &["--untrained"]));
    assert!(untrained["unlabelled_accuracy"].is_number(), "{untrained}");
}

#[test]
fn a_run_does_not_go_on_with_other_labels() {
    let place = Place::new();
    let (pictures, run, table) =
        (place.pictures("pictures", 10), place.path("run"), place.path("labels.csv"));
    let lines = |swapped: bool| {
        let class = |first: bool| if first == swapped { "b" } else { "a" };
        let row = |n: u8| format!("dark/{n}.png,{}\nlight/{n}.png,{}\n", class(true), class(false));
        std::fs::write(&table, format!("path,label\n{}", (0..10).map(row).collect::<String>())).unwrap();
    };
    lines(false);
    let labels = format!("data.labels={}", table.display());
    let train = |steps: &str| supervised(&place, &pictures, &run, &["--steps", steps, "--set", &labels]);
    succeed(train("2"));
    lines(true);
    let error = fail(train("4"));
    assert!(error.contains("images whose labels have changed"), "{error}");
    lines(false);
    succeed(train("4"));
}
