//! The tables of scores.
use super::parts::{missing, percent, table};
use crate::probe::Score;
use crate::report::escape::escape;
use crate::report::model::ReportData;
use crate::report::score::{self, deviation};

const HEADER: [&str; 9] = [
    "source",
    "probe",
    "t",
    "labels per class",
    "test accuracy",
    "macro-F1",
    "validation",
    "weights",
    "seeds",
];

/// The scores at the chosen t, and all of them folded away.
pub fn tables(data: &ReportData) -> String {
    if data.scores.is_empty() {
        return missing("No scores yet. They are made by", &data.measure("probe"));
    }
    let chosen = score::headlines(&data.scores);
    let best = score::of_encoder(&data.scores).and_then(|best| chosen.iter().position(|s| *s == best));
    let rows = |scores: &[&Score]| scores.iter().map(|s| row(s)).collect::<Vec<_>>();
    let first = &data.scores[0];
    let caption = format!(
        "Scores at the t chosen by validation; {} test images of {} ({})",
        first.test_rows, first.data.test_data, first.data.test_split
    );
    let all: Vec<&Score> = data.scores.iter().collect();
    let main =
        if chosen.is_empty() { String::new() } else { table("", &caption, &HEADER, &rows(&chosen), best) };
    format!(
        "{main}<details><summary>All {} scores</summary>\n{}</details>\n",
        all.len(),
        table("", "Every source, probe, t and number of labels", &HEADER, &rows(&all), None)
    )
}

fn row(s: &Score) -> Vec<String> {
    let dash = || "–".to_owned();
    vec![
        escape(&s.source),
        escape(s.probe.title()),
        match (&s.origin.levels, s.t) {
            (Some(levels), _) => format!("all {}", levels.len()),
            (None, t) => t.map_or_else(dash, |t| t.to_string()),
        },
        s.labels_per_class.map_or("all".into(), |n| n.to_string()),
        percent(s.accuracy, deviation(s)),
        percent(s.macro_f1, None),
        s.validation_accuracy.map_or_else(dash, |v| percent(v, None)),
        s.origin.weights.as_deref().map_or_else(dash, escape),
        s.seeds.len().to_string(),
    ]
}
