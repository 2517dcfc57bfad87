//! What can go wrong with settings, run folders and training.
use crate::data::{AugmentError, DataError};
use crate::nn::NnError;
use crate::objective::ObjectiveError;
use std::io;
use std::path::{Path, PathBuf};

/// A setting that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No preset of this name.
    #[error("no preset `{name}`; {hint}")]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// The nearest, or all.
        hint: String,
    },
    /// A setting of the augmentation.
    #[error(transparent)]
    Augment(#[from] AugmentError),
    /// The file can't be read.
    #[error("can't read {}: {reason}", path.display())]
    Unreadable {
        /// The configuration file.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("{origin}: {problem}")]
    Invalid {
        /// File, preset or argument that the setting comes from.
        origin: String,
        /// Key, value, what was expected.
        problem: String,
    },
    /// `--set` without a key and a value.
    #[error("`--set {argument}`: expected key=value, such as train.batch=32")]
    NotAnAssignment {
        /// What was given.
        argument: String,
    },
    /// A number outside its range, or settings that contradict each other.
    #[error("`{key}` is {value}, expected {expected}")]
    OutOfRange {
        /// The setting.
        key: &'static str,
        /// Its value.
        value: String,
        /// What was expected.
        expected: &'static str,
    },
}

/// What can go wrong with a run folder and its checkpoints.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The operating system refuses.
    #[error("can't {action} {}: {reason}", path.display())]
    Io {
        /// "read", "write", …
        action: &'static str,
        /// File or folder.
        path: PathBuf,
        /// Why.
        reason: io::Error,
    },
    /// Another process holds the lock.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The run folder.
        path: PathBuf,
    },
    /// The folder lacks what makes it a run.
    #[error("{} is not a run folder: {missing} is missing", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// The file that was expected.
        missing: &'static str,
    },
    /// A new run would mix with other files.
    #[error("{} holds other files; give an empty or new folder", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// The folder holds a run with other settings.
    #[error("{} holds a run with other settings ({changes}); give another folder", path.display())]
    OtherRun {
        /// The run folder.
        path: PathBuf,
        /// The settings that differ.
        changes: String,
    },
    /// Something would be written among the images.
    #[error("{} lies inside the data folder {}, where it would be taken for data; give a place outside", out.display(), folder.display())]
    InsideData {
        /// The run folder or file.
        out: PathBuf,
        /// The data folder.
        folder: PathBuf,
    },
    /// There is nothing to load.
    #[error("{} holds no checkpoint yet", path.display())]
    NoCheckpoint {
        /// The run folder.
        path: PathBuf,
    },
    /// There is no checkpoint of this step.
    #[error("{} holds no checkpoint of step {step}; there are {have}", path.display())]
    NoSuchStep {
        /// The run folder.
        path: PathBuf,
        /// The step asked for.
        step: u64,
        /// The steps that exist.
        have: String,
    },
    /// A file is not what was written.
    #[error("{} is damaged: {problem}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What doesn't fit.
        problem: String,
    },
    /// A file holds the tensors of another architecture.
    #[error("{} holds the weights of another network: {problem}", file.display())]
    OtherNetwork {
        /// The file.
        file: PathBuf,
        /// Every missing, extra or mis-shaped tensor.
        problem: String,
    },
    /// The weights that a run was to start from, before it had a checkpoint of its own.
    #[error("the run starts from the weights of {} at step {step}, which are others now", run.display())]
    OtherInit {
        /// The run that they are of.
        run: PathBuf,
        /// The step of its checkpoint.
        step: u64,
    },
    /// Weights that are no numbers are never written.
    #[error("no checkpoint written at step {step}: `{tensor}` is not finite")]
    NotFinite {
        /// The step.
        step: u64,
        /// The first tensor with a NaN or an infinity.
        tensor: String,
    },
}

impl RunError {
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |reason| Self::Io { action, path, reason }
    }

    pub(crate) fn damaged(file: &Path, problem: impl ToString) -> Self {
        Self::Damaged { file: file.to_owned(), problem: problem.to_string() }
    }
}

/// What can go wrong with training.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// A setting.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The run folder or a checkpoint.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The networks.
    #[error(transparent)]
    Network(#[from] NnError),
    /// The objective.
    #[error(transparent)]
    Objective(#[from] ObjectiveError),
    /// Not enough to learn from.
    #[error("{dataset} has {images} training images, expected at least 2")]
    TooFewImages {
        /// The data set.
        dataset: String,
        /// How many there are.
        images: usize,
    },
    /// A method that learns from labels, without any.
    #[error("{dataset} has no labels, but {method} learns from them")]
    NoLabels {
        /// The data set.
        dataset: String,
        /// The method.
        method: &'static str,
    },
    /// A run that knows few labels, where this would train with all.
    #[error("{} is a run of `diffrep semi`; the same semi command goes on with it", run.display())]
    FewLabels {
        /// The run folder.
        run: PathBuf,
    },
    /// The run can't go on with other images.
    #[error("{data} holds {found}, but the run was created with {expected}; start a new run")]
    DataChanged {
        /// The data's path or name.
        data: String,
        /// What there was.
        expected: String,
        /// What there is.
        found: String,
    },
    /// The data of a run that is to go on.
    #[error(
        "{data}, which {run} is trained on, isn't there any more; `diffrep train --resume {run} --data PLACE` says where \
         it is now", run = run.display()
    )]
    DataGone {
        /// The data's path or name.
        data: String,
        /// The run folder.
        run: PathBuf,
    },
    /// The data of a run at another place, where the run has nothing to know them by.
    #[error(
        "the run {run}, of an earlier version, has nothing to tell the images of {data} from others by; if they are its own, \
         write their place into {run}/config.toml as data.source", run = run.display()
    )]
    DataUnknown {
        /// The data's path.
        data: String,
        /// The run folder.
        run: PathBuf,
    },
    /// A schedule that has come to its end.
    #[error(
        "the learning rate of {} falls to zero at step {end}, where it was planned to end: further steps would teach \
         nothing; start a longer run, from its weights by --init if you like", run.display()
    )]
    ScheduleOver {
        /// The run folder.
        run: PathBuf,
        /// The first step that teaches nothing, counted from 0.
        end: u64,
    },
    /// The loss or the gradient is no number.
    #[error(
        "the {what} is not finite at step {step}; training stopped, and {}; \
         a lower optimiser.learning_rate or train.clip may help",
        last.map_or("there is no checkpoint yet".to_owned(), |step| format!("the checkpoint of step {step} is sound"))
    )]
    NotFinite {
        /// "loss" or "gradient".
        what: &'static str,
        /// The step, counted from 1.
        step: u64,
        /// The latest checkpoint.
        last: Option<u64>,
    },
    /// The operating system gives no thread.
    #[error("can't start the thread that reads images: {0}")]
    Thread(io::Error),
}
