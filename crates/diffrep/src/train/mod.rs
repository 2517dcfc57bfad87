//! Training: settings → checked plan → trainer; moving average, schedule, checkpoints, metrics, the run folder.
//!
//! [`Config::resolve`] lays presets, files and arguments over each other, [`Plan::new`] checks the result against the
//! data, [`Trainer::run`] trains and tells an [`Observer`] what happens. Everything that a run is lies in its folder
//! ([`RunFolder`], [`checkpoint`], [`metrics`]).
mod budget;
pub mod checkpoint;
mod config;
mod dry_run;
mod ema;
mod error;
mod health;
mod init;
mod learned;
mod learner;
mod memory;
pub mod metrics;
mod observer;
mod plan;
mod prefetch;
mod run_folder;
mod schedule;
mod step_times;
mod trainer;

pub(crate) use config::flatten;
pub use config::{
    CheckpointConfig, Config, DataConfig, MonitorConfig, OptimiserConfig, PRESETS, Sources, TrainConfig,
    fast_preset_for, preset_for,
};
pub use dry_run::DryRun;
pub use ema::decay_at as ema_decay_at;
pub use error::{ConfigError, RunError, TrainError};
pub use init::InitRecord;
pub use learned::learned_labels;
pub use memory::peak as peak_memory;
pub use metrics::{
    GuessesRecord, HealthRecord, MachineRecord, MetricsLog, Record, Spread, StepFigures, TrainRecord, Window,
};
pub use observer::{Event, Observer};
pub(crate) use plan::{MOST_STEPS, check as check_numbers};
pub use plan::{Plan, refuse_inside};
pub(crate) use run_folder::SEMI_SETTINGS;
pub use run_folder::{LockedRun, RunFolder, RunRecord};
pub use schedule::{Decay, Schedule};
pub use step_times::{StepPart, StepTimes};
pub use trainer::{Ending, Limits, Trainer};

/// Now, in seconds since 1970; 0 if the clock stands before that.
pub(crate) fn unix_time() -> f64 {
    std::time::SystemTime::UNIX_EPOCH.elapsed().map_or(0.0, |time| time.as_secs_f64())
}
