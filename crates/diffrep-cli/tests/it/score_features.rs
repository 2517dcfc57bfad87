//! Features of the score network: the same for every batch and shard, and found by a grid for later use.
use super::command::{Place, diffrep, fail, succeed};
use std::path::Path;

fn trained() -> Place {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "6"]));
    place
}

/// The numbers of the test split's features with further arguments.
fn encode(place: &Place, arguments: &[&str]) -> Vec<f32> {
    let out = place.path("features.csv");
    let mut command = diffrep(&["encode", "--json", "--quiet", "--split", "test"]);
    command.arg(place.path("run")).args(arguments).arg("--out").arg(&out);
    succeed(command);
    read(&out)
}

fn read(path: &Path) -> Vec<f32> {
    let text = std::fs::read_to_string(path).unwrap();
    let numbers = text.lines().skip(1).flat_map(|line| line.split(',').skip(2));
    numbers.map(|number| number.parse().unwrap()).collect()
}

fn assert_same(a: &[f32], b: &[f32]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn batch_1_batch_64_and_shards_agree() {
    let place = trained();
    for block in ["down.0.0", "mid.0", "mid.1", "up.0.1"] {
        let with = |more: &[&str]| {
            encode(&place, &[&["--source", "score", "--block", block, "--t", "0,0.3"][..], more].concat())
        };
        let many = with(&["--batch", "64"]);
        assert_same(&with(&["--batch", "1"]), &many);
        assert_same(&[with(&["--shard", "1/2"]), with(&["--shard", "2/2"])].concat(), &many);
    }
}

#[test]
fn noise_latent_and_block_matter() {
    let place = trained();
    let with = |more: &[&str]| encode(&place, &[&["--source", "score", "--t", "0.5"][..], more].concat());
    let all = [
        with(&["--block", "mid.1"]),
        with(&["--block", "mid.1", "--noise", "none"]),
        with(&["--block", "mid.1", "--z", "zero"]),
        with(&["--block", "mid.0"]),
    ];
    for (i, one) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|other| one != other), "{i}");
    }
    let both = encode(&place, &["--source", "both", "--block", "mid.1", "--t", "0.5"]);
    let code = encode(&place, &["--t", "0.5"]);
    let (width, channels) = (code.len() / 360, all[0].len() / 360);
    for (row, both) in both.chunks(width + channels).enumerate() {
        assert_same(&both[..width], &code[row * width..][..width]);
        assert_same(&both[width..], &all[0][row * channels..][..channels]);
    }
}

#[test]
fn a_grid_finds_the_place_that_auto_reads() {
    let place = trained();
    let on = |command: &str, arguments: &[&str]| {
        let mut process = diffrep(&[command, "--json", "--quiet"]);
        process.arg(place.path("run")).args(arguments);
        process
    };
    let none = fail(on("encode", &["--auto"]));
    assert!(
        none.contains("no best features recorded; run `diffrep probe --grid` on this run first"),
        "{none}"
    );

    let grid = ["--grid", "--t", "0,1", "--probe", "linear,knn", "--seeds", "1"];
    let scores = succeed(on("probe", &grid))["scores"].as_array().unwrap().clone();
    let of = |source: &str| scores.iter().filter(|score| score["source"] == source).count();
    assert_eq!((of("encoder"), of("encoder + score")), (4, 2));
    let blocks = ["down.0.0", "mid.0", "mid.1", "up.0.0", "up.0.1"];
    // Two t with the first probe, and the second probe at the best place of all.
    let found: Vec<usize> = blocks.iter().map(|block| of(&format!("score {block}"))).collect();
    assert_eq!((found.iter().sum::<usize>(), found.iter().filter(|&&n| n == 3).count()), (2 * 5 + 1, 1));

    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("run/features.json")).unwrap()).unwrap();
    let best = scores.iter().filter(|score| score["probe"] == "linear");
    let best = best.filter(|score| score["source"].as_str().unwrap().starts_with(['e', 's']));
    let best = best.map(|score| score["validation_accuracy"].as_f64().unwrap()).fold(0.0, f64::max);
    assert_eq!(record["validation_accuracy"].as_f64().unwrap(), best);

    let auto = encode(&place, &["--auto"]);
    let mut expected: Vec<String> = Vec::new();
    let (code, score) = (record["encoder"].as_f64(), record["score"]["block"].as_str());
    match (code, score) {
        (Some(t), None) => expected.extend(["--t".to_owned(), t.to_string()]),
        (None, Some(block)) => {
            let t = record["score"]["t"].to_string();
            expected.extend(["--source", "score", "--block", block, "--t", &t].map(str::to_owned));
        }
        // Both may be read at different t, which the options can't say.
        _ => return assert!(!auto.is_empty()),
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_same(&auto, &encode(&place, &expected));
}

#[test]
fn bad_arguments_are_named() {
    let place = trained();
    for (command, arguments, named) in [
        ("encode", &["--source", "score"][..], "--block is missing"),
        (
            "encode",
            &["--source", "score", "--block", "mid.7"],
            "has the blocks down.0.0 mid.0 mid.1 up.0.0 up.0.1",
        ),
        ("encode", &["--block", "mid.0"], "add --source score"),
        ("probe", &["--source", "score"], "--grid tries all"),
        ("probe", &["--block", "mid.0"], "add --source score or --grid"),
    ] {
        let mut process = diffrep(&[command, "--json", "--quiet"]);
        process.arg(place.path("run")).args(arguments);
        let message = fail(process);
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn a_block_that_is_not_there_is_told_before_anything_is_probed() {
    let place = trained();
    let mut probe = diffrep(&["probe", "--json", "--quiet", "--source", "score", "--block", "mid.7"]);
    probe.arg(place.path("run"));
    assert!(fail(probe).contains("mid.7"));
    assert!(!place.path("run/head.safetensors").exists() && !place.path("run/probe.json").exists());
}

#[test]
fn no_image_to_test_on_has_the_noise_of_one_to_learn_from() {
    let place = trained();
    // All pictures are alike and each is a class of its own: only the noise of row i tells class i from the others.
    let folder = place.path("alike");
    for class in 0..24 {
        for split in ["train", "test"] {
            let path = folder.join(split).join(format!("class-{class:02}"));
            std::fs::create_dir_all(&path).unwrap();
            image::GrayImage::from_pixel(8, 8, image::Luma([9])).save(path.join("0.png")).unwrap();
        }
    }
    let mut probe = diffrep(&["probe", "--json", "--quiet", "--source", "score", "--block", "down.0.0"]);
    probe.args(["--t", "1", "--z", "zero", "--probe", "knn", "--seeds", "1"]);
    probe.arg(place.path("run")).arg("--data").arg(&folder);
    let result = succeed(probe);
    let scores = result["scores"].as_array().unwrap();
    let score = scores.iter().find(|score| score["source"] == "score down.0.0").unwrap();
    assert!(score["accuracy"].as_f64().unwrap() < 0.3, "{score}");
}
