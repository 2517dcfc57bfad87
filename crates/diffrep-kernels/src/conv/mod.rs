//! Direct convolution of channels-last images: forward, and the gradients of data, weights and bias.
//!
//! Forward and data gradient are the same computation on different plans (`plan`): output pixels are sums over kernel
//! rows, and in each row over a run of neighbouring source pixels whose channels lie one after the other in memory. A
//! register tile (`tile`) holds some pixels × one block of output channels and reads packed weights (`pack`).
mod apply;
mod around;
mod band;
mod outer;
mod pack;
mod pad;
mod plan;
mod tile;
mod tiles;
mod weight;
mod winograd;
mod words;

use crate::Precision;
pub use around::{After, Before};
use around::{Around, Rows};
use pack::Packed;
use plan::Plan;
pub use weight::backward_weight;

/// The order of a convolution's weights in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightOrder {
    /// `[out, in, K, K]`, as in Burn and PyTorch.
    OutIn,
    /// `[in, out]`: a matrix that multiplies from the right; only with a kernel of one pixel.
    InOut,
}

/// Sizes of a convolution with a square kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv2d {
    /// Images.
    pub batch: usize,
    /// Rows of an input image.
    pub height: usize,
    /// Columns of an input image.
    pub width: usize,
    /// Channels of the input.
    pub inputs: usize,
    /// Channels of the output.
    pub outputs: usize,
    /// Rows and columns of the kernel.
    pub kernel: usize,
    /// Distance of neighbouring output pixels in the input.
    pub stride: usize,
    /// Zero rows above and columns to the left.
    pub before: usize,
    /// Zero rows below and columns to the right.
    pub after: usize,
    /// How the weights lie in memory.
    pub order: WeightOrder,
    /// How products are computed, in all three passes.
    pub precision: Precision,
}

impl Conv2d {
    /// `rows` vectors of length `inputs` times a matrix `[inputs, outputs]`, in f32.
    pub const fn linear(rows: usize, inputs: usize, outputs: usize) -> Self {
        Self {
            batch: 1,
            height: 1,
            width: rows,
            inputs,
            outputs,
            kernel: 1,
            stride: 1,
            before: 0,
            after: 0,
            order: WeightOrder::InOut,
            precision: Precision::F32,
        }
    }

    /// Rows of an output image.
    ///
    /// # Panics
    /// If the padded image is smaller than the kernel.
    pub fn out_height(&self) -> usize {
        self.out_side(self.height)
    }

    /// Columns of an output image.
    ///
    /// # Panics
    /// If the padded image is smaller than the kernel.
    pub fn out_width(&self) -> usize {
        self.out_side(self.width)
    }

    fn out_side(&self, side: usize) -> usize {
        let padded = side + self.before + self.after;
        assert!(padded >= self.kernel, "a kernel of {} on {padded} padded pixels", self.kernel);
        (padded - self.kernel) / self.stride + 1
    }

    /// Numbers in the input.
    pub const fn input_len(&self) -> usize {
        self.batch * self.height * self.width * self.inputs
    }

    /// Numbers in the output.
    pub fn output_len(&self) -> usize {
        self.batch * self.out_height() * self.out_width() * self.outputs
    }

    /// Numbers in the weights.
    pub const fn weight_len(&self) -> usize {
        self.outputs * self.inputs * self.kernel * self.kernel
    }

    /// Multiplications and additions of one forward pass.
    pub fn operations(&self) -> usize {
        2 * self.output_len() * self.inputs * self.kernel * self.kernel
    }

    /// Distance in memory of weights of neighbouring outputs and neighbouring inputs.
    const fn weight_strides(&self) -> (usize, usize) {
        match self.order {
            WeightOrder::OutIn => (self.inputs * self.kernel * self.kernel, self.kernel * self.kernel),
            WeightOrder::InOut => (1, self.outputs),
        }
    }

