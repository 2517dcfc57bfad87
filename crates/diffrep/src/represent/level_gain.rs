//! What codes are worth to the score network, noise level by noise level.
use super::encode::{BATCH, batches};
use super::{RepresentError, ScoreNetwork};
use crate::data::ImageSet;
use crate::nn::{self, Pass};
use crate::objective::{Batch, Objective, ObjectiveConfig, ScoreMatching, TimeSampling, Weighting, ZGain};
use crate::random::{Purpose, Seed, monitor};
use serde::{Deserialize, Serialize};

/// Images, at most, over which losses are averaged.
const MOST_IMAGES: usize = 512;

/// Denoising losses at one noise level: `½‖s(t)·score + ε‖²`, over pixels as the run reduces them, mean over images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LevelGain {
    /// Noise level in [0, 1].
    pub t: f64,
    /// Loss with each image's own code at this t.
    pub own: f64,
    /// Loss with the code of another image.
    pub other: f64,
}

impl LevelGain {
    /// The z-gain: what exchanging codes adds to the loss.
    pub fn gain(&self) -> f64 {
        self.other - self.own
    }

    /// The gain as a part of the loss with own codes.
    pub fn relative(&self) -> f64 {
        self.gain() / self.own.abs().max(f64::MIN_POSITIVE)
    }
}

impl ScoreNetwork {
    /// Losses with own and exchanged codes at each of the levels `t` in [0, 1], over 512 images of `set`, or all if there
    /// are fewer; none of a single image, which has no other's code. `seed` draws images and noise, which is the same at every level.
    ///
    /// # Errors
    /// Images of another shape than the run's, an image that can't be read.
    pub fn gains(&self, set: &ImageSet, t: &[f64], seed: Seed) -> Result<Vec<LevelGain>, RepresentError> {
        let whole = self.encoder();
        whole.check("the data", set)?;
        if set.len() < 2 {
            return Ok(Vec::new());
        }
        // In random order: codes are exchanged between neighbours, and folders come sorted by class.
        let mut rows = seed.key(Purpose::Monitor, monitor::GAINS, 0).permutation(0, set.len());
        rows.truncate(MOST_IMAGES);
        let set = &set.subset(&rows);
        let at = |t| {
            let config = &whole.config().objective;
            let (time, weighting) = (TimeSampling::Fixed(t), Weighting::Variance);
            ScoreMatching::new(&ObjectiveConfig { time, weighting, ..config.clone() }, whole.sde())
        };
        let objectives: Vec<ScoreMatching> = t.iter().copied().map(at).collect();
        let mut gains: Vec<LevelGain> = t.iter().map(|&t| LevelGain { t, own: 0.0, other: 0.0 }).collect();
        let shape = whole.preprocess().shape();
        // Batches of like size: an image alone in its batch would have no other's code.
        let size = set.len().div_ceil(set.len().div_ceil(BATCH).max(1));
        batches(set, whole.preprocess(), size, |start, standardised| {
            let rows = standardised.len() / shape.len();
            let batch = Batch::new(nn::images(standardised, shape, whole.device()));
            // Noise unlike that of any training step.
            let pass = Pass { seed, step: u32::MAX - (start / size) as u32, ..whole.pass() };
            let weight = rows as f64 / set.len() as f64;
            for (objective, sum) in objectives.iter().zip(&mut gains) {
                let found = whole.team().run(|| objective.z_gain(whole.model(), &batch, pass));
                if let Some(ZGain { right, shuffled }) = found {
                    sum.own += weight * f64::from(right);
                    sum.other += weight * f64::from(shuffled);
                }
            }
            Ok::<_, RepresentError>(())
        })?;
        Ok(gains)
    }
}
