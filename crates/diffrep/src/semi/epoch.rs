//! The guesses of each epoch of a run, kept in its folder.
use super::record::{read_json, write_json};
use super::{Propagated, SemiError, SemiTask};
use crate::train::{GuessesRecord, RunError, unix_time};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The guesses of one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Number of the epoch, from 0.
    pub epoch: u64,
    /// Steps done before it.
    pub step: u64,
    /// Accuracy of its guesses on images without a known label, where the truth is known; nothing is chosen by it.
    pub unlabelled_accuracy: Option<f64>,
    /// Whether the solver met its tolerance.
    pub converged: bool,
    /// Its largest relative residual.
    pub residual: f64,
    /// The guesses, one an image.
    pub guesses: Vec<u32>,
    /// Rows that no label reaches: nothing is known of them, whatever their guess says.
    pub unreached: Vec<usize>,
}

impl EpochRecord {
    /// What was found before step `step`.
    pub(super) fn new(epoch: u64, step: u64, found: &Propagated, task: &SemiTask) -> Self {
        let guesses = found.guesses();
        Self {
            epoch,
            step,
            unlabelled_accuracy: task.unlabelled_accuracy(&guesses),
            converged: found.converged,
            residual: found.residual,
            guesses,
            unreached: (0..found.unreached.len()).filter(|&row| found.unreached[row]).collect(),
        }
    }

    /// The target of image `row`, `classes` shares with sum 1.
    pub(super) fn target(&self, row: usize, target: &mut [f32]) {
        if self.unreached.binary_search(&row).is_ok() {
            target.fill(1.0 / target.len() as f32);
        } else {
            target[self.guesses[row] as usize] = 1.0;
        }
    }

    /// The guesses without the single images, for the metrics.
    pub(super) fn summary(&self) -> GuessesRecord {
        GuessesRecord {
            step: self.step,
            epoch: self.epoch,
            unlabelled_accuracy: self.unlabelled_accuracy,
            residual: self.residual,
            unreached: self.unreached.len(),
            unix_time: unix_time(),
        }
    }

    /// Those of `epoch` of the run folder `run`; `None` if they were never made.
    pub(super) fn read(run: &Path, epoch: u64) -> Result<Option<Self>, SemiError> {
        read_json(&file(run, epoch))
    }

    /// Those of the images of `task` that must be there, since a step was made with them.
    pub(super) fn read_again(run: &Path, epoch: u64, task: &SemiTask) -> Result<Self, SemiError> {
        let damaged = |problem: &str| RunError::damaged(&file(run, epoch), problem);
        let record = Self::read(run, epoch)?.ok_or_else(|| damaged("it is missing"))?;
        let (images, classes) = (task.images.len(), task.classes.len());
        if record.guesses.len() != images || record.guesses.iter().any(|guess| *guess as usize >= classes) {
            return Err(damaged(&format!(
                "expected a guess of {classes} classes for each of {images} images"
            ))
            .into());
        }
        if !record.unreached.is_sorted() {
            return Err(damaged("its unreached rows aren't in order").into());
        }
        Ok(record)
    }

    pub(super) fn write(&self, run: &Path) -> Result<(), SemiError> {
        write_json(&file(run, self.epoch), self)
    }
}

fn file(run: &Path, epoch: u64) -> PathBuf {
    run.join("guesses").join(format!("epoch-{epoch:05}.json"))
}
