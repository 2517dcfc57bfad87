//! Tests of the layer functions on tensors.
mod agreement;
mod bf16;
mod finite_differences;
#[cfg(any(feature = "wgpu", feature = "cuda", feature = "rocm", feature = "metal"))]
mod gpu;
mod support;
