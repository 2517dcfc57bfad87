//! A score with the protocol that produced it.
use super::recipe::{ProbeKind, Recipe};
use crate::represent::{LoadedEncoder, ScoreInput};
use serde::{Deserialize, Serialize};

/// Source of the scores of an encoder's codes.
pub(super) const ENCODER: &str = "encoder";

/// The data behind a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// Data whose training split gave the labelled rows.
    pub train_data: String,
    /// Data whose test rows were classified.
    pub test_data: String,
    /// What was tested on: `test split`, `all images` of other data, or `held-out fifth` of the training split.
    pub test_split: String,
    /// Label column.
    pub label: String,
}

/// The network behind a score; all `None` for raw pixels, `step` `None` for random weights.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// `ema` or `raw` for a trained encoder, `random` for an untrained one.
    pub weights: Option<String>,
    /// Training step of the checkpoint.
    pub step: Option<u64>,
    /// `f32` or `bf16`: how the network multiplied.
    #[serde(default)]
    pub precision: Option<String>,
    /// Of a head that reads the whole trajectory, the levels of detail in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub levels: Option<Vec<f64>>,
    /// Of features of the score network, what it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub score_input: Option<ScoreInput>,
}

impl Origin {
    /// The network that `encoder` was read from.
    pub fn of(encoder: &LoadedEncoder) -> Self {
        Self {
            weights: Some(encoder.weights().to_owned()),
            step: encoder.step(),
            precision: Some(encoder.precision().name().to_owned()),
            ..Self::default()
        }
    }
}

/// How well one probe does on one source at one t, and everything needed to measure it again.
///
/// Accuracies and F1 lie in [0, 1]; deviations are over seeds (sample standard deviation). A seed draws the few
/// labels, the validation rows, the initial weights, the order of rows and dropout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// `encoder`, `random encoder`, `raw pixels`, `score BLOCK` or `encoder + score`.
    pub source: String,
    /// Level of detail in [0, 1]; `None` for raw pixels and for the whole trajectory.
    pub t: Option<f64>,
    /// Kind of probe.
    pub probe: ProbeKind,
    /// Rows that `accuracy` is of: always `test`. They are classified once, by heads already chosen.
    pub split: String,
    /// Mean accuracy over seeds.
    pub accuracy: f64,
    /// Its deviation.
    pub sd: f64,
    /// Mean macro-F1 over seeds.
    pub macro_f1: f64,
    /// Its deviation.
    pub macro_f1_sd: f64,
    /// Mean accuracy on the validation rows, which chooses t; `None` where labels are too few to hold any back.
    pub validation_accuracy: Option<f64>,
    /// Its deviation.
    pub validation_sd: Option<f64>,
    /// True at the t with the best validation accuracy of this source and probe. Few-label scores are marked at the
    /// t which all labels choose, since few labels leave next to nothing to choose with, or at the one with the best
    /// cross-validation, where that was measured.
    pub headline: bool,
    /// False if the largest class of the test rows has over 1.5 times the rows of the smallest: then read macro-F1.
    pub balanced: bool,
    /// Labels of each class given to the probe; `None`: all.
    pub labels_per_class: Option<usize>,
    /// Accuracy on the few labels by cross-validation, mean over seeds, where it was to choose t.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cross_validation: Option<f64>,
    /// Accuracy of each seed.
    pub accuracies: Vec<f64>,
    /// The seeds.
    pub seeds: Vec<u64>,
    /// Learning rate chosen on the first seed; `None` for kNN.
    pub learning_rate: Option<f64>,
    /// Epoch of each seed's head; empty for kNN.
    pub epochs: Vec<usize>,
    /// Width of the features.
    pub dim: usize,
    /// Number of classes.
    pub classes: usize,
    /// Rows that trained the head.
    pub train_rows: usize,
    /// Rows that chose learning rate, epoch and t.
    pub validation_rows: usize,
    /// Rows classified for `accuracy`.
    pub test_rows: usize,
    /// The data.
    #[serde(flatten)]
    pub data: Data,
    /// The network.
    #[serde(flatten)]
    pub origin: Origin,
    /// Hyper-parameters.
    pub recipe: Recipe,
}

