//! Bar charts: horizontal bars from zero, with error bars and their values written out.
use super::Figure;
use super::axis::{Axis, Range};
use super::frame::{SMALL, TITLE};
use super::palette::Ink;
use super::svg::{Anchor, Canvas, Stroke, TextStyle};
use super::text;
use crate::report::ReportError;

/// One bar.
#[derive(Clone, Debug)]
pub struct Bar {
    /// Name, written to its left.
    pub name: String,
    /// Length.
    pub value: f64,
    /// Standard deviation, drawn as an error bar.
    pub sd: Option<f64>,
    /// Colour.
    pub ink: Ink,
}

/// A bar chart; bars start at zero, always.
#[derive(Clone, Debug)]
pub struct BarChart {
    /// Title.
    pub title: String,
    /// Quantity and unit of the bars.
    pub label: String,
    /// Bars from top to bottom.
    pub bars: Vec<Bar>,
    /// Decimals of the values written out.
    pub decimals: usize,
}

const WIDTH: f64 = 760.0;
const ROW: f64 = 32.0;
const TOP: f64 = 48.0;

impl BarChart {
    /// Draws the chart, 760 pixels wide and as high as its bars need.
    ///
    /// # Errors
    /// No bar has a finite value.
    pub fn draw(&self) -> Result<Figure, ReportError> {
        let (bars, skipped): (Vec<_>, Vec<_>) = self.bars.iter().partition(|b| b.value.is_finite());
        if bars.is_empty() {
            return Err(ReportError::Empty {
                figure: self.title.clone(),
                what: "no bar has a finite value".into(),
            });
        }
        let notes =
            skipped.iter().map(|b| format!("Bar \"{}\" is left out: its value is {}.", b.name, b.value));
        let notes = notes.collect();
        let sd = |b: &Bar| b.sd.filter(|sd| sd.is_finite()).unwrap_or(0.0);
        let reach = bars.iter().flat_map(|b| [b.value - sd(b), b.value + sd(b)]);
        let low = reach.clone().fold(0.0, f64::min);
        let high = reach.fold(0.0, f64::max);
        let high = if high > low { high } else { low + 1.0 };
        let range = Range::fit(&Axis::linear("").within(low, high), std::iter::empty());

        let names = bars.iter().map(|b| text::width(&b.name, SMALL)).fold(0.0, f64::max).min(0.4 * WIDTH);
        let value_of = |b: &Bar| match b.sd.filter(|sd| sd.is_finite()) {
            Some(sd) => format!("{:.*} ± {:.*}", self.decimals, b.value, self.decimals, sd),
            None => format!("{:.*}", self.decimals, b.value),
        };
        let values = bars.iter().map(|b| text::width(&value_of(b), SMALL)).fold(0.0, f64::max);
        let (left, right) = (names + 26.0, WIDTH - values - 30.0);
        let (bottom, at) = (TOP + ROW * bars.len() as f64, |v: f64| left + range.place(v) * (right - left));

        let size = [WIDTH, bottom + 58.0];
        let mut canvas = Canvas::new(size[0], size[1]);
        let title = text::fit(&self.title, TITLE, WIDTH - 28.0);
        canvas.text((14.0, 25.0), &title, TextStyle::new(TITLE, Ink::Text).strong());
        for (value, label) in range.ticks(6) {
            canvas.polyline(&[(at(value), TOP), (at(value), bottom)], Stroke::new(Ink::Grid, 1.0));
            let style = TextStyle::new(SMALL, Ink::Text).anchor(Anchor::Middle);
            canvas.text((at(value), bottom + 18.0), &label, style);
        }
        for (i, bar) in bars.iter().enumerate() {
            let middle = TOP + ROW * (i as f64 + 0.5);
            let (from, to) = (at(bar.value.min(0.0)), at(bar.value.max(0.0)));
            canvas.rect([from, middle - 0.34 * ROW, to - from, 0.68 * ROW], bar.ink);
            if sd(bar) > 0.0 {
                let (low, high) = (at(bar.value - sd(bar)), at(bar.value + sd(bar)));
                let stroke = Stroke::new(Ink::Text, 1.5);
                canvas.polyline(&[(low, middle), (high, middle)], stroke);
                for x in [low, high] {
                    canvas.polyline(&[(x, middle - 5.0), (x, middle + 5.0)], stroke);
                }
            }
            let row = middle + 0.35 * SMALL;
            let style = TextStyle::new(SMALL, Ink::Text);
            canvas.text(
                (left - 10.0, row),
                &text::fit(&bar.name, SMALL, names + 1.0),
                style.anchor(Anchor::End),
            );
            canvas.text((at(bar.value.max(0.0) + sd(bar)) + 8.0, row), &value_of(bar), style);
        }
        canvas.polyline(&[(at(0.0), TOP), (at(0.0), bottom)], Stroke::new(Ink::Muted, 1.0));
        let style = TextStyle::new(SMALL, Ink::Muted).anchor(Anchor::Middle);
        canvas.text(((left + right) / 2.0, bottom + 42.0), &self.label, style);
        Ok(Figure::finish(canvas, &self.title, size, notes))
    }
}
