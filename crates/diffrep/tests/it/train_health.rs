//! Health figures: learning shows, and what went wrong is warned of. Checkpoints that break a network on purpose stand
//! in for training that went wrong.
use diffrep::data;
use diffrep::nn::device;
use diffrep::random::Seed;
use diffrep::represent::{LevelGain, ScoreNetwork};
use diffrep::train::checkpoint::{self, State, Weights, Which};
use diffrep::train::{
    Config, Ending, Event, HealthRecord, Limits, LockedRun, Plan, Record, Sources, Trainer,
};
use std::path::Path;
use std::sync::atomic::AtomicBool;

static STOP: AtomicBool = AtomicBool::new(false);

fn config(set: &[&str]) -> Config {
    let tiny = [
        "ncsnpp.features=4",
        "ncsnpp.multipliers=[1]",
        "train.batch=16",
        "optimiser.warm_up=0",
        "monitor.held_out=64",
        "monitor.reference=128",
    ];
    let set = tiny.iter().chain(set).map(|s| s.to_string()).collect();
    Config::resolve(&Sources { preset: Some("digits".to_owned()), set, ..Sources::default() }).unwrap()
}

fn trainer(run: &Path, set: &[&str]) -> Trainer {
    let (plan, is_new) = (Plan::new(config(set), run).unwrap(), !run.exists());
    let lock = LockedRun::acquire(run).unwrap();
    let device = device::open("cpu").unwrap();
    if is_new {
        Trainer::create(plan, lock, None, &device).unwrap()
    } else {
        Trainer::resume(plan, lock, &device).unwrap()
    }
}

/// Trains to `steps` and returns the last health figures and all warnings.
fn train(mut trainer: Trainer, steps: u64) -> (HealthRecord, Vec<String>) {
    let (mut last, mut warnings) = (None, Vec::new());
    let mut observe = |event: Event<'_>| match event {
        Event::Recorded(Record::Health(health)) => last = Some(health.clone()),
        Event::Recorded(Record::Warning { message, .. }) => warnings.push(message.clone()),
        _ => {}
    };
    let limits = Limits { steps, time: None, stop: &STOP };
    assert_eq!(trainer.run(limits, &mut observe).unwrap(), Ending::Finished);
    (last.unwrap(), warnings)
}

/// One step, then a checkpoint of step 100 whose tensors of this name are zero, then another step of no length.
fn train_with_zeroed(name: &str, run: &Path) -> Vec<String> {
    let set = ["optimiser.learning_rate=1e-30"];
    let first = trainer(run, &set);
    let layout = first.layout().clone();
    train(first, 1);
    let State { mut progress, mut weights, mut ema, first_moment, second_moment } =
        checkpoint::load_state(run, Which::Latest, &layout).unwrap();
    let zeroed: Vec<_> = layout.entries().iter().filter(|entry| entry.name.starts_with(name)).collect();
    assert!(!zeroed.is_empty(), "{:?}", layout.entries().iter().map(|e| &e.name).collect::<Vec<_>>());
    for entry in zeroed {
        weights[entry.range.clone()].fill(0.0);
        ema[entry.range.clone()].fill(0.0);
    }
    progress.step = 100;
    let state = State { progress, weights, ema, first_moment, second_moment };
    checkpoint::save(run, &layout, &state).unwrap();
    train(trainer(run, &set), 101).1
}

#[test]
fn a_score_network_that_cannot_see_the_code_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let warnings = train_with_zeroed("conditioning.latent.weight", &run);
    assert!(warnings.iter().any(|w| w.contains("ignores the code")), "{warnings:?}");
    let gains = gains(&run, &[0.0, 0.5, 1.0]);
    assert!(gains.iter().all(|level| level.own > 0.0 && level.gain() == 0.0), "{gains:?}");
}

#[test]
fn a_constant_encoder_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let warnings = train_with_zeroed("encoder.norm.", &folder.path().join("run"));
    assert!(warnings.iter().any(|w| w.contains("the same for all images")), "{warnings:?}");
}

#[test]
fn a_short_run_already_gains_from_the_code() {
    let folder = tempfile::tempdir().unwrap();
    // With 120 steps the sign still depended on rounding.
    let run = folder.path().join("run");
    let (health, warnings) = train(trainer(&run, &["optimiser.learning_rate=5e-3"]), 300);
    assert!(health.z_gain.unwrap() > 0.0, "{health:?}");
    // Ten classes.
    assert!(health.knn_accuracy.unwrap() > 0.1, "{health:?}");
    assert!(!warnings.iter().any(|w| w.contains("collapsed")), "{warnings:?}");
    // Training draws t uniformly, so the levels' mean is what it reports, but for other images and noise.
    let levels: Vec<f64> = (0..40).map(|i| (f64::from(i) + 0.5) / 40.0).collect();
    let gains = gains(&run, &levels);
    let mean = |value: fn(&LevelGain) -> f64| gains.iter().map(value).sum::<f64>() / gains.len() as f64;
    let (loss, gain) = (mean(|level| level.own), mean(LevelGain::gain));
    assert!((loss / health.held_out_loss - 1.0).abs() < 0.2, "{loss} {health:?}");
    // Half a percent of the loss after so few steps: only its sign is sure.
    assert!(gain > 0.0, "{gain} {health:?}");
}

/// Gains at the levels `t` on the digits' test images.
fn gains(run: &Path, t: &[f64]) -> Vec<LevelGain> {
    let network =
        ScoreNetwork::open(run, Which::Latest, Weights::Ema, &device::open("cpu").unwrap()).unwrap();
    let digits = data::open("digits", &network.encoder().open_options()).unwrap();
    network.gains(&digits.test.unwrap(), t, Seed(0)).unwrap()
}
