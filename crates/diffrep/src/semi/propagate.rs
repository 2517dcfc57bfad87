//! From features and few labels to a guess for every image.
use super::align::align;
use super::{Graph, PartialLabels, SemiError, Stop, solve};
use crate::measure::{Whitening, first_largest};
use serde::{Deserialize, Serialize};

/// Settings of a propagation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Propagation {
    /// Neighbours of each point, at least 1.
    pub k: usize,
    /// How far labels spread, in [0, 1).
    pub alpha: f64,
    /// When the solver stops.
    pub stop: Stop,
    /// Whether the classes' shares are aligned with those of the labels.
    pub align: bool,
    /// Whether features are whitened first ([`Whitening::for_angles`]); published: no. Codes that have a large
    /// part in common are all alike by angle without it.
    pub whiten: bool,
}

impl Default for Propagation {
    fn default() -> Self {
        Self { k: 50, alpha: 0.99, stop: Stop::default(), align: true, whiten: false }
    }
}

/// A guess for every image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Propagated {
    /// Classes.
    pub classes: usize,
    /// Probability of each class `[N, classes]`, before alignment; rows sum to 1, labelled ones are one-hot.
    pub spread: Vec<f64>,
    /// The same after alignment.
    pub probabilities: Vec<f64>,
    /// `1 − entropy / ln classes` of each row: 1 is certain (and labelled), 0 knows nothing.
    pub weights: Vec<f64>,
    /// Rows that no label reaches over the graph: theirs are uniform.
    pub unreached: Vec<bool>,
    /// Most iterations that a class took.
    pub iterations: usize,
    /// Largest relative residual of a class.
    pub residual: f64,
    /// Whether the solver met its tolerance for every class.
    pub converged: bool,
}

impl Propagated {
    /// The most probable class of each row, the first of equal ones.
    pub fn guesses(&self) -> Vec<u32> {
        self.probabilities.chunks(self.classes).map(|row| first_largest(row) as u32).collect()
    }
}

/// Spreads `labels` over the graph of `features` `[N, dim]`: `(I − α S) F = Y`, negative values clipped, rows made to sum
/// to 1, then alignment.
///
/// # Errors
/// Features that are not finite or of another number of images; a setting out of range.
pub fn propagate(
    features: &[f32],
    dim: usize,
    labels: &PartialLabels,
    settings: &Propagation,
) -> Result<Propagated, SemiError> {
    let (rows, classes) = (labels.values().len(), labels.classes());
    if features.len() != rows * dim {
        return Err(SemiError::Rows { found: features.len() / dim.max(1), dim, expected: rows });
    }
    if !(0.0..1.0).contains(&settings.alpha) {
        let value = settings.alpha.to_string();
        return Err(SemiError::Setting { name: "alpha", value, expected: "a number in [0, 1)" });
    }
    // Features that can't be whitened are told by the graph, or all alike.
    let whitening = settings.whiten.then(|| Whitening::for_angles(features, dim)).flatten();
    let graph = match whitening {
        Some(whitening) => Graph::new(&whitening.apply(features), whitening.components(), settings.k)?,
        None => Graph::new(features, dim, settings.k)?,
    };
    let mut right = vec![0.0; rows * classes];
    for (row, label) in labels.values().iter().enumerate() {
        if let Some(label) = label {
            right[row * classes + *label as usize] = 1.0;
        }
    }
    let solution = solve(&graph, &right, classes, settings.alpha, settings.stop);
    let unreached = graph.unreached(&labels.labelled());
    let mut spread = solution.values;
    for (row, &unreached) in spread.chunks_mut(classes).zip(&unreached) {
        row.iter_mut().for_each(|value| *value = value.max(0.0));
        let sum: f64 = row.iter().sum();
        // A solver that was stopped early may leave nothing of a far point either.
        if unreached || sum <= 0.0 {
            row.fill(1.0 / classes as f64);
        } else {
            row.iter_mut().for_each(|value| *value /= sum);
        }
    }
    labels.clamp(&mut spread);
    let mut probabilities = spread.clone();
    if settings.align {
        align(&mut probabilities, labels, &unreached);
    }
    let weights = probabilities.chunks(classes).map(certainty).collect();
    let iterations = solution.iterations.into_iter().max().unwrap_or(0);
    let residual = solution.residuals.into_iter().fold(0.0, f64::max);
    let converged = solution.converged;
    Ok(Propagated { classes, spread, probabilities, weights, unreached, iterations, residual, converged })
}

/// `1 − entropy / ln classes`; with one class, 1.
pub(super) fn certainty(row: &[f64]) -> f64 {
    if row.len() < 2 {
        return 1.0;
    }
    let entropy: f64 = row.iter().filter(|p| **p > 0.0).map(|p| -p * p.ln()).sum();
    1.0 - entropy / (row.len() as f64).ln()
}
