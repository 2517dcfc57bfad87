//! The layer functions: what the networks of diffrep spend their time on.
//!
//! On Burn's flex backend (f32) they run diffrep's CPU kernels, elsewhere Burn's own operations. Batches must not be
//! empty; callers check that when they check their configuration or data.
//!
//! A forward pass in [`Precision::Bf16`] has its backward pass in bf16 too. Only the kernels know bf16:
//! [`supports`] says whether a device has them.
use crate::generic;
use crate::ops::LayerOps;
pub use crate::settings::{Activation, Geometry, GroupNorm, Mode, Padding, Precision};
use burn::backend::Dispatch;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::{DType, Device, Tensor};
use diffrep_kernels::random::Key;

/// 2-d convolution. `x` is `[N, H, W, Cin]`, `layer.weight` `[Cout, Cin, K, K]`; returns `[N, H', W', Cout]`.
///
/// Stride is the layer's; `padding` is given here since Burn's own can't differ by side. A missing bias is zero.
///
/// # Panics
/// If the layer's stride or kernel isn't square, its channels aren't the input's, the padded image is smaller than the
/// kernel, or the device doesn't support the precision.
pub fn conv2d(x: Tensor<4>, layer: &Conv2d, padding: Padding, precision: Precision) -> Tensor<4> {
    conv2d_with(x, layer.weight.val(), bias_of(layer), geometry_of(layer, padding, precision))
}

/// `(conv2d(x) + residual) · scale`: the end of a residual block. `residual` has the shape of the result.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_add(
    x: Tensor<4>,
    layer: &Conv2d,
    residual: Tensor<4>,
    scale: f64,
    padding: Padding,
    precision: Precision,
) -> Tensor<4> {
    let (weight, bias) = (layer.weight.val(), bias_of(layer));
    conv2d_add_with(x, weight, bias, residual, scale, geometry_of(layer, padding, precision))
}

/// [`conv2d_add`] with weights that belong to no layer.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_add_with(
    x: Tensor<4>,
    weight: Tensor<4>,
    bias: Tensor<1>,
    residual: Tensor<4>,
    scale: f64,
    geometry: Geometry,
) -> Tensor<4> {
    if !has_kernels_for(&x, geometry.precision) {
        return generic::add_scaled(generic::conv2d(x, weight, bias, geometry), residual, scale);
    }
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::layer_conv2d_add(
        x,
        weight,
        bias,
        residual.into_dispatch(),
        geometry,
        scale,
    ))
}

/// What a pre-activation block does up to its second convolution, in evaluation: `norm1`, `activation`, `layer`, the
/// addition of `bias` (`[N, Cout]`), `norm2`, `activation`, the norms with their running statistics.
///
/// # Panics
/// As [`conv2d`].
#[allow(clippy::too_many_arguments, reason = "three layers")]
pub fn normed_conv2d(
    x: Tensor<4>,
    norm1: &BatchNorm,
    layer: &Conv2d,
    bias: Tensor<2>,
    norm2: &BatchNorm,
    activation: Activation,
    padding: Padding,
    precision: Precision,
) -> Tensor<4> {
    let (scale, shift) = running_affine(norm1);
    let (out_scale, out_shift) = running_affine(norm2);
    let out_shift =
        (bias + bias_of(layer).unsqueeze()) * out_scale.clone().unsqueeze() + out_shift.unsqueeze();
    let norms = ((scale, shift), (out_scale, out_shift));
    normed_conv2d_with(x, layer.weight.val(), norms, geometry_of(layer, padding, precision), activation)
}

/// `activation(conv(activation(x · scale + shift)) · out_scale + out_shift)`; `norms` are `scale` and `shift` (`[Cin]`),
/// then `out_scale` (`[Cout]`) and `out_shift` (`[N, Cout]`).
///
/// # Panics
/// As [`conv2d`].
pub fn normed_conv2d_with(
    x: Tensor<4>,
    weight: Tensor<4>,
    norms: ((Tensor<1>, Tensor<1>), (Tensor<1>, Tensor<2>)),
    geometry: Geometry,
    activation: Activation,
) -> Tensor<4> {
    let ((scale, shift), (out_scale, out_shift)) = norms;
    if !has_kernels_for(&x, geometry.precision) {
        return generic::normed_conv2d(
            x,
            weight,
            (scale, shift),
            (out_scale, out_shift),
            geometry,
            activation,
        );
    }
    Tensor::from_dispatch(Dispatch::layer_normed_conv2d(
        x.into_dispatch(),
        scale.into_dispatch(),
        shift.into_dispatch(),
        weight.into_dispatch(),
        out_scale.into_dispatch(),
        out_shift.into_dispatch(),
        geometry,
        activation,
    ))
}

fn bias_of(layer: &Conv2d) -> Tensor<1> {
    match &layer.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([layer.weight.dims()[0]], &layer.weight.device()),
    }
}

