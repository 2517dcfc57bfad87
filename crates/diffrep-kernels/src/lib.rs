//! CPU kernels of diffrep on plain slices. Nothing here knows Burn; nearly all `unsafe` of the project lives here.
//!
//! Feature maps are channels-last: `[N, H, W, C]`. Kernels run on the current rayon pool, give bit-identical results for any
//! number of threads, and use the vector instructions of [`InstructionSet::current`]; but for [`matmul`], which runs on the
//! calling thread with those that its library chooses.
mod activation;
pub mod adam;
pub mod attention;
mod buffer;
pub mod columns;
pub mod conv;
pub mod elementwise;
pub mod matmul;
pub mod norm;
mod parallel;
pub mod peak;
mod precision;
pub mod random;
pub mod resample;
mod scratch;
mod simd;
mod team;

pub use activation::Activation;
pub use buffer::Buffer;
pub use precision::Precision;
pub use simd::InstructionSet;
pub use team::Team;
