//! Checkpoints of the published PyTorch code (sarthmit/traj_drl): names, reading, strict loading.
mod encoder;
mod error;
mod infer;
mod names;
mod note;
mod state_dict;

pub use encoder::ImportedEncoder;
pub use error::ImportError;
pub use names::{Mapping, mappings};
pub use note::EncoderNote;
pub use state_dict::{StateDict, StateTensor};
