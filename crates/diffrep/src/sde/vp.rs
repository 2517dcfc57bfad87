//! The variance preserving process.
use super::{Discretisation, SdeError};
use serde::{Deserialize, Serialize};

/// `β(t) = β₀ + t(β₁ − β₀)`, `m(t) = exp(−¼t²(β₁−β₀) − ½tβ₀)`, `s² = 1 − m²`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vp {
    /// β₀, positive.
    pub beta_min: f64,
    /// β₁, at least β₀.
    pub beta_max: f64,
}

impl Default for Vp {
    fn default() -> Self {
        Self { beta_min: 0.1, beta_max: 20.0 }
    }
}

impl Vp {
    pub(super) fn check(&self) -> Result<(), SdeError> {
        let error = |name, value, expected| Err(SdeError { name, value, expected });
        if !(self.beta_min > 0.0 && self.beta_min.is_finite()) {
            return error("beta_min", self.beta_min, "a positive number");
        }
        if !(self.beta_max >= self.beta_min && self.beta_max.is_finite()) {
            return error("beta_max", self.beta_max, "a number not below beta_min");
        }
        Ok(())
    }

    pub(super) fn beta(&self, t: f64) -> f64 {
        self.beta_min + t * (self.beta_max - self.beta_min)
    }

    pub(super) fn log_mean(&self, t: f64) -> f64 {
        -0.25 * t * t * (self.beta_max - self.beta_min) - 0.5 * t * self.beta_min
    }

    pub(super) fn std(&self, t: f64) -> f64 {
        (-(2.0 * self.log_mean(t)).exp_m1()).sqrt()
    }

    /// The positive root of `¼(β₁−β₀)t² + ½β₀t + ln m = 0`, in the form that doesn't cancel.
    pub(super) fn time_of_log_mean(&self, log_mean: f64) -> f64 {
        let (a, b, c) = (0.25 * (self.beta_max - self.beta_min), 0.5 * self.beta_min, -log_mean);
        2.0 * c / (b + (b * b + 4.0 * a * c).sqrt())
    }

    /// DDPM: `x ← √(1−β_i) x + √β_i ε`, β_i being β(t)/steps at the i-th of `steps` times.
    pub(super) fn discretise(&self, t: f64, steps: usize) -> Discretisation {
        let last = (steps - 1) as f64;
        let beta = self.beta((t * last).floor() / last) / steps as f64;
        Discretisation { drift: (1.0 - beta).sqrt() - 1.0, noise: beta.sqrt() }
    }
}
