//! A run is a function of its settings: however often it is interrupted, whatever number of threads works.
use crate::command::{Place, diffrep, fail, load, metrics, succeed, wait_for};
use diffrep::train::checkpoint::Which;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Weights, average and optimiser are the same files; metrics are the same but for the clock.
fn assert_same(a: &Path, b: &Path, step: u64) {
    let folder = format!("checkpoints/step-{step:08}");
    for name in ["model.safetensors", "ema.safetensors", "optimiser.safetensors"] {
        let read = |run: &Path| fs::read(run.join(&folder).join(name)).unwrap();
        assert!(read(a) == read(b), "{name} differs");
    }
    let progress = |run: &Path| {
        let mut progress = load(run, Which::Step(step)).unwrap().progress;
        progress.seconds = 0.0;
        progress.schedule.horizon = 0;
        progress
    };
    assert_eq!(progress(a), progress(b));
    assert_eq!(metrics(a), metrics(b));
}

#[test]
fn twenty_steps_equal_ten_and_kill_9_and_ten() {
    let place = Place::new();
    succeed(place.train("whole", &["--steps", "20", "--checkpoint-every", "10"]));
    // So many steps that it never ends by itself before it is killed.
    let mut child =
        place.train("killed", &["--steps", "100000", "--checkpoint-every", "10"]).spawn().unwrap();
    let run = place.path("killed");
    wait_for(&[run.join("checkpoints/step-00000010")], &mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let end = succeed(place.train("killed", &["--steps", "20", "--checkpoint-every", "10"]));
    assert_eq!(end["step"], 20);
    assert_same(&place.path("whole"), &run, 20);
}

#[test]
fn a_stop_between_checkpoints_and_lines_of_metrics_changes_nothing() {
    let place = Place::new();
    succeed(place.train("whole", &["--steps", "20", "--checkpoint-every", "20"]));
    // The time is up after the first step, whose checkpoint lies amid a window of metrics.
    let arguments = ["--steps", "20", "--checkpoint-every", "20"];
    let first = succeed(place.train("stopped", &[&arguments[..], &["--minutes", "0"]].concat()));
    assert_eq!((first["step"].as_u64(), first["ended"].as_str()), (Some(1), Some("time is up")));
    succeed(place.train("stopped", &arguments));
    assert_same(&place.path("whole"), &place.path("stopped"), 20);
}

#[test]
fn one_thread_and_two_train_the_same() {
    let place = Place::new();
    for threads in ["1", "2"] {
        let mut command = place.train(threads, &["--steps", "10", "--checkpoint-every", "10"]);
        command.env("RAYON_NUM_THREADS", threads);
        succeed(command);
    }
    assert_same(&place.path("1"), &place.path("2"), 10);
}

#[test]
fn instructions_for_bf16_change_nothing_in_f32() {
    let place = Place::new();
    succeed(place.train("best", &["--steps", "5"]));
    let mut command = place.train("avx512", &["--steps", "5"]);
    command.env("DIFFREP_SIMD", "avx512");
    succeed(command);
    assert_same(&place.path("best"), &place.path("avx512"), 5);
}

#[test]
fn a_run_that_goes_on_with_other_instructions_says_so() {
    let place = Place::new();
    let mut command = place.train("run", &["--steps", "5"]);
    command.env("DIFFREP_SIMD", "portable");
    let begun = succeed(command);
    assert_eq!((&begun["machine"]["instruction_set"], &begun["warnings"]), (&"portable".into(), &json!([])));
    let end = succeed(place.train("run", &["--steps", "10"]));
    let said = end["warnings"][0].as_str().unwrap();
    assert!(said.contains("until 5") && said.contains("cpu (portable)"), "{said}");
    let lines = metrics(&place.path("run")).into_iter().filter(|line| line["kind"] == "machine");
    assert_eq!(lines.map(|line| line["step"].clone()).collect::<Vec<_>>(), [0, 5]);
}

#[test]
fn bf16_learns_goes_on_bit_for_bit_and_is_kept_by_a_run() {
    let place = Place::new();
    let bf16 = ["--precision", "bf16", "--steps", "40", "--checkpoint-every", "20"];
    succeed(place.train("whole", &bf16));
    let first = ["--precision", "bf16", "--steps", "40", "--checkpoint-every", "20", "--minutes", "0"];
    let stopped = succeed(place.train("stopped", &first));
    assert_eq!(stopped["ended"].as_str(), Some("time is up"));
    // The precision comes from the run's settings.
    let mut resumed = diffrep(&["train", "--json", "--quiet", "--resume"]);
    resumed.arg(place.path("stopped")).env("RAYON_NUM_THREADS", "1");
    succeed(resumed);
    assert_same(&place.path("whole"), &place.path("stopped"), 40);
    let losses: Vec<f64> =
        metrics(&place.path("whole")).iter().filter_map(|line| line["loss"].as_f64()).collect();
    assert!(losses.last() < losses.first(), "{losses:?}");

    succeed(place.train("f32", &["--steps", "40", "--checkpoint-every", "20"]));
    let weights = |run: &str| load(&place.path(run), Which::Latest).unwrap().weights;
    assert_ne!(weights("whole"), weights("f32"));

    let message = fail(place.train("whole", &["--steps", "40", "--checkpoint-every", "20"]));
    assert!(message.contains("train.precision was \"bf16\", is \"f32\""), "{message}");
    let message = fail(place.train("new", &["--precision", "bf61"]));
    assert!(message.contains("--precision: `train.precision`") && message.contains("bf16"), "{message}");
    assert!(!place.path("new").exists());
}

#[test]
fn kill_9_during_a_save_twenty_times_leaves_a_loadable_latest_checkpoint() {
    let place = Place::new();
    let run = place.path("run");
    succeed(place.train("run", &["--steps", "1", "--checkpoint-every", "1"]));
    let mut last = load(&run, Which::Latest).unwrap().progress.step;
    for round in 0..20 {
        let mut child =
            place.train("run", &["--steps", "100000", "--checkpoint-every", "1"]).spawn().unwrap();
        // A temporary folder stands there while a checkpoint is being written, if that takes long enough to be seen.
        let next = last + 1;
        let names = [format!("checkpoints/.tmp-step-{next:08}"), format!("checkpoints/step-{next:08}")];
        wait_for(&names.map(|name| run.join(name)), &mut child);
        std::thread::sleep(std::time::Duration::from_micros(100 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let step = load(&run, Which::Latest).unwrap().progress.step;
        assert!(step >= last, "went back from {last} to {step}");
        last = step;
    }
}
