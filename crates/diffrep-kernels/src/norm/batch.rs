//! Batch norm: statistics of each channel over all images and pixels (Ioffe and Szegedy, 2015).
use super::affine::gradient_sums;
use super::{Moments, data_gradient, fold, rows};
use crate::activation::Activation;
use crate::parallel::{self, rows_per_task};

/// Mean and biased variance of each channel of `x`, `[rows, channels]`.
///
/// # Panics
/// If `x` is empty or no whole number of rows.
pub fn statistics(x: &[f32], channels: usize) -> (Vec<f32>, Vec<f32>) {
    assert!(channels > 0 && !x.is_empty() && x.len().is_multiple_of(channels), "{} of {channels}", x.len());
    let step = rows_per_task(channels) * channels;
    let parts = parallel::map(x.len().div_ceil(step), |i| {
        let x = &x[i * step..x.len().min((i + 1) * step)];
        let (mut sum, mut squares) = (vec![0.0; channels], vec![0.0; channels]);
        rows::shifted_sums(x, &mut sum, &mut squares);
        (0..channels)
            .map(|c| Moments::from_sums(x.len() / channels, x[c], sum[c], squares[c]))
            .collect::<Vec<_>>()
    });
    let moments =
        (0..channels).map(|c| parts.iter().fold(Moments::default(), |all, part| all.merge(part[c])));
    moments.map(|m| (m.mean as f32, m.variance() as f32)).unzip()
}

/// What normalises a channel.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<'a> {
    /// γ.
    pub gamma: &'a [f32],
    /// β.
    pub beta: &'a [f32],
    /// Mean.
    pub mean: &'a [f32],
    /// Biased variance.
    pub variance: &'a [f32],
    /// Added to the variance.
    pub epsilon: f64,
}

impl Parameters<'_> {
    fn inverse_root(&self, channel: usize) -> f64 {
        1.0 / (f64::from(self.variance[channel]) + self.epsilon).sqrt()
    }

    /// `(scale, shift)` for all channels: the normalisation is `x · scale + shift` ([`super::affine`]).
    pub fn fold(&self) -> (Vec<f32>, Vec<f32>) {
        (0..self.gamma.len())
            .map(|c| fold(self.gamma[c], self.beta[c], self.mean[c], self.inverse_root(c)))
            .unzip()
    }
}

/// Gradients of data (into `dx`), γ and β, where `parameters` hold the statistics of `x` itself.
///
/// # Panics
/// If a length doesn't match.
pub fn backward(
    x: &[f32],
    gy: &[f32],
    parameters: &Parameters,
    activation: Activation,
    dx: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    assert!(x.len() == gy.len() && x.len() == dx.len(), "batch norm: input and gradients differ");
    let (scale, shift) = parameters.fold();
    let channels = scale.len();
    let step = rows_per_task(channels) * channels;
    let part = |i: usize| i * step..x.len().min((i + 1) * step);
    let (sums, products) = gradient_sums(x, gy, &scale, &shift, parameters.mean, activation);
    let count = (x.len() / channels) as f64;
    let (mut dgamma, mut dbeta) = (vec![0.0; channels], vec![0.0; channels]);
    let (mut x_factor, mut constant) = (vec![0.0; channels], vec![0.0; channels]);
    for c in 0..channels {
        let (sum, product) = (sums[c], products[c]);
        let (gamma, inverse) = (f64::from(parameters.gamma[c]), parameters.inverse_root(c));
        dgamma[c] = (product * inverse) as f32;
        dbeta[c] = sum as f32;
        (x_factor[c], constant[c]) =
            data_gradient(gamma * sum, gamma * product, count, parameters.mean[c], inverse);
    }
    parallel::for_each_part(dx, step, |i, dx| {
        let (x, gy) = (&x[part(i)], &gy[part(i)]);
        rows::data_gradient(x, Some(gy), &scale, &shift, &x_factor, &constant, activation, dx);
    });
    (dgamma, dbeta)
}
