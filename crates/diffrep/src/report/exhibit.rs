//! A figure with what a reader should look for.
use super::figure::Figure;

/// A figure and how to read it.
#[derive(Clone, Debug)]
pub struct Exhibit {
    /// Name of its files, without extension.
    pub stem: String,
    /// The figure.
    pub figure: Figure,
    /// What to look for.
    pub look_for: String,
}

impl Exhibit {
    pub(super) fn new(stem: impl Into<String>, figure: Figure, look_for: impl Into<String>) -> Self {
        Self { stem: stem.into(), figure, look_for: look_for.into() }
    }
}
