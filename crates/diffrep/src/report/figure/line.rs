//! Line charts: series with a band of one standard deviation, horizontal baselines, direct labels.
use super::Figure;
use super::axis::{Axis, Range};
use super::frame::{Frame, SMALL, spread};
use super::palette::{Ink, Marker};
use super::svg::{Canvas, Stroke, TextStyle};
use super::text;
use crate::report::ReportError;

/// More points than this are averaged in blocks: a chart has no room for more.
const MOST_POINTS: usize = 200;
/// Up to this many points each is marked.
const MOST_MARKERS: usize = 30;

/// Width of a chart in pixels.
const WIDTH: f64 = 760.0;
/// Height of a line's name.
const LABEL: f64 = SMALL + 5.0;

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Position.
    pub x: f64,
    /// Mean.
    pub y: f64,
    /// Standard deviation, drawn as a band.
    pub sd: Option<f64>,
}

/// A named line.
#[derive(Clone, Debug)]
pub struct Series {
    /// Name, written beside the line's end.
    pub name: String,
    /// Points from left to right.
    pub points: Vec<Point>,
}

impl Series {
    /// A series without standard deviations.
    pub fn new(name: impl Into<String>, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().map(|(x, y)| Point { x, y, sd: None }).collect();
        Self { name: name.into(), points }
    }
}

/// A horizontal dashed line for a value that doesn't depend on x.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// Name, written beside it.
    pub name: String,
    /// Value.
    pub value: f64,
}

/// A line chart.
#[derive(Clone, Debug)]
pub struct LineChart {
    /// Title.
    pub title: String,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Lines.
    pub series: Vec<Series>,
    /// Reference values.
    pub baselines: Vec<Baseline>,
}

impl LineChart {
    /// Draws the chart, 760 × 400 pixels, and higher where the lines' names need it.
    ///
    /// # Errors
    /// There is no series, or one has no point that can be drawn.
    pub fn draw(&self) -> Result<Figure, ReportError> {
        let mut notes = Vec::new();
        let runs = self.series.iter().map(|s| self.runs_of(s, &mut notes)).collect::<Result<Vec<_>, _>>()?;
        if runs.is_empty() {
            return Err(ReportError::Empty { figure: self.title.clone(), what: "no series".into() });
        }
        let (baselines, skipped): (Vec<_>, Vec<_>) =
            self.baselines.iter().partition(|b| self.y.accepts(b.value));
        notes.extend(
            skipped.iter().map(|b| format!("Baseline \"{}\" is left out: its value is {}.", b.name, b.value)),
        );

        let points = || runs.iter().flatten().flatten();
        let ends = points().flat_map(|p| [p.y - p.sd.unwrap_or(0.0), p.y, p.y + p.sd.unwrap_or(0.0)]);
        let y = Range::fit(&self.y, ends.chain(baselines.iter().map(|b| b.value)));
        let x = Range::fit(&self.x, points().map(|p| p.x));
        let lines = self.series.len() + baselines.len();
        // A single line is named by the axis.
        let labelled = lines > 1;
        let size = [WIDTH, Frame::height_for(lines as f64 * LABEL).max(400.0)];
        let names = self.series.iter().map(|s| &s.name).chain(baselines.iter().map(|b| &b.name));
        let widest = names.map(|name| text::width(name, SMALL)).fold(0.0, f64::max);
        let right = if labelled { (widest + 52.0).min(0.42 * size[0]) } else { 20.0 };
        let frame = Frame::new(size, right, x, y);

        let mut canvas = Canvas::new(size[0], size[1]);
        frame.draw(&mut canvas, &self.title, &self.x, &self.y);
        self.draw_bands(&mut canvas, &frame, &runs);
        let [left, _, right, _] = frame.edges();
        for baseline in &baselines {
            let y = frame.at_y(baseline.value);
            let stroke = Stroke { ink: Ink::Muted, width: 1.6, dashed: true };
            canvas.polyline(&[(left, y), (right, y)], stroke);
        }
        draw_lines(&mut canvas, &frame, &runs);
        if labelled {
            self.draw_labels(&mut canvas, &frame, &runs, &baselines);
        }
        Ok(Figure::finish(canvas, &self.title, size, notes))
    }

    /// The series' drawable points in unbroken runs: a value that can't be drawn leaves a gap.
    fn runs_of(&self, series: &Series, notes: &mut Vec<String>) -> Result<Vec<Vec<Point>>, ReportError> {
        let (points, block) = thin(&series.points);
        if block > 1 {
            let name = &series.name;
            notes.push(format!(
                "Each point of \"{name}\" is the mean of {block} values, the band one standard deviation."
            ));
        }
        let drawable = |p: &Point| self.x.accepts(p.x) && self.y.accepts(p.y);
        let runs: Vec<Vec<Point>> =
            points.split(|p| !drawable(p)).filter(|run| !run.is_empty()).map(<[Point]>::to_vec).collect();
        if runs.is_empty() {
            let what = format!("series \"{}\" has nothing that can be drawn", series.name);
            return Err(ReportError::Empty { figure: self.title.clone(), what });
        }
        let skipped = series.points.iter().filter(|p| !drawable(p)).count();
        if skipped > 0 {
            let (name, plural) = (&series.name, if skipped == 1 { "value is" } else { "values are" });
            notes.push(format!("{skipped} {plural} left out of \"{name}\": not finite, or not positive on a logarithmic axis."));
        }
        Ok(runs)
    }

