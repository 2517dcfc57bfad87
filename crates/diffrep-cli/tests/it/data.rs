//! `diffrep data`: results, and one line with exit code 2 for what is wrong.
use super::command::{diffrep, fail, succeed};
use serde_json::Value;
use std::{fs, path::Path};

fn json(folder: &Path, arguments: &[&str]) -> Value {
    let mut command = diffrep(&["--json", "--quiet", "data"]);
    command.current_dir(folder).args(arguments);
    succeed(command)
}

fn failure(folder: &Path, arguments: &[&str]) -> String {
    let mut command = diffrep(&["data"]);
    command.current_dir(folder).args(arguments);
    fail(command)
}

/// An uncompressed 2×2 bitmap of one grey.
fn bitmap(grey: u8) -> Vec<u8> {
    let mut bytes = b"BM".to_vec();
    [70u32, 0, 54, 40, 2, 2].iter().for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    // Rows are padded to four bytes.
    bytes.extend([[grey; 6].as_slice(), &[0; 2], &[grey; 6], &[0; 2]].concat());
    bytes
}

#[test]
fn built_in_and_fetchable_sets_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let list = json(folder.path(), &["list"]);
    let names: Vec<&str> = list.as_array().unwrap().iter().map(|set| set["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["digits", "shapes", "mnist", "fashion-mnist", "cifar10", "cifar100"]);
}

#[test]
fn inspect_names_a_bad_image_and_skips_it_on_request() {
    let folder = tempfile::tempdir().unwrap();
    (1..4).for_each(|grey| fs::write(folder.path().join(format!("{grey}.bmp")), bitmap(grey)).unwrap());
    fs::write(folder.path().join("notes.png"), "these are my notes").unwrap();
    let message = failure(folder.path(), &["inspect", "--data", "."]);
    assert!(message.starts_with("error: ") && message.contains("notes.png"), "{message}");
    let found = json(folder.path(), &["inspect", "--data", ".", "--on-bad", "skip"]);
    assert_eq!(found["splits"][0]["images"], 3);
    assert_eq!(found["skipped"].as_array().unwrap().len(), 1);
}

#[test]
fn a_sheet_inside_the_data_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.bmp"), bitmap(9)).unwrap();
    let message = failure(folder.path(), &["inspect", "--data", ".", "--sheet", "sheet.png"]);
    assert!(message.contains("lies inside the data folder"), "{message}");
    let sheet = tempfile::tempdir().unwrap();
    let path = sheet.path().join("sheet.png");
    json(folder.path(), &["inspect", "--data", ".", "--sheet", path.to_str().unwrap()]);
    assert!(fs::read(path).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn split_saves_the_same_labels_for_the_same_seed_and_overwrites_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let split = |out| {
        json(folder.path(), &["split", "--data", "digits", "--per-class", "4", "--seed", "3", "--out", out])
    };
    assert_eq!(split("a.csv")["rows"], 40);
    split("b.csv");
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("a.csv"), read("b.csv"));
    assert_eq!(read("a.csv").lines().count(), 41);
    let message =
        failure(folder.path(), &["split", "--data", "digits", "--per-class", "4", "--out", "a.csv"]);
    assert!(message.contains("a.csv: exists already"), "{message}");
    let found = json(folder.path(), &["inspect", "--data", "digits", "--labels", "a.csv"]);
    assert_eq!(found["splits"][0]["columns"][0]["unlabelled"], 1437 - 40);
}

#[test]
fn too_many_labels_unlabelled_data_and_unwritable_files_are_one_line() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("1.bmp"), bitmap(9)).unwrap();
    let message = failure(folder.path(), &["split", "--data", "digits", "--per-class", "1000"]);
    assert!(message.contains("class `0` has 142 image(s), expected at least 1000"), "{message}");
    let message = failure(folder.path(), &["split", "--data", ".", "--per-class", "1"]);
    assert!(message.contains("no labels, give --labels"), "{message}");
    let message =
        failure(folder.path(), &["split", "--data", "digits", "--per-class", "1", "--out", "1.bmp/x.csv"]);
    assert_eq!(message.matches("os error").count(), 1, "{message}");
    assert!(message.contains("1.bmp/x.csv"), "{message}");
}

#[test]
fn a_fetch_from_a_closed_port_is_one_line_with_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let message =
        failure(folder.path(), &["fetch", "cifar10", "--base-url", "http://127.0.0.1:1", "--quiet"]);
    assert!(message.contains("http://127.0.0.1:1/cifar-10-binary.tar.gz"), "{message}");
}
