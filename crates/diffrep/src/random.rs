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

/// Streams of [`Purpose::Monitor`], so that no two choices of rows are the same by accident.
pub mod monitor {
    /// Rows that only measure health.
    pub const HELD_OUT: u16 = 0;
    /// Trained images among which health looks for neighbours.
    pub const NEIGHBOURS: u16 = 1;
    /// Images whose codes at every two t are compared.
    pub const COMPARED: u16 = 2;
    /// Jitter of codes whose mutual information is estimated.
    pub const JITTER: u16 = 3;
    /// Images whose z-gain is measured.
    pub const GAINS: u16 = 4;
    /// Images whose codes choose t without labels.
    pub const CHOOSING: u16 = 5;
    /// Images shown in a report.
    pub const SHOWN: u16 = 6;
    /// Images whose codes a mixture is fitted to.
    pub const FITTED: u16 = 7;
    /// Order of the held-out images, between neighbours of which codes are exchanged.
    pub const ORDER: u16 = 8;
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
