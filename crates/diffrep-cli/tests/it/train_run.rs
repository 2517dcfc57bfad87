//! What `train` does beside training: continuing, stopping in time, what it leaves in the run folder.
use crate::command::{Place, diffrep, fail, load, metrics, succeed, wait_for};
use diffrep::train::checkpoint::{self, Which};
use diffrep::train::{Config, Decay, RunFolder};
use std::process::Command;

#[test]
fn the_same_command_given_twice_goes_on() {
    let place = Place::new();
    let first = succeed(place.train("run", &["--steps", "4", "--checkpoint-every", "2"]));
    assert_eq!(first["step"], 4);
    let again = succeed(place.train("run", &["--steps", "4", "--checkpoint-every", "2"]));
    assert_eq!((again["step"].as_u64(), again["ended"].as_str()), (Some(4), Some("finished")));
    let more = succeed(place.train("run", &["--steps", "6", "--checkpoint-every", "2"]));
    assert_eq!(more["step"], 6);
    let mut resume = diffrep(&["train", "--json", "--quiet", "--steps", "8", "--resume"]);
    resume.arg(place.path("run"));
    assert_eq!(succeed(resume)["step"], 8);
}

#[test]
fn a_longer_training_that_was_stopped_goes_on_to_its_end() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "2", "--checkpoint-every", "1"]));
    let resume = |more: &[&str]| {
        let mut command = diffrep(&["train", "--json", "--quiet"]);
        command.args(more).arg("--resume").arg(place.path("run"));
        succeed(command)
    };
    // A thousandth of a second is over after a step.
    let stopped = resume(&["--steps", "9", "--minutes", "0.00001"]);
    assert_eq!((stopped["step"].as_u64(), stopped["ended"].as_str()), (Some(3), Some("time is up")));
    assert_eq!(resume(&[])["step"], 9);
    assert_eq!(resume(&[])["step"], 9);
}

#[test]
fn a_warm_up_that_was_not_counted_is_not_taken_for_one() {
    let place = Place::new();
    let train = |warm_up: &str| {
        place.train("run", &["--steps", "20", "--set", &format!("optimiser.warm_up={warm_up}")])
    };
    succeed(train("2"));
    let message = fail(train("3"));
    assert!(message.contains("optimiser.warm_up was 2, is 3"), "{message}");
    // Nor where the settings have minutes, but weren't asked for them.
    let timed = |warm_up: &str| {
        let warm_up = format!("optimiser.warm_up={warm_up}");
        place.train("timed", &["--steps", "20", "--set", "train.minutes=9", "--set", &warm_up])
    };
    succeed(timed("2"));
    let message = fail(timed("3"));
    assert!(message.contains("optimiser.warm_up was 2, is 3"), "{message}");
}

#[test]
fn a_run_with_other_settings_is_not_overwritten() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "2"]));
    let message = fail(place.train("run", &["--steps", "2", "--set", "train.batch=8"]));
    assert!(message.contains("train.batch was 4, is 8"), "{message}");
    assert_eq!(load(&place.path("run"), Which::Latest).unwrap().progress.step, 2);
}

#[test]
fn minutes_end_the_run_with_a_checkpoint() {
    let place = Place::new();
    let end = succeed(place.train("run", &["--steps", "1000000", "--minutes", "0.005"]));
    assert_eq!(end["ended"], "time is up");
    let step = end["step"].as_u64().unwrap();
    assert_eq!(load(&place.path("run"), Which::Latest).unwrap().progress.step, step);
}

#[test]
fn steps_counted_from_minutes_are_settings_of_the_run() {
    let place = Place::new();
    let by_time = ["--set", "train.steps=0", "--set", "optimiser.decay=cosine", "--set", "train.minutes=9"];
    let command =
        |minutes: &'static str| place.train("run", &[&by_time[..], &["--minutes", minutes]].concat());
    let end = succeed(command("0.01"));
    let config = Config::from_file(&place.path("run").join("config.toml")).unwrap();
    assert_eq!(config.train.minutes, Some(0.01));
    assert_eq!((end["ended"].as_str(), end["step"].as_u64()), (Some("finished"), Some(config.train.steps)));
    // The rate has risen to its peak in a tenth of the steps, and falls to zero with the last one.
    let state = load(&place.path("run"), Which::Latest).unwrap();
    let (steps, warm_up) = (config.train.steps, config.optimiser.warm_up);
    assert_eq!((state.progress.schedule.horizon, warm_up), (steps, steps / 10));
    let peak = (0..steps).map(|step| state.progress.schedule.at(step)).fold(0.0, f64::max);
    assert!(peak > 0.9 * config.optimiser.learning_rate || steps < 20, "{peak} of {steps} steps");
    assert_eq!(state.progress.schedule.at(steps), 0.0);
    // The horizon is what was counted then, however fast the machine is now.
    assert_eq!(succeed(command("0.01"))["step"], end["step"]);
    let message = fail(command("0.02"));
    assert!(message.contains("train.minutes was 0.01, is 0.02"), "{message}");
    let neither = fail(place.train("other", &["--set", "train.steps=0"]));
    assert!(
        neither.contains("`train.steps` is 0, expected 1 to 4 000 000 000, or train.minutes"),
        "{neither}"
    );
}

