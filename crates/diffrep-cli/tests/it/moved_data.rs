//! Data that have moved are found again where they are said to be; other data in their place are noticed.
use crate::command::{Place, diffrep, fail, succeed};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Images of 8×8 pixels in an array file, the first `step` apart.
fn array(path: &Path, step: u8) {
    let pixels: Vec<u8> = (0..40 * 64u32).map(|i| (i % 64) as u8 + (i / 64) as u8 * step).collect();
    let mut bytes = b"\x93NUMPY\x01\0v\0".to_vec();
    bytes.extend(
        format!("{:<117}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (40, 8, 8), }").bytes(),
    );
    bytes.extend(pixels);
    fs::write(path, bytes).unwrap();
}

fn resume(place: &Place, arguments: &[&str]) -> Command {
    let mut command = diffrep(&["train", "--json", "--quiet", "--resume"]);
    command.arg(place.path("run")).args(arguments);
    command
}

#[test]
fn a_run_goes_on_where_its_data_lie_now() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 6);
    succeed(place.train_on(&pictures, "whole", &["--steps", "4"]));
    succeed(place.train_on(&pictures, "run", &["--steps", "2"]));
    let moved = place.path("moved");
    fs::rename(&pictures, &moved).unwrap();
    let message = fail(resume(&place, &["--steps", "4"]));
    assert!(message.contains("isn't there any more") && message.contains("--data PLACE"), "{message}");
    let mut encode = diffrep(&["encode"]);
    encode.arg(place.path("run"));
    let message = fail(encode);
    assert!(message.contains("isn't there any more") && message.contains("--data says where"), "{message}");

    succeed(resume(&place, &["--steps", "4", "--data", moved.to_str().unwrap()]));
    let weights = |run: &str| {
        let step = place.path(run).join("checkpoints/step-00000004");
        ["model.safetensors", "ema.safetensors", "optimiser.safetensors"]
            .map(|name| fs::read(step.join(name)).unwrap())
    };
    assert!(weights("run") == weights("whole"));
    // Later commands look there too.
    let mut encode = diffrep(&["encode", "--json", "--quiet"]);
    encode.arg(place.path("run"));
    succeed(encode);
    // Another folder of as many pictures.
    let other = place.pictures("other", 6);
    fs::rename(other.join("dark/0.png"), other.join("dark/00.png")).unwrap();
    let message = fail(resume(&place, &["--steps", "6", "--data", other.to_str().unwrap()]));
    assert!(message.contains("some under other names"), "{message}");
    succeed(resume(&place, &["--steps", "6"]));
}

#[test]
fn other_images_in_an_array_of_the_same_size_are_noticed() {
    let place = Place::new();
    let file = place.path("images.npy");
    array(&file, 1);
    succeed(place.train_on(&file, "run", &["--steps", "2"]));
    succeed(resume(&place, &["--steps", "3"]));
    array(&file, 2);
    let message = fail(resume(&place, &["--steps", "4"]));
    assert!(message.contains("some with other pixels"), "{message}");
}

#[test]
fn a_comparison_goes_on_where_its_data_lie_now_unless_they_are_others() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 10);
    let compare = |data: &Path, methods: &str| {
        let plan = format!(
            "data = {data:?}\nmethods = {methods}\nseeds = [0]\nimages = [64]\nt = \"0\"\nprobes = [\"knn\"]\nprobe_seeds = 1\n\
             set = [\"ncsnpp.features=4\", \"ncsnpp.multipliers=[1]\", \"ncsnpp.blocks=1\", \"train.batch=16\"]\n"
        );
        fs::write(place.path("plan.toml"), plan).unwrap();
        let mut command = diffrep(&["compare", "--json", "--quiet"]);
        command.arg(place.path("plan.toml")).arg("--out").arg(place.path("out"));
        command
    };
    let result = |name: &str| fs::read(place.path("out/results").join(name)).unwrap();
    let first = succeed(compare(&pictures, "[\"ae\"]"));
    let before = result("ae-seed0-64.json");
    let moved = place.path("moved");
    fs::rename(&pictures, &moved).unwrap();
    let second = succeed(compare(&moved, "[\"ae\", \"vae\"]"));
    assert_eq!(second["cells"].as_array().unwrap().len(), 2);
    assert_eq!(second["cells"][0]["scores"], first["cells"][0]["scores"]);
    assert!(before == result("ae-seed0-64.json"), "what was measured is measured again");
    // One picture has changed places.
    fs::rename(moved.join("dark/0.png"), moved.join("light/00.png")).unwrap();
    let message = fail(compare(&moved, "[\"ae\", \"vae\"]"));
    assert!(message.contains("have changed since"), "{message}");
}

#[test]
fn a_comparison_that_was_stopped_goes_on_where_its_data_lie_now() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 10);
    let compare = |data: &Path, images: u32| {
        let plan = format!(
            "data = {data:?}\nmethods = [\"ae\"]\nseeds = [0]\nimages = [{images}]\nt = \"0\"\nprobes = [\"knn\"]\nprobe_seeds = 1\n\
             set = [\"train.batch=16\"]\n"
        );
        fs::write(place.path("plan.toml"), plan).unwrap();
        let mut command = diffrep(&["compare", "--json", "--quiet"]);
        command.arg(place.path("plan.toml")).arg("--out").arg(place.path("out"));
        command
    };
    succeed(compare(&pictures, 64));
    let moved = place.path("moved");
    fs::rename(&pictures, &moved).unwrap();
    // Further training of the same run, and its baselines.
    let longer = succeed(compare(&moved, 128));
    assert_eq!(longer["cells"][0]["steps"], 8);
    let config = fs::read_to_string(place.path("out/runs/ae-seed0/config.toml")).unwrap();
    assert!(config.contains(moved.to_str().unwrap()), "{config}");
}
