//! From a trained run to embeddings, scores, labels and neighbours.
use crate::command::{Place, diffrep, fail, refused, succeed};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A place with a run of a few steps.
fn trained() -> Place {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "6", "--checkpoint-every", "3"]));
    place
}

fn on(command: &str, place: &Place, arguments: &[&str]) -> Command {
    let mut process = diffrep(&[command, "--json", "--quiet"]);
    process.arg(place.path("run")).args(arguments);
    process
}

fn encode(place: &Place, name: &str, arguments: &[&str]) -> PathBuf {
    let out = place.path(name);
    let mut command = on("encode", place, arguments);
    command.arg("--out").arg(&out);
    succeed(command);
    out
}

/// The numbers of a CSV file of embeddings, and the paths.
fn read(path: &Path) -> (Vec<String>, Vec<Vec<f32>>) {
    let text = std::fs::read_to_string(path).unwrap();
    let row = |line: &str| {
        let mut fields = line.split(',');
        let path = fields.next().unwrap().to_owned();
        (path, fields.skip(1).map(|field| field.parse().unwrap()).collect())
    };
    text.lines().skip(1).map(row).unzip()
}

/// Every file below `folder` with its bytes.
fn contents(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            files.push((path, bytes));
        }
    }
    files.sort();
    files
}

#[test]
fn a_column_of_several_t_equals_the_call_with_one() {
    let place = trained();
    let (_, all) = read(&encode(&place, "all.csv", &["--t", "0,0.25,0.5", "--split", "test"]));
    let (_, one) = read(&encode(&place, "one.csv", &["--t", "0.25", "--split", "test"]));
    let dim = one[0].len();
    assert_eq!(all[0].len(), 3 * dim);
    for (all, one) in all.iter().zip(&one) {
        assert_eq!(all[dim..2 * dim], one[..]);
    }
}

#[test]
fn batch_1_and_batch_64_agree() {
    let place = trained();
    let (_, single) = read(&encode(&place, "1.csv", &["--batch", "1", "--split", "test"]));
    let (_, many) = read(&encode(&place, "64.csv", &["--batch", "64", "--split", "test"]));
    assert_eq!(single.len(), many.len());
    for (a, b) in single.iter().flatten().zip(many.iter().flatten()) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn a_second_call_writes_the_same_bytes() {
    let place = trained();
    for ending in ["npz", "parquet", "safetensors"] {
        let [a, b] = ["a", "b"].map(|name| encode(&place, &format!("{name}.{ending}"), &["--split", "test"]));
        assert!(std::fs::read(a).unwrap() == std::fs::read(b).unwrap(), "{ending}");
    }
}

#[test]
fn shards_joined_are_the_whole() {
    let place = trained();
    let (paths, whole) = read(&encode(&place, "all.csv", &["--split", "test"]));
    let parts = ["1/3", "2/3", "3/3"]
        .map(|shard| read(&encode(&place, "part.csv", &["--split", "test", "--shard", shard])));
    let (joined, codes): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    assert_eq!(joined.concat(), paths);
    for (a, b) in codes.concat().iter().flatten().zip(whole.iter().flatten()) {
        assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0));
    }
}

#[test]
fn each_split_shard_and_data_set_has_a_file_of_its_own() {
    let place = trained();
    let file = |options: &[&str]| {
        let result = succeed(on("encode", &place, options));
        let file = PathBuf::from(result["file"].as_str().unwrap());
        assert!(file.is_file() && file.starts_with(place.path("run")), "{result}");
        file.file_name().unwrap().to_str().unwrap().to_owned()
    };
    assert_eq!(file(&[]), "embeddings.npz");
    assert_eq!(file(&["--split", "test"]), "embeddings.test.npz");
    assert_eq!(file(&["--split", "test", "--shard", "1/2"]), "embeddings.test-1-of-2.npz");
    assert_eq!(file(&["--split", "test", "--shard", "2/2"]), "embeddings.test-2-of-2.npz");
    assert_eq!(file(&["--data", "digits", "--shard", "1/8"]), "embeddings-digits-1-of-8.npz");
    // Another thing than the test split of the run's own data.
    let pictures = place.pictures("test", 2);
    assert_eq!(file(&["--data", pictures.to_str().unwrap()]), "embeddings-test.npz");
}

