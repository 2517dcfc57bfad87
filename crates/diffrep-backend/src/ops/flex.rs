//! On flex: the kernels.
use super::LayerOps;
use crate::flex::{attention, conv, elementwise, norm, resample};
use crate::settings::{Activation, Geometry, GroupNorm, Precision};
use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use diffrep_kernels::random::Key;

impl LayerOps for Flex {
    fn layer_conv2d(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, geometry: Geometry) -> FlexTensor {
        conv::conv2d(&x, &weight, &bias, geometry)
    }

    fn layer_conv2d_add(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        residual: FlexTensor,
        geometry: Geometry,
        scale: f64,
    ) -> FlexTensor {
        conv::conv2d_add(&x, &weight, &bias, &residual, geometry, scale)
    }

    fn layer_normed_conv2d(
        x: FlexTensor,
        scale: FlexTensor,
        shift: FlexTensor,
        weight: FlexTensor,
        out_scale: FlexTensor,
        out_shift: FlexTensor,
        geometry: Geometry,
        activation: Activation,
    ) -> FlexTensor {
        let norms = conv::Norms { scale, shift, out_scale, out_shift, activation };
        conv::normed_conv2d(&x, &weight, &norms, geometry)
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

    fn layer_linear(x: FlexTensor, weight: FlexTensor, bias: FlexTensor, precision: Precision) -> FlexTensor {
        conv::linear(&x, &weight, &bias, precision)
    }

    fn layer_activate(x: FlexTensor, activation: Activation) -> FlexTensor {
        elementwise::activate(&x, activation)
    }

    fn layer_add_scaled(a: FlexTensor, b: FlexTensor, scale: f64) -> FlexTensor {
        elementwise::add_scaled(&a, &b, scale)
    }

    fn layer_add_per_image(x: FlexTensor, bias: FlexTensor) -> FlexTensor {
        elementwise::add_per_image(&x, &bias)
    }

    fn layer_dropout(x: FlexTensor, rate: f64, key: Key) -> FlexTensor {
        elementwise::dropout(&x, rate, key)
    }

    fn layer_double(x: FlexTensor) -> FlexTensor {
        resample::double(&x, 1.0)
    }

    fn layer_halve(x: FlexTensor) -> FlexTensor {
        resample::halve(&x, 0.25)
    }

    fn layer_global_mean(x: FlexTensor) -> FlexTensor {
        resample::global_mean(&x)
    }

    fn layer_attention(
        q: FlexTensor,
        k: FlexTensor,
        v: FlexTensor,
        scale: f64,
        precision: Precision,
    ) -> FlexTensor {
        attention::attention(&q, &k, &v, scale, precision).0
    }
}
