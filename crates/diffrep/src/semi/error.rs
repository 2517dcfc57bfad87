//! What can go wrong with few labels.

/// Errors of propagation.
#[derive(Debug, thiserror::Error)]
pub enum SemiError {
    /// Nothing to spread.
    #[error("no image has a label; propagation needs at least one of each class")]
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
}
