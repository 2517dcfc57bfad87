//! The figures of a comparison.
use super::Budget;
use super::record::{CellRecord, StudyRecord};
use super::table::{accuracy, arms, budgets, few_label_accuracy, few_labels, probes};
use crate::probe::{ProbeKind, headline, mean_and_sd};
use crate::report::ReportError;
use crate::report::figure::{Axis, Baseline, Figure, LineChart, Point, Series};
use std::collections::BTreeSet;

/// A figure and the name of its files.
#[derive(Clone, Debug)]
pub(super) struct Exhibit {
    pub(super) stem: String,
    pub(super) figure: Figure,
}

/// What accuracy is drawn against, by the ends of the figures' names.
const AGAINST: [&str; 4] = ["t", "labels", "images", "minutes"];

/// Names of all figures that a comparison can have.
pub(super) fn stems() -> impl Iterator<Item = String> {
    ProbeKind::SINGLE.into_iter().flat_map(|probe| AGAINST.map(|what| stem(probe, what)))
}

fn stem(probe: ProbeKind, what: &str) -> String {
    format!("{}-{what}", probe.name())
}

/// Accuracy against t, against labels a class and against images seen, where there is more than one of them.
pub(super) fn exhibits(record: &StudyRecord) -> Result<Vec<Exhibit>, ReportError> {
    let mut found = Vec::new();
    let Some(&last) = budgets(record).last() else { return Ok(found) };
    for probe in probes(record) {
        let budget = if matches!(last, Budget::Images(_)) { "images" } else { "minutes" };
        let charts = [
            ("t", against_t(record, probe, last)),
            ("labels", against_labels(record, probe, last)),
            (budget, against_budget(record, probe)),
        ];
        for (what, chart) in charts {
            let Some(mut chart) = chart else { continue };
            chart.series.retain(|line| !line.points.is_empty());
            // A chart needs a line.
            if !chart.series.is_empty() {
                found.push(Exhibit { stem: stem(probe, what), figure: chart.draw()? });
            }
        }
    }
    Ok(found)
}

fn title(probe: ProbeKind) -> &'static str {
    match probe {
        ProbeKind::Linear => "linear probe",
        ProbeKind::Mlp => "MLP probe",
        other => other.title(),
    }
}

/// A line for each method: horizontal where the code doesn't depend on t.
fn against_t(record: &StudyRecord, probe: ProbeKind, budget: Budget) -> Option<LineChart> {
    let mut series = Vec::new();
    for arm in arms(record) {
        let cells = cells(record, arm, budget);
        if cells.iter().any(|cell| cell.time_conditioned) {
            let levels = cells.first()?.protocol.t.clone();
            let points = levels.into_iter().filter_map(|t| {
                let at = |cell: &&CellRecord| {
                    let scores = cell.scores.iter();
                    let mut here = scores.filter(|s| s.probe == probe && s.labels_per_class.is_none());
                    Some(here.find(|s| s.t == Some(t))?.accuracy)
                };
                point(t, &cells.iter().filter_map(at).collect::<Vec<_>>())
            });
            let mut points: Vec<Point> = points.collect();
            points.sort_by(|a, b| a.x.total_cmp(&b.x));
            series.push(Series { name: arm.to_owned(), points });
        } else {
            let values: Vec<f64> =
                cells.iter().filter_map(|cell| accuracy(&cell.scores, probe, None)).collect();
            // A flat line, in a colour of its own, over the whole range.
            let flat: Vec<Point> = [0.0, 1.0].into_iter().filter_map(|t| point(t, &values)).collect();
            series.push(Series { name: arm.to_owned(), points: flat });
        }
    }
    let x = Axis::linear("level of detail t (0 fine, 1 coarse)");
    let title = format!("Accuracy after {budget}, {}", title(probe));
    Some(LineChart { title, x, y: accuracy_axis(record), series, baselines: untrained(record, probe) })
}

/// A line for each method over the numbers of labels a class.
fn against_labels(record: &StudyRecord, probe: ProbeKind, budget: Budget) -> Option<LineChart> {
    let counts = few_labels(record);
    if counts.len() < 2 {
        return None;
    }
    let line = |name: &str, values: &dyn Fn(usize) -> Vec<f64>| {
        let points = counts.iter().filter_map(|&count| point(count as f64, &values(count)));
        Series { name: name.to_owned(), points: points.collect() }
    };
    let mut series: Vec<Series> = arms(record)
        .into_iter()
        .map(|arm| {
            let cells = cells(record, arm, budget);
            line(arm, &|count| {
                cells.iter().filter_map(|cell| few_label_accuracy(cell, probe, count)).collect()
            })
        })
        .collect();
    series.push(line("raw pixels", &|count| {
        let chosen = record.baselines.iter().filter(|score| {
            score.headline
                && score.source == "raw pixels"
                && score.probe == probe
                && score.labels_per_class == Some(count)
        });
        chosen.map(|score| score.accuracy).collect()
    }));
    let title = format!("Accuracy with few labels after {budget}, {}", title(probe));
    let (x, y) = (Axis::log("labels a class"), accuracy_axis(record));
    Some(LineChart { title, x, y, series, baselines: Vec::new() })
}

/// A line for each method over the budgets.
fn against_budget(record: &StudyRecord, probe: ProbeKind) -> Option<LineChart> {
    let budgets = budgets(record);
    let axis = budgets.first().filter(|_| budgets.len() > 1)?.axis();
    let line = |arm: &str| {
        let point = |&budget: &Budget| {
            let cells = cells(record, arm, budget);
            let values: Vec<f64> =
                cells.iter().filter_map(|cell| accuracy(&cell.scores, probe, None)).collect();
            point(budget.amount(), &values)
        };
        Series { name: arm.to_owned(), points: budgets.iter().filter_map(point).collect() }
    };
    let series = arms(record).into_iter().map(line).collect();
    let title = format!("Accuracy against training, {}", title(probe));
    let (x, y) = (Axis::log(axis), accuracy_axis(record));
    Some(LineChart { title, x, y, series, baselines: untrained(record, probe) })
}

/// What needs no training, to see what is gained by it.
fn untrained(record: &StudyRecord, probe: ProbeKind) -> Vec<Baseline> {
    let found = ["raw pixels", "random encoder"].into_iter().filter_map(|source| {
        let score = headline(&record.baselines, source, probe)?;
        Some(Baseline { name: source.to_owned(), value: 100.0 * score.accuracy })
    });
    found.collect()
}

fn cells<'a>(record: &'a StudyRecord, arm: &str, budget: Budget) -> Vec<&'a CellRecord> {
    record.cells.iter().filter(|cell| cell.arm == arm && cell.budget() == budget).collect()
}

/// Mean in %, with the deviation between seeds where there are several.
fn point(x: f64, values: &[f64]) -> Option<Point> {
    let (mean, sd) = mean_and_sd(values);
    (!values.is_empty()).then(|| Point { x, y: 100.0 * mean, sd: (values.len() > 1).then_some(100.0 * sd) })
}

/// What the vertical axis shows: of which images, and what a band means.
fn accuracy_axis(record: &StudyRecord) -> Axis {
    let rows = if record.cells.iter().all(|cell| cell.protocol.test) { "test" } else { "validation" };
    let seeds = record.cells.iter().map(|cell| cell.seed).collect::<BTreeSet<_>>().len();
    Axis::linear(match seeds {
        0 | 1 => format!("accuracy on {rows} images, %"),
        seeds => {
            format!("accuracy on {rows} images, % (mean ± standard deviation over {seeds} training seeds)")
        }
    })
}
