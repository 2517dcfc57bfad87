//! Where along the process images are denoised: the choice of the level of detail in training.
use super::beta::BetaDistribution;
use super::config::ObjectiveError;
use crate::sde::Sde;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A distribution of t. Written `uniform`, `sigma-uniform`, `fixed:0.5`, `beta:2,1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum TimeSampling {
    /// t uniform in [ε, 1].
    #[default]
    Uniform,
    /// s(t) uniform in [s(ε), s(1)]: nearly all images at high noise, so coarse features and classes.
    SigmaUniform,
    /// One t for all: a single scale.
    Fixed(
        /// t in [0, 1].
        f64,
    ),
    /// t from Beta(a, b).
    Beta(
        /// a, positive; the larger, the more noise.
        f64,
        /// b, positive.
        f64,
    ),
}

const FORMS: &str =
    "uniform, sigma-uniform, fixed:T with T in [0, 1], or beta:A,B with A and B in [0.01, 1000]";

impl TimeSampling {
    /// The time of a uniform number `u` in [0, 1): the quantile function.
    pub fn quantile(&self, u: f64, sde: &Sde) -> f64 {
        let epsilon = sde.t_min();
        match *self {
            Self::Uniform => epsilon + u * (1.0 - epsilon),
            Self::SigmaUniform => {
                let (low, high) = (sde.marginal(epsilon).std, sde.marginal(1.0).std);
                sde.std_inverse(low + u * (high - low))
            }
            Self::Fixed(t) => t,
            Self::Beta(a, b) => BetaDistribution::new(a, b).quantile(u),
        }
    }

    pub(super) fn check(&self) -> Result<(), ObjectiveError> {
        let valid = match *self {
            Self::Uniform | Self::SigmaUniform => true,
            Self::Fixed(t) => (0.0..=1.0).contains(&t),
            Self::Beta(a, b) => [a, b].iter().all(|v| (0.01..=1000.0).contains(v)),
        };
        if valid { Ok(()) } else { Err(ObjectiveError::Time { given: self.to_string(), expected: FORMS }) }
    }
}

impl FromStr for TimeSampling {
    type Err = ObjectiveError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ObjectiveError::Time { given: text.to_owned(), expected: FORMS };
        let number = |text: &str| text.trim().parse::<f64>().map_err(|_| error());
        let sampling = match text.split_once(':') {
            None if text == "uniform" => Self::Uniform,
            None if text == "sigma-uniform" => Self::SigmaUniform,
            Some(("fixed", t)) => Self::Fixed(number(t)?),
            Some(("beta", parameters)) => {
                let (a, b) = parameters.split_once(',').ok_or_else(error)?;
                Self::Beta(number(a)?, number(b)?)
            }
            _ => return Err(error()),
        };
        sampling.check()?;
        Ok(sampling)
    }
}

impl fmt::Display for TimeSampling {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Uniform => f.write_str("uniform"),
            Self::SigmaUniform => f.write_str("sigma-uniform"),
            Self::Fixed(t) => write!(f, "fixed:{t}"),
            Self::Beta(a, b) => write!(f, "beta:{a},{b}"),
        }
    }
}

impl TryFrom<String> for TimeSampling {
    type Error = ObjectiveError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<TimeSampling> for String {
    fn from(sampling: TimeSampling) -> Self {
        sampling.to_string()
    }
}
