//! Bad input: one line, exit code 2, and nothing already written is lost.
use crate::command::{Place, diffrep, fail, load, refused, succeed, wait_for};
use diffrep::train::checkpoint::Which;
use std::fs;
use std::process::Command;

#[test]
fn a_slip_in_a_setting_is_answered_with_the_nearest_one() {
    let place = Place::new();
    let message = fail(place.train("run", &["--set", "optimiser.lerning_rate=1e-3"]));
    assert!(message.contains("--set optimiser.lerning_rate=1e-3"), "{message}");
    assert!(message.contains("did you mean `learning_rate`?"), "{message}");
    fs::write(place.path("mine.toml"), "[encoder]\ndepht = 16\n").unwrap();
    let mut command = diffrep(&["train", "--data", "digits", "--config"]);
    let message = fail({
        command.arg(place.path("mine.toml"));
        command
    });
    assert!(
        message.contains("mine.toml: `encoder.depht`: no such setting; did you mean `depth`?"),
        "{message}"
    );
    let message = fail(diffrep(&["train", "--preset", "cifar1o"]));
    assert!(message.contains("no preset `cifar1o`; did you mean `cifar10`?"), "{message}");
    assert!(!place.path("run").exists());
}

#[test]
fn a_value_out_of_range_is_named_before_a_folder_is_made() {
    let place = Place::new();
    for (setting, told) in [
        ("train.batch=0", "train.batch"),
        ("encoder.depth=11", "depth"),
        ("objective.time=\"fixed:2\"", "fixed:2"),
        ("monitor.t=1.5", "monitor.t"),
        ("train.steps=-1", "train.steps"),
    ] {
        let message = fail(place.train("run", &["--set", setting]));
        assert!(message.contains(told), "{setting}: {message}");
    }
    assert!(!place.path("run").exists());
}

#[test]
fn an_output_path_that_cannot_be_written_is_named() {
    let place = Place::new();
    fs::write(place.path("file"), "").unwrap();
    let message = fail(place.train("file/run", &[]));
    assert!(message.contains("file/run") && message.contains("Not a directory"), "{message}");
}

#[test]
fn a_folder_with_other_files_is_left_alone() {
    let place = Place::new();
    fs::create_dir(place.path("mine")).unwrap();
    fs::write(place.path("mine/thesis.tex"), "years of work").unwrap();
    let message = fail(place.train("mine", &[]));
    assert!(message.contains("holds other files"), "{message}");
    assert_eq!(fs::read_dir(place.path("mine")).unwrap().count(), 1);
}

#[test]
fn a_run_folder_inside_the_data_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("images")).unwrap();
    let mut command = diffrep(&["train", "--data"]);
    command.arg(place.path("images")).arg("--out").arg(place.path("images/run"));
    let message = fail(command);
    assert!(message.contains("lies inside the data folder"), "{message}");
    assert!(!place.path("images/run").exists());
}

#[test]
fn a_run_in_use_by_another_process_is_refused() {
    let place = Place::new();
    let mut child = place.train("run", &["--steps", "1000000"]).spawn().unwrap();
    wait_for(&[place.path("run").join("run.json")], &mut child);
    let message = fail(place.train("run", &["--steps", "1000000"]));
    assert!(message.contains("in use by another process"), "{message}");
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_record_that_contradicts_itself_is_damaged() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "1"]));
    let path = place.path("run/run.json");
    let sound: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (pointer, value, told) in [
        ("/preprocess/mean", serde_json::json!([]), "mean has 0 numbers for images of 1 channels"),
        ("/preprocess/std", serde_json::json!([1.0, 1.0]), "std has 2 numbers"),
        ("/preprocess/std", serde_json::json!([0.0]), "no such numbers"),
        ("/preprocess/height", serde_json::json!(16), "images of 16×8×1 for networks that read 8×8×1"),
        ("/shape/height", serde_json::json!(9), "images of 9×8×1 don't fit"),
        ("/shape/channels", serde_json::json!(3), "mean has 1 numbers for images of 3 channels"),
        ("/held_out_rows", serde_json::json!([5, 4]), "held-out rows"),
        ("/held_out_rows", serde_json::json!([100_000]), "held-out rows"),
        ("/model/encoder/depth", serde_json::json!(9), "encoder.depth is 9"),
    ] {
        let mut damaged = sound.clone();
        *damaged.pointer_mut(pointer).unwrap() = value;
        fs::write(&path, damaged.to_string()).unwrap();
        let run = place.path("run");
        let run = run.to_str().unwrap();
        for mut command in [diffrep(&["encode", run]), diffrep(&["train", "--resume", run])] {
            command.arg("--quiet");
            let message = fail(command);
            assert!(message.contains("run.json is damaged") && message.contains(told), "{message}");
        }
    }
}

