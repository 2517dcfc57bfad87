//! Scatter plots of 2-d points coloured by label: one panel, or small multiples that share labels and legend.
use super::Figure;
use super::axis::{Axis, Range};
use super::frame::{SMALL, TITLE};
use super::legend::{Entry, Legend};
use super::palette::{COLOURS, Ink, Marker};
use super::svg::{Anchor, Canvas, Stroke, TextStyle};
use super::text;
use crate::report::ReportError;

/// Above this many classes only the first [`COLOURS`] are coloured.
const MOST_CLASSES: usize = 2 * COLOURS;

/// One panel.
#[derive(Clone, Debug)]
pub struct Panel {
    /// What tells the panel apart, e.g. "t = 0.4".
    pub title: String,
    /// Horizontal and vertical axis labels.
    pub axes: [String; 2],
    /// Points, in the order of the scatter's labels.
    pub points: Vec<[f64; 2]>,
}

/// A scatter plot.
#[derive(Clone, Debug)]
pub struct Scatter {
    /// Title.
    pub title: String,
    /// Panels, left to right and top to bottom.
    pub panels: Vec<Panel>,
    /// Class of each point (an index into `classes`), `None` if unknown.
    pub labels: Vec<Option<u32>>,
    /// Names of the classes.
    pub classes: Vec<String>,
}

struct Layout {
    width: f64,
    side: f64,
    columns: usize,
    top: f64,
    step: [f64; 2],
}

const TICKS: f64 = 11.0;
const LEFT: f64 = 46.0;

impl Layout {
    fn new(panels: usize) -> Self {
        let columns = if panels == 4 { 2 } else { panels.min(3) };
        let side = [460.0, 330.0, 260.0][columns - 1];
        let step = [side + LEFT + 16.0, side + 88.0];
        Self { width: 14.0 + columns as f64 * step[0], side, columns, top: 44.0, step }
    }

    /// Upper left corner of panel `i`'s square.
    fn corner(&self, i: usize) -> (f64, f64) {
        let (row, column) = (i / self.columns, i % self.columns);
        (LEFT + 6.0 + column as f64 * self.step[0], self.top + 34.0 + row as f64 * self.step[1])
    }
}

impl Scatter {
    /// Draws the panels in squares with equal units on both axes.
    ///
    /// # Errors
    /// There is no panel, a panel's points don't match the labels in number, a label has no class, or a panel
    /// has no finite point.
    pub fn draw(&self) -> Result<Figure, ReportError> {
        self.check()?;
        let mut notes = Vec::new();
        let layout = Layout::new(self.panels.len());
        let legend = Legend::new(self.entries(), layout.width - 28.0);
        let rows = self.panels.len().div_ceil(layout.columns);
        let below = layout.top + rows as f64 * layout.step[1];
        let size = [layout.width, below + legend.height() + 14.0];
        let mut canvas = Canvas::new(size[0], size[1]);
        let title = text::fit(&self.title, TITLE, layout.width - 28.0);
        canvas.text((14.0, 25.0), &title, TextStyle::new(TITLE, Ink::Text).strong());
        for (i, panel) in self.panels.iter().enumerate() {
            let skipped = panel.points.iter().filter(|p| !finite(p)).count();
            if skipped > 0 {
                let points = if skipped == 1 { "point is" } else { "points are" };
                notes.push(format!("{skipped} {points} left out of panel \"{}\": not finite.", panel.title));
            }
            self.draw_panel(&mut canvas, panel, layout.corner(i), layout.side, equal_ranges(&panel.points));
        }
        legend.draw(&mut canvas, (14.0, below + 2.0));
        Ok(Figure::finish(canvas, &self.title, size, notes))
    }

    pub(super) fn check(&self) -> Result<(), ReportError> {
        let empty = |what: String| Err(ReportError::Empty { figure: self.title.clone(), what });
        if self.panels.is_empty() {
            return empty("no panels".into());
        }
        for panel in &self.panels {
            if panel.points.len() != self.labels.len() {
                let what = format!("points of panel \"{}\" (one a label)", panel.title);
                return Err(ReportError::Shape {
                    what,
                    got: panel.points.len(),
                    expected: self.labels.len(),
                });
            }
            if !panel.points.iter().any(finite) {
                return empty(format!("panel \"{}\" has no finite point", panel.title));
            }
        }
        match self.labels.iter().flatten().find(|&&label| label as usize >= self.classes.len()) {
            Some(&label) => {
                let what = format!("names of classes for label {label}");
                Err(ReportError::Shape { what, got: self.classes.len(), expected: label as usize + 1 })
            }
            None => Ok(()),
        }
    }

