//! What can go wrong with few labels.
use crate::data::DataError;
use crate::nn::NnError;
use crate::represent::RepresentError;
use crate::train::RunError;
use std::path::PathBuf;

/// Errors of propagation and of training from few labels.
#[derive(Debug, thiserror::Error)]
pub enum SemiError {
    /// Nothing to spread.
    #[error(
        "no image has a label; at least one of each class is needed: folders by class, or --labels FILE.csv"
    )]
    NoLabels,
    /// A class that nobody could be assigned to for a reason.
    #[error("no image is labelled `{class}`; propagation needs at least one label of each class")]
    EmptyClass {
        /// Name or number of the class.
        class: String,
    },
    /// A label that isn't a class.
    #[error("image {row} has label {label}, but there are {classes} classes")]
    Label {
        /// The image's row.
        row: usize,
        /// Its label.
        label: u32,
        /// Number of classes.
        classes: usize,
    },
    /// Features that are no numbers.
    #[error("the features of image {row} are not finite")]
    NotFinite {
        /// The image's row.
        row: usize,
    },
    /// Features and labels of different images.
    #[error("{found} feature rows of {dim} numbers for {expected} labels")]
    Rows {
        /// Whole rows of features.
        found: usize,
        /// Numbers a row.
        dim: usize,
        /// Labels.
        expected: usize,
    },
    /// A setting out of range.
    #[error("{name} is {value}, expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: String,
        /// Its range.
        expected: &'static str,
    },
    /// A file of labels that doesn't fit the images.
    #[error("{}: {problem}", path.display())]
    SplitFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The loss or its gradient is no number.
    #[error("the {what} is not finite at step {step}; a lower learning rate may help")]
    Diverged {
        /// `loss` or `gradient`.
        what: &'static str,
        /// The step, counted from 1.
        step: u64,
    },
    /// A trained encoder without a tensor that the network needs.
    #[error("the encoder to start from has no tensor `{name}` of shape {shape:?}")]
    Adopt {
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// An output file whose name tells no format.
    #[error("{}: unknown format; the name must end in .csv or .parquet", path.display())]
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
    /// The images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The networks.
    #[error(transparent)]
    Network(#[from] NnError),
    /// The run folder or a checkpoint.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A trained encoder.
    #[error(transparent)]
    Represent(#[from] RepresentError),
}
