//! The layer operations as an extension of Burn's backends: with kernels on flex, differentiable on `Autodiff<Flex>`.
//!
//! Other backends don't come here: for them [`crate::generic`] builds the same functions out of Burn's own operations.
mod autodiff;
mod flex;

use crate::settings::{Activation, Geometry, GroupNorm, Precision};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, backend_extension};
use diffrep_kernels::random::Key;

/// Layer operations on channels-last tensors; `layers` documents them.
#[backend_extension(Flex, Autodiff)]
pub trait LayerOps: Backend {
    /// Convolution of `x` `[N, H, W, Cin]` with `weight` `[Cout, Cin, K, K]` and `bias` `[Cout]`.
    fn layer_conv2d(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        geometry: Geometry,
    ) -> FloatTensor<Self>;

    /// `(convolution + residual) · scale`; the residual has the shape of the result.
    fn layer_conv2d_add(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        residual: FloatTensor<Self>,
        geometry: Geometry,
        scale: f64,
    ) -> FloatTensor<Self>;

    /// Two norms with given statistics around a convolution: `activation(conv(activation(x · scale + shift)) ·
    /// out_scale + out_shift)` with `scale` and `shift` `[Cin]`, `out_scale` `[Cout]` and `out_shift` `[N, Cout]`.
    #[allow(clippy::too_many_arguments, reason = "the tensors of three layers")]
    fn layer_normed_conv2d(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        out_scale: FloatTensor<Self>,
        out_shift: FloatTensor<Self>,
        geometry: Geometry,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// Batch norm with the batch's statistics, then `activation`: `(y, mean, biased variance)`.
    fn layer_batch_norm_train(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        epsilon: f64,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>);

    /// `activation(x · scale + shift)` for `x` `[N, H, W, C]`.
    fn layer_affine(
        x: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self>;

    /// Group norm of `x` `[N, H, W, C]` with `gamma` and `beta` `[C]` or `[N, C]`, then an activation.
    fn layer_group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        norm: GroupNorm,
    ) -> FloatTensor<Self>;

    /// `x · weight + bias` with `x` `[rows, inputs]`, `weight` `[inputs, outputs]` and `bias` `[outputs]`.
    fn layer_linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        precision: Precision,
    ) -> FloatTensor<Self>;

    /// `activation(x)` for a tensor of any rank.
    fn layer_activate(x: FloatTensor<Self>, activation: Activation) -> FloatTensor<Self>;

    /// `(a + b) · scale` of tensors of the same shape, whatever the rank.
    fn layer_add_scaled(a: FloatTensor<Self>, b: FloatTensor<Self>, scale: f64) -> FloatTensor<Self>;

    /// `x` `[N, H, W, C]` plus `bias` `[N, C]`.
    fn layer_add_per_image(x: FloatTensor<Self>, bias: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Inverted dropout of a tensor of any rank; the first axis is the key's row.
    fn layer_dropout(x: FloatTensor<Self>, rate: f64, key: Key) -> FloatTensor<Self>;

    /// Nearest-neighbour up-sampling of `x` `[N, H, W, C]` by two.
    fn layer_double(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Mean of the 2×2 blocks of `x` `[N, H, W, C]`.
    fn layer_halve(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// Mean over the rows and columns of `x` `[N, H, W, C]`.
    fn layer_global_mean(x: FloatTensor<Self>) -> FloatTensor<Self>;

    /// `softmax(q kᵀ · scale) v` with `[N, S, C]` each.
    fn layer_attention(
        q: FloatTensor<Self>,
        k: FloatTensor<Self>,
        v: FloatTensor<Self>,
        scale: f64,
        precision: Precision,
    ) -> FloatTensor<Self>;
}
