//! Objectives: what a method minimises.
//!
//! All randomness of a step (times, noise, latent samples, dropout) is a function of seed, step and the row within the
//! batch.
mod beta;
mod config;
mod draw;
mod methods;
pub mod terms;
mod time_sampling;

pub use config::{EncoderView, ObjectiveConfig, ObjectiveError, ReconstructionLoss, Weighting};
pub use draw::Draw;
pub use methods::{
    Contrastive, Method, Needs, Reconstruction, ScoreMatching, Supervised, cross_entropy, nt_xent,
};
pub use terms::Reduction;
pub use time_sampling::TimeSampling;

use crate::nn::{Model, ModelConfig, Pass};
use crate::sde::Sde;
use burn::tensor::Tensor;

/// A batch of images on the model's device.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Standardised pixels `[N, H, W, C]`.
    pub images: Tensor<4>,
    /// The same pixels in [0, 1]: the target of binary cross-entropy, which can't do without.
    pub unit: Option<Tensor<4>>,
    /// Another view of each image, standardised: contrastive losses can't do without, others encode it instead of the
    /// image if it is there ([`EncoderView`]).
    pub second: Option<Tensor<4>>,
    /// One-hot rows `[N, classes]`, zero for images without a label: a supervised loss can't do without.
    pub labels: Option<Tensor<2>>,
}

impl Batch {
    /// Standardised images `[N, H, W, C]` and nothing else.
    pub fn new(images: Tensor<4>) -> Self {
        Self { images, unit: None, second: None, labels: None }
    }

    /// What the encoder of a method with a target sees `[N, H, W, C]`.
    fn encoded(&self) -> Tensor<4> {
        self.second.as_ref().unwrap_or(&self.images).clone()
    }
}

/// The loss of a batch, and what it is the sum of.
#[derive(Clone, Debug)]
pub struct Losses {
    /// The loss to minimise, one number.
    pub total: Tensor<1>,
    /// Its weighted summands by name, one number each.
    pub parts: Vec<(&'static str, Tensor<1>)>,
}

impl Losses {
    /// The loss that is the sum of these parts, of which there is one at least.
    fn sum(parts: Vec<(&'static str, Tensor<1>)>) -> Self {
        let mut summands = parts.iter().map(|(_, part)| part.clone());
        let first = summands.next().expect("every loss has a part");
        Self { total: summands.fold(first, |sum, part| sum + part), parts }
    }
}

/// How much the score network's loss owes to the latent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ZGain {
    /// Loss with each image's own latent.
    pub right: f32,
    /// Loss with the latent of the image's neighbour in the batch.
    pub shuffled: f32,
}

impl ZGain {
    /// The gain, positive if the network uses the latent.
    pub fn gain(&self) -> f32 {
        self.shuffled - self.right
    }
}

/// A method's loss.
pub trait Objective: Send + Sync {
    /// The loss of `batch`; all its random numbers are those of the pass's seed and step.
    ///
    /// # Panics
    /// If `model` isn't of the configuration that the objective was built for, or if `batch` lacks what the method
    /// can't do without.
    fn loss(&self, model: &Model, batch: &Batch, pass: Pass) -> Losses;

    /// The denoising loss with the right latents and with all of them rolled by one, at the same times and noise, always
    /// in evaluation mode. None for methods without a score network.
    ///
    /// `model` and `batch` need no autodiff. A batch of one image has no other latent: its gain is 0.
    fn z_gain(&self, model: &Model, batch: &Batch, pass: Pass) -> Option<ZGain>;
}

/// The objective of a configuration, checked against the networks that it will be given.
///
/// # Errors
/// Names the field that is out of range or that doesn't fit the networks.
pub fn build(
    config: &ObjectiveConfig,
    sde: &Sde,
    model: &ModelConfig,
) -> Result<Box<dyn Objective>, ObjectiveError> {
    config.check(model)?;
    sde.check()?;
    Ok(config.method.build(config, sde))
}
