use crate::support::{assert_close, normal, with_threads};
use diffrep_kernels::Activation;
use diffrep_kernels::norm::{affine, batch, group};

const EPSILON: f64 = 1e-3;

/// Value and derivative.
fn activated(activation: Activation, x: f64) -> (f64, f64) {
    let sigmoid = 1.0 / (1.0 + (-x).exp());
    match activation {
        Activation::Identity => (x, 1.0),
        Activation::Relu => (x.max(0.0), f64::from(x > 0.0)),
        Activation::Silu => (x * sigmoid, sigmoid * (1.0 + x * (1.0 - sigmoid))),
    }
}

fn doubles(x: &[f32]) -> Vec<f64> {
    x.iter().map(|&v| f64::from(v)).collect()
}

/// Output, and gradients of data, γ and β, in double precision. `set` names the numbers that share statistics, out of
/// `sets`.
fn reference(
    [x, gy, gamma, beta]: [&[f32]; 4],
    activation: Activation,
    sets: usize,
    set: impl Fn(usize) -> usize,
) -> [Vec<f64>; 4] {
    let [x, gy, gamma, beta] = [x, gy, gamma, beta].map(doubles);
    let channels = gamma.len();
    let sum = |values: &dyn Fn(usize) -> f64| {
        let mut sums = vec![0.0; sets];
        (0..x.len()).for_each(|i| sums[set(i)] += values(i));
        sums
    };
    let count = sum(&|_| 1.0);
    let mean: Vec<f64> = sum(&|i| x[i]).iter().zip(&count).map(|(s, n)| s / n).collect();
    let variance = sum(&|i| (x[i] - mean[set(i)]).powi(2));
    let root: Vec<f64> = variance.iter().zip(&count).map(|(s, n)| (s / n + EPSILON).sqrt()).collect();
    let standard = |i: usize| (x[i] - mean[set(i)]) / root[set(i)];
    let value = |i: usize| activated(activation, gamma[i % channels] * standard(i) + beta[i % channels]);
    let g = |i: usize| gy[i] * value(i).1;
    let inner = |i: usize| g(i) * gamma[i % channels];
    let (sums, products) = (sum(&inner), sum(&|i| inner(i) * standard(i)));
    let dx = |i: usize| {
        let s = set(i);
        (inner(i) - sums[s] / count[s] - standard(i) * products[s] / count[s]) / root[s]
    };
    let (mut dgamma, mut dbeta) = (vec![0.0; channels], vec![0.0; channels]);
    for i in 0..x.len() {
        dgamma[i % channels] += g(i) * standard(i);
        dbeta[i % channels] += g(i);
    }
    [(0..x.len()).map(|i| value(i).0).collect(), (0..x.len()).map(dx).collect(), dgamma, dbeta]
}

/// Shapes to try; under Miri a number takes milliseconds.
const FEW: usize = if cfg!(miri) { 2 } else { usize::MAX };
const ACTIVATIONS: &[Activation] = match cfg!(miri) {
    true => &[Activation::Silu],
    false => &[Activation::Identity, Activation::Relu, Activation::Silu],
};

#[test]
fn batch_norm_agrees_with_plain_loops() {
    let shapes = [(3, 1), (2, 19), (5, 3), (7, 8), (40, 33)];
    for (rows, channels) in shapes.into_iter().take(FEW) {
        let (x, gy) = (normal(0, rows * channels), normal(1, rows * channels));
        let (gamma, beta) = (normal(2, channels), normal(3, channels));
        let (mean, variance) = batch::statistics(&x, channels);
        let (gamma, beta, mean, variance) = (&gamma[..], &beta[..], &mean[..], &variance[..]);
        let parameters = batch::Parameters { gamma, beta, mean, variance, epsilon: EPSILON };
        let (scale, shift) = parameters.fold();
        for &activation in ACTIVATIONS {
            let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
            affine::forward(&x, &scale, &shift, activation, &mut y);
            let (dgamma, dbeta) = batch::backward(&x, &gy, &parameters, activation, &mut dx);
            let expected = reference([&x, &gy, gamma, beta], activation, channels, |i| i % channels);
            for (actual, expected) in [y, dx, dgamma, dbeta].iter().zip(expected) {
                assert_close(actual, &expected, 1e-4, &format!("{activation:?}, {rows}×{channels}"));
            }
        }
    }
}

/// Numbers around 1,000, where sums of squares alone would lose the variance.
fn far(row: u32, len: usize) -> Vec<f32> {
    normal(row, len).into_iter().map(|v| 1000.0 + v).collect()
}

#[test]
fn batch_norm_of_many_numbers_far_from_zero_agrees_with_plain_loops_for_every_number_of_threads() {
    // More than one task takes.
    let shapes = if cfg!(miri) { vec![(40, 3)] } else { vec![(40_000, 1), (1_700, 33)] };
    for (rows, channels) in shapes {
        let (x, gy) = (far(0, rows * channels), normal(1, rows * channels));
        let (gamma, beta) = (normal(2, channels), normal(3, channels));
        let run = || {
            let (mean, variance) = batch::statistics(&x, channels);
            let (gamma, beta, mean, variance) = (&gamma[..], &beta[..], &mean[..], &variance[..]);
            let parameters = batch::Parameters { gamma, beta, mean, variance, epsilon: EPSILON };
            let (scale, shift) = parameters.fold();
            let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
            affine::forward(&x, &scale, &shift, Activation::Relu, &mut y);
            let (dgamma, dbeta) = batch::backward(&x, &gy, &parameters, Activation::Relu, &mut dx);
            (variance.to_vec(), [y, dx, dgamma, dbeta])
        };
        let [one, three] = [1, 3].map(|threads| with_threads(threads, run));
        assert!(one == three, "{rows}×{channels} depends on the number of threads");
        for (channel, variance) in one.0.iter().enumerate() {
            let values = || x.iter().skip(channel).step_by(channels).map(|&v| f64::from(v));
            let mean = values().sum::<f64>() / rows as f64;
            let expected = values().map(|v| (v - mean).powi(2)).sum::<f64>() / rows as f64;
            assert!((f64::from(*variance) - expected).abs() < 1e-3 * expected, "{variance} {expected}");
        }
    }
}

#[test]
fn group_norm_agrees_with_plain_loops() {
    let shapes = [(1, 3, 1, 1), (2, 2, 18, 2), (2, 5, 4, 2), (3, 3, 12, 3), (2, 9, 16, 4), (1, 7, 38, 2)];
    for (images, pixels, channels, groups) in shapes.into_iter().take(FEW) {
        let (image, width) = (pixels * channels, channels / groups);
        let (x, gy) = (normal(0, images * image), normal(1, images * image));
        let (gamma, beta) = (normal(2, channels), normal(3, channels));
        let shape = group::Shape { images, channels, groups, epsilon: EPSILON };
        for &activation in ACTIVATIONS {
            let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
            let statistics = group::forward(&shape, &x, &gamma, &beta, activation, &mut y);
            let (dgamma, dbeta) =
                group::backward(&shape, &x, &gy, &gamma, &beta, &statistics, activation, &mut dx);
            let set = |i: usize| i / image * groups + i % channels / width;
            let expected = reference([&x, &gy, &gamma, &beta], activation, images * groups, set);
            for (actual, expected) in [y, dx, dgamma, dbeta].iter().zip(expected) {
                assert_close(actual, &expected, 1e-4, &format!("{activation:?}, {shape:?} of {pixels}"));
            }
        }
    }
}
