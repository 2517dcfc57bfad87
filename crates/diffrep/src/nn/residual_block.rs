//! The residual block of the score network.
use super::Pass;
use super::config::BlockConditioning;
use super::initialiser::{Initialiser, Weights};
use crate::random::Purpose;
use burn::module::{Module, Param};
use burn::nn::conv::Conv2d;
use burn::nn::{GroupNorm, Linear};
use burn::tensor::Tensor;
use diffrep_backend::layers::{self, Activation, Padding};
use std::f64::consts::FRAC_1_SQRT_2;

/// What a block does to the side of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resample {
    Keep,
    Double,
    Halve,
}

/// Shape of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockShape {
    pub input: usize,
    pub output: usize,
    pub resample: Resample,
}

impl BlockShape {
    /// Whether the input needs a convolution of its own before it is added to the output.
    pub(super) fn projects(self) -> bool {
        self.input != self.output || self.resample != Resample::Keep
    }
}

/// What all blocks of a network share.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockRule {
    /// Width of the joint embedding.
    pub embedding: usize,
    /// Dropout rate.
    pub dropout: f64,
    /// How the embedding enters.
    pub conditioning: BlockConditioning,
}

impl BlockRule {
    /// Numbers that the embedding becomes in a block of `output` channels.
    pub(super) fn told(self, output: usize) -> usize {
        match self.conditioning {
            BlockConditioning::Shift => output,
            BlockConditioning::ScaleShift => 2 * output,
        }
    }
}

/// BigGAN's residual block, told the joint embedding between its convolutions
/// (Brock et al., 2019; Song et al., 2021, appendix H).
#[derive(Module, Debug)]
pub(super) struct ResidualBlock {
    norm1: GroupNorm,
    conv1: Conv2d,
    embedding: Linear,
    norm2: GroupNorm,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
    dropout: f64,
    layer: usize,
    #[module(skip)]
    resample: Resample,
    #[module(skip)]
    conditioning: BlockConditioning,
}

impl ResidualBlock {
    pub(super) fn new(shape: BlockShape, rule: BlockRule, init: &mut Initialiser) -> Self {
        let BlockShape { input, output, resample } = shape;
        Self {
            norm1: init.group_norm(input),
            conv1: init.conv2d([input, output], 3, 1, Weights::UNIT),
            embedding: init.linear(rule.embedding, rule.told(output), Weights::UNIT),
            norm2: init.group_norm(output),
            conv2: init.conv2d([output, output], 3, 1, Weights::NEAR_ZERO),
            shortcut: shape.projects().then(|| init.conv2d([input, output], 1, 1, Weights::UNIT)),
            dropout: rule.dropout,
            layer: init.dropout_layer(),
            resample,
            conditioning: rule.conditioning,
        }
    }

    /// `embedding` is the joint embedding `[N, E]` after SiLU, the same for all blocks.
    pub(super) fn forward(&self, x: Tensor<4>, embedding: &Tensor<2>, pass: Pass) -> Tensor<4> {
        let h = group_norm(x.clone(), &self.norm1, Activation::Silu);
        let (h, x) = match self.resample {
            Resample::Keep => (h, x),
            Resample::Double => (layers::upsample_nearest(h), layers::upsample_nearest(x)),
            Resample::Halve => (layers::downsample_mean(h), layers::downsample_mean(x)),
        };
        let h = layers::conv2d(h, &self.conv1, Padding::same(1), pass.precision);
        let told = layers::linear(embedding.clone(), &self.embedding, pass.precision);
        let h = match self.conditioning {
            BlockConditioning::Shift => {
                group_norm(layers::add_bias_per_image(h, told), &self.norm2, Activation::Silu)
            }
            BlockConditioning::ScaleShift => scaled_and_shifted(h, &self.norm2, told),
        };
        let key = pass.seed.key(Purpose::Dropout, self.layer as u16, pass.step);
        let h = layers::dropout(h, self.dropout, key, pass.mode);
        let x = match &self.shortcut {
            Some(shortcut) => layers::conv2d(x, shortcut, Padding::same(0), pass.precision),
            None => x,
        };
        layers::conv2d_add(h, &self.conv2, x, FRAC_1_SQRT_2, Padding::same(1), pass.precision)
    }
}

/// Group norm with the parameters of `norm`, then `activation`.
pub(super) fn group_norm(x: Tensor<4>, norm: &GroupNorm, activation: Activation) -> Tensor<4> {
    let (gamma, beta) = parameters(norm);
    layers::group_norm(x, gamma, beta, norm.num_groups, norm.epsilon, activation)
}

/// `SiLU(norm(x)·(1 + scale) + shift)`, where each row of `told` `[N, 2C]` holds scale and shift of an image's channels.
fn scaled_and_shifted(x: Tensor<4>, norm: &GroupNorm, told: Tensor<2>) -> Tensor<4> {
    let (gamma, beta) = parameters(norm);
    let mut halves = told.chunk(2, 1).into_iter();
    let (Some(scale), Some(shift)) = (halves.next(), halves.next()) else {
        unreachable!("two numbers a channel make two halves")
    };
    let scale = scale.add_scalar(1.0);
    let gamma = gamma.unsqueeze_dim::<2>(0) * scale.clone();
    let beta = beta.unsqueeze_dim::<2>(0) * scale + shift;
    layers::group_norm_per_image(x, gamma, beta, norm.num_groups, norm.epsilon, Activation::Silu)
}

fn parameters(norm: &GroupNorm) -> (Tensor<1>, Tensor<1>) {
    let value = |p: &Option<Param<Tensor<1>>>| {
        p.as_ref().expect("the initialiser gives every group norm its parameters").val()
    };
    (value(&norm.gamma), value(&norm.beta))
}
