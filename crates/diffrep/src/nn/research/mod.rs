//! Checkpoints of the published PyTorch code (sarthmit/traj_drl): names, reading, strict loading.
mod error;
mod infer;
mod names;
mod state_dict;

pub use error::ImportError;
pub use names::{Mapping, mappings};
pub use state_dict::{StateDict, StateTensor};