#[test]
fn averaged_and_raw_weights_differ() {
    let place = trained();
    let codes = |weights| read(&encode(&place, "w.csv", &["--split", "test", "--weights", weights])).1;
    assert_ne!(codes("ema"), codes("raw"));
}

#[test]
fn codes_in_bf16_are_near_those_in_f32_and_say_so() {
    let place = trained();
    let codes = |precision: &str| {
        let out = place.path("p.csv");
        let mut command = on("encode", &place, &["--split", "test", "--precision", precision]);
        command.arg("--out").arg(&out);
        assert_eq!(succeed(command)["precision"], precision);
        read(&out).1.concat()
    };
    let (exact, rounded) = (codes("f32"), codes("bf16"));
    let norm = |x: &mut dyn Iterator<Item = f32>| x.map(|v| v * v).sum::<f32>().sqrt();
    let distance =
        norm(&mut exact.iter().zip(&rounded).map(|(a, b)| a - b)) / norm(&mut exact.iter().copied());
    assert!((1e-4..2e-2).contains(&distance), "{distance}");
}

#[test]
fn bad_arguments_of_encode_are_named() {
    let place = trained();
    for (arguments, named) in [
        (&["--t", "0,1.5"][..], "--t is `1.5`"),
        (&["--t", ""], "--t is ``"),
        (&["--t-grid", "0"], "--t-grid is `0`"),
        (&["--shard", "4/3"], "--shard is `4/3`"),
        (&["--noise", "none"], "--noise is of the score network"),
        (&["--z", "own"], "--z is of the score network"),
        (&["--out", "x.txt"], "x.txt: unknown format"),
        (&["--data", "nothing-here"], "nothing-here"),
        (&["--checkpoint", "5"], "no checkpoint of step 5; there are 3, 6"),
    ] {
        let message = fail(on("encode", &place, arguments));
        assert!(message.contains(named), "{message}");
    }
    std::fs::write(place.path("file"), "").unwrap();
    let mut below_a_file = on("encode", &place, &["--out"]);
    below_a_file.arg(place.path("file/x.npz"));
    assert!(fail(below_a_file).contains("can't write"));
}

