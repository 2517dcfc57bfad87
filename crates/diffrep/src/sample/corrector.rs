//! Correctors: Langevin steps at one noise level (Song et al., 2021, appendix G).
use super::noise::{NoiseRows, Stream};
use super::score::ScoreFunction;
use crate::sde::Sde;
use rayon::prelude::*;

/// How long the steps are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CorrectorKind {
    /// By the signal-to-noise ratio that each image's own score and noise have.
    Langevin,
    /// By the standard deviation of the noise level.
    AnnealedLangevin,
}

/// Langevin steps between two predictor steps: `x ← x + η·score + √(2η)·z`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Corrector {
    /// How η is chosen.
    pub kind: CorrectorKind,
    /// Signal-to-noise ratio r, positive; published: 0.16. A step changes the variance of what it samples by a factor
    /// of about 1 + r².
    pub snr: f64,
    /// Langevin steps at each level.
    pub steps: usize,
}

impl Corrector {
    /// Corrects images `x` `[N, D]` at `t`, between predictor steps of which `steps` go from 1 to 0; `number` is
    /// that of the predictor step, for the address of the noise.
    pub(super) fn correct(
        &self,
        x: &mut [f32],
        (score, sde): (&dyn ScoreFunction, &Sde),
        t: f64,
        steps: usize,
        noise: &NoiseRows,
        number: usize,
    ) {
        let dim = score.dim();
        let alpha = alpha(sde, t, steps);
        let std = sde.marginal(t).std;
        let mut z = vec![0.0; x.len()];
        for step in 0..self.steps {
            let scores = score.score(x, t);
            noise.normal(Stream::Corrector, (number * self.steps + step) as u32, dim, &mut z);
            let rows = x.par_chunks_mut(dim).zip(scores.par_chunks(dim)).zip(z.par_chunks(dim));
            rows.for_each(|((x, score), z)| {
                let size = match self.kind {
                    CorrectorKind::Langevin => langevin_step_size(self.snr, norm(z), norm(score), alpha),
                    CorrectorKind::AnnealedLangevin => annealed_step_size(self.snr, std, alpha),
                };
                langevin_step(x, score, z, size);
            });
        }
    }
}

/// η = 2α (r ‖z‖/‖score‖)² for the signal-to-noise ratio r; 0 where the score is.
pub fn langevin_step_size(snr: f64, noise_norm: f64, score_norm: f64, alpha: f64) -> f64 {
    if score_norm > 0.0 { 2.0 * alpha * (snr * noise_norm / score_norm).powi(2) } else { 0.0 }
}

/// η = 2α (r·s(t))².
pub fn annealed_step_size(snr: f64, std: f64, alpha: f64) -> f64 {
    2.0 * alpha * (snr * std).powi(2)
}

/// `x ← x + size·score + √(2·size)·z` for one image.
pub fn langevin_step(x: &mut [f32], score: &[f32], z: &[f32], size: f64) {
    let spread = (2.0 * size).sqrt();
    for ((x, &score), &z) in x.iter_mut().zip(score).zip(z) {
        *x = (f64::from(*x) + size * f64::from(score) + spread * f64::from(z)) as f32;
    }
}

/// α at `t` in steps of 1/`steps`: 1 for VE, otherwise `1 − β(t)/steps`.
pub fn alpha(sde: &Sde, t: f64, steps: usize) -> f64 {
    match sde {
        Sde::Ve(_) => 1.0,
        Sde::Vp(_) => 1.0 - sde.discretise(t, steps).noise.powi(2),
        Sde::SubVp(_) => 1.0 + 2.0 * sde.drift(t) / steps as f64,
    }
}

fn norm(values: &[f32]) -> f64 {
    values.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}
