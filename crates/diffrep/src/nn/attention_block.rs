//! Self-attention over pixels.
use super::initialiser::{Initialiser, Weights};
use super::residual_block::group_norm;
use burn::module::Module;
use burn::nn::{GroupNorm, Linear};
use burn::tensor::Tensor;
use diffrep_backend::layers::{self, Activation, Precision};
use std::f64::consts::FRAC_1_SQRT_2;

/// Group norm, single-head attention, projection, residual addition.
#[derive(Module, Debug)]
pub(super) struct AttentionBlock {
    norm: GroupNorm,
    query: Linear,
    key: Linear,
    value: Linear,
    projection: Linear,
}

impl AttentionBlock {
    pub(super) fn new(channels: usize, init: &mut Initialiser) -> Self {
        Self {
            norm: init.group_norm(channels),
            query: init.linear(channels, channels, Weights::TENTH),
            key: init.linear(channels, channels, Weights::TENTH),
            value: init.linear(channels, channels, Weights::TENTH),
            projection: init.linear(channels, channels, Weights::NEAR_ZERO),
        }
    }

    /// `[N, H, W, C]` to the same shape.
    pub(super) fn forward(&self, x: Tensor<4>, precision: Precision) -> Tensor<4> {
        let [n, height, width, channels] = x.dims();
        let pixels = height * width;
        let h = group_norm(x.clone(), &self.norm, Activation::Identity).reshape([n * pixels, channels]);
        let project =
            |layer: &Linear| layers::linear(h.clone(), layer, precision).reshape([n, pixels, channels]);
        let (q, k, v) = (project(&self.query), project(&self.key), project(&self.value));
        let h = layers::attention(q, k, v, (channels as f64).powf(-0.5), precision);
        let h = layers::linear(h.reshape([n * pixels, channels]), &self.projection, precision);
        layers::add_scaled(x, h.reshape([n, height, width, channels]), FRAC_1_SQRT_2)
    }
}