fn geometry_of(layer: &Conv2d, padding: Padding, precision: Precision) -> Geometry {
    let [stride, other] = layer.stride;
    assert_eq!(stride, other, "a convolution with different strides of rows and columns");
    Geometry { stride, before: padding.before, after: padding.after, precision }
}

/// [`conv2d`] with `weight` `[Cout, Cin, K, K]` and `bias` `[Cout]` that belong to no layer.
///
/// # Panics
/// As [`conv2d`].
pub fn conv2d_with(x: Tensor<4>, weight: Tensor<4>, bias: Tensor<1>, geometry: Geometry) -> Tensor<4> {
    if !has_kernels_for(&x, geometry.precision) {
        return generic::conv2d(x, weight, bias, geometry);
    }
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::layer_conv2d(x, weight, bias, geometry))
}

/// Whether layers can compute in `precision` on `device`: f32 everywhere, bf16 only where diffrep's kernels run.
pub fn supports(device: &Device, precision: Precision) -> bool {
    precision == Precision::F32 || device.clone().inner() == Device::flex()
}

/// Whether the tensor lives where the kernels run: f32 on Burn's flex backend, differentiable or not.
fn has_kernels<const D: usize>(x: &Tensor<D>) -> bool {
    x.dtype() == DType::F32 && x.device().inner() == Device::flex()
}

/// [`has_kernels`], without which nothing but f32 can be had.
fn has_kernels_for<const D: usize>(x: &Tensor<D>, precision: Precision) -> bool {
    let has = has_kernels(x);
    assert!(
        has || precision == Precision::F32,
        "bf16 on {:?}, which `supports` would have refused",
        x.device()
    );
    has
}

/// Batch norm over all but the last axis, then `activation`.
///
/// In [`Mode::Train`] the batch's statistics normalise, and the running ones become
/// `(1 − momentum)·running + momentum·batch`, with the unbiased variance `n/(n−1)` as in PyTorch.
pub fn batch_norm(x: Tensor<4>, norm: &BatchNorm, activation: Activation, mode: Mode) -> Tensor<4> {
    match mode {
        Mode::Train => {
            let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
            let [n, h, w, _] = x.dims();
            let (y, mean, variance) = batch_norm_train(x, gamma, beta, norm.epsilon, activation);
            update_running_statistics(norm, mean.detach(), variance.detach(), n * h * w);
            y
        }
        Mode::Eval => {
            let (scale, shift) = running_affine(norm);
            affine(x, scale, shift, activation)
        }
    }
}

/// What the norm comes to with its running statistics: a scale and a shift for each channel.
fn running_affine(norm: &BatchNorm) -> (Tensor<1>, Tensor<1>) {
    let scale = norm.gamma.val() / norm.running_var.value().add_scalar(norm.epsilon).sqrt();
    let shift = norm.beta.val() - norm.running_mean.value() * scale.clone();
    (scale, shift)
}

/// [`batch_norm`] with the batch's statistics: `(y, mean, biased variance)`.
pub fn batch_norm_train(
    x: Tensor<4>,
    gamma: Tensor<1>,
    beta: Tensor<1>,
    epsilon: f64,
    activation: Activation,
) -> (Tensor<4>, Tensor<1>, Tensor<1>) {
    if !has_kernels(&x) {
        return generic::batch_norm_train(x, gamma, beta, epsilon, activation);
    }
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    let (y, mean, variance) = Dispatch::layer_batch_norm_train(x, gamma, beta, epsilon, activation);
    (Tensor::from_dispatch(y), Tensor::from_dispatch(mean), Tensor::from_dispatch(variance))
}

/// `activation(x · scale + shift)` with `scale` and `shift` `[C]`.
pub fn affine(x: Tensor<4>, scale: Tensor<1>, shift: Tensor<1>, activation: Activation) -> Tensor<4> {
    if !has_kernels(&x) {
        return generic::affine(x, scale, shift, activation);
    }
    let (x, scale, shift) = (x.into_dispatch(), scale.into_dispatch(), shift.into_dispatch());
    Tensor::from_dispatch(Dispatch::layer_affine(x, scale, shift, activation))
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
    group_norm_or(x, gamma, beta, GroupNorm { groups, epsilon, activation }, generic::group_norm)
}

/// Group norm whose `gamma` and `beta` are `[N, C]`: each image is scaled and shifted in its own way.
pub fn group_norm_per_image(
    x: Tensor<4>,
    gamma: Tensor<2>,
    beta: Tensor<2>,
    groups: usize,
    epsilon: f64,
    activation: Activation,
) -> Tensor<4> {
    group_norm_or(x, gamma, beta, GroupNorm { groups, epsilon, activation }, generic::group_norm_per_image)
}

/// The kernel, which takes parameters of either rank, or `fallback` where there is none.
fn group_norm_or<const P: usize>(
    x: Tensor<4>,
    gamma: Tensor<P>,
    beta: Tensor<P>,
    norm: GroupNorm,
    fallback: impl Fn(Tensor<4>, Tensor<P>, Tensor<P>, GroupNorm) -> Tensor<4>,
) -> Tensor<4> {
    if !has_kernels(&x) {
        return fallback(x, gamma, beta, norm);
    }
    let (x, gamma, beta) = (x.into_dispatch(), gamma.into_dispatch(), beta.into_dispatch());
    Tensor::from_dispatch(Dispatch::layer_group_norm(x, gamma, beta, norm))
}

