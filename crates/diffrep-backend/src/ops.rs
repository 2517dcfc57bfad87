//! The layer operations as an extension of Burn's backends: with kernels on flex, differentiable on `Autodiff<Flex>`.
//!
//! Other backends don't come here: for them `generic` builds the same functions out of Burn's own operations.
use crate::flex::Gradient;
use crate::flex::conv::{self, Conv2dGradient};
use crate::flex::norm::{self, AffineGradient, BatchNormGradient, GroupNormGradient};
use crate::settings::{Geometry, GroupNorm};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Backend, Flex, backend_extension};
use diffrep_kernels::Activation;
use std::marker::PhantomData;
use std::sync::Arc;

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

    /// Group norm of `x` `[N, H, W, C]`, then an activation.
    fn layer_group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        norm: GroupNorm,
    ) -> FloatTensor<Self>;
}

impl LayerOps for Flex {
    fn layer_conv2d(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, geometry: Geometry) -> FlexTensor {
        conv::conv2d(&x, &weight, &bias, geometry)
    }

    fn layer_batch_norm_train(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        epsilon: f64,
        activation: Activation,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        norm::batch_norm_train(&x, &gamma, &beta, epsilon, activation)
    }

    fn layer_affine(
        x: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        activation: Activation,
    ) -> FlexTensor {
        norm::affine(&x, &scale, &shift, activation)
    }

    fn layer_group_norm(x: FlexTensor, gamma: FlexTensor, beta: FlexTensor, norm: GroupNorm) -> FlexTensor {
        norm::group_norm(&x, &gamma, &beta, norm).0
    }
}

/// A step of the graph whose backward pass is `G`'s.
#[derive(Debug)]
struct Step<G>(PhantomData<G>);

impl<G: Gradient<N>, const N: usize> Backward<Flex, N> for Step<G> {
    type State = G;

    fn backward(self, ops: Ops<G, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gy = gradients.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        for (parent, gradient) in ops.parents.into_iter().zip(ops.state.gradients(gy, wanted)) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                gradients.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

type Differentiable<C> = FloatTensor<Autodiff<Flex, C>>;

/// `y` as a function of the `inputs`, with `gradient` for the backward pass.
fn record<C: CheckpointStrategy, G: Gradient<N>, const N: usize>(
    inputs: [NodeGuard; N],
    y: FlexTensor,
    gradient: G,
) -> Differentiable<C> {
    match Step(PhantomData::<G>).prepare::<C>(inputs).compute_bound().stateful() {
        OpsKind::Tracked(step) => step.finish(gradient, y),
        OpsKind::UnTracked(step) => step.finish(y),
    }
}

impl<C: CheckpointStrategy> LayerOps for Autodiff<Flex, C> {
    fn layer_conv2d(
        x: Differentiable<C>,
        weight: Differentiable<C>,
        bias: Differentiable<C>,
        geometry: Geometry,
    ) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let y = conv::conv2d(&x, &weight, &bias, geometry);
        record::<C, _, 3>([x_node, weight_node, bias_node], y, Conv2dGradient { x, weight, geometry })
    }

    fn layer_batch_norm_train(
        x: Differentiable<C>,
        gamma: Differentiable<C>,
        beta: Differentiable<C>,
        epsilon: f64,
        activation: Activation,
    ) -> (Differentiable<C>, Differentiable<C>, Differentiable<C>) {
        let (x, x_node) = x.into_parts();
        let (gamma, gamma_node) = gamma.into_parts();
        let (beta, beta_node) = beta.into_parts();
        let (y, mean, variance) = norm::batch_norm_train(&x, &gamma, &beta, epsilon, activation);
        let statistics = (Differentiable::<C>::new(mean.clone()), Differentiable::<C>::new(variance.clone()));
        let gradient = BatchNormGradient { x, gamma, beta, mean, variance, epsilon, activation };
        (record::<C, _, 3>([x_node, gamma_node, beta_node], y, gradient), statistics.0, statistics.1)
    }

    fn layer_affine(
        x: Differentiable<C>,
        scale: Differentiable<C>,
        shift: Differentiable<C>,
        activation: Activation,
    ) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let (scale, scale_node) = scale.into_parts();
        let (shift, shift_node) = shift.into_parts();
        let y = norm::affine(&x, &scale, &shift, activation);
        record::<C, _, 3>([x_node, scale_node, shift_node], y, AffineGradient { x, scale, shift, activation })
    }

    fn layer_group_norm(
        x: Differentiable<C>,
        gamma: Differentiable<C>,
        beta: Differentiable<C>,
        norm: GroupNorm,
    ) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let (gamma, gamma_node) = gamma.into_parts();
        let (beta, beta_node) = beta.into_parts();
        let (y, statistics) = norm::group_norm(&x, &gamma, &beta, norm);
        let gradient = GroupNormGradient { x, gamma, beta, statistics: Arc::new(statistics), norm };
        record::<C, _, 3>([x_node, gamma_node, beta_node], y, gradient)
    }
}
