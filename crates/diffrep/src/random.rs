//! What random numbers are drawn for; with a seed and a step, each purpose has a stream of its own.
use diffrep_kernels::random::Key;

/// What a random number is for. The value is part of its address, so it must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Purpose {
    /// Order of the rows within an epoch (step: epoch).
    Shuffle = 1,
    /// Diffusion time of each image.
    Time = 2,
    /// Perturbation of each image, ε.
    Noise = 3,
    /// Sample of a probabilistic code.
    Latent = 4,
    /// Dropout masks (index: layer).
    Dropout = 5,
    /// Initial weights (index: parameter, by its place in the visiting order).
    Init = 6,
    /// Augmentations.
    Augment = 7,
    /// Splits of a data set.
    Split = 8,
    /// Training of probes (index: what within the probe).
    Probe = 9,
    /// Rows chosen for health figures and reports.
    Monitor = 10,
    /// The built-in generated data.
    Generate = 11,
    /// Noise added to clean images when features are read.
    Encode = 12,
    /// Sampling (index: what within it).
    Sample = 20,
    /// Weights and partners of mixed images.
    Mixup = 21,
    /// Latents that the score network isn't told.
    DropLatent = 22,
    /// Whether the score network is given its own guess.
    SelfCondition = 23,
}

/// The run's seed: the root of all its random numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

impl Seed {
    /// The key of `purpose` at `step`; `index` tells apart streams of one purpose (a layer, a parameter).
    pub fn key(self, purpose: Purpose, index: u16, step: u32) -> Key {
        Key::new(self.0, (purpose as u32) << 16 | index as u32, step)
    }
}