/// `x` with `activation` applied element by element.
pub fn apply_activation<const D: usize>(x: Tensor<D>, activation: Activation) -> Tensor<D> {
    if !has_kernels(&x) {
        return generic::apply_activation(x, activation);
    }
    Tensor::from_dispatch(Dispatch::layer_activate(x.into_dispatch(), activation))
}

/// `x + bias` where `x` is `[N, H, W, C]` and `bias` `[N, C]` (a projected time embedding).
pub fn add_bias_per_image(x: Tensor<4>, bias: Tensor<2>) -> Tensor<4> {
    if !has_kernels(&x) {
        return generic::add_bias_per_image(x, bias);
    }
    Tensor::from_dispatch(Dispatch::layer_add_per_image(x.into_dispatch(), bias.into_dispatch()))
}

/// `(a + b) · scale`, the residual addition.
pub fn add_scaled(a: Tensor<4>, b: Tensor<4>, scale: f64) -> Tensor<4> {
    if !has_kernels(&a) {
        return generic::add_scaled(a, b, scale);
    }
    Tensor::from_dispatch(Dispatch::layer_add_scaled(a.into_dispatch(), b.into_dispatch(), scale))
}

/// Nearest-neighbour up-sampling by two: `[N, H, W, C]` to `[N, 2H, 2W, C]`.
pub fn upsample_nearest(x: Tensor<4>) -> Tensor<4> {
    if !has_kernels(&x) {
        return generic::upsample_nearest(x);
    }
    Tensor::from_dispatch(Dispatch::layer_double(x.into_dispatch()))
}

/// Mean of each 2×2 block: `[N, H, W, C]` to `[N, H/2, W/2, C]`; H and W must be even.
pub fn downsample_mean(x: Tensor<4>) -> Tensor<4> {
    if !has_kernels(&x) {
        return generic::downsample_mean(x);
    }
    Tensor::from_dispatch(Dispatch::layer_halve(x.into_dispatch()))
}

/// Mean over rows and columns: `[N, H, W, C]` to `[N, C]`.
pub fn global_mean(x: Tensor<4>) -> Tensor<2> {
    if !has_kernels(&x) {
        return generic::global_mean(x);
    }
    Tensor::from_dispatch(Dispatch::layer_global_mean(x.into_dispatch()))
}

/// `x · layer.weight + layer.bias` with `x` `[rows, inputs]` and the weight `[inputs, outputs]`. A missing bias is zero.
///
/// # Panics
/// If the device doesn't support the precision.
pub fn linear(x: Tensor<2>, layer: &Linear, precision: Precision) -> Tensor<2> {
    let weight = layer.weight.val();
    let bias = match &layer.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([weight.dims()[1]], &x.device()),
    };
    linear_with(x, weight, bias, precision)
}

/// [`linear`] with `weight` `[inputs, outputs]` and `bias` `[outputs]` that belong to no layer.
///
/// # Panics
/// As [`linear`].
pub fn linear_with(x: Tensor<2>, weight: Tensor<2>, bias: Tensor<1>, precision: Precision) -> Tensor<2> {
    if !has_kernels_for(&x, precision) {
        return generic::linear(x, weight, bias);
    }
    let (x, weight, bias) = (x.into_dispatch(), weight.into_dispatch(), bias.into_dispatch());
    Tensor::from_dispatch(Dispatch::layer_linear(x, weight, bias, precision))
}

/// Single-head attention over pixels: `softmax(q kᵀ · scale) v`, all `[N, S, C]`; `scale` is positive. `precision` is
/// that of the products; softmax is f32.
///
/// # Panics
/// If the device doesn't support the precision.
pub fn attention(q: Tensor<3>, k: Tensor<3>, v: Tensor<3>, scale: f64, precision: Precision) -> Tensor<3> {
    if !has_kernels_for(&q, precision) {
        return generic::attention(q, k, v, scale);
    }
    let (q, k, v) = (q.into_dispatch(), k.into_dispatch(), v.into_dispatch());
    Tensor::from_dispatch(Dispatch::layer_attention(q, k, v, scale, precision))
}

/// Inverted dropout: each element is zero with probability `rate`, else divided by `1 − rate`.
///
/// The first axis is the row of the random numbers (an image's mask doesn't depend on the batch around it).
pub fn dropout<const D: usize>(x: Tensor<D>, rate: f64, key: Key, mode: Mode) -> Tensor<D> {
    if mode == Mode::Eval || rate == 0.0 {
        return x;
    }
    if !has_kernels(&x) {
        return generic::dropout(x, rate, key);
    }
    Tensor::from_dispatch(Dispatch::layer_dropout(x.into_dispatch(), rate, key))
}
