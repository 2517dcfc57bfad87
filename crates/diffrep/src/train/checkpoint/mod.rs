//! Checkpoints: `checkpoints/step-00001000/{model,ema,optimiser}.safetensors` and `checkpoint.json`.
//!
//! A folder with this name is complete: it is written under another name, synced, and renamed.
mod load;
mod manifest;
mod save;
mod tensors;

pub use load::{load_state, load_weights};
pub use manifest::Progress;
pub(crate) use save::sweep;
pub use save::{discard, prune, save};

use super::RunError;
use crate::nn::parameters::Layout;
use std::fs;
use std::path::{Path, PathBuf};

pub(crate) const FOLDER: &str = "checkpoints";
const MODEL: &str = "model.safetensors";
const EMA: &str = "ema.safetensors";
const OPTIMISER: &str = "optimiser.safetensors";
const TEMPORARY: &str = ".tmp-";
const FIRST_MOMENT: &str = "first_moment.";
const SECOND_MOMENT: &str = "second_moment.";

/// Which checkpoint of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one of the highest step.
    Latest,
    /// The one with the best health score; the latest where no score was measured.
    Best,
    /// The one of this step.
    Step(u64),
}

/// Which weights of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// The exponential moving average.
    Ema,
    /// Those that the optimiser left.
    Raw,
}

impl Weights {
    /// "ema" or "raw", as results name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ema => "ema",
            Self::Raw => "raw",
        }
    }
}

/// Everything that training continues from. The buffers are in the layout's order.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Step, schedule and the open line of metrics.
    pub progress: Progress,
    /// All tensors of the model: trainable, frozen, running statistics.
    pub weights: Vec<f32>,
    /// The moving average of the trainable and running ones, the frozen ones as they are.
    pub ema: Vec<f32>,
    /// Adam's first moment; zero where nothing is trained.
    pub first_moment: Vec<f32>,
    /// Adam's second moment; zero where nothing is trained.
    pub second_moment: Vec<f32>,
}

/// The steps of the run that have a checkpoint, ascending.
pub fn steps(run: &Path) -> Result<Vec<u64>, RunError> {
    let folder = run.join(FOLDER);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let read = || -> std::io::Result<Vec<u64>> {
        let mut steps = Vec::new();
        for entry in fs::read_dir(&folder)? {
            steps.extend(entry?.file_name().to_str().and_then(step_of));
        }
        steps.sort_unstable();
        Ok(steps)
    };
    read().map_err(RunError::io("read", &folder))
}

/// The step of the checkpoint that `which` means.
pub fn find(run: &Path, which: Which) -> Result<u64, RunError> {
    let steps = steps(run)?;
    let latest = *steps.last().ok_or_else(|| RunError::NoCheckpoint { path: run.to_owned() })?;
    match which {
        Which::Latest => Ok(latest),
        Which::Best => Ok(best(run, &steps)?.unwrap_or(latest)),
        Which::Step(step) if steps.contains(&step) => Ok(step),
        Which::Step(step) => {
            let have = steps.iter().map(u64::to_string).collect::<Vec<_>>().join(", ");
            Err(RunError::NoSuchStep { path: run.to_owned(), step, have })
        }
    }
}

/// The step with the highest score, the later one of equals.
fn best(run: &Path, steps: &[u64]) -> Result<Option<u64>, RunError> {
    let mut best: Option<(f64, u64)> = None;
    for &step in steps {
        if let Some(score) = load::progress(run, step)?.score
            && best.is_none_or(|(highest, _)| score >= highest)
        {
            best = Some((score, step));
        }
    }
    Ok(best.map(|(_, step)| step))
}

fn folder_of(run: &Path, step: u64) -> PathBuf {
    run.join(FOLDER).join(format!("step-{step:08}"))
}

fn step_of(name: &str) -> Option<u64> {
    name.strip_prefix("step-")?.parse().ok()
}

/// Name and shape of each tensor in the model's files.
fn outline(layout: &Layout) -> Vec<(&str, &[usize])> {
    layout.entries().iter().map(|entry| (entry.name.as_str(), entry.shape.as_slice())).collect()
}

/// Names and shapes in the optimiser's file: first moments, then second moments.
fn moments(layout: &Layout) -> Vec<(String, &[usize])> {
    let of = |prefix: &'static str| {
        layout.entries().iter().map(move |entry| (format!("{prefix}{}", entry.name), entry.shape.as_slice()))
    };
    of(FIRST_MOMENT).chain(of(SECOND_MOMENT)).collect()
}
