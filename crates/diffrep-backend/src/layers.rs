//! The layer functions: every operation that a network of diffrep is made of.
use burn::nn::BatchNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::activation;
use burn::tensor::module;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData};
use diffrep_kernels::random::Key;
use rayon::prelude::*;

/// Whether a forward pass is part of training.
///
/// Burn chooses by the device; an explicit argument can't be switched by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, running statistics are updated, dropout is on.
    Train,
    /// Running statistics, no dropout.
    Eval,
}

/// Activation applied after a normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// None.
    Identity,
    /// `max(x, 0)`.
    Relu,
    /// `x · sigmoid(x)`.
    Silu,
}

/// Zero padding of a square kernel: pixels added before (top, left) and after (bottom, right).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Rows above and columns to the left.
    pub before: usize,
    /// Rows below and columns to the right.
    pub after: usize,
}

impl Padding {
    /// The same padding on all sides.
    pub const fn same(pixels: usize) -> Self {
        Self { before: pixels, after: pixels }
    }
}

/// 2-d convolution. `x` is `[N, H, W, Cin]`, `layer.weight` `[Cout, Cin, K, K]`; returns `[N, H', W', Cout]`.
///
/// Stride is the layer's; `padding` is given here since Burn's own can't differ by side. A missing bias is zero.
pub fn conv2d(x: Tensor<4>, layer: &Conv2d, padding: Padding) -> Tensor<4> {
    let x = x.permute([0, 3, 1, 2]);
    let x = if padding.before == padding.after {
        x
    } else {
        let (a, b) = (padding.before, padding.after);
        x.pad((a, b, a, b), 0.0)
    };
    let symmetric = if padding.before == padding.after { padding.before } else { 0 };
    let options = ConvOptions::new(layer.stride, [symmetric; 2], [1, 1], 1);
    let bias = layer.bias.as_ref().map(|b| b.val());
    module::conv2d(x, layer.weight.val(), bias, options).permute([0, 2, 3, 1])
}

/// Batch norm over all but the last axis, then `activation`.
///
/// In [`Mode::Train`] the batch's statistics normalise, and the running ones become
/// `(1 − momentum)·running + momentum·batch`, with the unbiased variance `n/(n−1)` as in PyTorch.
pub fn batch_norm(x: Tensor<4>, norm: &BatchNorm, activation: Activation, mode: Mode) -> Tensor<4> {
    let shape = x.dims();
    let rows = shape[0] * shape[1] * shape[2];
    let flat = x.reshape([rows, shape[3]]);
    let y = match mode {
        Mode::Train => {
            let r = module::batch_norm_train(flat, norm.gamma.val(), norm.beta.val(), norm.epsilon);
            update_running_statistics(norm, r.mean.detach(), r.variance.detach(), rows);
            r.output
        }
        Mode::Eval => module::batch_norm(
            flat,
            norm.gamma.val(),
            norm.beta.val(),
            norm.running_mean.value(),
            norm.running_var.value(),
            norm.epsilon,
        ),
    };
    apply_activation(y, activation).reshape(shape)
}

fn update_running_statistics(norm: &BatchNorm, mean: Tensor<1>, biased: Tensor<1>, rows: usize) {
    let keep = 1.0 - norm.momentum;
    let unbiased = biased.mul_scalar(rows as f64 / (rows.max(2) - 1) as f64);
    for (state, new) in [(&norm.running_mean, mean), (&norm.running_var, unbiased)] {
        let old = state.value_sync();
        state.update(old.mul_scalar(keep).add(new.mul_scalar(norm.momentum)).detach());
        // Burn keeps updates per thread until somebody asks; a record taken before would lag one step.
        state.value_sync();
    }
}

/// Group norm over `[N, H, W, C]` (statistics per image and group of channels), then `activation`.
/// `gamma` and `beta` are `[C]`.
pub fn group_norm(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    groups: usize,
    epsilon: f64,
    activation: Activation,
) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let grouped = x.reshape([n, h * w, groups, c / groups]);
    let mean = grouped.clone().mean_dim(3).mean_dim(1);
    let centred = grouped - mean;
    let variance = centred.clone().square().mean_dim(3).mean_dim(1);
    let y = (centred / variance.add_scalar(epsilon).sqrt()).reshape([n, h, w, c]);
    let y = y * gamma.reshape([1, 1, 1, c]) + beta.reshape([1, 1, 1, c]);
    apply_activation(y, activation)
}

/// `x` with `activation` applied element by element.
pub fn apply_activation<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Identity => x,
        Activation::Relu => activation::relu(x),
        Activation::Silu => activation::silu(x),
    }
}

/// `x + bias` where `x` is `[N, H, W, C]` and `bias` `[N, C]` (a projected time embedding).
pub fn add_bias_per_image(x: Tensor<4>, bias: Tensor<2>) -> Tensor<4> {
    let [n, c] = bias.dims();
    x + bias.reshape([n, 1, 1, c])
}

/// `(a + b) · scale`, the residual addition.
pub fn add_scaled(a: Tensor<4>, b: Tensor<4>, scale: f64) -> Tensor<4> {
    let sum = a + b;
    if scale == 1.0 { sum } else { sum.mul_scalar(scale) }
}

/// Nearest-neighbour up-sampling by two: `[N, H, W, C]` to `[N, 2H, 2W, C]`.
pub fn upsample_nearest(x: Tensor<4>) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h, 1, w, 1, c]).expand([n, h, 2, w, 2, c]).reshape([n, 2 * h, 2 * w, c])
}

/// Mean of each 2×2 block: `[N, H, W, C]` to `[N, H/2, W/2, C]`; H and W must be even.
pub fn downsample_mean(x: Tensor<4>) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h / 2, 2, w / 2, 2, c]).mean_dim(4).mean_dim(2).reshape([n, h / 2, w / 2, c])
}

/// Mean over rows and columns: `[N, H, W, C]` to `[N, C]`.
pub fn global_mean(x: Tensor<4>) -> Tensor<2> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h * w, c]).mean_dim(1).reshape([n, c])
}

/// Single-head attention over pixels: `softmax(q kᵀ · scale) v`, all `[N, S, C]`.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, scale: f64) -> Tensor<3> {
    let weights = activation::softmax(q.matmul(k.swap_dims(1, 2)).mul_scalar(scale), 2);
    weights.matmul(v)
}

/// Inverted dropout: each element is zero with probability `rate`, else divided by `1 − rate`.
///
/// The first axis is the row of the random numbers (an image's mask doesn't depend on the batch around it).
pub fn dropout<const D: usize>(x: Tensor<D>, rate: f64, key: Key, mode: Mode) -> Tensor<D> {
    if mode == Mode::Eval || rate == 0.0 {
        return x;
    }
    let shape = x.shape();
    let rows = shape[0];
    let mut mask = vec![0.0; shape.num_elements()];
    let width = mask.len() / rows;
    let (threshold, keep) = (rate as f32, (1.0 / (1.0 - rate)) as f32);
    mask.par_chunks_mut(width).enumerate().for_each(|(row, part)| {
        key.fill_uniform(row as u32, part);
        part.iter_mut().for_each(|u| *u = if *u < threshold { 0.0 } else { keep });
    });
    x.clone() * Tensor::from_data(TensorData::new(mask, shape), &x.device())
}
