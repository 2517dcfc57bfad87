//! The variance exploding process.
use super::{Discretisation, SdeError};
use serde::{Deserialize, Serialize};

/// `s(t) = σmin (σmax/σmin)^t`, no drift.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ve {
    /// Standard deviation at t = 0, positive.
    pub sigma_min: f64,
    /// Standard deviation at t = 1, above `sigma_min`.
    pub sigma_max: f64,
}

impl Default for Ve {
    fn default() -> Self {
        Self { sigma_min: 0.01, sigma_max: 50.0 }
    }
}

impl Ve {
    pub(super) fn check(&self) -> Result<(), SdeError> {
        let error = |name, value, expected| Err(SdeError { name, value, expected });
        // Both and their ratio are needed in f32.
        if !(self.sigma_min as f32 > 0.0 && (self.sigma_min as f32).is_finite()) {
            return error("sigma_min", self.sigma_min, "a positive number that f32 holds");
        }
        if !(self.sigma_max > self.sigma_min && self.sigma_max.is_finite()) {
            return error("sigma_max", self.sigma_max, "a number above sigma_min");
        }
        if !((self.sigma_max as f32).is_finite() && ((self.sigma_max / self.sigma_min) as f32).is_finite()) {
            return error("sigma_max", self.sigma_max, "a number that f32 holds, and its ratio to sigma_min");
        }
        Ok(())
    }

    pub(super) fn sigma(&self, t: f64) -> f64 {
        self.sigma_min * (t * self.log_ratio()).exp()
    }

    /// In f32 and in this order, as the published networks were trained: embeddings magnify its rounding a
    /// thousandfold.
    pub(super) fn log_sigma(&self, t: f64) -> f32 {
        let ratio = (self.sigma_max / self.sigma_min) as f32;
        (self.sigma_min as f32 * ratio.powf(t as f32)).ln()
    }

    pub(super) fn diffusion(&self, t: f64) -> f64 {
        self.sigma(t) * (2.0 * self.log_ratio()).sqrt()
    }

    pub(super) fn time_of_sigma(&self, sigma: f64) -> f64 {
        (sigma / self.sigma_min).ln() / self.log_ratio()
    }

    /// SMLD: the noise takes the variance from one of `steps` geometric levels to the next; the first starts at 0.
    pub(super) fn discretise(&self, t: f64, steps: usize) -> Discretisation {
        let last = (steps - 1) as f64;
        let index = (t * last).floor();
        let below = if index > 0.0 { self.sigma((index - 1.0) / last) } else { 0.0 };
        let variance = self.sigma(index / last).powi(2) - below.powi(2);
        Discretisation { drift: 0.0, noise: variance.sqrt() }
    }

    fn log_ratio(&self) -> f64 {
        (self.sigma_max / self.sigma_min).ln()
    }
}
