//! The weights that a run starts from, if they are those of another run.
use super::checkpoint::{self, Weights, Which};
use super::{RunError, RunFolder, learned_labels};
use crate::data::LearnedLabels;
use crate::nn::parameters::Layout;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where the first weights came from: until the first checkpoint they are nowhere else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InitRecord {
    /// Folder of the run, absolute.
    pub run: PathBuf,
    /// Its checkpoint's step.
    pub step: u64,
    /// CRC-32C of the averaged weights, as little-endian bytes.
    pub checksum: u32,
}

impl InitRecord {
    /// The averaged weights of the latest checkpoint of `run`, whose networks are those of `layout`.
    ///
    /// # Errors
    /// No run there, no checkpoint, other networks.
    pub(super) fn of(run: &Path, layout: &Layout) -> Result<(Self, Vec<f32>), RunError> {
        let folder = RunFolder::open(run)?;
        let absolute = folder.path().canonicalize().map_err(RunError::io("find", run))?;
        let (step, weights) = checkpoint::load_weights(&absolute, Which::Latest, Weights::Ema, layout)?;
        Ok((Self { run: absolute, step, checksum: checksum(&weights) }, weights))
    }

    /// The same weights again.
    ///
    /// # Errors
    /// They are gone, or others.
    pub(super) fn load(&self, layout: &Layout) -> Result<Vec<f32>, RunError> {
        let (_, weights) = checkpoint::load_weights(&self.run, Which::Step(self.step), Weights::Ema, layout)?;
        match checksum(&weights) == self.checksum {
            true => Ok(weights),
            false => Err(RunError::OtherInit { run: self.run.clone(), step: self.step }),
        }
    }

    /// The labels that these weights have seen.
    ///
    /// # Errors
    /// No run there any more.
    pub(super) fn learned_labels(&self) -> Result<Vec<LearnedLabels>, RunError> {
        let folder = RunFolder::open(&self.run)?;
        Ok(learned_labels(&folder.config()?, &folder.record()?))
    }

    /// Whether the folder `run` is the one that this names.
    pub fn is(&self, run: &Path) -> bool {
        run.canonicalize().is_ok_and(|run| run == self.run)
    }
}

fn checksum(weights: &[f32]) -> u32 {
    weights.iter().fold(0, |sum, weight| crc32c::crc32c_append(sum, &weight.to_le_bytes()))
}
