//! Networks: WideResNet encoder, NCSN++ score network, latent decoder.
//!
//! Images and feature maps are channels-last `[N, H, W, C]`. Parameters live in Burn's own structs, so that the
//! published PyTorch checkpoints map onto them by name ([`research`]).
mod architecture;
mod attention_block;
mod blocks;
mod build;
mod conditioning;
mod config;
mod error;
#[cfg(test)]
mod gradient_checks;
mod images;
mod initialiser;
mod latent_decoder;
mod levels;
mod model;
mod ncsnpp;
mod operations;
pub mod parameters;
mod precision;
mod projection;
pub mod research;
mod residual_block;
mod time_embedding;
mod wide_resnet;

pub use blocks::{BlockName, Watch};
pub use conditioning::{Condition, Conditioning};
pub use config::{BlockConditioning, EncoderConfig, ModelConfig, NcsnppConfig};
pub use diffrep_backend::device;
pub use diffrep_backend::layers::{Mode, Precision};
pub use error::NnError;
pub(crate) use images::images;
pub(crate) use initialiser::BATCH_NORM_EPSILON;
pub use latent_decoder::LatentDecoder;
pub use model::{Model, TimeEmbeddings};
pub use ncsnpp::Ncsnpp;
pub use operations::{ModelOperations, Operations};
pub(crate) use precision::PrecisionName;
pub use precision::check_precision;
pub use projection::Projection;
pub use time_embedding::TimeEmbedding;
pub use wide_resnet::{Code, WideResNet};

use crate::random::Seed;

/// One run through the networks: whether it trains, how it multiplies, and the address of its random numbers (dropout).
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// Training or evaluation.
    pub mode: Mode,
    /// How convolutions, linear layers and attention multiply, here and in the backward pass. The embedding of time and the
    /// class head, tiny parts, are always f32.
    pub precision: Precision,
    /// The run's seed.
    pub seed: Seed,
    /// The training step.
    pub step: u32,
}

impl Pass {
    /// A pass without randomness, on running statistics, in f32.
    pub const EVAL: Self = Self { mode: Mode::Eval, precision: Precision::F32, seed: Seed(0), step: 0 };
}
