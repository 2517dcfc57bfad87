//! The frame that charts share: title, axes, grid, tick labels.
use super::axis::{Axis, Range};
use super::palette::Ink;
use super::svg::{Anchor, Canvas, Stroke, TextStyle};
use super::text;

/// Font size of tick labels, legends and axis labels.
pub const SMALL: f64 = 13.0;
/// Font size of titles.
pub const TITLE: f64 = 16.0;

/// Pixels above the plotting area, for title and axis label.
const TOP: f64 = 68.0;
/// Pixels below it, for ticks and axis label.
const BOTTOM: f64 = 56.0;

/// A plotting area on the canvas with its two axes.
pub struct Frame {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
    x: Range,
    y: Range,
    canvas_width: f64,
}

impl Frame {
    /// The frame for a canvas of `width` × `height` with `right` pixels kept free beside the plotting area.
    pub fn new([width, height]: [f64; 2], right: f64, x: Range, y: Range) -> Self {
        let widest = y.ticks(6).iter().map(|(_, label)| text::width(label, SMALL)).fold(0.0, f64::max);
        let left = widest + 26.0;
        let (inner, height) = ((width - left - right).max(40.0), (height - TOP - BOTTOM).max(40.0));
        Self { left, top: TOP, width: inner, height, x, y, canvas_width: width }
    }

    /// Height of a canvas whose plotting area is `inner` high.
    pub fn height_for(inner: f64) -> f64 {
        TOP + inner + BOTTOM
    }

    /// Where the plotting area begins and ends: left, top, right, bottom.
    pub fn edges(&self) -> [f64; 4] {
        [self.left, self.top, self.left + self.width, self.top + self.height]
    }

    /// Pixels of a point.
    pub fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (self.left + self.x.place(x) * self.width, self.at_y(y))
    }

    /// Pixel row of a value.
    pub fn at_y(&self, y: f64) -> f64 {
        self.top + (1.0 - self.y.place(y)) * self.height
    }

    /// Draws title, grid, axes and labels.
    ///
    /// The y axis is labelled above its upper end: horizontal text reads faster than vertical text.
    pub fn draw(&self, canvas: &mut Canvas, title: &str, x_axis: &Axis, y_axis: &Axis) {
        let [left, top, right, bottom] = self.edges();
        let room = self.canvas_width - 28.0;
        canvas.text((14.0, 25.0), &text::fit(title, TITLE, room), TextStyle::new(TITLE, Ink::Text).strong());
        canvas.text(
            (14.0, top - 15.0),
            &text::fit(&y_axis.label, SMALL, room),
            TextStyle::new(SMALL, Ink::Muted),
        );
        for (value, label) in self.y.ticks(6) {
            let y = self.at_y(value);
            canvas.polyline(&[(left, y), (right, y)], Stroke::new(Ink::Grid, 1.0));
            let style = TextStyle::new(SMALL, Ink::Text).anchor(Anchor::End);
            canvas.text((left - 9.0, y + 0.35 * SMALL), &label, style);
        }
        canvas.polyline(&[(left, bottom), (right, bottom)], Stroke::new(Ink::Muted, 1.0));
        self.draw_x_ticks(canvas);
        let middle = ((left + right) / 2.0, bottom + 44.0);
        let label = text::fit(&x_axis.label, SMALL, right - left + 40.0);
        canvas.text(middle, &label, TextStyle::new(SMALL, Ink::Muted).anchor(Anchor::Middle));
    }

    fn draw_x_ticks(&self, canvas: &mut Canvas) {
        let bottom = self.top + self.height;
        for (value, label) in self.readable_x_ticks() {
            let x = self.left + self.x.place(value) * self.width;
            canvas.polyline(&[(x, bottom), (x, bottom + 5.0)], Stroke::new(Ink::Muted, 1.0));
            let style = TextStyle::new(SMALL, Ink::Text).anchor(Anchor::Middle);
            canvas.text((x, bottom + 21.0), &label, style);
        }
    }

    /// As many ticks as fit without their labels touching.
    fn readable_x_ticks(&self) -> Vec<(f64, String)> {
        let fits = |ticks: &Vec<(f64, String)>| {
            let ends = ticks.iter().map(|(value, label)| {
                let (x, half) = (self.x.place(*value) * self.width, text::width(label, SMALL) / 2.0 + 6.0);
                (x - half, x + half)
            });
            ends.clone().zip(ends.skip(1)).all(|(one, next)| one.1 <= next.0)
        };
        (2..=10).rev().map(|count| self.x.ticks(count)).find(fits).unwrap_or_else(|| self.x.ticks(1))
    }
}

/// Moves label positions (pixel rows) apart to at least `gap`, in order, staying within `[low, high]` if they fit.
pub fn spread(wanted: &[f64], gap: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|&a, &b| wanted[a].total_cmp(&wanted[b]));
    let mut placed = vec![0.0; wanted.len()];
    let mut next = low;
    for &i in &order {
        placed[i] = wanted[i].max(next);
        next = placed[i] + gap;
    }
    let mut limit = high;
    for &i in order.iter().rev() {
        placed[i] = placed[i].min(limit);
        limit = placed[i] - gap;
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_would_overlap_are_moved_apart() {
        let placed = spread(&[50.0, 51.0, 52.0, 10.0], 14.0, 0.0, 100.0);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 14.0 - 1e-9), "{placed:?}");
        assert_eq!(placed[3], 10.0);
        assert!(spread(&[99.0, 99.0], 14.0, 0.0, 100.0).iter().all(|&y| y <= 100.0));
    }
}
