//! Convolution and linear layers.
use super::Gradient;
use super::storage::{Contiguous, dims, output};
use crate::settings::{Geometry, Precision};
use burn::backend::flex::FlexTensor;
use diffrep_kernels::columns;
use diffrep_kernels::conv::{Conv2d, WeightOrder, backward_data, backward_weight, forward};

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
