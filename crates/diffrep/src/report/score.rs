//! The scores in a run's `probe.json`, chosen and named for tables and charts.
use super::ReportError;
use crate::probe::{ProbeKind, Score, Scores, best_validated};
use std::path::Path;

/// The trained encoder's scores bear this source.
pub const ENCODER: &str = "encoder";

/// What the sources of the score network's blocks begin with.
const BLOCK: &str = "score ";

/// Reads a `probe.json`.
///
/// # Errors
/// The file can't be read or is no such file; names the line.
pub fn read(path: &Path) -> Result<Scores, ReportError> {
    let text = std::fs::read(path).map_err(ReportError::io("read", path))?;
    serde_json::from_slice(&text).map_err(|e| ReportError::json(path, &e))
}

/// The deviation over seeds, if there was more than one.
pub fn deviation(score: &Score) -> Option<f64> {
    (score.seeds.len() > 1).then_some(score.sd)
}

/// The encoder's best score by validation accuracy with all labels: that of the saved head.
pub fn of_encoder(scores: &[Score]) -> Option<&Score> {
    best_validated(headlines(scores).into_iter().filter(|s| s.source == ENCODER))
}

/// The scores that stand for each source and probe: those at the t chosen by validation, with all labels.
pub fn headlines(scores: &[Score]) -> Vec<&Score> {
    let shown = sources(scores);
    let stands =
        |s: &&Score| s.headline && s.labels_per_class.is_none() && shown.contains(&s.source.as_str());
    scores.iter().filter(stands).collect()
}

/// Distinct probes, in the order of the scores.
pub fn probes(scores: &[Score]) -> Vec<ProbeKind> {
    distinct(scores.iter().map(|s| s.probe))
}

/// Distinct sources, in the order of the scores; of several blocks of the score network only the one with the best
/// validation accuracy.
pub fn sources(scores: &[Score]) -> Vec<&str> {
    let best =
        best_validated(scores.iter().filter(|s| s.source.starts_with(BLOCK))).map(|s| s.source.as_str());
    let all = distinct(scores.iter().map(|s| s.source.as_str()));
    all.into_iter().filter(|source| !source.starts_with(BLOCK) || Some(*source) == best).collect()
}

fn distinct<T: PartialEq>(names: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}
