//! The layer functions out of Burn's own operations, for every backend without kernels, differentiated by Burn.
//!
//! They are also what the kernels are tested against. They know no bf16: [`crate::layers`] refuses it here.
use crate::settings::{Activation, Geometry, GroupNorm};
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData, activation, module};
use diffrep_kernels::random::Key;
use rayon::prelude::*;

/// See [`crate::layers::conv2d`].
pub fn conv2d(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, geometry: Geometry) -> Tensor<4> {
    let Geometry { stride, before, after, .. } = geometry;
    let x = x.permute([0, 3, 1, 2]);
    let (x, padding) =
        if before == after { (x, before) } else { (x.pad((before, after, before, after), 0.0), 0) };
    let options = ConvOptions::new([stride; 2], [padding; 2], [1, 1], 1);
    module::conv2d(x, weight, Some(bias), options).permute([0, 2, 3, 1])
}

/// See [`crate::layers::normed_conv2d_with`].
pub fn normed_conv2d(
    x: Tensor<4>,
    weight: Tensor<4>,
    (scale, shift): (Tensor<1>, Tensor<1>),
    (out_scale, out_shift): (Tensor<1>, Tensor<2>),
    geometry: Geometry,
    activation: Activation,
) -> Tensor<4> {
    let zeros = Tensor::zeros_like(&out_scale);
    let y = conv2d(affine(x, scale, shift, activation), weight, zeros.clone(), geometry);
    let y = affine(y, out_scale, zeros, Activation::Identity);
    apply_activation(add_bias_per_image(y, out_shift), activation)
}

/// `(y, mean, biased variance)`; see [`crate::layers::batch_norm`].
pub fn batch_norm_train(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    activation: Activation,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    let shape = x.dims();
    let r =
        module::batch_norm_train(x.reshape([shape[0] * shape[1] * shape[2], shape[3]]), gamma, beta, epsilon);
    (apply_activation(r.output.reshape(shape), activation), r.mean, r.variance)
}

/// `activation(x · scale + shift)` with `scale` and `shift` for each channel.
pub fn affine(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, activation: Activation) -> Tensor<4> {
    let c = scale.dims()[0];
    apply_activation(x * scale.reshape([1, 1, 1, c]) + shift.reshape([1, 1, 1, c]), activation)
}

/// See [`crate::layers::group_norm`].
pub fn group_norm(x: Tensor<4>, gamma: Tensor<1>, beta: Tensor<1>, norm: GroupNorm) -> Tensor<4> {
    affine(normalised(x, norm), gamma, beta, norm.activation)
}

/// See [`crate::layers::group_norm_per_image`].
pub fn group_norm_per_image(x: Tensor<4>, gamma: Tensor<2>, beta: Tensor<2>, norm: GroupNorm) -> Tensor<4> {
    let [n, c] = gamma.dims();
    let y = normalised(x, norm) * gamma.reshape([n, 1, 1, c]) + beta.reshape([n, 1, 1, c]);
    apply_activation(y, norm.activation)
}

/// `(x − mean)/√(variance + ε)` of each image and group.
fn normalised(x: Tensor<4>, norm: GroupNorm) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    let grouped = x.reshape([n, h * w, norm.groups, c / norm.groups]);
    let mean = grouped.clone().mean_dim(3).mean_dim(1);
    let centred = grouped - mean;
    let variance = centred.clone().square().mean_dim(3).mean_dim(1);
    (centred / variance.add_scalar(norm.epsilon).sqrt()).reshape([n, h, w, c])
}

/// See [`crate::layers::apply_activation`].
pub fn apply_activation<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    match activation {
        Activation::Identity => x,
        Activation::Relu => activation::relu(x),
        Activation::Silu => activation::silu(x),
    }
}

/// See [`crate::layers::add_bias_per_image`].
pub fn add_bias_per_image(x: Tensor<4>, bias: Tensor<2>) -> Tensor<4> {
    let [n, c] = bias.dims();
    x + bias.reshape([n, 1, 1, c])
}

/// See [`crate::layers::add_scaled`].
pub fn add_scaled(a: Tensor<4>, b: Tensor<4>, scale: f64) -> Tensor<4> {
    let sum = a + b;
    if scale == 1.0 { sum } else { sum.mul_scalar(scale) }
}

/// See [`crate::layers::upsample_nearest`].
pub fn upsample_nearest(x: Tensor<4>) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h, 1, w, 1, c]).expand([n, h, 2, w, 2, c]).reshape([n, 2 * h, 2 * w, c])
}

/// See [`crate::layers::downsample_mean`].
pub fn downsample_mean(x: Tensor<4>) -> Tensor<4> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h / 2, 2, w / 2, 2, c]).mean_dim(4).mean_dim(2).reshape([n, h / 2, w / 2, c])
}

/// See [`crate::layers::global_mean`].
pub fn global_mean(x: Tensor<4>) -> Tensor<2> {
    let [n, h, w, c] = x.dims();
    x.reshape([n, h * w, c]).mean_dim(1).reshape([n, c])
}

/// See [`crate::layers::linear_with`].
pub fn linear(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>) -> Tensor<2> {
    x.matmul(weight) + bias.unsqueeze()
}

/// See [`crate::layers::attention`].
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, scale: f64) -> Tensor<3> {
    let weights = activation::softmax(q.matmul(k.swap_dims(1, 2)).mul_scalar(scale), 2);
    weights.matmul(v)
}

/// See [`crate::layers::dropout`].
pub fn dropout<const D: usize>(x: Tensor<D>, rate: f64, key: Key) -> Tensor<D> {
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
