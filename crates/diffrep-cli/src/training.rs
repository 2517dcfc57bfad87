//! What the commands that train share: where a run goes, how long it may take, how it ended.
use anyhow::{Context, Result};
use diffrep::train::Ending;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folder of a run on `data` whose further name is `what`: `runs/DATA-WHAT`.
pub fn default_folder(data: &str, what: &str) -> PathBuf {
    let name = Path::new(data).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.split('.').find(|part| !part.is_empty()).unwrap_or("data");
    Path::new("runs").join(format!("{stem}-{what}"))
}

/// The time of `--minutes`.
pub fn time_limit(minutes: Option<f64>) -> Result<Option<Duration>> {
    let limit = |minutes: f64| {
        let time = Duration::try_from_secs_f64(60.0 * minutes);
        time.with_context(|| format!("--minutes is {minutes}, expected a positive number"))
    };
    minutes.map(limit).transpose()
}

/// How training ended, as results say it.
pub fn ended(ending: Ending) -> &'static str {
    match ending {
        Ending::Finished => "finished",
        Ending::TimeUp => "time is up",
        Ending::Stopped => "stopped",
    }
}
