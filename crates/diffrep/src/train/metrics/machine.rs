//! What a run is computed by: its numbers depend on that in their last digits.
use crate::nn::Precision;
use crate::nn::device::{self, Device};
use crate::train::unix_time;
use diffrep_kernels::InstructionSet;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What computes from a step on; in the metrics where a run begins, and where it goes on with something else.
///
/// Threads aren't told: results are the same for any number of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineRecord {
    /// Steps done before.
    pub step: u64,
    /// The device, as [`device::name`] calls it.
    pub device: String,
    /// Instruction set of the processor's kernels in the run's precision; absent on other devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instruction_set: Option<String>,
    /// Version of diffrep.
    pub version: String,
    /// What a person should know, where something else has computed until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When, in seconds since 1970.
    pub unix_time: f64,
}

impl MachineRecord {
    /// This machine with `device` in `precision`, before the step after `step`.
    pub fn here(device: &Device, precision: Precision, step: u64) -> Self {
        let device = device::name(device);
        let set = InstructionSet::current().in_precision(precision);
        Self {
            step,
            instruction_set: (device == device::CPU).then(|| set.name().to_owned()),
            device,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            message: None,
            unix_time: unix_time(),
        }
    }

    /// Whether nothing tells them apart.
    pub fn agrees_with(&self, other: &Self) -> bool {
        (&self.device, &self.instruction_set, &self.version)
            == (&other.device, &other.instruction_set, &other.version)
    }

    /// This record after `before`, which has computed until now.
    pub(super) fn after(self, before: &Self) -> Self {
        let message = format!(
            "the steps until {} were computed by {before}, the next ones by {self}: the last digits may differ from those of \
             a run in one place",
            self.step
        );
        Self { message: Some(message), ..self }
    }
}

impl fmt::Display for MachineRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.device)?;
        if let Some(set) = &self.instruction_set {
            write!(f, " ({set})")?;
        }
        write!(f, ", diffrep {}", self.version)
    }
}
