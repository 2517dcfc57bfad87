//! A run is a folder: settings, metrics, checkpoints, and a lock while somebody trains in it.
use super::{Config, DataConfig, InitRecord, RunError, checkpoint};
use crate::data::{Fingerprint, ImageShape, LearnedLabels, Preprocess};
use crate::files::PartFile;
use crate::nn::ModelConfig;
use serde::{Deserialize, Serialize};
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

const CONFIG: &str = "config.toml";
const RECORD: &str = "run.json";
const LOCK: &str = "lock";
/// What makes a folder a run of few labels, which no training with all of them may go on with.
pub(crate) const SEMI_SETTINGS: &str = "semi.json";

/// What a run was trained on; `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Version of diffrep that created the run.
    pub version: String,
    /// The run's seed.
    pub seed: u64,
    /// Name of the data set.
    pub dataset: String,
    /// Images of the training split, held-out ones included.
    pub train_images: usize,
    /// Rows of the training split that only measure health.
    pub held_out_rows: Vec<usize>,
    /// Images as the data set gives them.
    pub shape: ImageShape,
    /// Class names by label, where there are labels.
    pub classes: Option<Vec<String>>,
    /// What brings an image into the form that the networks see.
    pub preprocess: Preprocess,
    /// The networks.
    pub model: ModelConfig,
    /// CRC-32C of the images' names in their order, each ended by a zero; absent in runs of earlier versions, and where
    /// nothing can go on with the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_checksum: Option<u32>,
    /// CRC-32C of the pixels, where images don't lie in files of their own; absent as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels_checksum: Option<u32>,
    /// [`LabelColumn::checksum`](crate::data::LabelColumn::checksum) of the labels that are learned; absent as above, and
    /// for methods that learn none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels_checksum: Option<u32>,
    /// The run whose weights were the first ones; absent: they are random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<InitRecord>,
    /// Labels that those weights had seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inherited_labels: Vec<LearnedLabels>,
}

impl RunRecord {
    /// The images.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint { rows: self.images_checksum, pixels: self.pixels_checksum }
    }

    /// What its parts must be for each other; a file may say anything.
    fn check(&self) -> Result<(), String> {
        self.model.check().map_err(|error| error.to_string())?;
        self.preprocess.check(self.shape)?;
        let (padded, model) = (self.preprocess.shape(), &self.model);
        if (padded.height, padded.width, padded.channels) != (model.height, model.width, model.channels) {
            let expected = format!("{}×{}×{}", model.height, model.width, model.channels);
            return Err(format!("images of {padded} for networks that read {expected}"));
        }
        let rows = &self.held_out_rows;
        if !rows.is_sorted_by(|a, b| a < b) || rows.last().is_some_and(|row| *row >= self.train_images) {
            return Err(format!("held-out rows aren't rows of {} images in order", self.train_images));
        }
        Ok(())
    }
}

/// The folder of a run, for reading.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Opens the folder of an existing run. Errors if it is none.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        for missing in [CONFIG, RECORD] {
            if !path.join(missing).is_file() {
                return Err(RunError::NotARun { path: path.to_owned(), missing });
            }
        }
        Ok(Self { path: path.to_owned() })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The resolved settings.
    pub fn config(&self) -> Result<Config, RunError> {
        let path = self.path.join(CONFIG);
        Config::from_file(&path).map_err(|error| RunError::damaged(&path, error))
    }

    /// What the run was trained on.
    pub fn record(&self) -> Result<RunRecord, RunError> {
        let path = self.path.join(RECORD);
        let text = fs::read(&path).map_err(RunError::io("read", &path))?;
        let record: RunRecord =
            serde_json::from_slice(&text).map_err(|error| RunError::damaged(&path, error))?;
        record.check().map_err(|problem| RunError::damaged(&path, problem))?;
        Ok(record)
    }
}

/// The folder of a run with its lock, for training. The lock goes with the value, or with the process.
#[derive(Debug)]
pub struct LockedRun {
    path: PathBuf,
    _lock: File,
}

impl LockedRun {
    /// Locks `path`, which is created if it doesn't exist.
    ///
    /// Errors if it can't be created, another process trains in it, or it holds files but no run.
    pub fn acquire(path: &Path) -> Result<Self, RunError> {
        fs::create_dir_all(path).map_err(RunError::io("create", path))?;
        let lock_path = path.join(LOCK);
        // A run whose lock somebody took away is still one.
        if !lock_path.exists() && !is_empty(path)? && RunFolder::open(path).is_err() {
            return Err(RunError::Foreign { path: path.to_owned() });
        }
        let lock = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(RunError::io("create", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(RunError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(RunError::io("lock", &lock_path)(source)),
        }
        let run = Self { path: path.to_owned(), _lock: lock };
        let checkpoints = path.join(checkpoint::FOLDER);
        fs::create_dir_all(&checkpoints).map_err(RunError::io("create", &checkpoints))?;
        checkpoint::sweep(path)?;
        Ok(run)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run that is already here, if its settings and record were written.
    pub fn existing(&self) -> Option<RunFolder> {
        RunFolder::open(&self.path).ok()
    }

    /// Writes settings and record of a new run. Errors if there is one already.
    pub fn create(&self, config: &Config, record: &RunRecord) -> Result<(), RunError> {
        if self.existing().is_some() {
            return Err(RunError::Foreign { path: self.path.clone() });
        }
        self.write(CONFIG, config.to_toml())?;
        self.write_record(record)
    }

    /// Writes that the run's data lie at `place` now, where every later command looks for them. Whoever calls it has made
    /// sure that they are the same.
    pub fn relocate(&self, place: &DataConfig) -> Result<(), RunError> {
        let run = RunFolder::open(&self.path)?;
        let before = run.config()?;
        let Some(data) = before.data.relocated(place).filter(|data| *data != before.data) else {
            return Ok(());
        };
        // The labels of these images that the first weights had seen are known by the place, too.
        let mut record = run.record()?;
        let own = |learned: &&mut LearnedLabels| learned.source == before.data.source;
        let inherited: Vec<_> = record.inherited_labels.iter_mut().filter(own).collect();
        if !inherited.is_empty() {
            inherited.into_iter().for_each(|learned| learned.source.clone_from(&data.source));
            self.write_record(&record)?;
        }
        self.write(CONFIG, Config { data, ..before }.to_toml())
    }

    fn write_record(&self, record: &RunRecord) -> Result<(), RunError> {
        let text = serde_json::to_string_pretty(record).expect("a record is plain data under string keys");
        self.write(RECORD, text)
    }

    fn write(&self, name: &str, text: String) -> Result<(), RunError> {
        let path = self.path.join(name);
        PartFile::write_whole(&path, text.as_bytes()).map_err(RunError::io("write", &path))
    }
}

fn is_empty(path: &Path) -> Result<bool, RunError> {
    Ok(fs::read_dir(path).map_err(RunError::io("read", path))?.next().is_none())
}