#[test]
fn without_a_preset_a_processor_trains_the_fast_one_for_the_minutes_given() {
    let place = Place::new();
    let command = |minutes: &str, more: &[&str]| {
        let mut command = diffrep(&["train", "--data", "coloured:digits", "--minutes", minutes]);
        command.args(["--set", "train.batch=8", "--json", "--quiet", "--out"]).arg(place.path("run"));
        command.args(more);
        command
    };
    let end = succeed(command("0.01", &[]));
    let run = RunFolder::open(&place.path("run")).unwrap();
    let config = run.config().unwrap();
    assert_eq!((config.train.minutes, config.optimiser.decay), (Some(0.01), Decay::Cosine));
    assert_eq!((end["ended"].as_str(), end["step"].as_u64()), (Some("finished"), Some(config.train.steps)));
    // The last feature map of 8×8 pixels has two cells a side, whatever the preset says.
    assert!(config.encoder.pool > 2);
    assert_eq!(run.record().unwrap().model.encoder.pool, 2);
    assert_eq!(succeed(command("0.01", &[]))["step"], end["step"]);
    let message = fail(command("0.02", &[]));
    assert!(message.contains("train.minutes was 0.01, is 0.02") && message.contains("--init"), "{message}");
    let message = fail(command("0.01", &["--preset", "cifar10"]));
    assert!(message.contains("encoder.depth was 10, is 28"), "{message}");
    // A run's settings are complete: no preset lies below them, and what was counted stays.
    let config = place.path("run/config.toml");
    let again = succeed(command("0.01", &["--config", config.to_str().unwrap()]));
    assert_eq!(again["step"], end["step"]);
    // Its schedule ends with them.
    let steps = (end["step"].as_u64().unwrap() + 3).to_string();
    let message = fail(command("0.01", &["--steps", &steps]));
    assert!(message.contains(&format!("falls to zero at step {}", end["step"])), "{message}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_and_tells_scripts_that_the_run_is_not_whole() {
    let place = Place::new();
    let often = ["--steps", "1000000", "--checkpoint-every", "3", "--set", "monitor.health_every=1"];
    let mut command = diffrep(&["train", "--json", "--data", "digits", "--config"]);
    command.arg(place.path("tiny.toml")).arg("--out").arg(place.path("run")).args(often);
    let mut child = command.spawn().unwrap();
    wait_for(&[place.path("run").join("checkpoints/step-00000003")], &mut child);
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("goes on from here") && !said.contains("error"), "{said}");
    let end: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(end["ended"], "stopped");
    let step = end["step"].as_u64().unwrap();
    let progress = load(&place.path("run"), Which::Latest).unwrap().progress;
    assert_eq!(progress.step, step);
    // Without the stop there would be no checkpoint here, so that it must not be chosen as the best.
    assert!(step.is_multiple_of(3) || progress.score.is_none(), "{progress:?}");
}

#[test]
fn the_last_checkpoints_and_the_best_are_kept() {
    let place = Place::new();
    let end = succeed(place.train("run", &["--steps", "10", "--checkpoint-every", "1"]));
    let steps = checkpoint::steps(&place.path("run")).unwrap();
    let best = end["best_step"].as_u64().unwrap();
    assert!(steps.ends_with(&[9, 10]) && steps.contains(&best) && steps.len() <= 3, "{steps:?}, best {best}");
    let accuracy = |line: &serde_json::Value| line["knn_accuracy"].as_f64();
    let highest = metrics(&place.path("run")).iter().filter_map(accuracy).fold(0.0, f64::max);
    let score = load(&place.path("run"), Which::Best).unwrap().progress.score;
    assert_eq!(score, Some(highest));
}

#[test]
fn weights_of_another_run_are_the_start() {
    let place = Place::new();
    succeed(place.train("first", &["--steps", "3"]));
    let first = place.path("first");
    let arguments =
        ["--steps", "1", "--set", "optimiser.learning_rate=1e-30", "--init", first.to_str().unwrap()];
    succeed(place.train("second", &arguments));
    // A step of no length leaves the trainable weights, whose average is what the first run ended with.
    let (a, b) = (load(&first, Which::Latest).unwrap(), load(&place.path("second"), Which::Latest).unwrap());
    let same = a.ema.iter().zip(&b.weights).filter(|(a, b)| a == b).count();
    assert!(same as f64 > 0.99 * a.ema.len() as f64, "{same} of {}", a.ema.len());
    assert_eq!(b.progress.step, 1);
}

