//! What can go wrong with classes for new images.
use crate::probe::ProbeError;
use crate::represent::RepresentError;
use crate::semi::SemiError;
use crate::train::RunError;
use std::path::PathBuf;

/// Errors of opening a run's classifier, classifying, and writing the classes.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message says what each variant and field is")]
pub enum PredictError {
    #[error(transparent)]
    Run(#[from] RunError),
    #[error(transparent)]
    Represent(#[from] RepresentError),
    #[error(transparent)]
    Probe(#[from] ProbeError),
    #[error(transparent)]
    Semi(#[from] SemiError),
    #[error("the checkpoint that the saved head belongs to can't be used; run `diffrep probe` again: {0}")]
    Stale(RunError),
    #[error("{}: the saved head names unknown weights `{weights}`", run.display())]
    Weights { run: PathBuf, weights: String },
    #[error("{}: its network tells no classes, as one trained by `semi` or `train --method supervised` does", run.display())]
    NoClasses { run: PathBuf },
    #[error("{}: its network tells {outputs} classes, but the run names {names}", run.display())]
    Classes { run: PathBuf, outputs: usize, names: usize },
    #[error("{}: its network is fed a learned t, but holds none", run.display())]
    NoTime { run: PathBuf },
    #[error("can't write {}: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
}
