//! A linear layer that lives in a head's flat parameters.
use crate::probe::head::{column_sums, init_layer, spread_bias};
use diffrep_kernels::matmul::{Matrix, multiply};
use diffrep_kernels::random::Key;
use std::ops::Range;

/// Weight `[inputs, outputs]`, then bias `[outputs]`, from `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dense {
    start: usize,
    pub inputs: usize,
    pub outputs: usize,
}

impl Dense {
    /// A layer at `place`, which moves behind it.
    pub fn new(place: &mut usize, inputs: usize, outputs: usize) -> Self {
        let layer = Self { start: *place, inputs, outputs };
        *place = layer.range().end;
        layer
    }

    /// Where weight and bias lie.
    pub fn range(self) -> Range<usize> {
        self.start..self.start + (self.inputs + 1) * self.outputs
    }

    /// PyTorch's default initial weights; `index` tells the layers of a head apart.
    pub fn init(self, parameters: &mut [f32], key: Key, index: u32) {
        init_layer(&mut parameters[self.range()], self.inputs, key, index);
    }

    /// `out = x·weight + bias` for rows of `x`.
    pub fn forward(self, parameters: &[f32], x: &[f32], out: &mut Vec<f32>) {
        let (weight, bias) = parameters[self.range()].split_at(self.inputs * self.outputs);
        let rows = x.len() / self.inputs;
        spread_bias(bias, rows, out);
        let weight = Matrix::new(weight, self.inputs, self.outputs);
        multiply(Matrix::new(x, rows, self.inputs), weight, true, out);
    }

    /// Adds the gradients of weight and bias to `gradient`, given the gradient `upstream` of the outputs.
    pub fn gradient(self, x: &[f32], upstream: &[f32], gradient: &mut [f32]) {
        let (weight, bias) = gradient[self.range()].split_at_mut(self.inputs * self.outputs);
        let rows = x.len() / self.inputs;
        let outputs = Matrix::new(upstream, rows, self.outputs);
        multiply(Matrix::new(x, rows, self.inputs).t(), outputs, true, weight);
        let mut sums = vec![0.0; self.outputs];
        column_sums(upstream, &mut sums);
        bias.iter_mut().zip(sums).for_each(|(bias, sum)| *bias += sum);
    }

    /// The gradient of the inputs; added to what `out` holds, with `accumulate`.
    pub fn input_gradient(self, parameters: &[f32], upstream: &[f32], accumulate: bool, out: &mut [f32]) {
        let weight = &parameters[self.start..][..self.inputs * self.outputs];
        let weight = Matrix::new(weight, self.inputs, self.outputs);
        let rows = upstream.len() / self.outputs;
        multiply(Matrix::new(upstream, rows, self.outputs), weight.t(), accumulate, out);
    }
}
