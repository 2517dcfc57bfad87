//! Checkpoints by themselves: what is kept, what is refused, what a killed process leaves.
use diffrep::nn::ModelConfig;
use diffrep::nn::parameters::{self, Layout};
use diffrep::random::Seed;
use diffrep::train::checkpoint::{self, Progress, State, Weights, Which};
use diffrep::train::{Decay, LockedRun, RunError, RunFolder, Schedule, Window};
use std::fs;
use std::path::{Path, PathBuf};

fn network() -> (Layout, Vec<f32>) {
    let config: ModelConfig = serde_json::from_str(
        r#"{"height": 8, "width": 8, "channels": 1, "score_network": false, "decoder": false,
            "encoder": {"depth": 10, "width": 1}}"#,
    )
    .unwrap();
    let model = config.init(Seed(0), &Default::default()).unwrap();
    (Layout::of(&model), parameters::gather(&model))
}

fn state(step: u64, score: Option<f64>, weights: &[f32]) -> State {
    let schedule = Schedule { learning_rate: 1e-3, warm_up: 0, decay: Decay::Constant, horizon: 9 };
    let progress =
        Progress { step, total: Some(step), schedule, seconds: 0.25, score, window: Window::default() };
    let half: Vec<f32> = weights.iter().map(|w| w * 0.5).collect();
    State {
        progress,
        weights: weights.to_vec(),
        ema: half,
        first_moment: weights.to_vec(),
        second_moment: vec![1e-9; weights.len()],
    }
}

fn save_all(run: &Path, scores: &[Option<f64>]) -> Layout {
    let (layout, weights) = network();
    for (step, &score) in (1..).zip(scores) {
        checkpoint::save(run, &layout, &state(step, score, &weights)).unwrap();
    }
    layout
}

fn locked() -> (tempfile::TempDir, PathBuf, LockedRun) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let lock = LockedRun::acquire(&run).unwrap();
    (folder, run, lock)
}

#[test]
fn a_checkpoint_comes_back_bit_for_bit() {
    let (_folder, run, _lock) = locked();
    let (layout, weights) = network();
    let saved = state(7, Some(0.1 + 0.2), &weights);
    checkpoint::save(&run, &layout, &saved).unwrap();
    assert_eq!(checkpoint::load_state(&run, Which::Latest, &layout).unwrap(), saved);
    let (step, ema) = checkpoint::load_weights(&run, Which::Step(7), Weights::Ema, &layout).unwrap();
    assert_eq!((step, ema), (7, saved.ema));
    let (_, raw) = checkpoint::load_weights(&run, Which::Latest, Weights::Raw, &layout).unwrap();
    assert_eq!(raw, saved.weights);
}

#[test]
fn pruning_keeps_the_last_ones_and_the_best() {
    let (_folder, run, _lock) = locked();
    save_all(&run, &[Some(0.3), Some(0.9), Some(0.5), None, Some(0.9), Some(0.1), Some(0.2)]);
    assert_eq!(checkpoint::find(&run, Which::Best).unwrap(), 5);
    checkpoint::prune(&run, 1).unwrap();
    assert_eq!(checkpoint::steps(&run).unwrap(), [5, 7]);
    assert_eq!(checkpoint::find(&run, Which::Latest).unwrap(), 7);
}

#[test]
fn the_best_of_runs_without_scores_is_the_latest() {
    let (_folder, run, _lock) = locked();
    save_all(&run, &[None, None]);
    assert_eq!(checkpoint::find(&run, Which::Best).unwrap(), 2);
}

#[test]
fn a_step_without_a_checkpoint_is_answered_with_those_that_exist() {
    let (_folder, run, _lock) = locked();
    let error = |which| checkpoint::find(&run, which).unwrap_err().to_string();
    assert!(error(Which::Latest).ends_with("holds no checkpoint yet"), "{}", error(Which::Latest));
    save_all(&run, &[None, None]);
    assert!(error(Which::Step(9)).contains("no checkpoint of step 9; there are 1, 2"));
}

#[test]
fn weights_that_are_no_numbers_are_never_written() {
    let (_folder, run, _lock) = locked();
    let (layout, mut weights) = network();
    let entry = &layout.entries()[3];
    weights[entry.range.start] = f32::NAN;
    let error = checkpoint::save(&run, &layout, &state(4, None, &weights)).unwrap_err();
    assert!(error.to_string().contains(&entry.name), "{error}");
    assert!(checkpoint::steps(&run).unwrap().is_empty());
    assert_eq!(fs::read_dir(run.join("checkpoints")).unwrap().count(), 0);
}

#[test]
fn leftovers_of_a_killed_save_are_no_checkpoint_and_are_swept_away() {
    let (_folder, run, lock) = locked();
    save_all(&run, &[None]);
    let half = run.join("checkpoints/.tmp-step-00000002");
    fs::create_dir(&half).unwrap();
    fs::copy(run.join("checkpoints/step-00000001/model.safetensors"), half.join("model.safetensors"))
        .unwrap();
    assert_eq!(checkpoint::steps(&run).unwrap(), [1]);
    drop(lock);
    let _lock = LockedRun::acquire(&run).unwrap();
    assert!(!half.exists());
    assert_eq!(checkpoint::steps(&run).unwrap(), [1]);
}

#[test]
fn the_files_do_not_grow_when_saved_again_and_again() {
    let (_folder, run, _lock) = locked();
    let layout = save_all(&run, &[None]);
    let size = |step: u64| {
        let path = run.join(format!("checkpoints/step-{step:08}/optimiser.safetensors"));
        fs::metadata(path).unwrap().len()
    };
    for step in 2..=4 {
        let mut again = checkpoint::load_state(&run, Which::Latest, &layout).unwrap();
        again.progress.step = step;
        checkpoint::save(&run, &layout, &again).unwrap();
        assert_eq!(size(step), size(1));
    }
}

#[test]
fn a_folder_that_is_no_run_is_told_what_it_lacks() {
    let folder = tempfile::tempdir().unwrap();
    let error = RunFolder::open(folder.path()).unwrap_err();
    assert!(matches!(error, RunError::NotARun { missing: "config.toml", .. }), "{error}");
}
