//! Tests of the layer functions on tensors.
mod agreement;
mod bf16;
mod finite_differences;
mod support;
