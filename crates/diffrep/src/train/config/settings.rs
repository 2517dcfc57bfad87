//! The settings themselves: one struct a table of the TOML file.
use crate::data::{self, AugmentConfig, Labels, OnBad, OpenOptions};
use crate::nn::{EncoderConfig, NcsnppConfig, Precision, PrecisionName};
use crate::objective::ObjectiveConfig;
use crate::sde::Sde;
use crate::train::Decay;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// All settings of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Root of all random numbers.
    pub seed: u64,
    /// The images.
    pub data: DataConfig,
    /// Views of the images that are trained with.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// The forward process.
    pub sde: Sde,
    /// The encoder.
    pub encoder: EncoderConfig,
    /// The score network, and the latent decoder that mirrors it.
    pub ncsnpp: NcsnppConfig,
    /// What is minimised.
    pub objective: ObjectiveConfig,
    /// The loop.
    pub train: TrainConfig,
    /// Adam.
    pub optimiser: OptimiserConfig,
    /// Metrics and health figures.
    pub monitor: MonitorConfig,
    /// Checkpoints.
    pub checkpoint: CheckpointConfig,
}

/// The images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// Name of a built-in data set, or path of a file or folder.
    pub source: String,
    /// 1 (grey) or 3 (colour); absent: as the data are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<usize>,
    /// Height and width in pixels to which images are brought; absent: as the data are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 2]>,
    /// What to do with an image that can't be read.
    #[serde(default)]
    pub on_bad: OnBad,
    /// Largest number of pixels of an image file; absent: 100 million.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixel_limit: Option<u64>,
    /// `auto`, `ignore`, `folders`, or the path of a CSV file.
    #[serde(default = "auto")]
    pub labels: String,
}

fn auto() -> String {
    "auto".to_owned()
}

impl DataConfig {
    /// What opening `source` with `options` reads; paths mean the same from every working folder.
    pub fn of(source: &str, options: &OpenOptions) -> Self {
        let labels = match &options.labels {
            Labels::Auto => auto(),
            Labels::Ignore => "ignore".to_owned(),
            Labels::Folders => "folders".to_owned(),
            Labels::File(path) => path.display().to_string(),
        };
        let (channels, size) = (options.channels, options.size.map(|(height, width)| [height, width]));
        let usual = OpenOptions::default().pixel_limit;
        let pixel_limit = (options.pixel_limit != usual).then_some(options.pixel_limit);
        let (source, on_bad) = (source.to_owned(), options.on_bad);
        let mut config = Self { source, channels, size, on_bad, pixel_limit, labels };
        config.make_absolute();
        config
    }

    /// Makes paths mean the same from every working folder; names of built-in data stay. A path that doesn't exist
    /// stays too: opening it will say so.
    pub(super) fn make_absolute(&mut self) {
        let (prefix, path) = self.parts();
        if !data::is_built_in(path) {
            let mut path = path.to_owned();
            make_absolute(&mut path);
            self.source = format!("{prefix}{path}");
        }
        if let Labels::File(_) = self.open_options().labels {
            make_absolute(&mut self.labels);
        }
    }

    /// The same data where `place` has them: its source, and its label file if both have one; a file among the images has
    /// come with them. `None` if either is built in, or painted and the other not: these are others.
    pub fn relocated(&self, place: &Self) -> Option<Self> {
        let ((kind, from), (its_kind, to)) = (self.parts(), place.parts());
        if kind != its_kind || [from, to].iter().any(|path| data::is_built_in(path)) {
            return None;
        }
        let in_file = |config: &Self| matches!(config.open_options().labels, Labels::File(_));
        let labels = match Path::new(&self.labels).strip_prefix(from) {
            _ if !in_file(self) => self.labels.clone(),
            _ if in_file(place) && place.labels != self.labels => place.labels.clone(),
            Ok(among) => Path::new(to).join(among).display().to_string(),
            Err(_) => self.labels.clone(),
        };
        Some(Self { source: place.source.clone(), labels, ..self.clone() })
    }

    /// The same data where `place` has them, if there is nothing else where they were; otherwise as they are: what is there
    /// still hasn't moved.
    pub fn moved_to(&self, place: &Self) -> Self {
        // What has left a link behind, to where it is now, has moved.
        let before = Path::new(self.parts().1).canonicalize();
        let there = before.is_ok_and(|before| before != Path::new(place.parts().1));
        self.relocated(place).filter(|_| !there).unwrap_or_else(|| self.clone())
    }

    /// What comes before the name or path, and these.
    fn parts(&self) -> (&'static str, &str) {
        match self.source.strip_prefix(data::COLOURED) {
            Some(path) => (data::COLOURED, path),
            None => ("", self.source.as_str()),
        }
    }

    /// How to open the data.
    pub fn open_options(&self) -> OpenOptions {
        OpenOptions {
            channels: self.channels,
            size: self.size.map(|[height, width]| (height, width)),
            on_bad: self.on_bad,
            labels: self.labels.as_str().into(),
            pixel_limit: self.pixel_limit.unwrap_or(OpenOptions::default().pixel_limit),
            ..OpenOptions::default()
        }
    }
}

fn make_absolute(path: &mut String) {
    if let Ok(absolute) = Path::new(path).canonicalize() {
        *path = absolute.display().to_string();
    }
}

/// The loop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainConfig {
    /// Optimiser steps in all; 0: as many as fit into `minutes`, counted when the run is created.
    #[serde(default)]
    pub steps: u64,
    /// Time of the whole training on the machine that creates the run, positive. It matters where steps are not given,
    /// and says nothing of a run that goes on later or elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minutes: Option<f64>,
    /// Images a step, at least 2.
    pub batch: usize,
    /// Largest norm of the whole gradient, > 0; longer ones are scaled down.
    pub clip: f64,
    /// Decay of the moving average of the weights, in [0, 1).
    pub ema_decay: f64,
    /// How the networks multiply, in training and when health is measured; weights and optimiser are f32.
    #[serde(default, with = "PrecisionName")]
    pub precision: Precision,
}

/// Adam (Kingma and Ba, 2015) and its learning rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptimiserConfig {
    /// After the warm-up, > 0.
    pub learning_rate: f64,
    /// Steps over which the rate rises from zero.
    pub warm_up: u64,
    /// What the rate does after the warm-up.
    pub decay: Decay,
    /// Decay of the first moment, in [0, 1).
    pub beta1: f64,
    /// Decay of the second moment, in [0, 1).
    pub beta2: f64,
    /// Added to the root of the second moment, > 0.
    pub epsilon: f64,
}

/// Metrics and health figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonitorConfig {
    /// Steps between two lines of metrics, at least 1.
    pub every: u64,
    /// Steps between two looks at the health of the representation, at least 1.
    pub health_every: u64,
    /// Training images that are not trained with but measure health; at most a quarter of all.
    pub held_out: usize,
    /// Trained images among which held-out ones look for their nearest neighbours.
    pub reference: usize,
    /// The level of detail at which the code's rank, spread and neighbours are measured, in [0, 1].
    pub t: f64,
}

/// Checkpoints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckpointConfig {
    /// Steps between two checkpoints, at least 1.
    pub every: u64,
    /// How many of the latest to keep, at least 1; the best is kept besides.
    pub keep: usize,
}