#[test]
fn settings_that_no_run_can_have_had_are_refused_when_it_goes_on() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "1"]));
    let path = place.path("run/config.toml");
    let settings = fs::read_to_string(&path).unwrap();
    assert!(settings.contains("\nbatch = 4\n"), "{settings}");
    fs::write(&path, settings.replace("\nbatch = 4\n", "\nbatch = 0\n")).unwrap();
    let message = fail(diffrep(&["train", "--resume", place.path("run").to_str().unwrap()]));
    assert!(message.contains("`train.batch` is 0"), "{message}");
}

#[test]
fn networks_that_no_machine_could_train_are_refused() {
    let place = Place::new();
    let message = fail(place.train("run", &["--set", "encoder.depth=1000", "--set", "encoder.width=64"]));
    assert!(message.contains("networks of ") && message.contains("weights, expected at most"), "{message}");
    let message = fail(place.train("run", &["--set", "data.size=[100000,8]"]));
    assert!(message.contains("sides of 1 to 4"), "{message}");
    assert!(!place.path("run").exists());
}

#[test]
fn a_checkpoint_of_another_architecture_is_refused_by_tensor() {
    let place = Place::new();
    succeed(place.train("narrow", &["--steps", "1"]));
    let narrow = place.path("narrow");
    let arguments = ["--steps", "1", "--set", "encoder.width=2", "--init", narrow.to_str().unwrap()];
    let message = fail(place.train("wide", &arguments));
    assert!(message.contains("weights of another network"), "{message}");
    assert!(message.contains("[32,") && message.contains("more"), "{message}");
}

#[test]
fn a_flipped_byte_is_found_in_every_file_of_a_checkpoint() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "2", "--checkpoint-every", "1"]));
    let run = place.path("run");
    let folder = run.join("checkpoints/step-00000002");
    for name in ["model.safetensors", "ema.safetensors", "optimiser.safetensors", "checkpoint.json"] {
        let path = folder.join(name);
        let sound = fs::read(&path).unwrap();
        for part in 0..8 {
            let mut damaged = sound.clone();
            damaged[part * (sound.len() - 1) / 7] ^= 1;
            fs::write(&path, damaged).unwrap();
            let error = load(&run, Which::Latest).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("damaged"), "{error}");
        }
        let message = fail(place.train("run", &["--steps", "4", "--checkpoint-every", "1"]));
        assert!(message.contains(name) && message.contains("damaged"), "{message}");
        fs::write(&path, sound).unwrap();
    }
    // Nothing was lost over all this.
    assert_eq!(succeed(place.train("run", &["--steps", "4", "--checkpoint-every", "1"]))["step"], 4);
}

#[test]
fn a_loss_that_is_not_finite_stops_training_and_is_never_saved() {
    let place = Place::new();
    let message =
        fail(place.train("run", &["--set", "optimiser.learning_rate=1e30", "--checkpoint-every", "1"]));
    assert!(message.contains("is not finite at step "), "{message}");
    if let Ok(state) = load(&place.path("run"), Which::Latest) {
        assert!(state.weights.iter().chain(&state.ema).all(|w| w.is_finite()));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_refuses_leaves_the_checkpoint_before() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "1", "--checkpoint-every", "1"]));
    // No file may grow beyond 64 KiB (128 blocks of 512 bytes): a write fails halfway through the checkpoint.
    let training = place.train("run", &["--steps", "4", "--checkpoint-every", "1"]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\""]).arg(training.get_program());
    let message = refused(&limited.args(training.get_args()).output().unwrap());
    assert!(message.contains("can't write") && message.contains(".safetensors"), "{message}");
    assert_eq!(load(&place.path("run"), Which::Latest).unwrap().progress.step, 1);
    assert_eq!(succeed(place.train("run", &["--steps", "4", "--checkpoint-every", "1"]))["step"], 4);
}
