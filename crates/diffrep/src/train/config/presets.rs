//! The presets, which travel inside the binary.
use super::{PRESET, layers, strict};
use crate::train::ConfigError;
use toml::{Table, Value};

macro_rules! preset {
    ($name:literal) => {
        ($name, include_str!(concat!("../../../../../presets/", $name, ".toml")))
    };
}

/// Name and TOML text of each preset. A preset may name another one that it builds on.
pub const PRESETS: [(&str, &str); 8] = [
    preset!("fast"),
    preset!("fast-grey"),
    preset!("digits"),
    preset!("shapes"),
    preset!("mnist"),
    preset!("cifar10"),
    preset!("cifar10-paper"),
    preset!("cifar100"),
];

/// What suits 32×32 photographs suits most.
const DEFAULT: &str = "cifar10";

/// The preset for data given without one: that of a built-in data set of the same name, otherwise `cifar10`.
pub fn preset_for(source: &str) -> &str {
    PRESETS.iter().map(|(name, _)| *name).find(|name| *name == source).unwrap_or(DEFAULT)
}

/// The preset for training on a processor if none is named: that of data which are made to be trained on in a minute,
/// otherwise the best known for minutes on two cores, `fast`, or `fast-grey` for images of one channel.
pub fn fast_preset_for(source: &str, channels: usize) -> &'static str {
    match (source, channels) {
        ("digits", _) => "digits",
        ("shapes", _) => "shapes",
        (_, 1) => "fast-grey",
        _ => "fast",
    }
}

/// The settings of the preset of this name, laid over those of the one that it builds on.
pub(super) fn settings(name: &str) -> Result<Table, ConfigError> {
    let Some((_, text)) = PRESETS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
        return Err(ConfigError::UnknownPreset { name: name.to_owned(), hint: strict::hint(name, &known) });
    };
    let mut own: Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Invalid {
        origin: format!("preset {name}"),
        problem: error.message().to_owned(),
    })?;
    let Some(Value::String(base)) = own.remove(PRESET) else { return Ok(own) };
    let mut settings = self::settings(&base)?;
    layers::lay(&mut settings, own);
    Ok(settings)
}
