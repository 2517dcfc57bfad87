//! Activations, sums, dropout.
use super::Gradient;
use super::storage::{Contiguous, dims, output};
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use diffrep_kernels::random::Key;
use diffrep_kernels::{Activation, columns, elementwise};

pub(crate) fn zeros_like(x: &FlexTensor) -> FlexTensor {
    output(x.shape(), |zeros| zeros.fill(0.0))
}

pub(crate) fn activate(x: &FlexTensor, activation: Activation) -> FlexTensor {
    let values = Contiguous::new(x);
    output(x.shape(), |y| elementwise::activate(values.data(), activation, y))
}

/// For the gradient of x.
#[derive(Clone, Debug)]
pub(crate) struct ActivationGradient {
    pub(crate) x: FlexTensor,
    pub(crate) activation: Activation,
}

impl Gradient<1> for ActivationGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        let (x, gy) = (Contiguous::new(&self.x), Contiguous::new(&gy));
        [Some(output(self.x.shape(), |dx| {
            elementwise::activate_backward(x.data(), gy.data(), self.activation, dx);
        }))]
    }
}

/// `(a + b) · scale`; the shapes are the same.
pub(crate) fn add_scaled(a: &FlexTensor, b: &FlexTensor, scale: f64) -> FlexTensor {
    let shape = a.shape();
    let (a, b) = (Contiguous::new(a), Contiguous::new(b));
    output(shape, |y| elementwise::add_scaled(a.data(), b.data(), scale as f32, y))
}

/// `x · scale`.
pub(crate) fn scaled(x: FlexTensor, scale: f64) -> FlexTensor {
    if scale == 1.0 {
        return x;
    }
    let values = Contiguous::new(&x);
    output(x.shape(), |y| elementwise::scale(values.data(), scale as f32, y))
}

/// For the gradients of both summands.
#[derive(Clone, Debug)]
pub(crate) struct AddScaledGradient {
    pub(crate) scale: f64,
}

impl Gradient<2> for AddScaledGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let gradient = scaled(gy, self.scale);
        [Some(gradient.clone()), Some(gradient)]
    }
}

/// `x` `[N, H, W, C]` plus `bias` `[N, C]`.
pub(crate) fn add_per_image(x: &FlexTensor, bias: &FlexTensor) -> FlexTensor {
    let (shape, [images, ..]) = (x.shape(), dims::<4>(x));
    let (x, bias) = (Contiguous::new(x), Contiguous::new(bias));
    output(shape, |y| elementwise::add_per_image(x.data(), bias.data(), images, y))
}

/// For the gradients of x and bias.
#[derive(Clone, Debug)]
pub(crate) struct AddPerImageGradient;

impl Gradient<2> for AddPerImageGradient {
    fn gradients(self, gy: FlexTensor, wanted: [bool; 2]) -> [Option<FlexTensor>; 2] {
        let [images, .., channels] = dims::<4>(&gy);
        let bias = wanted[1].then(|| {
            let values = Contiguous::new(&gy);
            output([images, channels], |sums| columns::sum_pixels(values.data(), images, 1.0, sums))
        });
        [Some(gy), bias]
    }
}

pub(crate) fn dropout(x: &FlexTensor, rate: f64, key: Key) -> FlexTensor {
    let values = Contiguous::new(x);
    output(x.shape(), |y| elementwise::dropout(values.data(), rate, key, x.shape()[0], y))
}

/// For the gradient of x: the same numbers are dropped again.
#[derive(Clone, Debug)]
pub(crate) struct DropoutGradient {
    pub(crate) rate: f64,
    pub(crate) key: Key,
}

impl Gradient<1> for DropoutGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 1]) -> [Option<FlexTensor>; 1] {
        [Some(dropout(&gy, self.rate, self.key))]
    }
}
