//! What can go wrong with a probe.
use crate::data::DataError;
use crate::represent::RepresentError;
use std::path::PathBuf;

/// Errors of probes and saved heads.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message says what each variant and field is")]
pub enum ProbeError {
    #[error(
        "{data}: no row has a label; a probe needs labelled images (folders by class, or a CSV file: --labels FILE, in a plan `set = [\"data.labels=FILE\"]`)"
    )]
    NoLabels { data: String },
    #[error(
        "{data}: none of the rows to {purpose} has a label; a class needs two labelled images at least, or the test split labels"
    )]
    NoLabelledRows { data: String, purpose: &'static str },
    #[error(
        "{data}: {method} has learned the labels of these images, so that they can't measure its encoder; take other images (`probe --test-data`)"
    )]
    Learned { data: String, method: String },
    #[error(
        "--test-data {data}: some of these images are learned from; name others, or leave it out to test on a fifth of the images"
    )]
    TestedOnTrained { data: String },
    #[error("a probe needs at least 2 classes, but the training labels hold {classes}")]
    OneClass { classes: usize },
    #[error("{data}: class `{class}` is not a class of the training data (they are: {known})")]
    UnknownClass { data: String, class: String, known: String },
    #[error("--few-labels {wanted}: {error}")]
    FewLabels { wanted: usize, error: DataError },
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Represent(#[from] RepresentError),
    #[error("{data}: no label column `{column}`; there are {known}")]
    NoColumn { data: String, column: String, known: String },
    #[error("features of {source_name} at row {row} of the {split} data are not finite")]
    NotFinite { source_name: String, split: &'static str, row: usize },
    #[error(
        "the {probe} probe on {source_name} diverged at learning rate {learning_rate}: its loss is not finite"
    )]
    Diverged { probe: &'static str, source_name: String, learning_rate: f64 },
    #[error(
        "unknown probe `{name}`, expected linear, mlp or knn, or for the whole trajectory concat, mean, softmax, gru or attention"
    )]
    UnknownProbe { name: String },
    #[error(
        "--head {head} reads codes at several t, but there is one: a static encoder, --t with one level, or --t auto"
    )]
    OneLevel { head: &'static str },
    #[error("unknown recipe `{name}`, expected default or paper")]
    UnknownRecipe { name: String },
    #[error("{}: no saved head; run `diffrep probe` on this run first", path.display())]
    NoHead { path: PathBuf },
    #[error("{}: not a saved head: {reason}", path.display())]
    BadHead { path: PathBuf, reason: String },
    #[error("the saved head reads {expected} features, but the encoder gives {found}")]
    WrongWidth { expected: usize, found: usize },
    #[error("{}: can't write: {error}", path.display())]
    Write { path: PathBuf, error: std::io::Error },
    #[error("{}: can't read: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
}