    fn draw_bands(&self, canvas: &mut Canvas, frame: &Frame, runs: &[Vec<Vec<Point>>]) {
        let [_, top, _, bottom] = frame.edges();
        let row = |y: f64| if self.y.accepts(y) { frame.at_y(y).clamp(top, bottom) } else { bottom };
        for (i, series) in runs.iter().enumerate() {
            let parts = series.iter().flat_map(|run| run.split(|p| !p.sd.is_some_and(f64::is_finite)));
            for run in parts.filter(|run| !run.is_empty()) {
                let edge = |sign: f64| {
                    run.iter().map(move |p| (frame.at(p.x, p.y).0, row(p.y + sign * p.sd.unwrap_or(0.0))))
                };
                if run.len() > 1 {
                    let outline: Vec<_> = edge(1.0).chain(edge(-1.0).rev()).collect();
                    canvas.polygon(&outline, Ink::Series(i), 0.18);
                } else {
                    let bar: Vec<_> = edge(1.0).chain(edge(-1.0)).collect();
                    canvas.polyline(&bar, Stroke::new(Ink::Series(i), 1.5));
                }
            }
        }
    }

    /// Names in the right margin, each at the height of its line's end and moved apart where they would overlap.
    fn draw_labels(
        &self,
        canvas: &mut Canvas,
        frame: &Frame,
        runs: &[Vec<Vec<Point>>],
        baselines: &[&Baseline],
    ) {
        let [_, top, right, bottom] = frame.edges();
        let last = |series: &Vec<Vec<Point>>| {
            series.last().and_then(|run| run.last()).map_or(bottom, |p| frame.at_y(p.y))
        };
        let wanted: Vec<f64> =
            runs.iter().map(last).chain(baselines.iter().map(|b| frame.at_y(b.value))).collect();
        let rows = spread(&wanted, LABEL, top + 4.0, bottom - 4.0);
        let room = WIDTH - right - 48.0;
        for (i, (&from, &row)) in wanted.iter().zip(&rows).enumerate() {
            let sample = [(right + 4.0, from), (right + 16.0, row), (right + 36.0, row)];
            let name = if i < runs.len() {
                canvas.polyline(&sample, Stroke::new(Ink::Series(i), 1.6));
                canvas.marker((right + 28.0, row), 4.0, Marker::of_series(i), Ink::Series(i));
                &self.series[i].name
            } else {
                canvas.polyline(&sample, Stroke { ink: Ink::Muted, width: 1.6, dashed: true });
                &baselines[i - runs.len()].name
            };
            let style = TextStyle::new(SMALL, Ink::Text);
            canvas.text((right + 42.0, row + 0.35 * SMALL), &text::fit(name, SMALL, room), style);
        }
    }
}

fn draw_lines(canvas: &mut Canvas, frame: &Frame, runs: &[Vec<Vec<Point>>]) {
    for (i, series) in runs.iter().enumerate() {
        let count: usize = series.iter().map(Vec::len).sum();
        for run in series {
            let line: Vec<_> = run.iter().map(|p| frame.at(p.x, p.y)).collect();
            if line.len() > 1 {
                canvas.polyline(&line, Stroke::new(Ink::Series(i), 2.2));
            }
            if count <= MOST_MARKERS || line.len() == 1 {
                line.iter()
                    .for_each(|&place| canvas.marker(place, 4.0, Marker::of_series(i), Ink::Series(i)));
            }
        }
    }
}

/// Means and standard deviations of blocks of points where there are too many of them, and the block's length.
fn thin(points: &[Point]) -> (Vec<Point>, usize) {
    let block = points.len().div_ceil(MOST_POINTS).max(1);
    if block == 1 {
        return (points.to_vec(), 1);
    }
    let of_block = |block: &[Point]| {
        let finite: Vec<_> = block.iter().filter(|p| p.y.is_finite()).collect();
        let n = finite.len() as f64;
        let mean = |f: fn(&Point) -> f64| finite.iter().map(|p| f(p)).sum::<f64>() / n;
        let (x, y) = (mean(|p| p.x), mean(|p| p.y));
        let variance = finite.iter().map(|p| (p.y - y).powi(2)).sum::<f64>() / (n - 1.0);
        Point { x, y, sd: (n > 1.0).then_some(variance.sqrt()) }
    };
    (points.chunks(block).map(of_block).collect(), block)
}
