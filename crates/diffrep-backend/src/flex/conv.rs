//! Convolution and linear layers.
use super::Gradient;
use super::elementwise::scaled;
use super::storage::{Contiguous, dims, output};
use crate::settings::{Geometry, Precision};
use burn::backend::flex::FlexTensor;
use diffrep_kernels::conv::{
    After, Before, Conv2d, WeightOrder, backward_data, backward_weight, forward, forward_around,
};
use diffrep_kernels::{Activation, columns};

/// `x` is `[N, H, W, Cin]`, `weight` `[Cout, Cin, K, K]`, `bias` `[Cout]`.
pub(crate) fn conv2d(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    geometry: Geometry,
) -> FlexTensor {
    let shape = shape(x, weight, geometry);
    let (x, weight, bias) = (Contiguous::new(x), Contiguous::new(weight), Contiguous::new(bias));
    output([shape.batch, shape.out_height(), shape.out_width(), shape.outputs], |y| {
        forward(&shape, x.data(), weight.data(), Some(bias.data()), y);
    })
}

fn shape(x: &FlexTensor, weight: &FlexTensor, geometry: Geometry) -> Conv2d {
    let [batch, height, width, inputs] = dims(x);
    let [outputs, _, kernel, _] = dims(weight);
    let Geometry { stride, before, after, precision } = geometry;
    let order = WeightOrder::OutIn;
    Conv2d { batch, height, width, inputs, outputs, kernel, stride, before, after, order, precision }
}

/// For the gradients of x, weight and bias.
#[derive(Clone, Debug)]
pub(crate) struct Conv2dGradient {
    pub(crate) x: FlexTensor,
    pub(crate) weight: FlexTensor,
    pub(crate) geometry: Geometry,
}

impl Gradient<3> for Conv2dGradient {
    fn gradients(self, gy: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let shape = shape(&self.x, &self.weight, self.geometry);
        let (x, weight, gy) = (Contiguous::new(&self.x), Contiguous::new(&self.weight), Contiguous::new(&gy));
        [
            wanted[0].then(|| {
                output(dims::<4>(&self.x), |dx| backward_data(&shape, weight.data(), gy.data(), dx))
            }),
            wanted[1].then(|| {
                output(dims::<4>(&self.weight), |dw| backward_weight(&shape, x.data(), gy.data(), dw))
            }),
            wanted[2].then(|| output([shape.outputs], |db| columns::sum_rows(gy.data(), db))),
        ]
    }
}

/// `(convolution + residual) · scale`.
pub(crate) fn conv2d_add(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    residual: &FlexTensor,
    geometry: Geometry,
    scale: f64,
) -> FlexTensor {
    let shape = shape(x, weight, geometry);
    let [x, weight, bias, residual] = [x, weight, bias, residual].map(Contiguous::new);
    let after = After {
        affine: None,
        activation: Activation::Identity,
        residual: Some(residual.data()),
        factor: scale as f32,
    };
    output([shape.batch, shape.out_height(), shape.out_width(), shape.outputs], |y| {
        forward_around(&shape, x.data(), weight.data(), Some(bias.data()), None, Some(&after), y);
    })
}

/// For the gradients of x, weight, bias and residual of [`conv2d_add`].
#[derive(Clone, Debug)]
pub(crate) struct Conv2dAddGradient {
    pub(crate) convolution: Conv2dGradient,
    pub(crate) scale: f64,
}

impl Gradient<4> for Conv2dAddGradient {
    fn gradients(self, gy: FlexTensor, [x, weight, bias, residual]: [bool; 4]) -> [Option<FlexTensor>; 4] {
        let gy = scaled(gy, self.scale);
        let [dx, dweight, dbias] = self.convolution.gradients(gy.clone(), [x, weight, bias]);
        [dx, dweight, dbias, residual.then_some(gy)]
    }
}

/// Norms with given statistics before and after a convolution, each with the activation.
pub(crate) struct Norms {
    pub(crate) scale: FlexTensor,
    pub(crate) shift: FlexTensor,
    pub(crate) out_scale: FlexTensor,
    /// For each image.
    pub(crate) out_shift: FlexTensor,
    pub(crate) activation: Activation,
}

/// `activation(conv(activation(x · scale + shift)) · out_scale + out_shift)`.
pub(crate) fn normed_conv2d(
    x: &FlexTensor,
    weight: &FlexTensor,
    norms: &Norms,
    geometry: Geometry,
) -> FlexTensor {
    let shape = shape(x, weight, geometry);
    let activation = norms.activation;
    let [scale, shift, out_scale, out_shift] =
        [&norms.scale, &norms.shift, &norms.out_scale, &norms.out_shift].map(Contiguous::new);
    let (x, weight) = (Contiguous::new(x), Contiguous::new(weight));
    let before = Before { scale: scale.data(), shift: shift.data(), activation };
    let affine = Some((out_scale.data(), out_shift.data()));
    let after = After { affine, activation, residual: None, factor: 1.0 };
    output([shape.batch, shape.out_height(), shape.out_width(), shape.outputs], |y| {
        forward_around(&shape, x.data(), weight.data(), None, Some(&before), Some(&after), y);
    })
}

/// `x · weight + bias` with `x` `[rows, inputs]`, `weight` `[inputs, outputs]`.
pub(crate) fn linear(
    x: &FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    precision: Precision,
) -> FlexTensor {
    let ([rows, inputs], [_, outputs]) = (dims(x), dims(weight));
    let shape = Conv2d { precision, ..Conv2d::linear(rows, inputs, outputs) };
    let (x, weight, bias) = (Contiguous::new(x), Contiguous::new(weight), Contiguous::new(bias));
    output([rows, outputs], |y| forward(&shape, x.data(), weight.data(), Some(bias.data()), y))
}

/// For the gradients of x, weight and bias.
#[derive(Clone, Debug)]
pub(crate) struct LinearGradient {
    pub(crate) x: FlexTensor,
    pub(crate) weight: FlexTensor,
    pub(crate) precision: Precision,
}

impl Gradient<3> for LinearGradient {
    fn gradients(self, gy: FlexTensor, wanted: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let ([rows, inputs], [_, outputs]) = (dims(&self.x), dims(&self.weight));
        let shape = Conv2d { precision: self.precision, ..Conv2d::linear(rows, inputs, outputs) };
        let (x, weight, gy) = (Contiguous::new(&self.x), Contiguous::new(&self.weight), Contiguous::new(&gy));
        [
            wanted[0]
                .then(|| output([rows, inputs], |dx| backward_data(&shape, weight.data(), gy.data(), dx))),
            wanted[1]
                .then(|| output([inputs, outputs], |dw| backward_weight(&shape, x.data(), gy.data(), dw))),
            wanted[2].then(|| output([outputs], |db| columns::sum_rows(gy.data(), db))),
        ]
    }
}
