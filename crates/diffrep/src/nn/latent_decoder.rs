//! The latent decoder: from the latent alone back to the image.
use super::Pass;
use super::architecture::Architecture;
use super::conditioning::Condition;
use super::initialiser::{Initialiser, Weights};
use super::levels::{Middle, Up};
use super::residual_block::group_norm;
use burn::module::Module;
use burn::nn::GroupNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::silu;
use diffrep_backend::layers::{self, Activation, Padding};

/// The blocks of the score network's way up without its skips, starting from the latent map.
#[derive(Module, Debug)]
pub struct LatentDecoder {
    middle: Middle,
    up: Vec<Up>,
    norm: GroupNorm,
    output: Conv2d,
}

impl LatentDecoder {
    pub(super) fn new(architecture: &Architecture, init: &mut Initialiser) -> Self {
        let &Architecture { channels, last, .. } = architecture;
        let rule = architecture.block_rule();
        Self {
            middle: Middle::new(architecture.map_channels(), rule, init),
            up: architecture.decoder_up.iter().map(|shape| Up::new(shape, rule, init)).collect(),
            norm: init.group_norm(last),
            output: init.conv2d([last, channels], 3, 1, Weights::NEAR_ZERO),
        }
    }

    /// Reconstructed images `[N, H, W, C]`: standardised pixels (L2) or logits (binary cross-entropy), as trained.
    pub fn forward(&self, condition: &Condition, pass: Pass) -> Tensor<4> {
        let embedding = silu(condition.embedding.clone());
        let mut h = self.middle.forward(condition.map.clone(), &embedding, pass, &mut |_, _| {});
        for level in &self.up {
            h = level.forward(h, &mut Vec::new(), &embedding, pass, &mut |_, _| {});
        }
        let h = group_norm(h, &self.norm, Activation::Silu);
        layers::conv2d(h, &self.output, Padding::same(1), pass.precision)
    }
}
