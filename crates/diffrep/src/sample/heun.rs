//! A deterministic sampler of second order (Karras et al., "Elucidating the design space of diffusion-based generative
//! models", 2022, algorithm 1 without churn), for every SDE.
//!
//! In `x̂ = x/m(t)` every process explodes: `x̂_t = x_0 + r ε` with `r = s(t)/m(t)`, and the probability flow is
//! `dx̂/dr = −r·m·score`.
use super::score::ScoreFunction;
use crate::sde::Sde;
use rayon::prelude::*;

/// ρ of the time steps: the larger, the more of them are at low noise.
const RHO: f64 = 7.0;

/// `count` (at least 2) values of r from that of time `from` down to that of `to`, evenly spaced in `r^(1/ρ)`.
pub(super) fn ratios(sde: &Sde, from: f64, to: f64, count: usize) -> Vec<f64> {
    let root = |t: f64| sde.noise_to_signal(t).powf(1.0 / RHO);
    let (high, low) = (root(from), root(to));
    (0..count).map(|i| (high + i as f64 / (count - 1) as f64 * (low - high)).powf(RHO)).collect()
}

/// Follows the probability flow of images `x` `[N, D]` along `ratios`, in either direction, with two evaluations a
/// step.
pub(super) fn follow(sde: &Sde, score: &dyn ScoreFunction, mut x: Vec<f32>, ratios: &[f64]) -> Vec<f32> {
    let (Some(&first), Some(&last)) = (ratios.first(), ratios.last()) else { return x };
    scale(&mut x, 1.0 / mean(sde, first));
    for pair in ratios.windows(2) {
        let step = pair[1] - pair[0];
        let slope = slope(sde, score, &x, pair[0]);
        let mut guess = x.clone();
        add(&mut guess, step, &slope);
        let next = self::slope(sde, score, &guess, pair[1]);
        add(&mut x, 0.5 * step, &slope);
        add(&mut x, 0.5 * step, &next);
    }
    scale(&mut x, mean(sde, last));
    x
}

/// dx̂/dr.
fn slope(sde: &Sde, score: &dyn ScoreFunction, x: &[f32], ratio: f64) -> Vec<f32> {
    let t = sde.time_of_noise_to_signal(ratio);
    let mean = sde.marginal(t).mean;
    let mut scaled = x.to_vec();
    scale(&mut scaled, mean);
    let mut slope = score.score(&scaled, t);
    scale(&mut slope, -ratio * mean);
    slope
}

fn mean(sde: &Sde, ratio: f64) -> f64 {
    sde.marginal(sde.time_of_noise_to_signal(ratio)).mean
}

fn scale(x: &mut [f32], factor: f64) {
    x.par_iter_mut().for_each(|x| *x = (f64::from(*x) * factor) as f32);
}

fn add(x: &mut [f32], factor: f64, y: &[f32]) {
    x.par_iter_mut().zip(y).for_each(|(x, &y)| *x = (f64::from(*x) + factor * f64::from(y)) as f32);
}
