//! Heat maps: a square for each pair, coloured by its value, with the value written in it.
use super::Figure;
use super::frame::{SMALL, TITLE};
use super::palette::{Ink, Shade};
use super::svg::{Anchor, Canvas, TextStyle};
use super::text;
use crate::report::ReportError;

/// A matrix of values.
#[derive(Clone, Debug)]
pub struct HeatMap {
    /// Title.
    pub title: String,
    /// What the columns are.
    pub x_label: String,
    /// What the rows are.
    pub y_label: String,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Names of the rows, from top to bottom.
    pub rows: Vec<String>,
    /// A value for each row and column.
    pub values: Vec<Vec<f64>>,
    /// Value of the palest colour, and of the darkest; values beyond are coloured as these.
    pub limits: [f64; 2],
    /// Decimals of the values written out.
    pub decimals: usize,
}

const WIDTH: f64 = 760.0;
const TOP: f64 = 48.0;
const KEY: f64 = 14.0;

impl HeatMap {
    /// Draws the map, 760 pixels wide; values that are not finite are left blank and counted in the notes.
    ///
    /// # Errors
    /// No value is finite, or there are not as many as names.
    pub fn draw(&self) -> Result<Figure, ReportError> {
        self.check()?;
        let names =
            self.rows.iter().map(|name| text::width(name, SMALL)).fold(0.0, f64::max).min(0.3 * WIDTH);
        let (left, right) = (names + 44.0, WIDTH - 92.0);
        let width = (right - left) / self.columns.len() as f64;
        let height = width.clamp(24.0, 46.0);
        let bottom = TOP + height * self.rows.len() as f64;
        let size = [WIDTH, bottom + 62.0];
        let mut canvas = Canvas::new(size[0], size[1]);
        let title = text::fit(&self.title, TITLE, WIDTH - 28.0);
        canvas.text((14.0, 25.0), &title, TextStyle::new(TITLE, Ink::Text).strong());

        let mut blank = 0;
        let number = (0.36 * width).min(SMALL);
        for (row, values) in self.values.iter().enumerate() {
            let y = TOP + height * row as f64;
            for (column, &value) in values.iter().enumerate() {
                let x = left + width * column as f64;
                if !value.is_finite() {
                    blank += 1;
                    continue;
                }
                let shade = Shade::of(self.place(value));
                let written = format!("{value:.*}", self.decimals).replace('-', "\u{2212}");
                canvas.shade([x, y, width - 1.0, height - 1.0], shade, Some((&written, number)));
            }
            let style = TextStyle::new(SMALL, Ink::Text).anchor(Anchor::End);
            let name = text::fit(&self.rows[row], SMALL, names + 1.0);
            canvas.text((left - 8.0, y + 0.5 * height + 0.35 * SMALL), &name, style);
        }
        for (column, name) in self.columns.iter().enumerate() {
            let style = TextStyle::new(SMALL, Ink::Text).anchor(Anchor::Middle);
            let name = text::fit(name, SMALL, width);
            canvas.text((left + width * (column as f64 + 0.5), bottom + 17.0), &name, style);
        }
        let style = TextStyle::new(SMALL, Ink::Muted).anchor(Anchor::Middle);
        canvas.text((0.5 * (left + right), bottom + 44.0), &self.x_label, style);
        let style = TextStyle::new(SMALL, Ink::Muted);
        canvas.text((14.0, TOP - 6.0), &self.y_label, style);
        self.draw_key(&mut canvas, right + 24.0, bottom);
        let notes = match blank {
            0 => Vec::new(),
            1 => vec!["1 value is not finite and left blank.".to_owned()],
            n => vec![format!("{n} values are not finite and left blank.")],
        };
        Ok(Figure::finish(canvas, &self.title, size, notes))
    }

    fn check(&self) -> Result<(), ReportError> {
        let shape = |what: &str, got: usize, expected: usize| ReportError::Shape {
            what: format!("{what} of \"{}\"", self.title),
            got,
            expected,
        };
        if self.values.len() != self.rows.len() {
            return Err(shape("rows", self.values.len(), self.rows.len()));
        }
        if let Some(row) = self.values.iter().find(|row| row.len() != self.columns.len()) {
            return Err(shape("columns", row.len(), self.columns.len()));
        }
        if self.values.iter().flatten().any(|value| value.is_finite()) {
            return Ok(());
        }
        Err(ReportError::Empty { figure: self.title.clone(), what: "no value is finite".into() })
    }

    /// Where a value lies between the limits, in [0, 1].
    fn place(&self, value: f64) -> f64 {
        let [low, high] = self.limits;
        if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
    }

    /// The scale of colours, from the bottom up.
    fn draw_key(&self, canvas: &mut Canvas, left: f64, bottom: f64) {
        const STEPS: usize = 32;
        let step = (bottom - TOP) / STEPS as f64;
        for i in 0..STEPS {
            let shade = Shade::of((i as f64 + 0.5) / STEPS as f64);
            // A little overlap, so that no seams show.
            canvas.shade([left, bottom - step * (i + 1) as f64, KEY, step + 0.5], shade, None);
        }
        let style = TextStyle::new(SMALL, Ink::Text);
        for (value, y) in [(self.limits[0], bottom), (self.limits[1], TOP + 0.8 * SMALL)] {
            canvas.text((left + KEY + 5.0, y), &format!("{value:.*}", self.decimals), style);
        }
    }
}
