//! What a comparison keeps: one file of results for each method, seed and budget.
use super::{Budget, StudyError};
use crate::data::Fingerprint;
use crate::files::PartFile;
use crate::probe::{Score, Settings};
use crate::represent::ReconstructionQuality;
use crate::train::Config;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Results of one method with one seed after one budget.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// Name in the plan.
    pub arm: String,
    /// The method.
    pub method: String,
    /// Seed of training.
    pub seed: u64,
    /// Images seen.
    pub images: u64,
    /// The time that it was given, in minutes; absent where images were the budget.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// Training steps.
    pub steps: u64,
    /// Wall-clock seconds of training up to here.
    pub train_seconds: f64,
    /// Whether the code depends on t.
    pub time_conditioned: bool,
    /// Settings of its run.
    pub config: Config,
    /// How it was measured; results of another protocol are measured again.
    pub protocol: Protocol,
    /// CRC-32C of the names and labels of the images; absent in files of earlier versions.
    #[serde(default)]
    pub data_checksum: Option<u32>,
    /// CRC-32C of the pixels of images that don't lie in files of their own; absent as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels_checksum: Option<u32>,
    /// Scores of all probes and levels.
    pub scores: Vec<Score>,
    /// Reconstructions of the test images, where there is a decoder.
    pub reconstruction: Option<ReconstructionQuality>,
}

impl CellRecord {
    /// What its training was limited by.
    pub fn budget(&self) -> Budget {
        self.minutes.map_or(Budget::Images(self.images), Budget::Minutes)
    }

    /// The images that it was trained and measured on.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint { rows: self.data_checksum, pixels: self.pixels_checksum }
    }
}

/// What decides about the scores besides the trained weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Protocol {
    /// Levels of detail.
    pub t: Vec<f64>,
    /// Probes, by name.
    pub probes: Vec<String>,
    /// Labels a class.
    pub few_labels: Vec<usize>,
    /// Seeds of the probes.
    pub seeds: Vec<u64>,
    /// Hyper-parameters.
    pub recipe: crate::probe::Recipe,
    /// Whether scores are of the test split; otherwise of a fifth of the training rows.
    #[serde(default = "yes")]
    pub test: bool,
    /// Whether the seed draws which classes give validation rows, as few labels that can't be divided evenly need it; false
    /// where none do, and in files of earlier versions, which took the first classes.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drawn_classes: bool,
}

fn is_false(value: &bool) -> bool {
    !value
}

fn yes() -> bool {
    true
}

impl Protocol {
    pub(super) fn of(t: &[f64], settings: &Settings, test: bool) -> Self {
        let uneven = |&count: &usize| count > 1 && (count as f64 * settings.recipe.validation).fract() != 0.0;
        Self {
            t: t.to_vec(),
            probes: settings.probes.iter().map(|probe| probe.name().to_owned()).collect(),
            few_labels: settings.few_labels.clone(),
            seeds: settings.seeds.clone(),
            recipe: settings.recipe.clone(),
            test,
            drawn_classes: settings.few_labels.iter().any(uneven),
        }
    }
}

/// Scores of raw pixels and of untrained encoders.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct BaselineRecord {
    pub(super) protocol: Protocol,
    /// Settings of the encoder that was not trained; absent in files of earlier versions.
    #[serde(default)]
    pub(super) config: Option<Config>,
    /// As in [`CellRecord`].
    #[serde(default)]
    pub(super) data_checksum: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) pixels_checksum: Option<u32>,
    pub(super) scores: Vec<Score>,
}

impl BaselineRecord {
    /// As in [`CellRecord`].
    pub(super) fn fingerprint(&self) -> Fingerprint {
        Fingerprint { rows: self.data_checksum, pixels: self.pixels_checksum }
    }
}

/// All results of a comparison; `compare.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StudyRecord {
    /// Methods in the plan's order, then seeds, then budgets.
    pub cells: Vec<CellRecord>,
    /// Raw pixels, and the first method's encoder with its initial weights.
    pub baselines: Vec<Score>,
}

/// Reads a record; `None` if there is no such file.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StudyError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(reason) => return Err(StudyError::Unreadable { path: path.to_owned(), reason }),
    };
    let damaged =
        |error: serde_json::Error| StudyError::Damaged { path: path.to_owned(), problem: error.to_string() };
    serde_json::from_slice(&text).map(Some).map_err(damaged)
}

/// Writes a record, whole or not at all.
pub(super) fn write(path: &Path, record: &impl Serialize) -> Result<(), StudyError> {
    let text = serde_json::to_string_pretty(record).expect("records hold strings and numbers");
    write_text(path, &text)
}

/// Writes a text, whole or not at all.
pub(super) fn write_text(path: &Path, text: &str) -> Result<(), StudyError> {
    PartFile::write_whole(path, text.as_bytes())
        .map_err(|error| StudyError::Write { path: path.to_owned(), error })
}
