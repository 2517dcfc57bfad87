//! What can go wrong while a report is made.
use std::path::PathBuf;
use thiserror::Error;

/// A failure of the report; the message is one line that names the file, figure or value.
#[derive(Debug, Error)]
pub enum ReportError {
    /// A figure was asked for with nothing to draw.
    #[error("figure \"{figure}\": {what}, expected at least one finite value")]
    Empty {
        /// Title of the figure.
        figure: String,
        /// What is empty: "series \"loss\" has no finite point", "no series", ….
        what: String,
    },
    /// Parts of a figure or table disagree in size.
    #[error("{what}: got {got}, expected {expected}")]
    Shape {
        /// What was given.
        what: String,
        /// Its size.
        got: usize,
        /// The size that the other parts ask for.
        expected: usize,
    },
    /// A pixel picture could not be made.
    #[error("figure \"{figure}\" can't be drawn as PNG: {reason}")]
    Raster {
        /// Title of the figure.
        figure: String,
        /// What the renderer or encoder said.
        reason: String,
    },
    /// An image can't be read.
    #[error(transparent)]
    Data(#[from] crate::data::DataError),
    /// A file of the run can't be read or written.
    #[error("can't {action} {}", path.display())]
    Io {
        /// "read" or "write".
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's message.
        source: std::io::Error,
    },
    /// A file of the run holds something else than expected.
    #[error("{}, {place}: {reason}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Where in it: "line 12", "score 3", ….
        place: String,
        /// What was expected.
        reason: String,
    },
}

impl ReportError {
    /// The system refused to `action` ("read", "write") a file; its reason is the source.
    pub(super) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }

    /// A JSON file that isn't as expected.
    pub(super) fn json(path: &std::path::Path, error: &serde_json::Error) -> Self {
        Self::Format { path: path.into(), place: "JSON".into(), reason: error.to_string() }
    }
}