#[test]
fn a_run_from_other_weights_begins_with_them_again_if_it_is_killed_before_its_first_checkpoint() {
    let place = Place::new();
    for (run, seed) in [("first", "1"), ("other", "2")] {
        succeed(place.train(run, &["--steps", "3", "--seed", seed]));
    }
    let first = place.path("first");
    let from = ["--init", first.to_str().unwrap()];
    let second = |arguments: &[&str]| place.train("second", &[&["--steps", "4"], arguments].concat());
    succeed(second(&from));
    let whole = load(&place.path("second"), Which::Latest).unwrap();
    let kill = || {
        std::fs::remove_dir_all(place.path("second/checkpoints")).unwrap();
        std::fs::create_dir(place.path("second/checkpoints")).unwrap();
    };
    kill();
    succeed(second(&from));
    assert!(load(&place.path("second"), Which::Latest).unwrap().weights == whole.weights);

    let other = place.path("other");
    for arguments in [&[][..], &["--init", other.to_str().unwrap()]] {
        let message = fail(second(arguments));
        assert!(message.contains("it starts from the weights of ") && message.contains("first"), "{message}");
    }
    let message = fail(place.train("other", &[&["--steps", "3", "--seed", "2"], &from[..]].concat()));
    assert!(message.contains("it starts from random weights"), "{message}");

    // The first run's checkpoint is another now.
    kill();
    std::fs::remove_dir_all(&first).unwrap();
    succeed(place.train("first", &["--steps", "3", "--seed", "3"]));
    let message = fail(second(&from));
    assert!(message.contains("at step 3, which are others now"), "{message}");
}

#[test]
fn a_run_does_not_go_on_with_other_images_of_the_same_number() {
    let place = Place::new();
    let pictures = place.pictures("pictures", 6);
    let train = |steps: &str| place.train_on(&pictures, "run", &["--steps", steps]);
    succeed(train("2"));
    succeed(train("3"));
    std::fs::rename(pictures.join("dark/0.png"), pictures.join("light/9.png")).unwrap();
    let message = fail(train("4"));
    assert!(message.contains("some under other names or in another order"), "{message}");
}

#[test]
fn steps_without_a_learning_rate_are_refused() {
    let place = Place::new();
    succeed(
        place.train(
            "run",
            &["--steps", "4", "--set", "optimiser.decay=cosine", "--set", "optimiser.warm_up=1"],
        ),
    );
    let run = place.path("run");
    let resume = |arguments: &[&str]| {
        let mut command = diffrep(&["train", "--json", "--resume"]);
        command.arg(&run).args(arguments);
        command
    };
    let message = fail(resume(&["--steps", "8"]));
    assert!(message.contains("falls to zero at step 4") && message.contains("--init"), "{message}");
    // What is finished may be asked for again.
    assert_eq!(succeed(resume(&[]))["step"], 4);
    let told = resume(&["--minutes", "1"]).output().unwrap();
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    assert!(told.status.success() && text.contains("warning: the learning rate"), "{text}");
    // Another total is no other schedule where the rate stays.
    succeed(place.train("constant", &["--steps", "2"]));
    assert_eq!(succeed(place.train("constant", &["--steps", "3"]))["step"], 3);
}

#[test]
fn files_of_weights_hold_no_paths_and_no_times() {
    let place = Place::new();
    for run in ["here", "elsewhere"] {
        succeed(place.train(run, &["--steps", "2"]));
    }
    for name in ["model.safetensors", "ema.safetensors", "optimiser.safetensors"] {
        let read = |run| std::fs::read(place.path(run).join("checkpoints/step-00000002").join(name)).unwrap();
        assert!(read("here") == read("elsewhere"), "{name}");
    }
}

#[test]
fn a_run_whose_lock_file_was_taken_away_goes_on() {
    let place = Place::new();
    succeed(place.train("run", &["--steps", "4"]));
    std::fs::remove_file(place.path("run/lock")).unwrap();
    let mut resume = diffrep(&["train", "--json", "--quiet", "--steps", "6", "--resume"]);
    resume.arg(place.path("run"));
    assert_eq!(succeed(resume)["step"], 6);
}

#[test]
fn a_run_that_learns_no_labels_goes_on_and_is_probed_when_they_have_grown() {
    let place = Place::new();
    let (pictures, labels) = (place.pictures("pictures", 10), place.path("labels.csv"));
    let line = |class: &str, number: usize, label: &str| format!("{class}/{number}.png,{label}\n");
    let named = |of_light: &str| {
        let dark: String = (0..10).map(|number| line("dark", number, "night")).collect();
        let light: String =
            (0..10).map(|number| line("light", number, if number < 5 { "day" } else { of_light })).collect();
        format!("path,label\n{dark}{light}")
    };
    std::fs::write(&labels, named("day")).unwrap();
    let mut train = place.train_on(&pictures, "run", &["--steps", "4"]);
    train.arg("--set").arg(format!("data.labels={}", labels.display()));
    succeed(train);
    std::fs::write(&labels, named("noon")).unwrap();
    let mut resume = diffrep(&["train", "--json", "--quiet", "--steps", "6", "--resume"]);
    resume.arg(place.path("run"));
    assert_eq!(succeed(resume)["step"], 6);
    let mut probe = diffrep(&["probe", "--json", "--quiet", "--probe", "knn", "--t", "0"]);
    probe.arg(place.path("run"));
    assert_eq!(succeed(probe)["scores"][0]["classes"], 3);
}
