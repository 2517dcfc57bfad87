//! Sums over the steps since the last line of metrics; part of a checkpoint, so that a resumed run prints the same lines.
use serde::{Deserialize, Serialize};

/// Figures of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct StepFigures {
    /// The objective.
    pub loss: f64,
    /// Its summands by name.
    pub parts: Vec<(&'static str, f64)>,
    /// Norm of the whole gradient before clipping.
    pub gradient_norm: f64,
    /// Norm of the encoder's part.
    pub gradient_norm_encoder: f64,
    /// Norm of the score network's part, where there is one.
    pub gradient_norm_score: Option<f64>,
}

/// Sums of [`StepFigures`] by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Window {
    /// Number of steps summed.
    pub steps: u64,
    loss: f64,
    parts: Vec<(String, f64)>,
    gradient_norm: f64,
    gradient_norm_encoder: f64,
    gradient_norm_score: Option<f64>,
}

/// Means over a window, in the order of [`StepFigures`].
pub(crate) struct Means {
    pub loss: f64,
    pub parts: serde_json::Map<String, serde_json::Value>,
    pub gradient_norm: f64,
    pub gradient_norm_encoder: f64,
    pub gradient_norm_score: Option<f64>,
}

impl Window {
    /// Adds a step.
    pub fn add(&mut self, figures: &StepFigures) {
        if self.steps == 0 {
            self.parts = figures.parts.iter().map(|(name, _)| (name.to_string(), 0.0)).collect();
            self.gradient_norm_score = figures.gradient_norm_score.map(|_| 0.0);
        }
        self.steps += 1;
        self.loss += figures.loss;
        for ((_, sum), (_, value)) in self.parts.iter_mut().zip(&figures.parts) {
            *sum += value;
        }
        self.gradient_norm += figures.gradient_norm;
        self.gradient_norm_encoder += figures.gradient_norm_encoder;
        if let (Some(sum), Some(norm)) = (&mut self.gradient_norm_score, figures.gradient_norm_score) {
            *sum += norm;
        }
    }

    /// The means over the window, which is empty afterwards.
    pub(crate) fn close(&mut self) -> Means {
        let window = std::mem::take(self);
        let count = window.steps.max(1) as f64;
        Means {
            loss: window.loss / count,
            parts: window.parts.into_iter().map(|(name, sum)| (name, (sum / count).into())).collect(),
            gradient_norm: window.gradient_norm / count,
            gradient_norm_encoder: window.gradient_norm_encoder / count,
            gradient_norm_score: window.gradient_norm_score.map(|sum| sum / count),
        }
    }
}
