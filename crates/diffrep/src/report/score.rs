//! The scores in a run's `probe.json`, chosen and named for tables and charts.
use super::ReportError;
use crate::probe::{ProbeKind, Score, Scores};
use std::path::Path;

/// The trained encoder's scores bear this source.
pub const ENCODER: &str = "encoder";

/// Reads the list `scores` of a `probe.json`.
///
/// # Errors
/// The file can't be read or is no such file; names the line.
pub fn read(path: &Path) -> Result<Vec<Score>, ReportError> {
    let text = std::fs::read(path).map_err(ReportError::io("read", path))?;
    let scores: Result<Scores, _> = serde_json::from_slice(&text);
    Ok(scores.map_err(|e| ReportError::json(path, &e))?.scores)
}

/// The deviation over seeds, if there was more than one.
pub fn deviation(score: &Score) -> Option<f64> {
    (score.seeds.len() > 1).then_some(score.sd)
}

/// The best encoder score (by validation accuracy, never by test accuracy) with all labels.
pub fn headline(scores: &[Score]) -> Option<&Score> {
    headlines(scores)
        .into_iter()
        .filter(|s| s.source == ENCODER)
        .max_by(|a, b| a.validation_accuracy.unwrap_or(0.0).total_cmp(&b.validation_accuracy.unwrap_or(0.0)))
}

/// The scores that stand for each source and probe: those at the t chosen by validation, with all labels.
pub fn headlines(scores: &[Score]) -> Vec<&Score> {
    scores.iter().filter(|s| s.headline && s.labels_per_class.is_none()).collect()
}

/// Distinct probes, in the order of the scores.
pub fn probes(scores: &[Score]) -> Vec<ProbeKind> {
    distinct(scores.iter().map(|s| s.probe))
}

/// Distinct sources, in the order of the scores.
pub fn sources(scores: &[Score]) -> Vec<&str> {
    distinct(scores.iter().map(|s| s.source.as_str()))
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
