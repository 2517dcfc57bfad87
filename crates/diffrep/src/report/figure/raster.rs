//! Figures as PNG.
use super::Figure;
use crate::report::ReportError;
use resvg::{tiny_skia, usvg};
use std::sync::{Arc, LazyLock};

static FONTS: LazyLock<Arc<usvg::fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = usvg::fontdb::Database::new();
    fonts.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
    // For the characters that Ubuntu lacks.
    fonts.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
    Arc::new(fonts)
});

/// Largest picture that is drawn: a gigabyte.
const MOST_PIXELS: u64 = 1 << 28;

/// The embedded font is a light one: a thin outline brings it to the weight of a text font.
const WEIGHT: &str = "text { stroke-width: 0.3px; paint-order: stroke } \
    text[font-weight] { stroke-width: 0.7px } \
    text.fill-text { stroke: #1f2430 } text.fill-muted { stroke: #5b6270 }";

impl Figure {
    /// The figure as PNG, `scale` times its size in pixels (2 for print and dense displays).
    ///
    /// # Errors
    /// The scale isn't positive or the picture would be too large.
    pub fn to_png(&self, scale: f64) -> Result<Vec<u8>, ReportError> {
        let fail = |reason: String| ReportError::Raster { figure: self.title.clone(), reason };
        let options = usvg::Options {
            font_family: "Ubuntu".into(),
            fontdb: FONTS.clone(),
            style_sheet: Some(WEIGHT.into()),
            ..Default::default()
        };
        let tree = usvg::Tree::from_str(&self.svg, &options).map_err(|e| fail(e.to_string()))?;
        let pixels = |length: f64| (length * scale).round() as u32;
        let (width, height) = (pixels(self.width), pixels(self.height));
        let fits = u64::from(width) * u64::from(height) <= MOST_PIXELS;
        let mut picture = fits
            .then(|| tiny_skia::Pixmap::new(width, height))
            .flatten()
            .ok_or_else(|| fail(format!("no picture of {width} × {height} pixels can be made")))?;
        let transform = tiny_skia::Transform::from_scale(scale as f32, scale as f32);
        resvg::render(&tree, transform, &mut picture.as_mut());
        picture.encode_png().map_err(|e| fail(e.to_string()))
    }
}
