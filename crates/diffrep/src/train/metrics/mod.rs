//! What a run tells while it trains: `metrics.jsonl`, one JSON object a line, and the same for TensorBoard.
mod log;
mod machine;
mod tensorboard;
mod window;

pub use log::{MetricsLog, read};
pub use machine::MachineRecord;
pub use window::{StepFigures, Window};

use serde::{Deserialize, Deserializer, Serialize};

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// Means over the steps since the line before.
    Train(TrainRecord),
    /// Health of the representation on held-out images.
    Health(HealthRecord),
    /// Guesses of images' classes, in training from few labels.
    Guesses(GuessesRecord),
    /// What computes from here on.
    Machine(MachineRecord),
    /// Something that a person should know.
    Warning {
        /// Steps done.
        step: u64,
        /// The message.
        message: String,
        /// When, in seconds since 1970.
        unix_time: f64,
    },
}

/// Means over the steps since the line before; they are the same for every run of the settings, but for
/// `images_per_second`, `memory_bytes`, `seconds` and `unix_time`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainRecord {
    /// Steps done.
    pub step: u64,
    /// The objective.
    pub loss: f64,
    /// Its summands by name.
    pub parts: serde_json::Map<String, serde_json::Value>,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Norm of the whole gradient before clipping.
    pub gradient_norm: f64,
    /// Norm of the encoder's part of it.
    pub gradient_norm_encoder: f64,
    /// Norm of the score network's part; absent for methods without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gradient_norm_score: Option<f64>,
    /// Images a second of the steps' wall-clock time, measuring and saving not counted.
    pub images_per_second: f64,
    /// Resident memory of the process, where the system tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Seconds of training so far, pauses not counted.
    pub seconds: f64,
    /// When, in seconds since 1970.
    pub unix_time: f64,
}

/// Health of the representation, measured with the averaged weights on held-out images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthRecord {
    /// Steps done.
    pub step: u64,
    /// The objective on the held-out images, in evaluation mode; it may be infinite where training still is not.
    #[serde(deserialize_with = "number_or_null")]
    pub held_out_loss: f64,
    /// Denoising loss with codes exchanged between images minus that with the right ones, same t and noise: what the
    /// code is worth to the score network. Absent for methods without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub z_gain: Option<f64>,
    /// `z_gain` as a part of the loss with the right codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub z_gain_relative: Option<f64>,
    /// Number of directions that the codes use: exp of the entropy of their normalised singular values; 1 … dim.
    #[serde(deserialize_with = "number_or_null")]
    pub effective_rank: f64,
    /// Standard deviation of the code, dimension by dimension: the mean, the smallest, the largest.
    pub spread: Spread,
    /// Accuracy of a weighted 20-nearest-neighbours vote; absent without labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub knn_accuracy: Option<f64>,
    /// When, in seconds since 1970.
    pub unix_time: f64,
}

/// Guesses that an epoch of training from few labels goes by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GuessesRecord {
    /// Steps done before.
    pub step: u64,
    /// Number of the epoch, from 0.
    pub epoch: u64,
    /// Accuracy on images without a known label; absent where no truth is known. Nothing is chosen by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlabelled_accuracy: Option<f64>,
    /// Largest relative residual of the solver.
    pub residual: f64,
    /// Images that no label reaches.
    pub unreached: usize,
    /// When, in seconds since 1970.
    pub unix_time: f64,
}

/// Standard deviation of the dimensions of a code.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Mean over the dimensions.
    #[serde(deserialize_with = "number_or_null")]
    pub mean: f64,
    /// The dimension that varies least.
    #[serde(deserialize_with = "number_or_null")]
    pub min: f64,
    /// The dimension that varies most.
    #[serde(deserialize_with = "number_or_null")]
    pub max: f64,
}

/// JSON has neither NaN nor infinity: both are written as `null`, and read as NaN.
fn number_or_null<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

impl Record {
    /// Steps done when the line was written.
    pub fn step(&self) -> u64 {
        match self {
            Self::Train(record) => record.step,
            Self::Health(record) => record.step,
            Self::Guesses(record) => record.step,
            Self::Machine(record) => record.step,
            Self::Warning { step, .. } => *step,
        }
    }

    /// The least step of a checkpoint that the line came before. Guesses at a checkpoint are made again by whoever goes on
    /// from it, and that computes, whatever it is, writes its line again.
    fn precedes(&self) -> u64 {
        match self {
            Self::Guesses(record) => record.step + 1,
            Self::Machine(record) => record.step + 1,
            other => other.step(),
        }
    }

    /// When the line was written, in seconds since 1970.
    pub fn unix_time(&self) -> f64 {
        match self {
            Self::Train(record) => record.unix_time,
            Self::Health(record) => record.unix_time,
            Self::Guesses(record) => record.unix_time,
            Self::Machine(record) => record.unix_time,
            Self::Warning { unix_time, .. } => *unix_time,
        }
    }

    /// What a person should know, in the words of a warning.
    pub fn warning(&self) -> Option<&str> {
        match self {
            Self::Warning { message, .. } => Some(message),
            Self::Machine(record) => record.message.as_deref(),
            Self::Train(_) | Self::Health(_) | Self::Guesses(_) => None,
        }
    }

    /// The line's figures by the names under which TensorBoard shows them.
    fn scalars(&self) -> Vec<(String, f64)> {
        match self {
            Self::Train(record) => record.scalars(),
            Self::Health(record) => record.scalars(),
            Self::Guesses(record) => record.scalars(),
            Self::Machine(_) | Self::Warning { .. } => Vec::new(),
        }
    }
}

impl TrainRecord {
    fn scalars(&self) -> Vec<(String, f64)> {
        let mut scalars = vec![
            ("train/loss".to_owned(), self.loss),
            ("train/learning_rate".to_owned(), self.learning_rate),
            ("gradient_norm/all".to_owned(), self.gradient_norm),
            ("gradient_norm/encoder".to_owned(), self.gradient_norm_encoder),
            ("speed/images_per_second".to_owned(), self.images_per_second),
        ];
        let parts = self.parts.iter().filter_map(|(name, value)| Some((name, value.as_f64()?)));
        scalars.extend(parts.map(|(name, value)| (format!("train/loss/{name}"), value)));
        scalars.extend(self.gradient_norm_score.map(|norm| ("gradient_norm/score".to_owned(), norm)));
        scalars.extend(self.memory_bytes.map(|bytes| ("speed/memory_bytes".to_owned(), bytes as f64)));
        scalars
    }
}

impl GuessesRecord {
    fn scalars(&self) -> Vec<(String, f64)> {
        let accuracy =
            self.unlabelled_accuracy.map(|accuracy| ("guesses/unlabelled_accuracy".to_owned(), accuracy));
        accuracy.into_iter().chain([("guesses/residual".to_owned(), self.residual)]).collect()
    }
}

impl HealthRecord {
    fn scalars(&self) -> Vec<(String, f64)> {
        let always = [
            ("health/held_out_loss", self.held_out_loss),
            ("health/effective_rank", self.effective_rank),
            ("health/spread_mean", self.spread.mean),
            ("health/spread_min", self.spread.min),
            ("health/spread_max", self.spread.max),
        ];
        let maybe = [
            ("health/z_gain", self.z_gain),
            ("health/z_gain_relative", self.z_gain_relative),
            ("health/knn_accuracy", self.knn_accuracy),
        ];
        let measured = maybe.into_iter().filter_map(|(name, value)| Some((name, value?)));
        always.into_iter().chain(measured).map(|(name, value)| (name.to_owned(), value)).collect()
    }
}
