//! The scores in a run's `probe.json`, as far as tables and charts need them.
use super::ReportError;
use serde::Deserialize;
use std::path::Path;

/// How well one probe did on one source at one t. Accuracies and F1 lie in [0, 1], deviations are over seeds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct ScoreRow {
    /// `encoder`, `random encoder` or `raw pixels`.
    pub source: String,
    /// Level of detail; `None` for raw pixels.
    pub t: Option<f64>,
    /// `linear`, `mlp`, `knn`.
    pub probe: String,
    /// Rows that `accuracy` is of.
    pub split: String,
    /// Mean accuracy.
    pub accuracy: f64,
    /// Its standard deviation.
    pub sd: f64,
    /// Mean macro-F1.
    pub macro_f1: Option<f64>,
    /// Mean accuracy on the validation rows.
    pub validation_accuracy: Option<f64>,
    /// True at the t that the validation rows chose.
    pub headline: bool,
    /// False where classes differ much in size, so that macro-F1 counts.
    pub balanced: Option<bool>,
    /// Labels of each class given to the probe; `None`: all.
    pub labels_per_class: Option<usize>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Number of classes.
    pub classes: usize,
    /// Rows that trained the head.
    pub train_rows: usize,
    /// Rows that chose t and hyper-parameters.
    pub validation_rows: usize,
    /// Rows behind `accuracy`.
    pub test_rows: usize,
    /// Data whose labels trained the head.
    pub train_data: String,
    /// Data that was classified.
    pub test_data: String,
    /// Rule that made the test rows.
    pub test_split: String,
    /// `ema`, `raw` or `random`.
    pub weights: Option<String>,
    /// Training step of the encoder.
    pub step: Option<u64>,
    /// Hyper-parameters.
    pub recipe: RecipeName,
}

/// The name of a probe's recipe.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RecipeName {
    /// `default` or `paper`.
    pub name: String,
}

#[derive(Deserialize)]
struct File {
    scores: Vec<serde_json::Value>,
}

/// The trained encoder's scores bear this source.
pub const ENCODER: &str = "encoder";

impl ScoreRow {
    /// Reads the list `scores` of a `probe.json`.
    ///
    /// # Errors
    /// The file can't be read or is no such file; names the score.
    pub fn read(path: &Path) -> Result<Vec<Self>, ReportError> {
        let text = std::fs::read(path).map_err(|source| ReportError::Io { path: path.into(), source })?;
        let fail = |place: String, error: serde_json::Error| {
            let reason = error.to_string();
            ReportError::Format { path: path.into(), place, reason }
        };
        let file: File = serde_json::from_slice(&text).map_err(|e| fail("list `scores`".into(), e))?;
        let parse =
            |(i, value)| serde_json::from_value(value).map_err(|e| fail(format!("score {}", i + 1), e));
        file.scores.into_iter().enumerate().map(parse).collect()
    }

    /// Name of the probe for people.
    pub fn probe_name(&self) -> &str {
        match self.probe.as_str() {
            "mlp" => "MLP",
            "knn" => "kNN",
            other => other,
        }
    }
}

/// The best encoder score (by validation accuracy, never by test accuracy) with all labels.
pub fn headline(scores: &[ScoreRow]) -> Option<&ScoreRow> {
    scores
        .iter()
        .filter(|s| s.source == ENCODER && s.headline && s.labels_per_class.is_none())
        .max_by(|a, b| a.validation_accuracy.unwrap_or(0.0).total_cmp(&b.validation_accuracy.unwrap_or(0.0)))
}

/// The scores that stand for each source and probe: those at the t chosen by validation, with all labels.
pub fn headlines(scores: &[ScoreRow]) -> Vec<&ScoreRow> {
    scores.iter().filter(|s| s.headline && s.labels_per_class.is_none()).collect()
}

/// Distinct probes, in the order of the scores.
pub fn probes(scores: &[ScoreRow]) -> Vec<&str> {
    distinct(scores.iter().map(|s| s.probe.as_str()))
}

/// Distinct sources, in the order of the scores.
pub fn sources(scores: &[ScoreRow]) -> Vec<&str> {
    distinct(scores.iter().map(|s| s.source.as_str()))
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = Vec::new();
    for name in names {
        if !seen.contains(&name) {
            seen.push(name);
        }
    }
    seen
}
