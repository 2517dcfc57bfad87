//! Configuration of the objectives.
use super::methods::Method;
use super::terms::Reduction;
use super::time_sampling::TimeSampling;
use crate::nn::ModelConfig;
use crate::sde::SdeError;
use serde::{Deserialize, Serialize};

/// λ(t), the weight of the squared error of the score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weighting {
    /// s²(t): all noise levels count alike.
    #[default]
    Variance,
    /// g²(t): a bound on the likelihood (Song et al., "Maximum likelihood training of score-based diffusion models",
    /// 2021).
    Likelihood,
}

/// The distance between a reconstruction and its image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReconstructionLoss {
    /// Squared error in standardised pixels.
    #[default]
    L2,
    /// Binary cross-entropy; the decoder's outputs are logits of pixels in [0, 1].
    Bce,
}

/// Which picture of an image the encoder sees, beside the one that is denoised or reconstructed.
///
/// With another view than the target's, a code can only help by what both views share: changes that augmentation makes
/// are no longer worth coding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncoderView {
    /// The target itself, as published.
    #[default]
    Same,
    /// Another augmented view than the target, which is augmented too.
    Other,
    /// An augmented view, while the target is the image as it is.
    Augmented,
}

/// A method and its weights.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ObjectiveConfig {
    /// The method.
    pub method: Method,
    /// Weighting of times.
    pub weighting: Weighting,
    /// How pixels are reduced to a number.
    pub reduction: Reduction,
    /// How times are drawn.
    pub time: TimeSampling,
    /// γ: weight of the regulariser of the code (KL divergence to N(0, I) if it is Gaussian, else L1), at least 0.
    pub gamma: f64,
    /// Weight of the reconstruction by the latent decoder; 0: no decoder is needed.
    pub reconstruction: f64,
    /// The distance that reconstruction minimises.
    pub reconstruction_loss: ReconstructionLoss,
    /// τ of contrastive losses, positive.
    pub temperature: f64,
    /// What the encoder sees while it is trained by denoising or reconstruction.
    pub encoder_view: EncoderView,
    /// Probability, in [0, 1), that the score network is told a code of zeros instead of the image's, so that it can
    /// also do without (Ho and Salimans, "Classifier-free diffusion guidance", 2022). In training only.
    pub drop_latent: f64,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self {
            method: Method::DRL,
            weighting: Weighting::default(),
            reduction: Reduction::default(),
            time: TimeSampling::default(),
            gamma: 1e-5,
            reconstruction: 0.0,
            reconstruction_loss: ReconstructionLoss::default(),
            temperature: 0.5,
            encoder_view: EncoderView::default(),
            drop_latent: 0.0,
        }
    }
}

impl ObjectiveConfig {
    /// `method` with the weights that suit it.
    ///
    /// # Panics
    /// Never: a test reads the defaults of all methods.
    pub fn of(method: Method) -> Self {
        let defaults =
            method.defaults().remove("objective").unwrap_or(toml::Value::Table(toml::Table::new()));
        let config: Self = defaults.try_into().expect("the defaults of methods are settings");
        Self { method, ..config }
    }

    /// Whether the latent decoder is trained.
    pub fn needs_decoder(&self) -> bool {
        self.reconstruction > 0.0
    }

    pub(super) fn check(&self, model: &ModelConfig) -> Result<(), ObjectiveError> {
        for (name, value) in [("gamma", self.gamma), ("reconstruction", self.reconstruction)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(ObjectiveError::Value { name, value });
            }
        }
        if !(self.temperature > 0.0 && self.temperature.is_finite()) {
            return Err(ObjectiveError::Temperature { value: self.temperature });
        }
        if !(0.0..1.0).contains(&self.drop_latent) {
            return Err(ObjectiveError::DropLatent { value: self.drop_latent });
        }
        self.time.check()?;
        let (method, needs) = (self.method.name(), self.method.needs());
        if needs.decoder && !self.needs_decoder() {
            return Err(ObjectiveError::NoReconstruction { method });
        }
        if self.encoder_view != EncoderView::Same && !(needs.score_network || needs.decoder) {
            return Err(ObjectiveError::NoTarget { method });
        }
        if self.needs_decoder() && !(needs.score_network || needs.decoder) {
            return Err(ObjectiveError::NothingReconstructed { method });
        }
        if self.drop_latent > 0.0 && !needs.score_network {
            return Err(ObjectiveError::NothingTold { method });
        }
        let yes_or_no = |yes| if yes { "true" } else { "false" };
        let joint = if needs.decoder { method } else { "a joint reconstruction" };
        let encoder = &model.encoder;
        let requirements = [
            (
                method,
                "encoder.probabilistic",
                encoder.probabilistic == needs.probabilistic,
                needs.probabilistic,
            ),
            (method, "encoder.time_conditioned", needs.time || !encoder.time_conditioned, false),
            (method, "score_network", model.score_network || !needs.score_network, true),
            (joint, "decoder", model.decoder || !self.needs_decoder(), true),
            (method, "projection", model.projection.is_some() || !needs.projection, true),
            (method, "encoder.classes", encoder.classes.is_some() || !needs.labels, true),
        ];
        match requirements.into_iter().find(|(_, _, met, _)| !met) {
            None => Ok(()),
            Some((who, field, _, expected)) => {
                Err(ObjectiveError::Mismatch { method: who, field, expected: yes_or_no(expected) })
            }
        }
    }
}

/// What can be wrong with an objective's configuration.
#[derive(Debug, thiserror::Error)]
pub enum ObjectiveError {
    /// A weight out of range.
    #[error("objective.{name} is {value}, expected a number of at least 0")]
    Value {
        /// The field.
        name: &'static str,
        /// Its value.
        value: f64,
    },
    /// A temperature that divides nothing.
    #[error("objective.temperature is {value}, expected a positive number")]
    Temperature {
        /// Its value.
        value: f64,
    },
    /// A probability out of range.
    #[error("objective.drop_latent is {value}, expected a probability below 1")]
    DropLatent {
        /// Its value.
        value: f64,
    },
    /// Another view than a target that isn't there.
    #[error("objective.encoder_view: {method} has no picture to denoise or reconstruct; expected `same`")]
    NoTarget {
        /// Its name.
        method: &'static str,
    },
    /// A reconstruction beside a loss that has no place for it.
    #[error("objective.reconstruction: {method} reconstructs nothing; expected 0")]
    NothingReconstructed {
        /// Its name.
        method: &'static str,
    },
    /// A code withheld from nobody.
    #[error("objective.drop_latent: {method} has no score network; expected 0")]
    NothingTold {
        /// Its name.
        method: &'static str,
    },
    /// An autoencoder that reconstructs nothing.
    #[error(
        "objective.reconstruction is 0, but {method} learns by reconstruction: expected a positive number"
    )]
    NoReconstruction {
        /// Its name.
        method: &'static str,
    },
    /// A time sampling that isn't one.
    #[error("objective.time is `{given}`, expected {expected}")]
    Time {
        /// As given.
        given: String,
        /// What it should be.
        expected: &'static str,
    },
    /// Networks that the method can't train.
    #[error("{method} needs {field} = {expected}")]
    Mismatch {
        /// Who needs it.
        method: &'static str,
        /// The field of the model's configuration.
        field: &'static str,
        /// Its value.
        expected: &'static str,
    },
    /// A forward process out of range.
    #[error(transparent)]
    Sde(#[from] SdeError),
}
