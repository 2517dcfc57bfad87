//! Settings of training from few labels.
use super::SemiError;
use crate::train::MOST_STEPS;
use serde::{Deserialize, Serialize};

/// What learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SemiMethod {
    /// Labels, and guesses that propagation makes anew every epoch.
    LaplaceNet,
    /// The labels alone, for as many steps: what the guesses are worth.
    Supervised,
}

/// The t that a time-conditioned encoder is fed; a static one is always fed 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimeFed {
    /// This one, in [0, 1].
    Fixed(
        /// t.
        f64,
    ),
    /// A parameter of the network, ½ at first.
    Learned,
}

/// All settings; the defaults are LaplaceNet's but for the steps, which are meant for a laptop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SemiSettings {
    /// Root of all random numbers of training.
    pub seed: u64,
    /// What learns.
    pub method: SemiMethod,
    /// Optimiser steps in all, at least 1.
    pub steps: u64,
    /// Images a step, at least 2.
    pub batch: usize,
    /// How many of them are labelled ones, where guesses are learned from too; at least 1, less than `batch`.
    pub labelled_batch: usize,
    /// Rate of the first step, positive; it falls along half a cosine to the last.
    pub learning_rate: f64,
    /// Nesterov's momentum, in [0, 1).
    pub momentum: f64,
    /// Weight decay, at least 0.
    pub weight_decay: f64,
    /// Whether images and targets are mixed, with a weight uniform in [0, 1] (Beta(1, 1)), one a step.
    pub mixup: bool,
    /// Augmented views of each image a step, at least 1.
    pub views: u16,
    /// Passes over the labels before the first guesses, as far as they fit into a tenth of the steps; a pass is one step
    /// at least.
    pub supervised_passes: u64,
    /// Probability of a mirrored view.
    pub flip: f64,
    /// The t that the encoder is fed.
    pub time: TimeFed,
    /// Neighbours of each image in the graph, at least 1.
    pub neighbours: usize,
    /// How far labels spread, in [0, 1).
    pub alpha: f64,
}

impl Default for SemiSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            method: SemiMethod::LaplaceNet,
            steps: 3000,
            batch: 100,
            labelled_batch: 50,
            learning_rate: 0.03,
            momentum: 0.9,
            weight_decay: 5e-4,
            mixup: true,
            views: 1,
            supervised_passes: 100,
            flip: 0.5,
            time: TimeFed::Fixed(0.0),
            neighbours: 50,
            alpha: 0.99,
        }
    }
}

impl SemiSettings {
    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting, its value and its range.
    pub fn check(&self) -> Result<(), SemiError> {
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let fits = self.labelled_batch >= 1 && self.labelled_batch < self.batch;
        let fed = match self.time {
            TimeFed::Fixed(t) => (0.0..=1.0).contains(&t),
            TimeFed::Learned => true,
        };
        let checks = [
            ("steps", self.steps.to_string(), (1..=MOST_STEPS).contains(&self.steps), "1 to 4 000 000 000"),
            ("batch", self.batch.to_string(), (2..=1 << 20).contains(&self.batch), "2 to 1 048 576"),
            ("labelled_batch", self.labelled_batch.to_string(), fits, "1 to batch − 1"),
            (
                "learning_rate",
                self.learning_rate.to_string(),
                positive(self.learning_rate),
                "a positive number",
            ),
            (
                "momentum",
                self.momentum.to_string(),
                (0.0..1.0).contains(&self.momentum),
                "a number in [0, 1)",
            ),
            (
                "weight_decay",
                self.weight_decay.to_string(),
                (0.0..1.0).contains(&self.weight_decay),
                "0 to 1",
            ),
            ("views", self.views.to_string(), (1..=16).contains(&self.views), "1 to 16"),
            ("flip", self.flip.to_string(), (0.0..=1.0).contains(&self.flip), "a probability"),
            ("time", format!("{:?}", self.time), fed, "a t in [0, 1] or `learned`"),
            ("neighbours", self.neighbours.to_string(), self.neighbours >= 1, "at least 1"),
            ("alpha", self.alpha.to_string(), (0.0..1.0).contains(&self.alpha), "a number in [0, 1)"),
        ];
        match checks.into_iter().find(|(_, _, fits, _)| !fits) {
            None => Ok(()),
            Some((name, value, _, expected)) => Err(SemiError::Setting { name, value, expected }),
        }
    }
}
