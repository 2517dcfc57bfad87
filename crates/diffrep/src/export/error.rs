//! What can go wrong with files for other programs.
use crate::nn::research::ImportError;
use std::path::PathBuf;

/// Errors of exporting.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message says what each variant and field is")]
pub enum ExportError {
    #[error(transparent)]
    Tensors(#[from] ImportError),
    #[error(
        "the {head} head can't be exported, only linear and mlp; run `diffrep probe` without --head, or take `--head network` of a run trained with labels"
    )]
    Head { head: &'static str },
    #[error("{}: the network takes {bytes} bytes, more than the 2 GiB that an ONNX file can hold", path.display())]
    Size { path: PathBuf, bytes: usize },
    #[error("can't write {}: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
}
