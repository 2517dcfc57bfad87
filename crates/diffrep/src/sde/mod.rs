//! The forward process: a stochastic differential equation that turns an image into noise as t goes from 0 to 1.
//!
//! `dx = f(t)·x dt + g(t) dw`, whose marginal is Gaussian: `x_t = m(t) x_0 + s(t) ε`
//! (Song et al., "Score-based generative modeling through stochastic differential equations", 2021, appendix B).
//! Everything here is a scalar function of time in f64; tensors stay outside.
mod sub_vp;
mod ve;
mod vp;

pub use sub_vp::SubVp;
pub use ve::Ve;
pub use vp::Vp;

use serde::{Deserialize, Serialize};

/// Mean factor and standard deviation of `x_t` given `x_0`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Marginal {
    /// m(t), in [0, 1].
    pub mean: f64,
    /// s(t), positive for t > 0.
    pub std: f64,
}

/// One step of the discretised forward process: `x ← x + drift·x + noise·ε`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Discretisation {
    /// Factor of x that is added.
    pub drift: f64,
    /// Standard deviation of the noise that is added.
    pub noise: f64,
}

/// A forward process with its constants.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Sde {
    /// Variance exploding.
    Ve(Ve),
    /// Variance preserving.
    Vp(Vp),
    /// Sub-variance preserving.
    SubVp(SubVp),
}

impl Default for Sde {
    fn default() -> Self {
        Self::Ve(Ve::default())
    }
}

impl Sde {
    /// Checks the constants.
    ///
    /// # Errors
    /// Names the constant, its value and its range.
    pub fn check(&self) -> Result<(), SdeError> {
        match self {
            Self::Ve(sde) => sde.check(),
            Self::Vp(sde) => sde.check(),
            Self::SubVp(sde) => sde.0.check(),
        }
    }

    /// m(t) and s(t), t in [0, 1].
    pub fn marginal(&self, t: f64) -> Marginal {
        match self {
            Self::Ve(sde) => Marginal { mean: 1.0, std: sde.sigma(t) },
            Self::Vp(sde) => Marginal { mean: sde.log_mean(t).exp(), std: sde.std(t) },
            Self::SubVp(sde) => Marginal { mean: sde.0.log_mean(t).exp(), std: sde.std(t) },
        }
    }

    /// The factor of x in the drift, f(t).
    pub fn drift(&self, t: f64) -> f64 {
        match self {
            Self::Ve(_) => 0.0,
            Self::Vp(sde) | Self::SubVp(SubVp(sde)) => -0.5 * sde.beta(t),
        }
    }

    /// The diffusion coefficient g(t).
    pub fn diffusion(&self, t: f64) -> f64 {
        match self {
            Self::Ve(sde) => sde.diffusion(t),
            Self::Vp(sde) => sde.beta(t).sqrt(),
            Self::SubVp(sde) => sde.diffusion(t),
        }
    }

    /// One of `steps` steps of the forward process, the one that begins at `t`.
    ///
    /// VE and VP use the discretisations of the discrete-time models that they generalise (SMLD and DDPM), sub-VP
    /// that of Euler and Maruyama. `steps` must be at least 2.
    pub fn discretise(&self, t: f64, steps: usize) -> Discretisation {
        match self {
            Self::Ve(sde) => sde.discretise(t, steps),
            Self::Vp(sde) => sde.discretise(t, steps),
            Self::SubVp(_) => {
                let dt = 1.0 / steps as f64;
                Discretisation { drift: self.drift(t) * dt, noise: self.diffusion(t) * dt.sqrt() }
            }
        }
    }

    /// Standard deviation of the prior, the distribution of `x_1` that sampling starts from.
    pub fn prior_std(&self) -> f64 {
        match self {
            Self::Ve(sde) => sde.sigma_max,
            Self::Vp(_) | Self::SubVp(_) => 1.0,
        }
    }

    /// Log-density (nats) of one image `x` under the prior N(0, prior_std²).
    pub fn prior_log_density(&self, x: &[f32]) -> f64 {
        let variance = self.prior_std().powi(2);
        let squares: f64 = x.iter().map(|&v| f64::from(v).powi(2)).sum();
        -0.5 * x.len() as f64 * (std::f64::consts::TAU * variance).ln() - squares / (2.0 * variance)
    }

    /// ε: the smallest time at which the score is evaluated; s(t) vanishes (VP, sub-VP) or is tiny below.
    pub fn t_min(&self) -> f64 {
        match self {
            Self::Ve(_) => 1e-5,
            Self::Vp(_) | Self::SubVp(_) => 1e-3,
        }
    }

    /// s⁻¹: the time at which the standard deviation is `std`; 1 if it never gets so large, 0 if it is never so small.
    pub fn std_inverse(&self, std: f64) -> f64 {
        if std >= self.marginal(1.0).std {
            return 1.0;
        }
        let t = match self {
            Self::Ve(sde) => sde.time_of_sigma(std),
            // s² = 1 − m²
            Self::Vp(sde) => sde.time_of_log_mean(0.5 * (-std * std).ln_1p()),
            // s = 1 − m²
            Self::SubVp(sde) => sde.0.time_of_log_mean(0.5 * (-std).ln_1p()),
        };
        t.max(0.0)
    }

    /// s(t)/m(t): the standard deviation of the noise in `x_t / m(t)`; it grows with t.
    pub fn noise_to_signal(&self, t: f64) -> f64 {
        let marginal = self.marginal(t);
        marginal.std / marginal.mean
    }

    /// The time at which [`Sde::noise_to_signal`] is `ratio`, 0 or 1 where it is never so small or large.
    pub fn time_of_noise_to_signal(&self, ratio: f64) -> f64 {
        let t = match self {
            Self::Ve(sde) => sde.time_of_sigma(ratio),
            // 1/m² = 1 + ratio²
            Self::Vp(sde) => sde.time_of_log_mean(-0.5 * (ratio * ratio).ln_1p()),
            // 1/m − m = ratio
            Self::SubVp(sde) => sde.0.time_of_log_mean(-(0.5 * ratio).asinh()),
        };
        t.clamp(0.0, 1.0)
    }

    /// `ln(σmin (σmax/σmin)^t)`: what both time embeddings see. VP and sub-VP use the VE defaults for it.
    pub fn log_sigma(&self, t: f64) -> f32 {
        match self {
            Self::Ve(sde) => sde.log_sigma(t),
            Self::Vp(_) | Self::SubVp(_) => Ve::default().log_sigma(t),
        }
    }
}

/// A constant of a forward process out of range.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("sde: {name} is {value}, expected {expected}")]
pub struct SdeError {
    /// The constant.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
    /// What it should be.
    pub expected: &'static str,
}
