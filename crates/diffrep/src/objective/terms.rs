//! The terms that objectives are made of: each takes a batch and gives one number per image, `[N]`.
use super::Batch;
use super::config::{ObjectiveConfig, ReconstructionLoss};
use crate::nn::Code;
use burn::tensor::Tensor;
use burn::tensor::activation::{relu, sigmoid};
use serde::{Deserialize, Serialize};

/// How the errors of an image's pixels become one number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reduction {
    /// Half the sum.
    #[default]
    Sum,
    /// The mean.
    Mean,
}

impl Reduction {
    /// `[N, H, W, C]` to `[N]`.
    pub fn apply(self, errors: Tensor<4>) -> Tensor<1> {
        let flat: Tensor<2> = errors.flatten(1, 3);
        match self {
            Self::Sum => flat.sum_dim(1).squeeze_dim::<1>(1).mul_scalar(0.5),
            Self::Mean => flat.mean_dim(1).squeeze_dim::<1>(1),
        }
    }
}

/// `‖h + ε‖²`, where the score is h/s: the error of the score times s². `h` and `noise` are `[N, H, W, C]`.
///
/// Multiply by λ/s² for another weighting than λ = s² (Vincent, 2011; Song et al., 2021, equation 7).
pub fn denoising(h: Tensor<4>, noise: Tensor<4>, reduction: Reduction) -> Tensor<1> {
    reduction.apply((h + noise).square())
}

/// `‖z‖₁` of latents `[N, d]`.
pub fn l1(z: Tensor<2>) -> Tensor<1> {
    z.abs().sum_dim(1).squeeze_dim::<1>(1)
}

/// `KL(N(μ, σ²) ‖ N(0, I)) = ½ Σ (μ² + σ² − 1 − ln σ²)`, all `[N, d]`.
pub fn kl_divergence(mean: Tensor<2>, log_variance: Tensor<2>) -> Tensor<1> {
    let summands = mean.square() + log_variance.clone().exp() - log_variance - 1.0;
    summands.sum_dim(1).squeeze_dim::<1>(1).mul_scalar(0.5)
}

/// `‖x̂ − x‖²` of reconstructions in standardised pixels.
pub fn squared_error(reconstruction: Tensor<4>, images: Tensor<4>, reduction: Reduction) -> Tensor<1> {
    reduction.apply((reconstruction - images).square())
}

/// Binary cross-entropy of `logits` against pixels `unit` in [0, 1].
///
/// `max(l, 0) − l·x + ln(1 + e^−|l|)`, which overflows for no l; the last term is −ln σ(|l|).
pub fn binary_cross_entropy(logits: Tensor<4>, unit: Tensor<4>, reduction: Reduction) -> Tensor<1> {
    let log_term = sigmoid(logits.clone().abs()).log().neg();
    reduction.apply(relu(logits.clone()) - logits * unit + log_term)
}

/// The error of a decoder's `output` in the configuration's distance and reduction.
///
/// # Panics
/// If that is binary cross-entropy and `batch` has no [`Batch::unit`].
pub(super) fn reconstruction(config: &ObjectiveConfig, output: Tensor<4>, batch: &Batch) -> Tensor<1> {
    match config.reconstruction_loss {
        ReconstructionLoss::L2 => squared_error(output, batch.images.clone(), config.reduction),
        ReconstructionLoss::Bce => {
            let unit = batch.unit.clone().expect("binary cross-entropy is documented to need Batch::unit");
            binary_cross_entropy(output, unit, config.reduction)
        }
    }
}

/// γ times the mean regulariser: KL divergence for a probabilistic code, otherwise L1 of the latent `z`; none for γ = 0.
pub(super) fn regulariser(gamma: f64, code: &Code, z: Tensor<2>) -> Option<(&'static str, Tensor<1>)> {
    let term = || match &code.log_variance {
        Some(log_variance) => kl_divergence(code.mean.clone(), log_variance.clone()),
        None => l1(z),
    };
    (gamma > 0.0).then(|| ("regulariser", term().mean().mul_scalar(gamma)))
}
