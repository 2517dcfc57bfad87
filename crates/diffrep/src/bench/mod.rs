//! How fast this machine trains and encodes: the real steps of a plan, on generated images, timed.
mod machine;
mod samples;

pub use machine::{Machine, measure_peak, use_threads};
pub use samples::{Effort, Samples};

use crate::data::{Dataset, ImageSet, ImageShape};
use crate::random::{Purpose, Seed};
use crate::represent::{self, LoadedEncoder, RepresentError};
use crate::train::{Config, DryRun, Plan, StepTimes, TrainError, check_numbers};
use burn::tensor::Device;
use std::time::{Duration, Instant};

/// Repetitions before the first timed one: they allocate, and wake threads.
const WARM_UP: usize = 3;
/// Generated images, in batches.
const BATCHES: usize = 4;

/// Networks and images of the shape that a preset is for.
pub struct Bench {
    plan: Plan,
    images: ImageSet,
    device: Device,
}

impl Bench {
    /// Plans `config`, the settings of `preset` with or without changes. Images are generated from the seed, of the
    /// size and channels that `config.data` names, or else of those that the preset's data have. `device` computes,
    /// without autodiff.
    ///
    /// # Errors
    /// The first setting that doesn't do.
    pub fn new(config: Config, preset: &str, device: &Device) -> Result<Self, TrainError> {
        check_numbers(&config)?;
        let images = generate(shape(&config, preset), BATCHES * config.train.batch, Seed(config.seed))?;
        let dataset = Dataset::new("generated", images.clone(), None);
        Ok(Self { plan: Plan::on(config, &dataset)?, images, device: device.clone() })
    }

    /// What is measured.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Times training steps ([`DryRun`]), after three that aren't timed.
    ///
    /// # Errors
    /// As [`DryRun`].
    pub fn train(&self, effort: Effort) -> Result<Samples<StepTimes>, TrainError> {
        let mut run = DryRun::new(&self.plan, &self.device)?;
        for _ in 0..WARM_UP {
            run.step()?;
        }
        effort.repeat(StepTimes::total, || run.step())
    }

    /// Times encoding ([`represent::encode`]) of one batch of images at t = 0, after three times that aren't timed.
    ///
    /// # Errors
    /// As [`represent::encode`].
    pub fn encode(&self, effort: Effort) -> Result<Samples<Duration>, RepresentError> {
        let encoder = LoadedEncoder::planned(&self.plan, &self.device)?
            .with_precision(self.plan.config().train.precision)?;
        let batch = self.plan.config().train.batch;
        let set = self.images.subset(&(0..batch).collect::<Vec<_>>());
        let once = || {
            let start = Instant::now();
            represent::encode(&encoder, &set, &[0.0], batch, |_, _| Ok::<_, RepresentError>(()))?;
            Ok(start.elapsed())
        };
        for _ in 0..WARM_UP {
            once()?;
        }
        effort.repeat(|time| time, once)
    }
}

/// The shape of the images that `preset` is for, unless `config` names another.
fn shape(config: &Config, preset: &str) -> ImageShape {
    let (side, channels) = match preset {
        "digits" => (8, 1),
        "mnist" | "fast-grey" => (28, 1),
        _ => (32, 3),
    };
    let [height, width] = config.data.size.unwrap_or([side; 2]);
    ImageShape { height, width, channels: config.data.channels.unwrap_or(channels) }
}

/// Images of noise: what is in them makes no difference to how long they take.
fn generate(shape: ImageShape, count: usize, seed: Seed) -> Result<ImageSet, TrainError> {
    let key = seed.key(Purpose::Generate, 0, 0);
    let mut row = vec![0.0; shape.len()];
    let mut bytes = Vec::with_capacity(count * shape.len());
    for index in 0..count {
        key.fill_uniform(index as u32, &mut row);
        bytes.extend(row.iter().map(|v| (v * 256.0) as u8));
    }
    Ok(ImageSet::from_bytes(shape, bytes, Vec::new())?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{self, OpenOptions};
    use crate::train::Sources;

    #[test]
    fn generated_images_have_the_shape_of_the_preset_s_data() {
        let config = |set: &[&str]| {
            let set = set.iter().map(|s| s.to_string()).collect();
            Config::resolve(&Sources { preset: Some("digits".into()), set, ..Sources::default() }).unwrap()
        };
        for (name, _) in data::BUILT_IN {
            let expected = data::open(name, &OpenOptions::default()).unwrap().train.shape();
            assert_eq!(shape(&config(&[]), name), expected, "{name}");
        }
        assert_eq!(shape(&config(&[]), "fast-grey").channels, 1);
        let other = config(&["data.size=[20, 10]", "data.channels=3"]);
        assert_eq!(shape(&other, "digits"), ImageShape { height: 20, width: 10, channels: 3 });
    }
}
