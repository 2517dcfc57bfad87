//! The precision as a setting: its name, and whether a device has it.
use super::{NnError, Precision};
use burn::tensor::Device;
use diffrep_backend::layers;
use serde::{Deserialize, Serialize};

/// How [`Precision`], which knows no serde, is written: `f32` or `bf16`.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Precision", rename_all = "lowercase")]
pub(crate) enum PrecisionName {
    F32,
    Bf16,
}

/// Errors unless networks can be computed in `precision` on `device`: bf16 is of the processor's kernels alone.
///
/// # Errors
/// Another device than `cpu` with bf16.
pub fn check_precision(device: &Device, precision: Precision) -> Result<(), NnError> {
    match layers::supports(device, precision) {
        true => Ok(()),
        false => Err(NnError::Precision { precision: precision.name() }),
    }
}
