//! Data that have moved are found again where they are said to be; other data in their place are noticed.
use crate::command::{Place, array, diffrep, fail, succeed};
use crate::compare;
use std::fs;
use std::path::Path;
use std::process::Command;

fn resume(place: &Place, arguments: &[&str]) -> Command {
    let mut command = diffrep(&["train", "--json", "--quiet", "--resume"]);
    command.arg(place.path("run")).args(arguments);
    command
}

/// A comparison of `methods` on `data` in the folder `out`, with networks that train in moments.
fn compare(place: &Place, data: &Path, methods: &str, images: u32) -> Command {
    let plan = format!(
        "data = {data:?}\nmethods = {methods}\nseeds = [0]\nimages = [{images}]\nt = \"0\"\nprobes = [\"knn\"]\nprobe_seeds = 1\n\
         set = [\"ncsnpp.features=4\", \"ncsnpp.multipliers=[1]\", \"ncsnpp.blocks=1\", \"train.batch=16\"]\n"
    );
    compare::compare(place, &plan)
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
    assert!(message.contains("isn't there any more") && message.contains("--data PLACE"), "{message}");

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

/// Takes this field out of a JSON file, as earlier versions wrote it.
fn without(file: &Path, field: &str) {
    let mut record: serde_json::Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert!(record.as_object_mut().unwrap().remove(field).is_some(), "{record}");
    fs::write(file, record.to_string()).unwrap();
}

#[test]
fn nothing_is_taken_for_moved_that_could_be_other_images() {
    let place = Place::new();
    let (file, moved) = (place.path("images.npy"), place.path("moved.npy"));
    array(&file, 1);
    succeed(place.train_on(&file, "run", &["--steps", "2"]));
    fs::rename(&file, &moved).unwrap();
    let on = |place: &Place, data: &str| resume(place, &["--steps", "3", "--data", data]);
    let moved = moved.to_str().unwrap();
    // A slip, other data, and the same ones painted.
    assert!(fail(on(&place, "nowhere.npy")).contains("no data set `nowhere.npy`"));
    for other in ["digits".to_owned(), format!("coloured:{moved}")] {
        let message = fail(on(&place, &other));
        assert!(message.contains("other data"), "{message}");
    }
    // A run of an earlier version knows no pixels.
    let record = place.path("run/run.json");
    let whole = fs::read(&record).unwrap();
    without(&record, "pixels_checksum");
    let message = fail(on(&place, moved));
    assert!(message.contains("nothing to tell the images") && message.contains("data.source"), "{message}");
    fs::write(record, whole).unwrap();
    succeed(on(&place, moved));
}

#[test]
fn a_painted_run_stays_painted_and_labels_among_the_images_move_with_them() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 6);
    let labels = pictures.join("labels.csv");
    fs::write(&labels, "path,label\ndark/0.png,night\nlight/0.png,day\nlight/1.png,day\n").unwrap();
    let setting = format!("data.labels={}", labels.display());
    let coloured = format!("coloured:{}", pictures.display());
    succeed(place.train_on(Path::new(&coloured), "run", &["--steps", "2", "--set", &setting]));
    let moved = place.path("moved");
    fs::rename(&pictures, &moved).unwrap();
    succeed(resume(&place, &["--steps", "3", "--data", moved.to_str().unwrap()]));
    let config = fs::read_to_string(place.path("run/config.toml")).unwrap();
    for part in [format!("coloured:{}", moved.display()), moved.join("labels.csv").display().to_string()] {
        assert!(config.contains(&format!("{part:?}")), "{part} {config}");
    }
    succeed(resume(&place, &["--steps", "4"]));
}

#[test]
fn few_labels_go_on_where_the_images_lie_now_under_another_name() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 10);
    let semi = |data: &Path, steps: &str| {
        let mut command =
            diffrep(&["semi", "--json", "--quiet", "--labels", "2", "--preset", "digits", "--batch", "8"]);
        command.args(["--steps", steps]).arg("--data").arg(data).arg("--out").arg(place.path("run"));
        command
    };
    let first = succeed(semi(&pictures, "10"));
    let moved = place.path("moved");
    fs::create_dir(&moved).unwrap();
    for class in ["dark", "light"] {
        fs::create_dir(moved.join(class)).unwrap();
        for number in 0..10 {
            let name = format!("{class}/{number}.png");
            fs::copy(pictures.join(&name), moved.join(&name)).unwrap();
        }
    }
    // What is there still hasn't moved.
    let message = fail(semi(&moved, "10"));
    assert!(message.contains("data.source was"), "{message}");
    fs::remove_dir_all(&pictures).unwrap();
    for _ in 0..2 {
        assert_eq!(succeed(semi(&moved, "10"))["unlabelled_accuracy"], first["unlabelled_accuracy"]);
    }
}