    /// Colour and marker of a label.
    fn look(&self, label: Option<u32>) -> (Ink, Marker) {
        match label.map(|label| label as usize) {
            Some(class) if self.classes.len() <= MOST_CLASSES || class < COLOURS => {
                (Ink::Series(class), Marker::of_class(class))
            }
            _ => (Ink::Other, Marker::Circle),
        }
    }

    pub(super) fn entries(&self) -> Vec<Entry> {
        let entry = |label: Option<u32>, name: String| {
            let (ink, marker) = self.look(label);
            Entry { marker, ink, name }
        };
        let coloured = if self.classes.len() <= MOST_CLASSES { self.classes.len() } else { COLOURS };
        let mut entries: Vec<_> =
            (0..coloured).map(|class| entry(Some(class as u32), self.classes[class].clone())).collect();
        if coloured < self.classes.len() {
            entries.push(entry(None, format!("{} other classes", self.classes.len() - coloured)));
        } else if self.labels.iter().any(Option::is_none) {
            entries.push(entry(None, "without label".into()));
        }
        entries
    }

    /// Draws a panel into the square of `side` pixels below `(left, top)`, without the points outside of `ranges`.
    pub(super) fn draw_panel(
        &self,
        canvas: &mut Canvas,
        panel: &Panel,
        (left, top): (f64, f64),
        side: f64,
        ranges: [Range; 2],
    ) {
        let at =
            |p: &[f64; 2]| (left + ranges[0].place(p[0]) * side, top + (1.0 - ranges[1].place(p[1])) * side);
        draw_square(canvas, &panel.title, &panel.axes, (left, top), side, ranges);
        let radius = if panel.points.len() > 600 { 2.3 } else { 3.2 };
        // Grey points below the coloured ones; otherwise the rows' own order, so that no class hides another.
        let inside = |p: &[f64; 2]| (0..2).all(|axis| (0.0..=1.0).contains(&ranges[axis].place(p[axis])));
        let mut order: Vec<usize> = (0..panel.points.len()).filter(|&i| inside(&panel.points[i])).collect();
        order.sort_by_key(|&i| self.look(self.labels[i]).0 != Ink::Other);
        let mark = |i: usize| {
            let (ink, marker) = self.look(self.labels[i]);
            (at(&panel.points[i]), marker, ink)
        };
        canvas.markers(order.into_iter().map(mark), radius);
    }
}

/// Title, axes with ticks and grid, and frame of a square plotting area.
pub(super) fn draw_square(
    canvas: &mut Canvas,
    title: &str,
    axes: &[String; 2],
    (left, top): (f64, f64),
    side: f64,
    ranges: [Range; 2],
) {
    canvas.text((left, top - 22.0), title, TextStyle::new(SMALL, Ink::Text).strong());
    let label = TextStyle::new(TICKS, Ink::Muted);
    canvas.text((left, top - 6.0), &text::fit(&axes[1], TICKS, side), label);
    let middle = (left + side / 2.0, top + side + 32.0);
    canvas.text(middle, &text::fit(&axes[0], TICKS, side), label.anchor(Anchor::Middle));
    let tick = TextStyle::new(TICKS, Ink::Text);
    let ticks = (side / 60.0) as usize;
    for (value, label) in ranges[0].ticks(ticks) {
        let x = left + ranges[0].place(value) * side;
        canvas.polyline(&[(x, top), (x, top + side)], Stroke::new(Ink::Grid, 1.0));
        canvas.text((x, top + side + 15.0), &label, tick.anchor(Anchor::Middle));
    }
    for (value, label) in ranges[1].ticks(ticks) {
        let y = top + (1.0 - ranges[1].place(value)) * side;
        canvas.polyline(&[(left, y), (left + side, y)], Stroke::new(Ink::Grid, 1.0));
        canvas.text((left - 6.0, y + 0.35 * TICKS), &label, tick.anchor(Anchor::End));
    }
    canvas.frame([left, top, side, side], Stroke::new(Ink::Muted, 1.0));
}

fn finite(point: &[f64; 2]) -> bool {
    point.iter().all(|v| v.is_finite())
}

/// Ranges of the same length around the middle of the data, so that a unit is equally long on both axes.
fn equal_ranges(points: &[[f64; 2]]) -> [Range; 2] {
    let extent = |axis: usize| {
        let values = points.iter().filter(|p| finite(p)).map(|p| p[axis]);
        (values.clone().fold(f64::INFINITY, f64::min), values.fold(f64::NEG_INFINITY, f64::max))
    };
    let extents = [extent(0), extent(1)];
    let widest = extents.iter().map(|(low, high)| high - low).fold(0.0, f64::max);
    let half = if widest > 0.0 { 0.53 * widest } else { 1.0 };
    extents.map(|(low, high)| {
        let middle = (low + high) / 2.0;
        Range::fit(&Axis::linear("").within(middle - half, middle + half), std::iter::empty())
    })
}
