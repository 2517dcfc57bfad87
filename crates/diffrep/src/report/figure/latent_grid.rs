//! What a 2-d latent space holds: pictures over a grid of it, beside the codes of images.
use super::axis::{Axis, Range};
use super::frame::TITLE;
use super::legend::Legend;
use super::palette::Ink;
use super::scatter::{Panel, Scatter, draw_square};
use super::svg::{Canvas, TextStyle};
use super::thumbnail::Thumbnail;
use super::{Figure, text};
use crate::report::ReportError;

/// Side of either square in pixels, room left of each, and where they begin.
const SIDE: f64 = 460.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 78.0;

/// Pictures over a rectangle of a plane, and points of that plane.
#[derive(Clone, Debug)]
pub struct LatentGrid {
    /// Title.
    pub title: String,
    /// What is said above the points, such as their silhouette.
    pub caption: String,
    /// Limits of the rectangle along both axes; picture i of a row lies in the i-th of equal parts.
    pub limits: [(f64, f64); 2],
    /// Pictures, row by row from the lower left, as many rows as columns.
    pub pictures: Vec<Thumbnail>,
    /// Points; those outside of the rectangle are left out and counted.
    pub points: Vec<[f64; 2]>,
    /// Class of each point, `None` if unknown.
    pub labels: Vec<Option<u32>>,
    /// Names of the classes.
    pub classes: Vec<String>,
}

impl LatentGrid {
    /// Draws both squares over the same rectangle.
    ///
    /// # Errors
    /// Pictures that make no square, limits that aren't ascending numbers, points that don't match the labels, a label
    /// without class.
    pub fn draw(self) -> Result<Figure, ReportError> {
        let count = self.pictures.len().isqrt();
        if count == 0 || count * count != self.pictures.len() {
            let what = "pictures of a latent grid, as many rows as columns".to_owned();
            return Err(ReportError::Shape { what, got: self.pictures.len(), expected: count.max(1).pow(2) });
        }
        if !self.limits.iter().all(|(low, high)| low < high && (high - low).is_finite()) {
            let what = format!("its limits are {:?}", self.limits);
            return Err(ReportError::Empty { figure: self.title, what });
        }
        let axes = ["z₁".to_owned(), "z₂".to_owned()];
        let ranges = self
            .limits
            .map(|(low, high)| Range::fit(&Axis::linear("").within(low, high), std::iter::empty()));
        let inside = |p: &[f64; 2]| (0..2).all(|axis| (0.0..=1.0).contains(&ranges[axis].place(p[axis])));
        let outside = self.points.iter().filter(|point| !inside(point)).count();
        let panel = Panel { title: self.caption, axes: axes.clone(), points: self.points };
        let (labels, classes) = (self.labels, self.classes);
        let scatter = Scatter { title: self.title.clone(), panels: vec![panel], labels, classes };
        scatter.check()?;
        let width = 2.0 * (LEFT + SIDE) + 22.0;
        let legend = Legend::new(scatter.entries(), width - 28.0);
        let below = TOP + SIDE + 50.0;
        let size = [width, below + legend.height() + 14.0];
        let mut canvas = Canvas::new(size[0], size[1]);
        let title = text::fit(&self.title, TITLE, width - 28.0);
        canvas.text((14.0, 25.0), &title, TextStyle::new(TITLE, Ink::Text).strong());
        draw_square(&mut canvas, "samples", &axes, (LEFT, TOP), SIDE, ranges);
        let cell = SIDE / count as f64;
        for (i, picture) in self.pictures.iter().enumerate() {
            let (row, column) = (i / count, i % count);
            let corner = (LEFT + column as f64 * cell, TOP + SIDE - (row + 1) as f64 * cell);
            // A whole picture in each cell, whatever its proportions.
            let (w, h) = picture.size();
            let scale = cell / w.max(h) as f64;
            let (w, h) = (w as f64 * scale, h as f64 * scale);
            let place = [corner.0 + (cell - w) / 2.0, corner.1 + (cell - h) / 2.0, w, h];
            canvas.image(place, &picture.data_uri());
        }
        scatter.draw_panel(&mut canvas, &scatter.panels[0], (2.0 * LEFT + SIDE, TOP), SIDE, ranges);
        legend.draw(&mut canvas, (14.0, below));
        let notes = match outside {
            0 => Vec::new(),
            1 => vec!["1 code lies outside of the rectangle shown.".to_owned()],
            _ => vec![format!("{outside} codes lie outside of the rectangle shown.")],
        };
        Ok(Figure::finish(canvas, &self.title, size, notes))
    }
}