impl Score {
    /// How it was measured, in one sentence.
    pub fn protocol(&self) -> String {
        let weights = match (self.origin.weights.as_deref(), self.origin.step) {
            (Some(weights), Some(step)) => format!(" {weights} weights of step {step};"),
            (Some(weights), None) => format!(" {weights} weights;"),
            _ => String::new(),
        };
        format!(
            "Protocol:{weights} probe trained on {} labelled images of {}, t and hyper-parameters chosen on {} others, \
             accuracy on {} test images of {} ({}), recipe \"{}\", {}.",
            self.train_rows,
            self.data.train_data,
            self.validation_rows,
            self.test_rows,
            self.data.test_data,
            self.data.test_split,
            self.recipe.name,
            match self.seeds.len() {
                1 => "one seed".to_owned(),
                seeds => format!("mean ± standard deviation over {seeds} seeds"),
            },
        )
    }
}

/// Contents of `probe.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// All scores of one call.
    pub scores: Vec<Score>,
    /// Words of the command that measured them, but for the run; empty in files of earlier versions.
    #[serde(default)]
    pub arguments: Vec<String>,
}

impl Scores {
    /// Whether a head of the encoder could be chosen and saved.
    pub fn leave_head(&self) -> bool {
        let encoders = |score: &&Score| score.source == ENCODER && score.probe != ProbeKind::Knn;
        self.scores.iter().filter(encoders).any(|score| score.headline && score.labels_per_class.is_none())
    }
}

/// Marks, for each probe, the score with the best validation accuracy among those with all labels (equal ones: the
/// first), and the few-label scores at the same t, or at the one that cross-validation chooses for their number of
/// labels. `scores` are of one source.
pub(super) fn mark_headlines(scores: &mut [Score]) {
    for kind in ProbeKind::all() {
        let best = scores
            .iter()
            .filter(|score| score.probe == kind && score.labels_per_class.is_none())
            .filter_map(|score| Some((score.validation_accuracy?, score.t)))
            .fold(None, |best: Option<(f64, Option<f64>)>, next| match best {
                Some(best) if best.0 >= next.0 => Some(best),
                _ => Some(next),
            });
        let Some((_, t)) = best else { continue };
        let own = |scores: &[Score], few: Option<usize>| {
            let mut same =
                scores.iter().filter(|s| s.probe == kind && few.is_some() && s.labels_per_class == few);
            same.try_fold(None, |best: Option<(f64, Option<f64>)>, score| {
                let value = score.cross_validation?;
                Some(if best.is_none_or(|best| value > best.0) { Some((value, score.t)) } else { best })
            })
        };
        let chosen: Vec<bool> = scores
            .iter()
            .map(|score| {
                let cross_validated = own(scores, score.labels_per_class).flatten();
                score.t == cross_validated.map_or(t, |(_, t)| t)
            })
            .collect();
        let marked = scores.iter_mut().zip(chosen).filter(|(score, _)| score.probe == kind);
        marked.for_each(|(score, chosen)| score.headline = chosen);
    }
}

/// The headline score, with all labels, of a source and probe.
pub fn headline<'a>(scores: &'a [Score], source: &str, probe: ProbeKind) -> Option<&'a Score> {
    scores
        .iter()
        .find(|s| s.headline && s.source == source && s.probe == probe && s.labels_per_class.is_none())
}

/// The score with the best validation accuracy (0 without one), never chosen by test accuracy; of equal ones the first, so
/// the simplest probe.
pub fn best_validated<'a>(scores: impl IntoIterator<Item = &'a Score>) -> Option<&'a Score> {
    let validation = |score: &Score| score.validation_accuracy.unwrap_or(0.0);
    scores.into_iter().reduce(|best, next| if validation(next) > validation(best) { next } else { best })
}

/// The few-label curve of a source and probe at its headline t: fewest labels first, all labels last.
pub fn few_label_scores<'a>(scores: &'a [Score], source: &str, probe: ProbeKind) -> Vec<&'a Score> {
    let mut curve: Vec<_> =
        scores.iter().filter(|s| s.headline && s.source == source && s.probe == probe).collect();
    curve.sort_by_key(|score| score.labels_per_class.unwrap_or(usize::MAX));
    curve
}
