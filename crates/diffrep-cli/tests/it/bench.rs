//! `diffrep bench`: figures that fit together. What they are is the machine's business.
use crate::command::{diffrep, fail, succeed};
use serde_json::Value;

/// Settings of networks whose step takes milliseconds.
const TINY: [&str; 10] = [
    "--preset",
    "digits",
    "--batch",
    "4",
    "--set",
    "ncsnpp.features=4",
    "--set",
    "ncsnpp.multipliers=[1]",
    "--steps",
    "5",
];

fn bench(arguments: &[&str]) -> Value {
    let mut command = diffrep(&["--json", "bench"]);
    command.args(TINY).args(arguments);
    succeed(command)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn every_figure_is_there_and_they_fit_together() {
    let found = bench(&["--threads", "1"]);
    let step = number(&found["train_step_seconds"]);
    for times in [&found["train"]["median"], &found["train"]["best"]] {
        let parts = ["batch", "forward", "backward", "optimiser"].map(|part| number(&times[part]));
        assert!(parts.iter().all(|&seconds| seconds > 0.0), "{times}");
        assert!((parts.iter().sum::<f64>() - number(&times["step"])).abs() < 1e-6, "{times}");
    }
    assert_eq!(number(&found["train"]["median"]["step"]), step);
    assert!(number(&found["train"]["best"]["step"]) <= step);
    assert!((number(&found["train"]["images_per_second"]) * step - 4.0).abs() < 1e-6);
    let encoded = number(&found["encode_images_per_second"]);
    assert!((encoded * number(&found["encode"]["median_seconds"]) - 4.0).abs() < 1e-6);
    for (part, seconds) in [("train", step), ("encode", 4.0 / encoded)] {
        let (rate, part) = (number(&found[part]["gflops"]), &found[part]);
        assert!((rate * 1e9 * seconds / number(&part["operations"]) - 1.0).abs() < 1e-6, "{part}");
        let share = number(&part["peak_fraction"]);
        assert!((share * number(&found["peak_gflops"]) / rate - 1.0).abs() < 1e-6, "{part}");
        assert!(share > 0.0 && part["repetitions"] == 5, "{part}");
    }
    assert_eq!(found["peak_fraction"], found["train"]["peak_fraction"]);
    if cfg!(target_os = "linux") {
        assert!(number(&found["peak_memory_bytes"]) > 1e6, "{found}");
    }
    let setting = ["preset", "batch", "threads", "precision", "device"].map(|name| found[name].to_string());
    assert_eq!(setting.join(" "), r#""digits" 4 1 "f32" "cpu""#);
    assert_eq!(found["image"].to_string(), r#"{"height":8,"width":8,"channels":1}"#);
}

#[test]
fn one_measurement_alone_leaves_the_other_out() {
    let train = bench(&["--only", "train"]);
    assert!(number(&train["train_step_seconds"]) > 0.0);
    assert!(train["encode_images_per_second"].is_null() && train["encode"].is_null(), "{train}");
    let encode = bench(&["--only", "encode"]);
    assert!(number(&encode["encode_images_per_second"]) > 0.0);
    assert!(encode["train_step_seconds"].is_null() && encode["train"].is_null(), "{encode}");
    assert_eq!(encode["peak_fraction"], encode["encode"]["peak_fraction"]);
}

#[test]
fn the_table_ends_with_what_was_run() {
    let output = diffrep(&["bench"]).args(TINY).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.contains("· backward"), "{text}");
    let last = text.lines().last().unwrap();
    let start =
        "median and best of 5 training steps and 5 encodings: digits with batches of 4 images of 8×8×1, f32";
    assert!(last.starts_with(start), "{last}");
}

#[test]
fn what_can_not_be_measured_is_an_error_in_one_line() {
    let refused = |arguments: &[&str]| fail(diffrep(&[&["bench"], arguments].concat()));
    assert!(refused(&["--preset", "cifar11"]).contains("did you mean `cifar10`?"));
    assert!(refused(&["--set", "encoder.depth=11"]).contains("encoder.depth"));
    assert!(refused(&["--device", "tpu"]).contains("`tpu`"));
    assert!(refused(&["--seconds=-1"]).contains("--seconds"));
}

#[test]
fn devices_tells_what_is_built_in_and_what_is_found() {
    let found = succeed(diffrep(&["devices", "--json"]));
    let devices = found["devices"].as_array().unwrap();
    let names: Vec<&str> = devices.iter().map(|device| device["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["cpu", "wgpu", "cuda", "rocm", "metal"]);
    assert!(devices[0]["built"] == true && devices[0]["found"] == true, "{found}");
    assert!(devices[0]["hardware"].as_str().unwrap().contains("threads"), "{found}");
    // Nothing is found that wasn't built in.
    assert!(devices.iter().all(|device| device["built"] == true || device["found"] == false), "{found}");
}
