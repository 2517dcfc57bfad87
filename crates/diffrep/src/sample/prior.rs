//! What sampling starts from.
use super::noise::{NoiseRows, Stream};
use crate::data::Preprocess;
use crate::sde::Sde;

/// The image u in the start `x = m(t) u + s(t) ε`.
#[derive(Clone, Debug, PartialEq)]
pub enum Prior {
    /// The training images' mean, which is 0 in standardised units: a Gaussian.
    Gaussian,
    /// Pixels uniform between these limits, one pair a channel: for starts at t < 1, where x still shows u.
    Uniform(Vec<(f32, f32)>),
}

impl Prior {
    /// Uniform over the pixels' range [0, 1], in the units of `preprocess`.
    pub fn uniform_pixels(preprocess: &Preprocess) -> Self {
        let limits = preprocess.mean.iter().zip(&preprocess.std);
        Self::Uniform(limits.map(|(mean, std)| (-mean / std, (1.0 - mean) / std)).collect())
    }

    /// Starting images `[N, dim]` at `t`.
    pub(super) fn draw(&self, sde: &Sde, t: f64, dim: usize, noise: &NoiseRows) -> Vec<f32> {
        let marginal = sde.marginal(t);
        let mut x = vec![0.0; noise.rows.len() * dim];
        noise.normal(Stream::Start, 0, dim, &mut x);
        // At t = 1 the process has a prior of its own, which VP's and sub-VP's s(1) misses by 2e-5.
        let std = if t >= 1.0 { sde.prior_std() } else { marginal.std };
        x.iter_mut().for_each(|x| *x = (f64::from(*x) * std) as f32);
        if let Self::Uniform(limits) = self {
            let mut u = vec![0.0; x.len()];
            noise.uniform(Stream::Pixels, 0, dim, &mut u);
            for (i, (x, u)) in x.iter_mut().zip(u).enumerate() {
                let (low, high) = limits[i % limits.len()];
                *x += marginal.mean as f32 * (low + u * (high - low));
            }
        }
        x
    }
}
