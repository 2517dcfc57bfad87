//! What the layer functions are told beside their tensors.
pub use diffrep_kernels::{Activation, Precision};

/// Whether a forward pass is part of training.
///
/// Burn chooses by the device; an explicit argument can't be switched by accident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, running statistics are updated, dropout is on.
    Train,
    /// Running statistics, no dropout.
    Eval,
}

/// Zero padding of a square kernel: pixels added before (top, left) and after (bottom, right).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Padding {
    /// Rows above and columns to the left.
    pub before: usize,
    /// Rows below and columns to the right.
    pub after: usize,
}

impl Padding {
    /// The same padding on all sides.
    pub const fn same(pixels: usize) -> Self {
        Self { before: pixels, after: pixels }
    }
}

/// What a convolution is beside its tensors.
#[derive(Clone, Copy, Debug)]
pub struct Geometry {
    /// Distance of neighbouring output pixels in the input.
    pub stride: usize,
    /// Zero rows above and columns to the left.
    pub before: usize,
    /// Zero rows below and columns to the right.
    pub after: usize,
    /// How products are computed, forward and backward.
    pub precision: Precision,
}

/// What a group norm is beside its tensors.
#[derive(Clone, Copy, Debug)]
pub struct GroupNorm {
    /// Groups of neighbouring channels.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
    /// Applied to the result.
    pub activation: Activation,
}
