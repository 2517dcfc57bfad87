//! What the commands that train share: where a run goes, how long it may take, how it ended.
use crate::images::short_name;
use anyhow::{Context, Result};
use diffrep::train::Ending;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A command ended by Ctrl-C with everything saved. No fault, but no success either: what a script does next must not
/// take its result for whole.
#[derive(Debug)]
pub struct Stopped(
    /// Says how it goes on.
    pub String,
);

impl Stopped {
    /// What shells say of a program that an interrupt ended: 128 + SIGINT.
    pub const EXIT_CODE: u8 = 130;
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped; {}", self.0)
    }
}

impl std::error::Error for Stopped {}

/// The folder of a run on `data` whose further name is `what`: `runs/DATA-WHAT`.
pub fn default_folder(data: &str, what: &str) -> PathBuf {
    Path::new("runs").join(format!("{}-{what}", short_name(data)))
}

/// The time of `--minutes`.
pub fn time_limit(minutes: Option<f64>) -> Result<Option<Duration>> {
    let limit = |minutes: f64| {
        let time = Duration::try_from_secs_f64(60.0 * minutes);
        time.with_context(|| format!("--minutes is {minutes}, expected a positive number"))
    };
    minutes.map(limit).transpose()
}

/// What a command that trains into the folder `run` ends with after its result is told: [`Stopped`] if it was.
pub fn outcome(ending: Ending, run: &Path) -> Result<()> {
    match ending {
        Ending::Finished | Ending::TimeUp => Ok(()),
        Ending::Stopped => {
            Err(Stopped(format!("the same command goes on from here ({})", run.display())).into())
        }
    }
}

/// How training ended, as results say it.
pub fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Finished => "finished",
        Ending::TimeUp => "time is up",
        Ending::Stopped => "stopped",
    }
}
