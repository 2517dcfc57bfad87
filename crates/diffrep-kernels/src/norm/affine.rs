//! A scale and a shift for each channel, then an activation: what a normalisation with given statistics comes to.
use super::rows;
use crate::activation::Activation;
use crate::parallel::{self, rows_per_task};

/// `y = activation(x · scale + shift)` where `x` is `[rows, C]`.
///
/// # Panics
/// If a length doesn't match.
pub fn forward(x: &[f32], scale: &[f32], shift: &[f32], activation: Activation, y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "affine: input and output differ");
    let step = rows_per_task(scale.len()) * scale.len();
    parallel::for_each_part(y, step, |i, y| {
        rows::affine(&x[i * step..][..y.len()], scale, shift, activation, y);
    });
}

/// Gradients of data (into `dx`), scale and shift.
///
/// # Panics
/// If a length doesn't match.
pub fn backward(
    x: &[f32],
    gy: &[f32],
    scale: &[f32],
    shift: &[f32],
    activation: Activation,
    dx: &mut [f32],
) -> (Vec<f32>, Vec<f32>) {
    assert!(x.len() == gy.len() && x.len() == dx.len(), "affine: input and gradients differ");
    let zeros = vec![0.0; scale.len()];
    let (sums, products) = gradient_sums(x, gy, scale, shift, &zeros, activation);
    let step = rows_per_task(scale.len()) * scale.len();
    parallel::for_each_part(dx, step, |i, dx| {
        let (x, gy) = (&x[i * step..][..dx.len()], &gy[i * step..][..dx.len()]);
        rows::data_gradient(x, Some(gy), scale, shift, &zeros, &zeros, activation, dx);
    });
    (products.iter().map(|&p| p as f32).collect(), sums.iter().map(|&s| s as f32).collect())
}

/// `Σ g` and `Σ g (x − centre)` for each channel, where `g = gy · activation'(x · scale + shift)`.
pub(super) fn gradient_sums(
    x: &[f32],
    gy: &[f32],
    scale: &[f32],
    shift: &[f32],
    centre: &[f32],
    activation: Activation,
) -> (Vec<f64>, Vec<f64>) {
    let channels = scale.len();
    let step = rows_per_task(channels) * channels;
    let parts = parallel::map(x.len().div_ceil(step), |i| {
        let part = i * step..x.len().min((i + 1) * step);
        let (mut sum, mut product) = (vec![0.0; channels], vec![0.0; channels]);
        rows::gradient_sums(
            &x[part.clone()],
            &gy[part],
            scale,
            shift,
            centre,
            activation,
            &mut sum,
            &mut product,
        );
        (sum, product)
    });
    let total = |c: usize| {
        let add = |all: (f64, f64), part: &(Vec<f32>, Vec<f32>)| {
            (all.0 + f64::from(part.0[c]), all.1 + f64::from(part.1[c]))
        };
        parts.iter().fold((0.0, 0.0), add)
    };
    (0..channels).map(total).unzip()
}
