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

/// Key of a preset's tables that take effect from some time of training on, and their key for that time.
const FROM: &str = "from";
const MINUTES: &str = "minutes";
/// Minutes from which on settings take effect that don't depend on them.
const ALWAYS: f64 = f64::NEG_INFINITY;

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

/// Settings by name, some of which depend on the time that training may take.
pub(super) struct Preset {
    /// What is laid over each other, the base first: settings, and from how many minutes of training on.
    layers: Vec<(f64, Table)>,
}

impl Preset {
    /// The preset of this name, laid over the one that it builds on.
    pub(super) fn named(name: &str) -> Result<Self, ConfigError> {
        let Some((_, text)) = PRESETS.iter().find(|(known, _)| *known == name) else {
            let known: Vec<&str> = PRESETS.iter().map(|(name, _)| *name).collect();
            return Err(ConfigError::UnknownPreset {
                name: name.to_owned(),
                hint: strict::hint(name, &known),
            });
        };
        Self::parse(name, text)
    }

    fn parse(name: &str, text: &str) -> Result<Self, ConfigError> {
        let invalid = |problem: &str| ConfigError::Invalid {
            origin: format!("preset {name}"),
            problem: problem.to_owned(),
        };
        let mut own: Table = text.parse().map_err(|error: toml::de::Error| invalid(error.message()))?;
        let mut layers = match own.remove(PRESET) {
            Some(Value::String(base)) => Self::named(&base)?.layers,
            _ => Vec::new(),
        };
        let by_minutes = own.remove(FROM);
        layers.push((ALWAYS, own));
        if let Some(Value::Array(entries)) = by_minutes {
            for entry in entries {
                let Value::Table(mut entry) = entry else { return Err(invalid("[[from]] holds tables")) };
                let minutes = entry.remove(MINUTES).and_then(|minutes| minutes.as_float());
                layers.push((minutes.ok_or_else(|| invalid("[[from]] without minutes, a float"))?, entry));
            }
        }
        Ok(Self { layers })
    }

    /// The settings for so many minutes of training.
    pub(super) fn settings(&self, minutes: Option<f64>) -> Table {
        let mut settings = Table::new();
        for (_, table) in self.layers.iter().filter(|(from, _)| minutes.unwrap_or(ALWAYS) >= *from) {
            layers::lay(&mut settings, table.clone());
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_training_lays_its_settings_over_those_of_shorter() {
        let text = "preset = \"cifar10\"\n[encoder]\nwidth = 1\n\
                    [[from]]\nminutes = 5.0\nencoder.width = 2\ntrain.batch = 32\n\
                    [[from]]\nminutes = 30.0\nencoder.width = 4\n";
        let preset = Preset::parse("mine", text).unwrap();
        let of = |minutes| {
            let table = preset.settings(minutes);
            [("encoder", "width"), ("encoder", "depth"), ("train", "batch")]
                .map(|(section, key)| layers::get(&table, section, key).unwrap().as_integer().unwrap())
        };
        assert_eq!(of(None), [1, 28, 64]);
        assert_eq!(of(Some(4.9)), [1, 28, 64]);
        assert_eq!(of(Some(5.0)), [2, 28, 32]);
        assert_eq!(of(Some(60.0)), [4, 28, 32]);
        // What a preset says of its own wins over what its base does with more time.
        let base = Preset::parse("mine", text).unwrap();
        let derived =
            Preset { layers: [base.layers, vec![(ALWAYS, "encoder.width = 8".parse().unwrap())]].concat() };
        let width =
            |minutes| layers::get(&derived.settings(minutes), "encoder", "width").unwrap().as_integer();
        assert_eq!([None, Some(60.0)].map(width), [Some(8); 2]);
        for wrong in ["[[from]]\nencoder.width = 2\n", "from = [1]\n"] {
            assert!(Preset::parse("mine", wrong).is_err(), "{wrong}");
        }
    }
}
