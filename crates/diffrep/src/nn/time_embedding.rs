//! The embedding of time: Gaussian Fourier features of ln σ(t), then a small MLP.
use super::initialiser::{Initialiser, Weights};
use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, silu};

/// Standard deviation of the frequencies.
const FOURIER_SCALE: f32 = 16.0;

/// `[sin, cos](2π ln σ · W)` → Linear → SiLU → Linear, W frozen
/// (Tancik et al., "Fourier features let networks learn high frequency functions", 2020).
#[derive(Module, Debug)]
pub struct TimeEmbedding {
    frequencies: Param<Tensor<1>>,
    hidden: Linear,
    output: Linear,
    learned_time: Option<Param<Tensor<1>>>,
}

impl TimeEmbedding {
    /// `features` frequencies, `4·features` outputs. `learned_time` adds the published code's parameter of that name.
    pub(super) fn new(features: usize, learned_time: bool, init: &mut Initialiser) -> Self {
        let width = Self::width(features);
        Self {
            frequencies: init.frozen_normal(features, FOURIER_SCALE),
            hidden: init.linear(2 * features, width, Weights::UNIT),
            output: init.linear(width, width, Weights::UNIT),
            learned_time: learned_time.then(|| init.constant([1], 0.0)),
        }
    }

    /// Width of the embedding.
    pub(super) const fn width(features: usize) -> usize {
        4 * features
    }

    /// The embedding `[N, 4·features]` of `log_sigma` `[N]`, ln σ(t).
    ///
    /// The argument reaches 1,000, so the order of its f32 roundings is part of the definition: `((ln σ · W) · 2) · π`.
    pub fn forward(&self, log_sigma: Tensor<1>) -> Tensor<2> {
        let angle = log_sigma.unsqueeze_dim::<2>(1) * self.frequencies.val().unsqueeze::<2>();
        let angle = angle.mul_scalar(2.0f32).mul_scalar(std::f32::consts::PI);
        let features = Tensor::cat(vec![angle.clone().sin(), angle.cos()], 1);
        self.output.forward(silu(self.hidden.forward(features)))
    }

    /// The time in (0, 1) that fine-tuning on a task has learned, if the checkpoint holds one.
    pub fn learned_time(&self) -> Option<f32> {
        self.learned().map(|t| t.into_scalar::<f32>())
    }

    /// The same as a tensor `[1]` that carries gradients.
    pub(super) fn learned(&self) -> Option<Tensor<1>> {
        self.learned_time.as_ref().map(|t| sigmoid(t.val()))
    }
}
