//! The sub-variance preserving process.
use super::Vp;
use serde::{Deserialize, Serialize};

/// The drift and mean of [`Vp`] with less noise: `s = 1 − m²`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubVp(
    /// β₀ and β₁.
    pub Vp,
);

impl SubVp {
    pub(super) fn std(&self, t: f64) -> f64 {
        -(2.0 * self.0.log_mean(t)).exp_m1()
    }

    pub(super) fn diffusion(&self, t: f64) -> f64 {
        let discount = -(4.0 * self.0.log_mean(t)).exp_m1();
        (self.0.beta(t) * discount).sqrt()
    }
}
