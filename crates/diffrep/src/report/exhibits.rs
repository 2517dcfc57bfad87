//! The figures of a report, made from its data, each with the sentence that says what to look for.
use super::ReportError;
use super::exhibit::Exhibit;
use super::figure::{Axis, Bar, BarChart, Baseline, Ink, LineChart, Point, Series};
use super::metrics::Metrics;
use super::model::ReportData;
use super::score::{self, ENCODER};
use super::semi;
use crate::probe::{ProbeKind, Score};

/// All figures for which there are data, in the report's order.
///
/// # Errors
/// A figure's parts disagree in size.
pub fn exhibits(data: &ReportData) -> Result<Vec<Exhibit>, ReportError> {
    let mut all = training(&data.metrics)?;
    all.extend(health(&data.metrics)?);
    all.extend(accuracy(&data.scores)?);
    all.extend(few_labels(&data.scores)?);
    if let Some(analysis) = &data.analysis {
        all.extend(super::analysis(analysis)?);
    }
    all.extend(semi::exhibits(data)?);
    if let Some(scatter) = &data.scatter {
        all.push(Exhibit::new("embeddings", scatter.draw()?, SCATTER));
    }
    if let Some(grid) = &data.neighbours {
        all.push(Exhibit::new("neighbours", grid.draw()?, NEIGHBOURS));
    }
    Ok(all)
}

/// What to look for in a scatter plot of embeddings.
pub const SCATTER: &str = "Colours that form groups mean that the directions of largest variance tell classes apart; \
    mixed colours only mean that these two directions don't (the probes see all of them).";
/// What to look for in a grid of neighbours.
pub const NEIGHBOURS: &str = "What do neighbours share with the query at each t? If training has separated the levels, \
    they agree in less and less detail from left to right; often they hardly change.";

/// Loss and gradient norms.
pub fn training(metrics: &Metrics) -> Result<Vec<Exhibit>, ReportError> {
    let mut found = Vec::new();
    let chart = curves(
        metrics,
        "Loss",
        Axis::log("loss per image"),
        &[("loss", "training"), ("held_out_loss", "held out")],
    );
    if let Some(chart) = chart {
        let look_for = "The loss should fall and flatten out; a held-out line that turns upwards means over-fitting \
            (levels compare only between runs with the same data, weighting and times).";
        found.push(Exhibit::new("loss", chart.draw()?, look_for));
    }
    let norms = [
        ("gradient_norm", "all"),
        ("gradient_norm_encoder", "encoder"),
        ("gradient_norm_score", "score network"),
    ];
    if let Some(chart) =
        curves(metrics, "Gradient norms before clipping", Axis::log("Euclidean norm"), &norms)
    {
        let look_for = "The encoder's norm should stay well above zero: where it vanishes, nothing is learnt about the code.";
        found.push(Exhibit::new("gradients", chart.draw()?, look_for));
    }
    Ok(found)
}

/// z-gain, effective rank and quick kNN accuracy.
pub fn health(metrics: &Metrics) -> Result<Vec<Exhibit>, ReportError> {
    let percent = |name: &str| scaled(metrics, name, 100.0);
    let single = |stem: &str,
                  title: &str,
                  label: &str,
                  points: Option<Vec<(f64, f64)>>,
                  zero: bool,
                  look_for: &str| {
        let Some(points) = points else { return Ok(None) };
        let baselines = if zero { vec![Baseline { name: "no gain".into(), value: 0.0 }] } else { Vec::new() };
        let chart = LineChart {
            title: title.into(),
            x: Axis::linear("training step"),
            y: Axis::linear(label),
            series: vec![Series::new(title, points)],
            baselines,
        };
        Ok::<_, ReportError>(Some(Exhibit::new(stem, chart.draw()?, look_for)))
    };
    let found = [
        single(
            "z-gain",
            "z-gain",
            "loss added by another image's code, % of the loss",
            percent("z_gain_relative"),
            true,
            "It should rise above zero: the score network then denoises better with the image's own code than with \
             another's; at zero it ignores the code.",
        )?,
        single(
            "effective-rank",
            "Effective rank of the code",
            "directions in use",
            scaled(metrics, "effective_rank", 1.0),
            false,
            "It should not fall towards 1, where all images get nearly the same code up to its length.",
        )?,
        single(
            "knn",
            "Quick kNN accuracy on held-out images",
            "accuracy, %",
            percent("knn_accuracy"),
            false,
            "It shows early whether codes tell classes apart; it is no result, since health figures guide choices.",
        )?,
    ];
    Ok(found.into_iter().flatten().collect())
}

