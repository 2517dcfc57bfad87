//! What can go wrong with a comparison.
use crate::data::DataError;
use crate::probe::ProbeError;
use crate::report::ReportError;
use crate::represent::RepresentError;
use crate::train::{ConfigError, RunError, TrainError};
use std::path::PathBuf;

/// Errors of comparisons; those of one run name it.
#[derive(Debug, thiserror::Error)]
pub enum StudyError {
    /// The plan's file can't be read.
    #[error("can't read {}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The plan isn't one.
    #[error("{}: {problem}", path.display())]
    Plan {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The settings of one of the methods.
    #[error("{arm}: {error}")]
    Config {
        /// Its name in the plan.
        arm: String,
        /// What is wrong.
        error: ConfigError,
    },
    /// Training one of the methods.
    #[error("{arm}, seed {seed}: {error}")]
    Train {
        /// Its name in the plan.
        arm: String,
        /// The run's seed.
        seed: u64,
        /// What is wrong.
        error: Box<TrainError>,
    },
    /// A method that would be measured on what it has learned.
    #[error(
        "{arm} learns all labels, and {data} has no test split to measure it on; leave it out, or split the data \
         into folders `train` and `test`"
    )]
    Learned {
        /// Its name in the plan.
        arm: String,
        /// The data.
        data: String,
    },
    /// A result of other data than today's.
    #[error(
        "{} is of other data: names, labels or pixels of images of {data} have changed since; give another folder with --out", path.display()
    )]
    DataChanged {
        /// The result.
        path: PathBuf,
        /// The data.
        data: String,
    },
    /// Measuring one of the methods.
    #[error("{arm}: {error}")]
    Probe {
        /// Its name in the plan, or `baselines`.
        arm: String,
        /// What is wrong.
        error: ProbeError,
    },
    /// The data.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run folder.
    #[error(transparent)]
    Run(#[from] RunError),
    /// An encoder of a run.
    #[error(transparent)]
    Represent(#[from] RepresentError),
    /// A figure.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A result in the study's folder is not what was written.
    #[error("{} is damaged: {problem}; remove it to measure again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A result can't be written.
    #[error("can't write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}
