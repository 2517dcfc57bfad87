//! What can go wrong between a run and its embeddings.
use crate::data::{DataError, ImageShape};
use crate::nn::NnError;
use crate::train::RunError;
use std::path::PathBuf;

/// Errors of loading encoders, encoding and writing embeddings.
#[derive(Debug, thiserror::Error)]
pub enum RepresentError {
    /// The run folder or a checkpoint.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The networks.
    #[error(transparent)]
    Network(#[from] NnError),
    /// Images that the encoder was not made for.
    #[error("{data}: images are {found}, but the encoder was trained on images of {expected}")]
    Shape {
        /// The data's name.
        data: String,
        /// What they are.
        found: ImageShape,
        /// What the run's data were.
        expected: ImageShape,
    },
    /// A run without what score features are read from.
    #[error("{}: the run has no score network (only drl and vdrl train one, and imported encoders come without), so it has no score features", run.display())]
    NoScoreNetwork {
        /// The run.
        run: PathBuf,
    },
    /// A block that the score network doesn't have.
    #[error("--block is `{block}`, but the score network has the blocks {known}")]
    NoBlock {
        /// The name asked for.
        block: String,
        /// Those that there are.
        known: String,
    },
    /// No probe has looked for the best place.
    #[error("{}: no best features recorded; run `diffrep probe --grid` on this run first", path.display())]
    NoBestPlace {
        /// The record's file.
        path: PathBuf,
    },
    /// The record of the best place can't be read.
    #[error("{}: not a record of features: {reason}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// An argument that can't be used.
    #[error("{name} is `{value}`, expected {expected}")]
    Argument {
        /// The argument's name on the command line.
        name: &'static str,
        /// Its value.
        value: String,
        /// Its range.
        expected: &'static str,
    },
    /// An output file whose name tells no format.
    #[error("{}: unknown format; the name must end in .npz, .npy, .safetensors, .parquet or .csv", path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// The output can't be written.
    #[error("can't write {}: {error}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

impl RepresentError {
    pub(super) fn argument(name: &'static str, value: impl ToString, expected: &'static str) -> Self {
        Self::Argument { name, value: value.to_string(), expected }
    }
}
