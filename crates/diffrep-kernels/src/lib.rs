//! CPU kernels of diffrep on plain slices. Nothing here knows Burn; all `unsafe` of the project lives here.
pub mod matmul;
pub mod random;
