//! What tensors alone don't tell of an encoder.
use crate::data::{ImageShape, LearnedLabels, Preprocess};
use crate::nn::EncoderConfig;
use crate::sde::Sde;
use serde::{Deserialize, Serialize};

/// Key of the note, as JSON, in the metadata of safetensors files that are written here.
pub(super) const KEY: &str = "diffrep.encoder";

/// Everything that an encoder's codes depend on beside its tensors, and what it must not be measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderNote {
    /// Its configuration.
    pub encoder: EncoderConfig,
    /// Size and channels of the images that it reads, before padding.
    pub shape: ImageShape,
    /// Padding and standardisation.
    pub preprocess: Preprocess,
    /// The forward process, whose ln σ(t) it sees.
    pub sde: Sde,
    /// What labels it has learned, on whose images nobody may measure it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learned_labels: Vec<LearnedLabels>,
}

impl EncoderNote {
    /// Reads the note of a file, which may say anything.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong = |problem: String| format!("its metadata `{KEY}`: {problem}");
        let note: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        note.preprocess.check(note.shape).map_err(wrong)?;
        note.sde.check().map_err(|error| wrong(error.to_string()))?;
        Ok(note)
    }

    pub(super) fn text(&self) -> String {
        serde_json::to_string(self).expect("a note is plain data")
    }
}
