//! Data sets that need no files.
mod digits;
mod shapes;

pub(super) use shapes::{BACKGROUND, FOREGROUND};

use super::Dataset;

/// Names and what they stand for.
pub const BUILT_IN: [(&str, &str); 2] = [
    ("digits", "1,797 handwritten digits, 8×8, grey, 10 classes (1,437 to train, 360 to test)"),
    (
        "shapes",
        "12,000 generated images, 32×32, colour, with five known factors (10,000 to train, 2,000 to test)",
    ),
];

/// Whether `name` is one of theirs.
pub(crate) fn is_built_in(name: &str) -> bool {
    BUILT_IN.iter().any(|(known, _)| *known == name)
}

/// The data set called `name`.
pub(crate) fn open(name: &str) -> Option<Dataset> {
    match name {
        "digits" => Some(digits::open()),
        "shapes" => Some(shapes::open()),
        _ => None,
    }
}
