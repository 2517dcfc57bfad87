//! What must be the same for a run of few labels to be gone on with.
use super::settings::SemiSettings;
use super::start::Network;
use super::{SemiError, SemiTask};
use crate::data::Difference;
use crate::files::PartFile;
use crate::train::{self, LockedRun, RunError};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Settings and known labels of a run, and where its network started; `semi.json`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SemiRecord {
    settings: SemiSettings,
    classes: Vec<String>,
    labels: Vec<Option<u32>>,
    /// Checksum of the weights that training starts from.
    #[serde(default)]
    start: u32,
}

impl SemiRecord {
    pub fn new(task: &SemiTask, settings: &SemiSettings, network: &Network) -> Self {
        let bytes = network.weights.iter().flat_map(|weight| weight.to_le_bytes());
        Self {
            settings: settings.clone(),
            classes: task.classes.clone(),
            labels: task.labels.values().to_vec(),
            start: crc32c::crc32c(&bytes.collect::<Vec<u8>>()),
        }
    }

    /// Writes the files that make the folder a run of `network`, or checks that those that are there say the same.
    ///
    /// # Errors
    /// A run of something else, with what differs; a folder that can't be written.
    pub fn claim(&self, run: &LockedRun, network: &Network) -> Result<(), SemiError> {
        let file = run.path().join(train::SEMI_SETTINGS);
        let Some(existing) = run.existing() else {
            // Without its settings the folder is nobody's run yet, whatever a killed process left.
            write_json(&file, self)?;
            return Ok(run.create(&network.config, &network.record)?);
        };
        let path = run.path().to_owned();
        let Some(before) = read_json::<Self>(&file)? else {
            // A run of another command.
            return Err(RunError::Foreign { path }.into());
        };
        let record = existing.record()?;
        let (images, now) = (record.fingerprint(), network.record.fingerprint());
        let difference = images.difference(now);
        let mut config = existing.config()?;
        if network.config.data.labels == "ignore" {
            // What the data's own labels are doesn't matter then; earlier versions wrote otherwise.
            config.data.labels.clone_from(&network.config.data.labels);
        }
        let known = images.can_tell(now);
        if known {
            config.data = config.data.moved_to(&network.config.data);
        }
        let mut changes = network.config.changes_since(&config);
        let parts = [
            (
                "its images",
                (record.dataset != network.record.dataset && !known) || record.shape != network.record.shape,
            ),
            ("the names or the order of its images", difference == Some(Difference::Rows)),
            ("the pixels of its images", difference == Some(Difference::Pixels)),
            ("their normalisation", record.preprocess != network.record.preprocess),
            ("the labels", (&before.classes, &before.labels) != (&self.classes, &self.labels)),
            ("the settings of `semi`", before.settings != self.settings),
            ("the weights that it started from", before.start != self.start),
        ];
        let differ =
            parts.into_iter().filter(|(_, differs)| *differs).map(|(part, _)| format!("{part} differ"));
        changes.extend(differ);
        match changes.is_empty() {
            true => Ok(run.relocate(&network.config.data)?),
            false => Err(RunError::OtherRun { path, changes: changes.join("; ") }.into()),
        }
    }
}

impl SemiSettings {
    /// The settings of the run of few labels in the folder `run`; `None` if there is none.
    ///
    /// # Errors
    /// A damaged file.
    pub fn of_run(run: &Path) -> Result<Option<Self>, SemiError> {
        let path = run.join(train::SEMI_SETTINGS);
        let Some(record) = read_json::<SemiRecord>(&path)? else { return Ok(None) };
        record.settings.check().map_err(|problem| RunError::damaged(&path, problem))?;
        Ok(Some(record.settings))
    }
}

/// Reads a file of the run; `None` if there is none.
pub(super) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, SemiError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RunError::io("read", path)(error).into()),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| RunError::damaged(path, error).into())
}

/// Writes a file of the run, whole or not at all.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SemiError> {
    let text = serde_json::to_vec(value).expect("records hold strings and numbers");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
    }
    PartFile::write_whole(path, &text).map_err(RunError::io("write", path)).map_err(SemiError::from)
}