#[test]
fn a_probe_changes_no_weights_and_its_head_predicts() {
    let place = trained();
    let checkpoints = place.path("run/checkpoints");
    let before = contents(&checkpoints);
    let result = succeed(on(
        "probe",
        &place,
        &["--t", "0,1", "--probe", "linear,knn", "--seeds", "2", "--few-labels", "2"],
    ));
    assert!(before == contents(&checkpoints), "the probe changed a checkpoint");

    let scores = result["scores"].as_array().unwrap();
    // Two probes with all and with two labels: pixels at no t, random encoder and encoder at two.
    assert_eq!(scores.len(), 2 * 2 * (1 + 2 + 2));
    for source in ["raw pixels", "random encoder", "encoder"] {
        assert!(
            scores.iter().any(|score| score["source"] == source && score["headline"] == true),
            "{source}"
        );
    }
    let saved: serde_json::Value =
        serde_json::from_slice(&std::fs::read(place.path("run/probe.json")).unwrap()).unwrap();
    assert_eq!(saved, result);

    let predicted = succeed(on("predict", &place, &["--data", "digits"]));
    let again = succeed(on("predict", &place, &["--data", "digits"]));
    assert_eq!(predicted, again);
    let predictions = predicted["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 360);
    for prediction in predictions {
        let probability = prediction["probability"].as_f64().unwrap();
        assert!((0.1..=1.0).contains(&probability), "{prediction}");
        assert!(prediction["label"].as_str().unwrap().parse::<u32>().unwrap() < 10);
    }
    let lines = std::fs::read_to_string(place.path("run/predictions-digits.csv")).unwrap();
    assert_eq!(lines.lines().count(), 361);
}

#[test]
fn images_to_test_on_may_have_a_label_file() {
    let place = trained();
    let pictures = place.pictures("pictures", 8);
    let flat = place.path("flat");
    std::fs::create_dir(&flat).unwrap();
    let mut labels = "path,label\n".to_owned();
    for class in ["dark", "light"] {
        for number in 0..8 {
            let name = format!("{class}-{number}.png");
            std::fs::copy(pictures.join(format!("{class}/{number}.png")), flat.join(&name)).unwrap();
            labels += &format!("{name},{class}\n");
        }
    }
    std::fs::write(place.path("labels.csv"), labels).unwrap();
    let data = |option: &str, path: &Path| [option.to_owned(), path.to_str().unwrap().to_owned()];
    let probe = |labels: &[String]| {
        let mut command = on("probe", &place, &["--t", "0", "--probe", "knn", "--seeds", "1"]);
        command.args(data("--train-data", &pictures)).args(data("--test-data", &flat)).args(labels);
        command
    };
    let scores = succeed(probe(&data("--test-labels", &place.path("labels.csv"))));
    // Copies of what was learned.
    let encoder =
        scores["scores"].as_array().unwrap().iter().find(|score| score["source"] == "encoder").unwrap();
    assert_eq!((&encoder["test_rows"], encoder["accuracy"].as_f64()), (&16.into(), Some(1.0)));
    let message = fail(probe(&[]));
    assert!(message.contains("none of the rows to test on has a label"), "{message}");
}

#[test]
fn a_run_that_nothing_can_be_written_into_is_not_measured_in_vain() {
    let place = trained();
    // Root may write anywhere: a folder stands where a file would be tried.
    std::fs::create_dir(place.path("run/.writable")).unwrap();
    for command in ["probe", "analyse"] {
        let message = fail(on(command, &place, &[]));
        assert!(message.contains("can't write into") && message.contains("run"), "{message}");
    }
}

#[test]
fn heads_of_the_whole_trajectory_stand_beside_and_predict() {
    let place = trained();
    let arguments = ["--t", "0,1", "--probe", "linear", "--head", "mean,gru", "--seeds", "1"];
    let result = succeed(on("probe", &place, &arguments));
    let scores = result["scores"].as_array().unwrap();
    for source in ["random encoder", "encoder"] {
        for probe in ["mean", "gru"] {
            let found: Vec<_> =
                scores.iter().filter(|s| s["source"] == source && s["probe"] == probe).collect();
            assert_eq!(found.len(), 1, "{source} {probe}");
            assert!(found[0]["t"].is_null() && found[0]["levels"] == serde_json::json!([0.0, 1.0]));
        }
    }
    let predicted = succeed(on("predict", &place, &["--data", "digits"]));
    assert_eq!(predicted["predictions"].as_array().unwrap().len(), 360);
}

#[test]
fn t_is_chosen_without_labels_or_by_few() {
    let place = trained();
    let result = succeed(on("probe", &place, &["--t", "auto", "--probe", "linear", "--seeds", "1"]));
    let levels = |source: &str| {
        let scores = result["scores"].as_array().unwrap();
        scores.iter().filter(|s| s["source"] == source).map(|s| s["t"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(levels("encoder").len(), 1);
    assert_eq!(levels("encoder"), levels("random encoder"));
    let few = ["--t", "auto", "--probe", "linear", "--seeds", "1", "--few-labels", "3"];
    let scores = succeed(on("probe", &place, &few))["scores"].as_array().unwrap().clone();
    let chosen: Vec<_> = scores
        .iter()
        .filter(|s| s["source"] == "encoder" && s["labels_per_class"] == 3 && s["headline"] == true)
        .collect();
    assert_eq!(chosen.len(), 1);
    assert!(chosen[0]["cross_validation"].as_f64().is_some());
    assert!(fail(on("encode", &place, &["--t", "auto"])).contains("--t is `auto`"));
}

#[test]
fn predicting_without_a_head_is_refused() {
    let place = trained();
    let message = fail(on("predict", &place, &["--data", "digits"]));
    assert!(message.contains("no saved head; run `diffrep probe` on this run first"), "{message}");
}

#[test]
fn bad_arguments_of_probe_are_named() {
    let place = trained();
    for (arguments, named) in [
        (&["--probe", "svm"][..], "unknown probe `svm`"),
        (&["--probe", "gru"], "--probe is `gru`, expected linear, mlp, knn"),
        (&["--head", "mlp"], "--head is `mlp`, expected concat, mean, softmax, gru, attention"),
        (&["--recipe", "best"], "unknown recipe `best`"),
        (&["--few-labels", "0"], "--few-labels 0"),
        (&["--few-labels", "1000"], "--few-labels 1000: class `0` has"),
        (&["--label", "colour"], "no label column `colour`"),
        (&["--t", "0.5", "--head", "gru"], "--head gru reads codes at several t, but there is one"),
    ] {
        let message = fail(on("probe", &place, arguments));
        assert!(message.contains(named), "{message}");
    }
}

#[test]
fn an_image_is_its_own_nearest_neighbour() {
    let place = trained();
    let found = succeed(on("neighbours", &place, &["--row", "7", "--t", "0,1", "-k", "3"]));
    for level in found["levels"].as_array().unwrap() {
        let rows: Vec<u64> =
            level["neighbours"].as_array().unwrap().iter().map(|n| n["row"].as_u64().unwrap()).collect();
        assert_eq!(rows.len(), 3);
        assert!(!rows.contains(&7));
    }
    let (pictures, sheet) = (place.pictures("pictures", 6), place.path("sheet.png"));
    let mut inside = on("neighbours", &place, &["--row", "0"]);
    inside.arg("--data").arg(&pictures).arg("--sheet").arg(pictures.join("sheet.png"));
    assert!(fail(inside).contains("lies inside the data folder"));
    let mut query = on("neighbours", &place, &["-k", "18446744073709551615", "--t", "0", "--image"]);
    query.arg(pictures.join("light/3.png")).arg("--data").arg(&pictures).arg("--sheet").arg(&sheet);
    let found = succeed(query);
    let neighbours = found["levels"][0]["neighbours"].as_array().unwrap();
    // All that there are, itself first.
    assert_eq!((neighbours.len(), neighbours[0]["row"].as_u64()), (12, Some(9)), "{found}");
    assert!(neighbours[0]["similarity"].as_f64().unwrap() > 0.999, "{found}");
    assert!(sheet.exists());
}

#[test]
fn bad_images_end_a_command_or_are_left_out_as_asked() {
    let place = Place::new();
    let (pictures, run) = (place.pictures("pictures", 10), place.path("run"));
    std::fs::write(pictures.join("dark/9.png"), "no picture").unwrap();
    let train = |set: &str| {
        let mut command = diffrep(&["train", "--steps", "2", "--json", "--set", set]);
        command
            .arg("--config")
            .arg(place.path("tiny.toml"))
            .arg("--data")
            .arg(&pictures)
            .arg("--out")
            .arg(&run);
        command.output().unwrap()
    };
    assert!(refused(&train("data.on_bad=fail")).contains("dark/9.png"));
    let trained = train("data.on_bad=skip");
    assert!(trained.status.success());
    let told = String::from_utf8_lossy(&trained.stderr).into_owned();
    assert!(told.contains("left out: ") && told.contains("dark/9.png"), "{told}");
    for (command, more) in [
        ("encode", &[][..]),
        ("neighbours", &["--row", "0", "-k", "30", "--t", "0"]),
        ("probe", &["--probe", "knn", "--seeds", "1", "--t", "0"]),
    ] {
        let on = |how: &str| {
            let mut command = diffrep(&[command, "--json", "--on-bad", how]);
            command.arg(&run).arg("--data").arg(&pictures).args(more);
            command
        };
        assert!(fail(on("fail")).contains("dark/9.png"));
        succeed(on("skip"));
    }
}
