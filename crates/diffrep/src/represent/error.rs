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
