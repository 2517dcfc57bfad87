//! One optimiser step: loss, gradient, clipping, Adam with the moving average.
use super::checkpoint::{Progress, State};
use super::{Config, StepFigures, StepPart, ema};
use crate::nn::parameters::{self, Kind, Layout};
use crate::nn::{Mode, Model, Pass};
use crate::objective::{Batch, Losses, Objective};
use crate::random::Seed;
use burn::tensor::Tensor;
use diffrep_kernels::{Team, adam};
use std::ops::Range;

/// A loss or a gradient that is no number; the weights are those before the step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NotFinite(pub &'static str);

/// The model with its optimiser. All buffers lie in the layout's order, so that gradients are one flat buffer.
pub(super) struct Learner {
    model: Model,
    layout: Layout,
    weights: Vec<f32>,
    ema: Vec<f32>,
    first_moment: Vec<f32>,
    second_moment: Vec<f32>,
    encoder: Range<usize>,
    score: Range<usize>,
    team: Team,
}

impl Learner {
    /// Starts from the model's weights, which are on a device with autodiff.
    pub fn new(model: Model) -> Self {
        let layout = Layout::of(&model);
        let weights = parameters::gather(&model);
        let zeros = vec![0.0; weights.len()];
        Self {
            ema: weights.clone(),
            first_moment: zeros.clone(),
            second_moment: zeros,
            encoder: part(&layout, "encoder."),
            score: part(&layout, "score."),
            team: Team::new(),
            model,
            layout,
            weights,
        }
    }

    /// Takes up the buffers of a checkpoint.
    pub fn restore(&mut self, state: State) {
        self.model = parameters::scatter(&self.model, &state.weights);
        self.weights = state.weights;
        self.ema = state.ema;
        self.first_moment = state.first_moment;
        self.second_moment = state.second_moment;
    }

    /// Starts from other weights, with a fresh optimiser.
    pub fn start_from(&mut self, weights: Vec<f32>) {
        *self = Self::new(parameters::scatter(&self.model, &weights));
    }

    /// The buffers, for a checkpoint.
    pub fn state(&self, progress: Progress) -> State {
        State {
            progress,
            weights: self.weights.clone(),
            ema: self.ema.clone(),
            first_moment: self.first_moment.clone(),
            second_moment: self.second_moment.clone(),
        }
    }

    /// Names and shapes of all tensors.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The averaged weights in the layout's order.
    pub fn ema(&self) -> &[f32] {
        &self.ema
    }

    /// Makes step `step` (counted from 0) with the rate `learning_rate`; `done` is told when a part is over.
    pub fn step(
        &mut self,
        objective: &dyn Objective,
        batch: &Batch,
        config: &Config,
        step: u64,
        learning_rate: f64,
        done: &mut dyn FnMut(StepPart),
    ) -> Result<StepFigures, NotFinite> {
        let (train, optimiser) = (&config.train, &config.optimiser);
        let (seed, precision) = (Seed(config.seed), train.precision);
        let pass = Pass { mode: Mode::Train, precision, seed, step: step as u32 };
        let losses = self.team.run(|| objective.loss(&self.model, batch, pass));
        let (loss, parts) = read(&losses);
        done(StepPart::Forward);
        if !loss.is_finite() {
            return Err(NotFinite("loss"));
        }
        let gradients = self.team.run(|| parameters::gather_gradients(&self.model, &losses.total.backward()));
        done(StepPart::Backward);
        let norm = adam::global_norm(&gradients);
        if !norm.is_finite() {
            return Err(NotFinite("gradient"));
        }
        // The forward pass has moved the running statistics.
        self.weights = parameters::gather(&self.model);
        let plan = adam::Step {
            number: step + 1,
            learning_rate,
            beta1: optimiser.beta1,
            beta2: optimiser.beta2,
            epsilon: optimiser.epsilon,
            // None on purpose: the buffers hold running statistics too, which must not decay.
            weight_decay: 0.0,
            gradient_scale: clip_factor(norm, train.clip),
            ema_decay: ema::decay_at(step + 1, train.ema_decay),
        };
        let (m, v) = (&mut self.first_moment, &mut self.second_moment);
        adam::step(&plan, &mut self.weights, &gradients, m, v, &mut self.ema);
        self.keep_frozen();
        self.model = parameters::scatter(&self.model, &self.weights);
        let figures = StepFigures {
            loss,
            parts,
            gradient_norm: norm,
            gradient_norm_encoder: adam::global_norm(&gradients[self.encoder.clone()]),
            gradient_norm_score: (!self.score.is_empty())
                .then(|| adam::global_norm(&gradients[self.score.clone()])),
        };
        done(StepPart::Optimiser);
        Ok(figures)
    }

    /// The average of a constant is the constant, but for rounding, which would add up.
    fn keep_frozen(&mut self) {
        for entry in self.layout.entries().iter().filter(|entry| entry.kind == Kind::Frozen) {
            self.ema[entry.range.clone()].copy_from_slice(&self.weights[entry.range.clone()]);
        }
    }
}

/// The factor that brings a gradient of this norm down to `limit`, 1 if it is shorter
/// (as PyTorch's `clip_grad_norm_`: `limit / (norm + 1e-6)`, at most 1).
fn clip_factor(norm: f64, limit: f64) -> f64 {
    (limit / (norm + 1e-6)).min(1.0)
}

/// Where the tensors of one field of the model lie; they are visited one after another.
fn part(layout: &Layout, prefix: &str) -> Range<usize> {
    let mut ranges = layout.entries().iter().filter(|e| e.name.starts_with(prefix)).map(|e| &e.range);
    match (ranges.next(), ranges.next_back()) {
        (Some(first), Some(last)) => first.start..last.end,
        (Some(only), None) => only.clone(),
        _ => 0..0,
    }
}

/// The losses as numbers.
pub(super) fn read(losses: &Losses) -> (f64, Vec<(&'static str, f64)>) {
    let number = |tensor: &Tensor<1>| f64::from(tensor.clone().into_scalar::<f32>());
    (number(&losses.total), losses.parts.iter().map(|(name, value)| (*name, number(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_gradient_is_scaled() {
        assert_eq!(clip_factor(0.5, 1.0), 1.0);
        assert!((clip_factor(4.0, 1.0) - 0.25).abs() < 1e-6);
        assert_eq!(clip_factor(0.0, 1.0), 1.0);
    }
}
