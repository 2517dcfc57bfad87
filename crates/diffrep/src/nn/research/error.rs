//! What can be wrong with a checkpoint.
use crate::nn::NnError;
use std::path::PathBuf;

/// Tensors that are listed in full; of more, the number is given.
const LISTED: usize = 12;

/// Why a checkpoint wasn't imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file can't be read or written.
    #[error("cannot {action} {}: {reason}", path.display())]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        reason: std::io::Error,
    },
    /// The file isn't what its name says.
    #[error("{} is not a readable checkpoint (.pth, .pt or .safetensors): {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A tensor isn't of floating-point numbers that can be read.
    #[error("{}: tensor {name} holds {dtype}, expected 32- or 64-bit floats", path.display())]
    DataType {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What it holds.
        dtype: String,
    },
    /// Tensors that are missing, unknown or of another shape.
    #[error("checkpoint {origin} doesn't fit the network: {}", list(problems))]
    Tensors {
        /// Where the tensors come from.
        origin: String,
        /// One phrase a tensor.
        problems: Vec<String>,
    },
    /// The tensors from which the network's size is read aren't there or don't fit each other.
    #[error("checkpoint {origin} is not an encoder of the published code: {reason}")]
    NotAnEncoder {
        /// Where the tensors come from.
        origin: String,
        /// What is wrong.
        reason: String,
    },
    /// A network of a size that can't be.
    #[error("checkpoint {origin}: {problem}")]
    Config {
        /// Where the tensors come from.
        origin: String,
        /// What is wrong.
        problem: NnError,
    },
}

fn list(problems: &[String]) -> String {
    let mut text = problems[..problems.len().min(LISTED)].join("; ");
    if problems.len() > LISTED {
        text += &format!("; and {} more", problems.len() - LISTED);
    }
    text
}
