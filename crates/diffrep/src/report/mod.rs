//! Figures (SVG and PNG) and the HTML report.
//!
//! [`ReportData`] holds everything that a report says, as plain data: [`ReportData::read`] takes what a run folder
//! holds, and callers add pictures of embeddings with [`Sample::show`]. [`html`] turns it into one self-contained
//! page, [`exhibits`] into the figures alone.
mod analysis;
mod embedding;
mod error;
mod escape;
mod exhibit;
mod exhibits;
pub mod figure;
mod html;
mod metrics;
mod model;
mod pca;
mod pictures;
mod score;
mod semi;
mod subject;

pub use analysis::analysis;
pub use embedding::Embedded;
pub use error::ReportError;
pub use escape::escape;
pub use exhibit::Exhibit;
pub use exhibits::exhibits;
pub use html::html;
pub use metrics::Metrics;
pub use model::{ReportData, shell_word};
pub use pca::{Plane, align_signs, pca};
pub use pictures::{Sample, show_doubtful};
pub use subject::Subject;
