//! A legend in rows below a figure.
use super::frame::SMALL;
use super::palette::{Ink, Marker};
use super::svg::{Canvas, TextStyle};
use super::text;

const ROW: f64 = 22.0;
const GAP: f64 = 20.0;
const MARK: f64 = 16.0;

/// One entry: marker, colour, name.
pub struct Entry {
    pub marker: Marker,
    pub ink: Ink,
    pub name: String,
}

/// Entries laid out in rows that fit a width.
pub struct Legend {
    places: Vec<(Entry, f64, f64)>,
    height: f64,
}

impl Legend {
    /// Lays out `entries` in rows of at most `width` pixels.
    pub fn new(entries: Vec<Entry>, width: f64) -> Self {
        let (mut x, mut y) = (0.0, 0.0);
        let mut places = Vec::with_capacity(entries.len());
        for mut entry in entries {
            entry.name = text::fit(&entry.name, SMALL, (width - MARK).max(MARK));
            let room = MARK + text::width(&entry.name, SMALL);
            if x > 0.0 && x + room > width {
                (x, y) = (0.0, y + ROW);
            }
            places.push((entry, x, y));
            x += room + GAP;
        }
        let height = if places.is_empty() { 0.0 } else { y + ROW };
        Self { places, height }
    }

    /// Height in pixels.
    pub fn height(&self) -> f64 {
        self.height
    }

    /// Draws it with its upper left corner at the given place.
    pub fn draw(&self, canvas: &mut Canvas, (left, top): (f64, f64)) {
        for (entry, x, y) in &self.places {
            let middle = top + y + ROW / 2.0;
            canvas.marker((left + x + 5.0, middle), 5.0, entry.marker, entry.ink);
            let style = TextStyle::new(SMALL, Ink::Text);
            canvas.text((left + x + MARK, middle + 0.35 * SMALL), &entry.name, style);
        }
    }
}
