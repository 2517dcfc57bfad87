//! Figures (SVG and PNG) and the HTML report.
mod error;
mod escape;
pub mod figure;
mod pca;

pub use error::ReportError;
pub use escape::escape;
pub use pca::{Plane, align_signs, pca};
