//! Tests of the layer functions on tensors.
mod agreement;
mod finite_differences;
mod support;