#[test]
fn a_comparison_goes_on_where_its_data_lie_now_unless_they_are_others() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 10);
    let compare = |data: &Path, methods: &str| compare(&place, data, methods, 64);
    let result = |name: &str| fs::read(place.path("out/results").join(name)).unwrap();
    let first = succeed(compare(&pictures, "[\"ae\"]"));
    let before = result("ae-seed0-64.json");
    let moved = place.path("moved");
    fs::rename(&pictures, &moved).unwrap();
    // A link that was left behind leads to them.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(&moved, &pictures).unwrap();
        assert_eq!(
            succeed(compare(&pictures, "[\"ae\"]"))["cells"][0]["scores"],
            first["cells"][0]["scores"]
        );
        fs::remove_file(&pictures).unwrap();
    }
    let second = succeed(compare(&moved, "[\"ae\", \"vae\"]"));
    assert_eq!(second["cells"].as_array().unwrap().len(), 2);
    assert_eq!(second["cells"][0]["scores"], first["cells"][0]["scores"]);
    // What was measured isn't measured again, but has the new place, as has its run.
    let seconds =
        |text: &[u8]| serde_json::from_slice::<serde_json::Value>(text).unwrap()["train_seconds"].clone();
    assert_eq!(seconds(&before), seconds(&result("ae-seed0-64.json")));
    for file in ["results/ae-seed0-64.json", "runs/ae-seed0/config.toml"] {
        let text = fs::read_to_string(place.path("out").join(file)).unwrap();
        assert!(
            text.contains(moved.to_str().unwrap()) && !text.contains(pictures.to_str().unwrap()),
            "{file}: {text}"
        );
    }
    // The old place may be another one's now.
    place.pictures("pictures", 3);
    succeed(compare(&moved, "[\"ae\", \"vae\"]"));
    fs::remove_dir_all(&pictures).unwrap();
    // A copy elsewhere is other data while the first are there, and so are they painted.
    let copy = place.pictures("copy", 10);
    for other in [copy.display().to_string(), format!("coloured:{}", moved.display())] {
        let message = fail(compare(Path::new(&other), "[\"ae\", \"vae\"]"));
        assert!(message.contains("data.source was"), "{message}");
    }
    // One picture has changed places.
    fs::rename(moved.join("dark/0.png"), moved.join("light/00.png")).unwrap();
    let message = fail(compare(&moved, "[\"ae\", \"vae\"]"));
    assert!(message.contains("have changed since"), "{message}");
}

#[test]
fn a_comparison_of_arrays_knows_their_pixels_unless_an_earlier_version_began_it() {
    let place = Place::new();
    // Two classes: every other image.
    let file = place.path("idx");
    fs::create_dir(&file).unwrap();
    let write = |step: u8| {
        let pixels: Vec<u8> = (0..40 * 64u32).map(|i| (i % 64) as u8 + (i / 64) as u8 * step).collect();
        let labels: Vec<u8> = (0..40).map(|i| i % 2).collect();
        let images = [&[0, 0, 8, 3, 0, 0, 0, 40, 0, 0, 0, 8, 0, 0, 0, 8], &pixels[..]].concat();
        fs::write(file.join("train-images-idx3-ubyte"), images).unwrap();
        fs::write(file.join("train-labels-idx1-ubyte"), [&[0, 0, 8, 1, 0, 0, 0, 40], &labels[..]].concat())
            .unwrap();
    };
    write(1);
    let compare_on = |data: &Path| compare(&place, data, "[\"ae\"]", 32);
    let compare = || compare_on(&file);
    let first = succeed(compare());
    write(2);
    assert!(fail(compare()).contains("pixels of images"));
    write(1);
    assert_eq!(succeed(compare()), first);
    for file in ["ae-seed0-32.json", "baselines.json"] {
        without(&place.path("out/results").join(file), "pixels_checksum");
    }
    assert_eq!(succeed(compare())["cells"][0]["scores"], first["cells"][0]["scores"]);
    // Its results can't be told from those of other arrays elsewhere.
    let moved = place.path("elsewhere");
    fs::rename(&file, &moved).unwrap();
    let message = fail(compare_on(&moved));
    assert!(message.contains("data.source was"), "{message}");
}

#[test]
fn a_comparison_that_was_stopped_goes_on_where_its_data_lie_now() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 10);
    let compare = |data: &Path, images: u32| compare(&place, data, "[\"ae\"]", images);
    succeed(compare(&pictures, 64));
    let moved = place.path("moved");
    fs::rename(&pictures, &moved).unwrap();
    // Further training of the same run, and its baselines.
    let longer = succeed(compare(&moved, 128));
    assert_eq!(longer["cells"][0]["steps"], 8);
    let config = fs::read_to_string(place.path("out/runs/ae-seed0/config.toml")).unwrap();
    assert!(config.contains(moved.to_str().unwrap()), "{config}");
}
