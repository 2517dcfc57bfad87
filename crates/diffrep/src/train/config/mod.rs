//! Settings of a run: presets, files, `--set` and flags laid over each other, read strictly.
mod layers;
mod presets;
mod settings;
mod strict;

pub(crate) use layers::flatten;
pub use presets::{PRESETS, fast_preset_for, preset_for};
pub use settings::{CheckpointConfig, Config, DataConfig, MonitorConfig, OptimiserConfig, TrainConfig};

use super::ConfigError;
use crate::objective::Method;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Of counted steps, warm-up takes one in so many at most.
const WARM_UP_PART: u64 = 10;

/// Key of a file that names the preset below it.
const PRESET: &str = "preset";

/// Where the settings of a new run come from; later fields win over earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// A preset's name. `None`: the one that the file names, else [`preset_for`] the data.
    pub preset: Option<String>,
    /// A TOML file with some or all settings.
    pub file: Option<PathBuf>,
    /// `key=value` arguments.
    pub set: Vec<String>,
    /// Dotted key, flag, value; see [`Sources::flag`].
    pub flags: Vec<(&'static str, &'static str, Value)>,
    /// `train.minutes` where `train.steps` is 0, in which case it is the time of the whole training; otherwise nothing.
    pub minutes: Option<f64>,
}

impl Sources {
    /// Adds a setting that has a flag of its own, if it was given.
    pub fn flag(&mut self, key: &'static str, flag: &'static str, value: Option<impl Into<Value>>) {
        self.flags.extend(value.map(|value| (key, flag, value.into())));
    }

    /// Whether the preset is named, here or in the file, or the file needs none since it is complete, as that of a run.
    ///
    /// # Errors
    /// The file can't be read.
    pub fn names_preset(&self) -> Result<bool, ConfigError> {
        let Some(path) = &self.file else { return Ok(self.preset.is_some()) };
        let named = read_table(path)?.contains_key(PRESET);
        Ok(self.preset.is_some() || named || Config::from_file(path).is_ok())
    }
}

impl Config {
    /// Lays the sources over each other. Paths become absolute.
    ///
    /// # Errors
    /// Names the file or argument, the key, and the nearest known one.
    pub fn resolve(sources: &Sources) -> Result<Self, ConfigError> {
        let mut file = match &sources.file {
            Some(path) => Some((path.display().to_string(), read_table(path)?)),
            None => None,
        };
        let named = match file.as_mut().and_then(|(_, table)| table.remove(PRESET)) {
            Some(Value::String(name)) => Some(name),
            Some(other) => {
                let problem = format!("`{PRESET}` is {other}, expected a preset's name");
                let origin = file.map(|(origin, _)| origin).unwrap_or_default();
                return Err(ConfigError::Invalid { origin, problem });
            }
            None => None,
        };
        let mut above: Vec<(String, Table)> = file.into_iter().collect();
        for argument in &sources.set {
            let table = layers::parse_assignment(argument)
                .ok_or_else(|| ConfigError::NotAnAssignment { argument: argument.clone() })?;
            above.push((format!("--set {argument}"), table));
        }
        for (key, flag, value) in &sources.flags {
            above.push((flag.to_string(), layers::single(key, value.clone())));
        }
        let preset = match sources.preset.clone().or(named) {
            Some(name) => name,
            None => preset_for(&data_source(&above)).to_owned(),
        };
        let mut config = lay_over(&format!("preset {preset}"), presets::settings(&preset)?, &above)?;
        if let (0, Some(minutes)) = (config.train.steps, sources.minutes) {
            config.train.minutes = Some(minutes);
        }
        config.data.make_absolute();
        Ok(config)
    }

    /// Reads a complete file, such as a run's `config.toml`.
    ///
    /// # Errors
    /// As [`Config::resolve`]; a missing setting too.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        read(&path.display().to_string(), read_table(path)?)
    }

    /// The settings as TOML, complete.
    pub fn to_toml(&self) -> String {
        toml::to_string_pretty(self).expect("settings are tables of plain values")
    }

    /// The same with the number of steps that was counted, if it was left open (`train.steps = 0`) and is known (not 0).
    /// The warm-up takes a tenth of them at most.
    pub fn counted(&self, steps: u64) -> Self {
        let mut config = self.clone();
        if config.train.steps == 0 && steps > 0 {
            config.train.steps = steps;
            config.optimiser.warm_up = config.optimiser.warm_up.min(steps / WARM_UP_PART);
        }
        config
    }

    /// What became of settings since `before`: dotted key, value then, value now.
    pub fn changes_since(&self, before: &Self) -> Vec<String> {
        let flat = |config: &Self| {
            let table = Table::try_from(config).expect("settings are tables of plain values");
            flatten(&table)
        };
        let (then, now) = (flat(before), flat(self));
        let keys: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let show = |value: Option<&Value>| value.map_or("unset".to_owned(), Value::to_string);
        keys.into_iter()
            .filter(|key| then.get(*key) != now.get(*key))
            .map(|key| format!("{key} was {}, is {}", show(then.get(key)), show(now.get(key))))
            .collect()
    }
}

/// `data.source` as the layers have it; empty if none does.
fn data_source(layers: &[(String, Table)]) -> String {
    let mut sources =
        layers.iter().rev().filter_map(|(_, table)| layers::get(table, "data", "source")?.as_str());
    sources.next().unwrap_or_default().to_owned()
}

/// Lays layers over `table`. Each is read, so that a fault is laid at the right door.
fn lay_over(origin: &str, mut table: Table, layers: &[(String, Table)]) -> Result<Config, ConfigError> {
    let mut config = read_over_defaults(origin, &table)?;
    for (origin, layer) in layers {
        layers::lay(&mut table, layer.clone());
        config = read_over_defaults(origin, &table)?;
    }
    Ok(config)
}

/// Reads `table` laid over the defaults of its method.
fn read_over_defaults(origin: &str, table: &Table) -> Result<Config, ConfigError> {
    let method = match layers::get(table, "objective", "method") {
        Some(name) => Method::deserialize(name.clone()).ok(),
        None => None,
    };
    // An unknown method is found out below, where the error tells the setting.
    let mut whole = method.map(Method::defaults).unwrap_or_default();
    layers::lay(&mut whole, table.clone());
    read(origin, whole)
}

fn read(origin: &str, table: Table) -> Result<Config, ConfigError> {
    strict::read(table)
        .map_err(|fault| ConfigError::Invalid { origin: origin.to_owned(), problem: fault.to_string() })
}

fn read_table(path: &Path) -> Result<Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason })?;
    text.parse().map_err(|error: toml::de::Error| ConfigError::Invalid {
        origin: path.display().to_string(),
        problem: one_line(&error, &text),
    })
}

/// A parser's message with its line number, on one line.
fn one_line(error: &toml::de::Error, text: &str) -> String {
    match error.span() {
        Some(span) => {
            let before = text.get(..span.start).unwrap_or(text);
            format!("line {}: {}", before.matches('\n').count() + 1, error.message())
        }
        None => error.message().to_owned(),
    }
}
