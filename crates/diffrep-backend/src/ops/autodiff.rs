//! On `Autodiff<Flex>`: the kernels, with backward passes written by hand.
use super::LayerOps;
use crate::flex::Gradient;
use crate::flex::attention::{self, AttentionGradient};
use crate::flex::conv::{self, Conv2dAddGradient, Conv2dGradient, LinearGradient};
use crate::flex::elementwise::{
    self, ActivationGradient, AddPerImageGradient, AddScaledGradient, DropoutGradient,
};
use crate::flex::norm::{self, AffineGradient, BatchNormGradient, GroupNormGradient};
use crate::flex::resample::{self, DoubleGradient, GlobalMeanGradient, HalveGradient};
use crate::settings::{Activation, Geometry, GroupNorm, Precision};
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::flex::FlexTensor;
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, Flex, TensorMetadata};
use diffrep_kernels::random::Key;
use std::marker::PhantomData;
use std::sync::Arc;

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

    fn layer_conv2d_add(
        x: Differentiable<C>,
        weight: Differentiable<C>,
        bias: Differentiable<C>,
        residual: Differentiable<C>,
        geometry: Geometry,
        scale: f64,
    ) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let (residual, residual_node) = residual.into_parts();
        let y = conv::conv2d_add(&x, &weight, &bias, &residual, geometry, scale);
        let gradient = Conv2dAddGradient { convolution: Conv2dGradient { x, weight, geometry }, scale };
        record::<C, _, 4>([x_node, weight_node, bias_node, residual_node], y, gradient)
    }

    // For evaluation, where nobody asks for gradients: no pass of its own.
    fn layer_normed_conv2d(
        x: Differentiable<C>,
        scale: Differentiable<C>,
        shift: Differentiable<C>,
        weight: Differentiable<C>,
        out_scale: Differentiable<C>,
        out_shift: Differentiable<C>,
        geometry: Geometry,
        activation: Activation,
    ) -> Differentiable<C> {
        let zeros = Differentiable::<C>::new(elementwise::zeros_like(out_scale.primitive()));
        let h = Self::layer_affine(x, scale, shift, activation);
        let h = Self::layer_conv2d(h, weight, zeros.clone(), geometry);
        let h = Self::layer_affine(h, out_scale, zeros, Activation::Identity);
        Self::layer_activate(Self::layer_add_per_image(h, out_shift), activation)
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

    fn layer_linear(
        x: Differentiable<C>,
        weight: Differentiable<C>,
        bias: Differentiable<C>,
        precision: Precision,
    ) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let (weight, weight_node) = weight.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let y = conv::linear(&x, &weight, &bias, precision);
        record::<C, _, 3>([x_node, weight_node, bias_node], y, LinearGradient { x, weight, precision })
    }

    fn layer_activate(x: Differentiable<C>, activation: Activation) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let y = elementwise::activate(&x, activation);
        record::<C, _, 1>([x_node], y, ActivationGradient { x, activation })
    }

    fn layer_add_scaled(a: Differentiable<C>, b: Differentiable<C>, scale: f64) -> Differentiable<C> {
        let (a, a_node) = a.into_parts();
        let (b, b_node) = b.into_parts();
        let y = elementwise::add_scaled(&a, &b, scale);
        record::<C, _, 2>([a_node, b_node], y, AddScaledGradient { scale })
    }

    fn layer_add_per_image(x: Differentiable<C>, bias: Differentiable<C>) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let (bias, bias_node) = bias.into_parts();
        let y = elementwise::add_per_image(&x, &bias);
        record::<C, _, 2>([x_node, bias_node], y, AddPerImageGradient)
    }

    fn layer_dropout(x: Differentiable<C>, rate: f64, key: Key) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let y = elementwise::dropout(&x, rate, key);
        record::<C, _, 1>([x_node], y, DropoutGradient { rate, key })
    }

    fn layer_double(x: Differentiable<C>) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let y = resample::double(&x, 1.0);
        record::<C, _, 1>([x_node], y, DoubleGradient)
    }

    fn layer_halve(x: Differentiable<C>) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let y = resample::halve(&x, 0.25);
        record::<C, _, 1>([x_node], y, HalveGradient)
    }

    fn layer_global_mean(x: Differentiable<C>) -> Differentiable<C> {
        let (x, x_node) = x.into_parts();
        let shape = x.shape().dims();
        let y = resample::global_mean(&x);
        record::<C, _, 1>([x_node], y, GlobalMeanGradient { shape })
    }

    fn layer_attention(
        q: Differentiable<C>,
        k: Differentiable<C>,
        v: Differentiable<C>,
        scale: f64,
        precision: Precision,
    ) -> Differentiable<C> {
        let (q, q_node) = q.into_parts();
        let (k, k_node) = k.into_parts();
        let (v, v_node) = v.into_parts();
        let (y, log_sums) = attention::attention(&q, &k, &v, scale, precision);
        record::<C, _, 3>(
            [q_node, k_node, v_node],
            y,
            AttentionGradient { q, k, v, log_sums: Arc::new(log_sums), scale, precision },
        )
    }
}
