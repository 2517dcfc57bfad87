//! Encoders loaded from a run, embeddings and their files.
//!
//! [`LoadedEncoder`] is the frozen encoder of a run (or a random one, the baseline), [`encode`] turns a set of images
//! of any size into codes at chosen levels of detail, block by block, and an [`EmbeddingFile`] takes the blocks.
//! [`ScoreNetwork`] is the second source of features; a [`Place`] says which of the two is read where.
mod autoencoder;
mod csv;
mod encode;
mod encoder;
mod error;
mod file;
mod level_gain;
mod levels;
mod npy;
mod npz;
mod parquet;
mod place;
mod safetensors;
mod score_network;

pub use autoencoder::{Autoencoder, ReconstructionQuality};
pub(crate) use encode::batches;
pub use encode::{BATCH, Embeddings, encode, pixels};
pub use encoder::LoadedEncoder;
pub use error::RepresentError;
pub use file::{EmbeddingFile, Format, Outline};
pub use level_gain::LevelGain;
pub use levels::{Shard, level_grid, parse_levels};
pub(crate) use parquet::io_error as parquet_error;
pub use place::{BestPlace, Place, ScorePlace, read_places};
pub use score_network::{LatentInput, Noise, ScoreInput, ScoreNetwork};
