//! `checkpoint.json`: what a checkpoint is, with a checksum of every file and of itself.
use crate::train::metrics::{TrainRecord, Window};
use crate::train::{RunError, Schedule, memory, unix_time};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::Path;

/// The file's name.
pub(crate) const FILE: &str = "checkpoint.json";
const FORMAT: u32 = 1;

/// What the loop needs besides the buffers to go on as if it had never stopped.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Optimiser steps done.
    pub step: u64,
    /// Steps that whoever wrote it was going to do in all, where that was more than the run was created with. Absent
    /// otherwise, and left out: earlier versions sealed their text without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// The learning rate's course, fixed when the run was created.
    pub schedule: Schedule,
    /// Seconds of training so far, pauses not counted.
    pub seconds: f64,
    /// Health score, higher is better: kNN accuracy where there are labels, otherwise minus the held-out loss.
    /// None if it was not measured at this step.
    pub score: Option<f64>,
    /// Steps since the last line of metrics.
    pub window: Window,
}

impl Progress {
    /// Of a run that has not begun.
    pub fn fresh(schedule: Schedule) -> Self {
        Self { step: 0, total: None, schedule, seconds: 0.0, score: None, window: Window::default() }
    }

    /// The line of metrics about the steps since the last one, of which there is one at least.
    pub(crate) fn close_window(&mut self, images_per_second: f64) -> TrainRecord {
        let means = self.window.close();
        TrainRecord {
            step: self.step,
            loss: means.loss,
            parts: means.parts,
            learning_rate: self.schedule.at(self.step - 1),
            gradient_norm: means.gradient_norm,
            gradient_norm_encoder: means.gradient_norm_encoder,
            gradient_norm_score: means.gradient_norm_score,
            images_per_second,
            memory_bytes: memory::resident(),
            seconds: self.seconds,
            unix_time: unix_time(),
        }
    }
}

/// Contents of `checkpoint.json`.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Manifest {
    format: u32,
    pub progress: Progress,
    files: BTreeMap<String, String>,
}

/// The manifest with the SHA-256 of its own text, so that no byte of a checkpoint goes unguarded.
#[derive(Serialize, Deserialize)]
struct Sealed {
    manifest: Manifest,
    sha256: String,
}

impl Manifest {
    pub fn new(progress: Progress) -> Self {
        Self { format: FORMAT, progress, files: BTreeMap::new() }
    }

    /// Records the checksum of a file of the checkpoint.
    pub fn add(&mut self, name: &str, bytes: &[u8]) {
        self.files.insert(name.to_owned(), sha256(bytes));
    }

    /// Errors if `bytes` are not what was recorded under `name`.
    pub fn check(&self, name: &str, file: &Path, bytes: &[u8]) -> Result<(), RunError> {
        match self.files.get(name) {
            Some(recorded) if *recorded == sha256(bytes) => Ok(()),
            Some(_) => Err(RunError::damaged(file, "its checksum is not the recorded one")),
            None => Err(RunError::damaged(file, "no checksum of it was recorded")),
        }
    }

    /// The text of the file.
    pub fn seal(self) -> String {
        let sha256 = sha256(json(&self).as_bytes());
        json(&Sealed { manifest: self, sha256 })
    }

    /// Reads the text of the file `path`.
    pub fn open(path: &Path, text: &[u8]) -> Result<Self, RunError> {
        let sealed: Sealed = serde_json::from_slice(text).map_err(|e| RunError::damaged(path, e))?;
        // Compared as a whole, so that a flip which JSON forgives (a space, an escape) is seen too.
        if sealed.sha256 != sha256(json(&sealed.manifest).as_bytes()) || json(&sealed).as_bytes() != text {
            return Err(RunError::damaged(path, "its checksum is not the recorded one"));
        }
        if sealed.manifest.format != FORMAT {
            let format = sealed.manifest.format;
            return Err(RunError::damaged(path, format!("format {format} instead of {FORMAT}")));
        }
        Ok(sealed.manifest)
    }
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string_pretty(value).expect("plain structs with string keys serialise")
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As it was written before `total` came, in a run of studies/fast-minutes.toml.
    const EARLIER: &str = r#"{
  "manifest": {
    "format": 1,
    "progress": {
      "step": 223,
      "schedule": {
        "learning_rate": 0.0002,
        "warm_up": 500,
        "decay": "constant",
        "horizon": 6685
      },
      "seconds": 117.761319722,
      "score": 0.27734375,
      "window": {
        "steps": 0,
        "loss": 0.0,
        "parts": [],
        "gradient_norm": 0.0,
        "gradient_norm_encoder": 0.0,
        "gradient_norm_score": null
      }
    },
    "files": {
      "ema.safetensors": "6bea945d64aa5541c3414d3fbbd9ea24b23ed804a86087c5f5dc4115bd3dff7b",
      "model.safetensors": "92a43f6298fd9b1f02cc8401c04d73ee7e106c5f57c7244f4374d5aa4b9d819c",
      "optimiser.safetensors": "55adfe9510447a1e74845466bd8813a1f0ca2cc035575f2ddeb604c3286b0dfa"
    }
  },
  "sha256": "0ec0d6ee16bcc8a3674176260535384dc55120d390b23e9f36a08191a53e9a6c"
}"#;

    #[test]
    fn manifests_of_earlier_versions_are_whole() {
        let path = Path::new("checkpoint.json");
        let manifest = Manifest::open(path, EARLIER.as_bytes()).unwrap();
        assert_eq!((manifest.progress.step, manifest.progress.total), (223, None));
        assert_eq!(manifest.seal(), EARLIER);
        let longer = EARLIER.replace("\"step\": 223,", "\"step\": 223,\n      \"total\": 400,");
        assert!(Manifest::open(path, longer.as_bytes()).is_err());
    }

    #[test]
    fn a_total_beyond_the_planned_one_comes_back() {
        let path = Path::new("checkpoint.json");
        // Some builds wrote nought.
        for total in [400, 0] {
            let mut manifest = Manifest::open(path, EARLIER.as_bytes()).unwrap();
            manifest.progress.total = Some(total);
            let text = manifest.seal();
            assert_eq!(Manifest::open(path, text.as_bytes()).unwrap().progress.total, Some(total));
        }
    }
}
