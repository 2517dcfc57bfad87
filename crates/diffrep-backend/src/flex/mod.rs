//! The layer operations on tensors of Burn's flex backend, by diffrep's kernels.
//!
//! Each operation is a forward function and a type that keeps what its backward pass needs ([`Gradient`]). `ops` ties
//! them to Burn's dispatch and automatic differentiation.
pub(crate) mod conv;
pub(crate) mod norm;
mod storage;

use burn::backend::flex::FlexTensor;
use std::fmt::Debug;

/// What an operation with `N` inputs keeps for its backward pass.
pub(crate) trait Gradient<const N: usize>: Clone + Send + Debug + 'static {
    /// Gradients of the inputs that are `wanted`, from the gradient `gy` of the output.
    fn gradients(self, gy: FlexTensor, wanted: [bool; N]) -> [Option<FlexTensor>; N];
}