/// Accuracy against t for each probe, and the scores at the chosen t as bars.
pub fn accuracy(scores: &[Score]) -> Result<Vec<Exhibit>, ReportError> {
    let mut found = Vec::new();
    for probe in single_probes(scores) {
        let rows: Vec<_> =
            scores.iter().filter(|s| s.probe == probe && s.labels_per_class.is_none()).collect();
        let (mut series, mut baselines) = (Vec::new(), Vec::new());
        if probe == ProbeKind::Mlp {
            let whole = scores.iter().filter(|s| s.source == ENCODER && s.labels_per_class.is_none());
            let whole = whole.filter(|s| s.origin.levels.is_some() && s.accuracy.is_finite());
            let name = |s: &Score| format!("whole trajectory, {}", s.probe.title());
            baselines.extend(whole.map(|s| Baseline { name: name(s), value: 100.0 * s.accuracy }));
        }
        for source in score::sources(scores) {
            let mut points: Vec<_> = rows.iter().filter(|s| s.source == source).collect();
            points.sort_by(|a, b| a.t.unwrap_or(0.0).total_cmp(&b.t.unwrap_or(0.0)));
            match points[..] {
                [] => {}
                [one] if source != ENCODER => {
                    let name = one.t.map_or(source.to_owned(), |t| format!("{source} (t = {t})"));
                    baselines.push(Baseline { name, value: 100.0 * one.accuracy });
                }
                _ => series.push(Series {
                    name: source.to_owned(),
                    points: points.iter().map(|s| point(s.t.unwrap_or(0.0), s)).collect(),
                }),
            }
        }
        series.retain(|s: &Series| s.points.iter().any(|p| p.y.is_finite()));
        if let (false, Some(first)) = (series.is_empty(), rows.first()) {
            let name = probe.title();
            let chart = LineChart {
                title: format!("Accuracy against t, {name} probe"),
                x: Axis::linear("t, level of detail (0 = finest, 1 = coarsest)"),
                y: Axis::linear(format!("test accuracy, % ({})", deviation(first))),
                series,
                baselines,
            };
            let look_for = "The encoder should lie above random encoder and raw pixels; differences within the \
                bands are chance.";
            found.push(Exhibit::new(format!("accuracy-{}", probe.name()), chart.draw()?, look_for));
        }
    }
    let headlines = score::headlines(scores);
    if headlines.iter().any(|s| s.accuracy.is_finite()) {
        found.push(Exhibit::new("scores", bars(&headlines).draw()?, BARS));
    }
    Ok(found)
}

const BARS: &str = "A trained encoder is worth its training where its bar is longer than both baselines' with the same \
    probe by more than the error bars.";

fn bars(scores: &[&Score]) -> BarChart {
    let bar = |s: &&Score| {
        let t = s.t.map_or(String::new(), |t| format!(", t = {t}"));
        let name = format!("{}{t}, {}", s.source, s.probe.title());
        let ink = if s.source == ENCODER { Ink::Series(0) } else { Ink::Other };
        Bar { name, value: 100.0 * s.accuracy, sd: score::deviation(s).map(|sd| 100.0 * sd), ink }
    };
    BarChart {
        title: "Scores at the t chosen by validation".into(),
        label: "test accuracy, % (mean ± standard deviation over seeds)".into(),
        bars: scores.iter().map(bar).collect(),
        decimals: 1,
    }
}

/// Accuracy against the number of labels, for each probe that was trained with few.
pub fn few_labels(scores: &[Score]) -> Result<Vec<Exhibit>, ReportError> {
    let mut found = Vec::new();
    for probe in single_probes(scores) {
        let rows: Vec<_> = scores.iter().filter(|s| s.probe == probe && s.headline).collect();
        let Some(few) = rows.iter().find(|s| s.labels_per_class.is_some()) else { continue };
        let labels = |s: &Score| {
            let all = (s.train_rows + s.validation_rows) as f64 / s.classes.max(1) as f64;
            s.labels_per_class.map_or(all, |n| n as f64)
        };
        let curve = |source: &str| {
            let mut points: Vec<_> =
                rows.iter().filter(|s| s.source == source).map(|s| point(labels(s), s)).collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            Series { name: source.to_owned(), points }
        };
        let mut series: Vec<_> = score::sources(scores).into_iter().map(curve).collect();
        series.retain(|s| s.points.iter().any(|p| p.y.is_finite() && p.x > 0.0));
        if series.is_empty() {
            continue;
        }
        let chart = LineChart {
            title: format!("Few labels, {} probe at the chosen t", probe.title()),
            x: Axis::log("labels per class (last point: all training labels)"),
            y: Axis::linear(format!("test accuracy, % ({})", deviation(few))),
            series,
            baselines: Vec::new(),
        };
        let look_for = "The encoder's lead over the baselines should grow to the left, where labels are few.";
        found.push(Exhibit::new(format!("few-labels-{}", probe.name()), chart.draw()?, look_for));
    }
    Ok(found)
}

/// Probes that read one t; the others have no curve over t.
fn single_probes(scores: &[Score]) -> Vec<ProbeKind> {
    score::probes(scores).into_iter().filter(|probe| ProbeKind::SINGLE.contains(probe)).collect()
}

fn point(x: f64, s: &Score) -> Point {
    Point { x, y: 100.0 * s.accuracy, sd: score::deviation(s).map(|sd| 100.0 * sd) }
}

fn deviation(score: &Score) -> String {
    match score.seeds.len() {
        0 | 1 => "one seed".into(),
        n => format!("mean ± 1 standard deviation over {n} seeds"),
    }
}

fn scaled(metrics: &Metrics, name: &str, factor: f64) -> Option<Vec<(f64, f64)>> {
    Some(metrics.curve(name)?.iter().map(|(step, value)| (*step, factor * value)).collect())
}

/// A chart of those of the named curves that exist and that the axis can show.
fn curves(metrics: &Metrics, title: &str, y: Axis, names: &[(&str, &str)]) -> Option<LineChart> {
    let drawable = |points: &[(f64, f64)]| points.iter().any(|(_, value)| y.accepts(*value));
    let series: Vec<_> = names
        .iter()
        .filter_map(|(key, name)| Some((name, metrics.curve(key).filter(|points| drawable(points))?)))
        .map(|(name, points)| Series::new(*name, points.iter().copied()))
        .collect();
    let x = Axis::linear("training step");
    (!series.is_empty()).then(|| LineChart { title: title.into(), x, y, series, baselines: Vec::new() })
}
