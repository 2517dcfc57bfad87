//! What can go wrong with an analysis.
use crate::data::DataError;
use crate::probe::ProbeError;
use crate::represent::RepresentError;
use std::path::PathBuf;

/// Errors of analyses.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message says what each variant and field is")]
pub enum AnalyseError {
    #[error("factor {factor}: {error}")]
    Factor { factor: String, error: ProbeError },
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Represent(#[from] RepresentError),
    #[error(
        "the encoder's codes are the same at every t (it is not time-conditioned), so there is nothing to analyse"
    )]
    Static,
    #[error("{}: can't write: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
}
