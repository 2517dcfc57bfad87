//! Configuration of the objectives.
use super::terms::Reduction;
use super::time_sampling::TimeSampling;
use crate::nn::ModelConfig;
use crate::sde::SdeError;
use serde::{Deserialize, Serialize};

/// A method of representation learning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Diffusion-based representation learning: a deterministic code.
    Drl,
    /// Its variational form: a Gaussian code.
    Vdrl,
}

impl Method {
    /// All methods.
    pub const ALL: &[Self] = &[Self::Drl, Self::Vdrl];

    /// The name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drl => "drl",
            Self::Vdrl => "vdrl",
        }
    }

    /// Whether the method needs a probabilistic encoder (otherwise a deterministic one).
    pub fn is_probabilistic(self) -> bool {
        self == Self::Vdrl
    }

    /// Whether the method trains a score network.
    pub fn has_score_network(self) -> bool {
        match self {
            Self::Drl | Self::Vdrl => true,
        }
    }
}

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
    /// γ: weight of the regulariser of the code (L1 for DRL, KL divergence to N(0, I) for VDRL), at least 0.
    pub gamma: f64,
    /// Weight of a joint reconstruction by the latent decoder; 0: no decoder is needed.
    pub reconstruction: f64,
    /// The distance that reconstruction minimises.
    pub reconstruction_loss: ReconstructionLoss,
}

impl Default for ObjectiveConfig {
    fn default() -> Self {
        Self {
            method: Method::Drl,
            weighting: Weighting::default(),
            reduction: Reduction::default(),
            time: TimeSampling::default(),
            gamma: 1e-5,
            reconstruction: 0.0,
            reconstruction_loss: ReconstructionLoss::default(),
        }
    }
}

impl ObjectiveConfig {
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
        self.time.check()?;
        let method = self.method.name();
        if self.method.is_probabilistic() != model.encoder.probabilistic {
            let expected = if self.method.is_probabilistic() { "true" } else { "false" };
            return Err(ObjectiveError::Mismatch { method, field: "encoder.probabilistic", expected });
        }
        if self.method.has_score_network() && !model.score_network {
            return Err(ObjectiveError::Mismatch { method, field: "score_network", expected: "true" });
        }
        if self.needs_decoder() && !model.decoder {
            let method = "a joint reconstruction";
            return Err(ObjectiveError::Mismatch { method, field: "decoder", expected: "true" });
        }
        Ok(())
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
