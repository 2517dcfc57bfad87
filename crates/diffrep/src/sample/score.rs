//! What samplers ask of a model.
use std::cell::Cell;

/// The score of a family of distributions, ∇ₓ log p_t(x).
///
/// Images are rows of D numbers here, whatever their shape: samplers act on each number alike.
pub trait ScoreFunction {
    /// Numbers an image, D.
    fn dim(&self) -> usize;

    /// The scores `[N, D]` of images `x` `[N, D]` at `t`, in [ε, 1].
    fn score(&self, x: &[f32], t: f64) -> Vec<f32>;
}

/// A score that can be differentiated: what likelihoods need.
pub trait DifferentiableScore: ScoreFunction {
    /// The scores `[N, D]`, and image by image the product `vᵀ ∂score/∂x` `[N, D]` of `v` `[N, D]` with their
    /// Jacobian.
    fn pull_back(&self, x: &[f32], t: f64, v: &[f32]) -> (Vec<f32>, Vec<f32>);
}

/// A score that counts how often it is evaluated, and tells somebody.
pub(super) struct Counted<'a> {
    score: &'a dyn ScoreFunction,
    count: Cell<usize>,
    progress: &'a dyn Fn(usize),
}

impl<'a> Counted<'a> {
    pub(super) fn new(score: &'a dyn ScoreFunction, progress: &'a dyn Fn(usize)) -> Self {
        Self { score, count: Cell::new(0), progress }
    }

    pub(super) fn count(&self) -> usize {
        self.count.get()
    }
}

impl ScoreFunction for Counted<'_> {
    fn dim(&self) -> usize {
        self.score.dim()
    }

    fn score(&self, x: &[f32], t: f64) -> Vec<f32> {
        let scores = self.score.score(x, t);
        self.count.set(self.count.get() + 1);
        (self.progress)(self.count.get());
        scores
    }
}
