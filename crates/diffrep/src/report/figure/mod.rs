//! Figures: drawn as SVG by a small canvas, and as PNG from it with an embedded font.
//!
//! A figure is plain data (series, points, thumbnails) with a `draw` method that gives a [`Figure`]. Values that
//! can't be drawn (not finite, or not positive on a logarithmic axis) are left out and counted in
//! [`Figure::notes`]; a figure with nothing left is an error.
mod axis;
mod bar;
mod frame;
mod heat_map;
mod images;
mod latent_grid;
mod legend;
mod line;
mod palette;
mod raster;
mod scatter;
mod svg;
mod text;
mod thumbnail;

pub use axis::{Axis, Scale};
pub use bar::{Bar, BarChart};
pub use heat_map::HeatMap;
pub use images::{Cell, CellMark, ImageGrid, contact_sheet};
pub use latent_grid::LatentGrid;
pub use line::{Baseline, LineChart, Point, Series};
pub use palette::{COLOURS, Ink};
pub use scatter::{Panel, Scatter};
pub use thumbnail::{Thumbnail, picture};

use crate::files::PartFile;
use crate::report::ReportError;
use std::path::Path;

/// A finished figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// Title, also the text that screen readers say.
    pub title: String,
    /// The SVG document.
    pub svg: String,
    /// Width in pixels.
    pub width: f64,
    /// Height in pixels.
    pub height: f64,
    /// What had to be left out, one sentence each.
    pub notes: Vec<String>,
}

impl Figure {
    /// Writes `<stem>.svg` and, at twice the size, `<stem>.png` into `folder`.
    ///
    /// # Errors
    /// The folder can't be written, or the figure is too large for a PNG.
    pub fn save(&self, folder: &Path, stem: &str) -> Result<(), ReportError> {
        let write = |name: String, bytes: &[u8]| {
            let path = folder.join(name);
            PartFile::write_whole(&path, bytes).map_err(ReportError::io("write", &path))
        };
        write(format!("{stem}.svg"), self.svg.as_bytes())?;
        write(format!("{stem}.png"), &self.to_png(2.0)?)
    }

    fn finish(canvas: svg::Canvas, title: &str, [width, height]: [f64; 2], notes: Vec<String>) -> Self {
        Self { title: title.to_owned(), svg: canvas.finish(title), width, height, notes }
    }
}