    /// The same convolution on shapes that kernels handle best: where every pixel stands alone, all images form one
    /// with rows long enough for a register tile.
    fn flattened(&self) -> Self {
        if self.kernel != 1 || self.stride != 1 || self.before + self.after != 0 {
            return *self;
        }
        let pixels = self.batch * self.height * self.width;
        let width = match self.width {
            16..=64 => self.width,
            _ => (16..=64).rev().find(|w| pixels.is_multiple_of(*w)).unwrap_or(pixels),
        };
        Self { batch: 1, height: pixels / width, width, ..*self }
    }

    fn check(&self) {
        assert!(self.stride > 0 && self.kernel > 0 && self.inputs > 0 && self.outputs > 0, "empty {self:?}");
        assert!(
            self.order == WeightOrder::OutIn || self.kernel == 1,
            "a matrix has no kernel of {}",
            self.kernel
        );
    }
}

/// `y[n, i, j, o] = bias[o] + Σ x[n, i·stride + a − before, j·stride + b − before, c] · w[o, c, a, b]`.
///
/// # Panics
/// If a length doesn't match the shape.
pub fn forward(shape: &Conv2d, x: &[f32], weight: &[f32], bias: Option<&[f32]>, y: &mut [f32]) {
    forward_around(shape, x, weight, bias, None, None, y);
}

/// [`forward`] of `before(x)`, followed by `after`.
///
/// # Panics
/// If a length doesn't match the shape.
pub fn forward_around(
    shape: &Conv2d,
    x: &[f32],
    weight: &[f32],
    bias: Option<&[f32]>,
    before: Option<&Before>,
    after: Option<&After>,
    y: &mut [f32],
) {
    shape.check();
    assert_eq!(x.len(), shape.input_len(), "input of {shape:?}");
    assert_eq!(weight.len(), shape.weight_len(), "weights of {shape:?}");
    assert_eq!(y.len(), shape.output_len(), "output of {shape:?}");
    assert!(bias.is_none_or(|b| b.len() == shape.outputs), "bias of {shape:?}");
    let per_input = |b: &Before| b.scale.len() == shape.inputs && b.shift.len() == shape.inputs;
    assert!(before.is_none_or(per_input), "scale and shift of {shape:?}");
    after.inspect(|after| after.check(shape.batch, shape.outputs, y.len()));
    if y.is_empty() {
        return;
    }
    // Where images matter, they can't be joined.
    let shape = if after.is_some_and(|a| a.affine.is_some()) { *shape } else { shape.flattened() };
    let (by_output, by_input) = shape.weight_strides();
    let plan = Plan::forward(&shape);
    let packed = pack::pack(&plan, weight, by_input, by_output);
    let around = Around { before: before.map(|b| Rows::new(b, shape.width)), after: after.copied() };
    run(&plan, &packed, bias, &around, x, y);
}

/// Gradient of the input, from the gradient `gy` of the output.
///
/// # Panics
/// If a length doesn't match the shape.
pub fn backward_data(shape: &Conv2d, weight: &[f32], gy: &[f32], dx: &mut [f32]) {
    shape.check();
    assert_eq!(dx.len(), shape.input_len(), "input of {shape:?}");
    assert_eq!(weight.len(), shape.weight_len(), "weights of {shape:?}");
    assert_eq!(gy.len(), shape.output_len(), "output of {shape:?}");
    if dx.is_empty() {
        return;
    }
    let shape = shape.flattened();
    let (by_output, by_input) = shape.weight_strides();
    let plan = Plan::backward(&shape);
    let packed = pack::pack(&plan, weight, by_output, by_input);
    run(&plan, &packed, None, &Around::default(), gy, dx);
}

fn run(
    plan: &Plan,
    packed: &Packed,
    bias: Option<&[f32]>,
    around: &Around,
    source: &[f32],
    target: &mut [f32],
) {
    if winograd::suits(plan) {
        winograd::apply(plan, packed, bias, around, source, target);
    } else {
        apply::apply(plan, packed, bias, around, source, target);
    }
}
