//! Data whose score is known at every t: Gaussians and mixtures of two.
use diffrep::sample::{DifferentiableScore, ScoreFunction};
use diffrep::sde::{Marginal, Sde};
use rayon::prelude::*;

/// `Σ w N(centre, R diag(variances) Rᵀ)` in the plane, R a turn by `angle`. An image is one point, or `copies` of them
/// side by side, all independent.
#[derive(Clone)]
pub struct Mixture {
    pub sde: Sde,
    pub modes: Vec<(f64, [f64; 2])>,
    pub variances: [f64; 2],
    pub angle: f64,
    pub copies: usize,
}

/// What is known about a point at a time.
struct Known {
    log_density: f64,
    score: [f64; 2],
    /// vᵀ times the score's Jacobian.
    product: [f64; 2],
}

impl Mixture {
    /// One mode with correlated coordinates.
    pub fn gaussian(sde: Sde) -> Self {
        Self { sde, modes: vec![(1.0, [0.7, -0.4])], variances: [1.2, 0.25], angle: 0.6, copies: 1 }
    }

    /// Two modes of unequal weight.
    pub fn two_modes(sde: Sde) -> Self {
        let modes = vec![(0.35, [1.1, -0.6]), (0.65, [-0.9, 0.5])];
        Self { sde, modes, variances: [0.16, 0.09], angle: 0.0, copies: 1 }
    }

    /// The standard normal distribution.
    pub fn standard(sde: Sde) -> Self {
        Self { sde, modes: vec![(1.0, [0.0; 2])], variances: [1.0; 2], angle: 0.0, copies: 1 }
    }

    /// At the time when the data are multiplied by `m` and noise of standard deviation `s` is added.
    fn at(&self, x: [f64; 2], m: f64, s: f64, v: [f64; 2]) -> Known {
        let (x, v) = (turn(x, -self.angle), turn(v, -self.angle));
        let variances = self.variances.map(|c| m * m * c + s * s);
        // Of each mode (weight, density and centre): its log-density, and its own score (m·centre − x)/variance.
        let mode = |(weight, centre): &(f64, [f64; 2])| {
            let centre = turn(*centre, -self.angle);
            let score = [0, 1].map(|i| (m * centre[i] - x[i]) / variances[i]);
            let exponent: f64 = (0..2).map(|i| score[i] * score[i] * variances[i]).sum();
            let norm = std::f64::consts::TAU * (variances[0] * variances[1]).sqrt();
            (weight.ln() - 0.5 * exponent - norm.ln(), score)
        };
        let modes = || self.modes.iter().map(mode);
        let largest = modes().map(|(log, _)| log).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = modes().map(|(log, _)| (log - largest).exp()).sum();
        let along = |a: [f64; 2]| a[0] * v[0] + a[1] * v[1];
        // The mean score, and J = Σ share·own ownᵀ − score scoreᵀ − diag(1/variance).
        let (mut score, mut product) = ([0.0; 2], [0, 1].map(|i| -v[i] / variances[i]));
        for (log, own) in modes() {
            let share = (log - largest).exp() / sum;
            for i in 0..2 {
                score[i] += share * own[i];
                product[i] += share * along(own) * own[i];
            }
        }
        let part = along(score);
        (0..2).for_each(|i| product[i] -= part * score[i]);
        let (score, product) = (turn(score, self.angle), turn(product, self.angle));
        Known { log_density: largest + sum.ln(), score, product }
    }

    /// ln p of the data themselves.
    pub fn log_density(&self, x: &[f32]) -> f64 {
        self.at(wide(x), 1.0, 0.0, [0.0; 2]).log_density
    }

    pub fn mean(&self) -> [f64; 2] {
        [0, 1].map(|i| self.modes.iter().map(|(weight, centre)| weight * centre[i]).sum())
    }

    pub fn covariance(&self, i: usize, j: usize) -> f64 {
        let mean = self.mean();
        let axes = [[1.0, 0.0], [0.0, 1.0]].map(|axis| turn(axis, self.angle));
        let within: f64 = axes.iter().zip(self.variances).map(|(axis, c)| c * axis[i] * axis[j]).sum();
        let between: f64 = self.modes.iter().map(|(w, c)| w * (c[i] - mean[i]) * (c[j] - mean[j])).sum();
        within + between
    }
}

fn turn(x: [f64; 2], angle: f64) -> [f64; 2] {
    let (sin, cos) = angle.sin_cos();
    [cos * x[0] - sin * x[1], sin * x[0] + cos * x[1]]
}

fn wide(x: &[f32]) -> [f64; 2] {
    [x[0].into(), x[1].into()]
}

impl ScoreFunction for Mixture {
    fn dim(&self) -> usize {
        2 * self.copies
    }

    fn score(&self, x: &[f32], t: f64) -> Vec<f32> {
        let Marginal { mean, std } = self.sde.marginal(t);
        let score = |x: &[f32]| self.at(wide(x), mean, std, [0.0; 2]).score.map(|v| v as f32);
        x.par_chunks(2).flat_map_iter(score).collect()
    }
}

impl DifferentiableScore for Mixture {
    fn pull_back(&self, x: &[f32], t: f64, v: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let Marginal { mean, std } = self.sde.marginal(t);
        let product = |(x, v)| self.at(wide(x), mean, std, wide(v)).product.map(|v| v as f32);
        (self.score(x, t), x.chunks(2).zip(v.chunks(2)).flat_map(product).collect())
    }
}

/// The default processes.
pub fn sdes() -> [(&'static str, Sde); 3] {
    ["ve", "vp", "sub-vp"].map(|kind| (kind, toml::from_str(&format!("kind = '{kind}'")).unwrap()))
}

/// Fails unless mean and covariance of the points `x` are those of `data` within three standard errors.
pub fn assert_moments(what: &str, data: &Mixture, x: &[f32]) {
    let n = (x.len() / 2) as f64;
    let mean = data.mean();
    let within = |name: String, value: &dyn Fn([f64; 2]) -> f64, expected: f64| {
        let values = || x.chunks(2).map(|point| value(wide(point)));
        let found = values().sum::<f64>() / n;
        let variance = values().map(|value| (value - found).powi(2)).sum::<f64>() / n;
        let errors = (found - expected).abs() / (variance / n).sqrt();
        assert!(
            errors <= 3.0,
            "{what}: {name} is {found}, exactly {expected}: {errors:.2} standard errors off"
        );
    };
    for i in 0..2 {
        within(format!("mean {i}"), &|x| x[i], mean[i]);
        for j in i..2 {
            let product = |x: [f64; 2]| (x[i] - mean[i]) * (x[j] - mean[j]);
            within(format!("covariance {i}, {j}"), &product, data.covariance(i, j));
        }
    }
}

#[test]
fn analytic_scores_and_their_jacobians_are_derivatives() {
    for data in [Mixture::gaussian, Mixture::two_modes] {
        let data = data(Sde::default());
        let (x, v, t, h) = ([0.3f32, -0.2], [0.8f32, 0.5], 0.4, 1e-3f32);
        let (score, product) = data.pull_back(&x, t, &v);
        let Marginal { mean, std } = data.sde.marginal(t);
        let log = |x: [f32; 2]| data.at(wide(&x), mean, std, [0.0; 2]).log_density;
        for axis in 0..2 {
            let moved = |by: f32| {
                let mut x = x;
                x[axis] += by;
                x
            };
            let slope = (log(moved(h)) - log(moved(-h))) / f64::from(moved(h)[axis] - moved(-h)[axis]);
            assert!((slope - f64::from(score[axis])).abs() < 1e-3, "{slope} {score:?}");
            let (above, below) = (data.score(&moved(h), t), data.score(&moved(-h), t));
            let slope: f32 = (0..2).map(|i| v[i] * (above[i] - below[i])).sum::<f32>() / (2.0 * h);
            assert!((slope - product[axis]).abs() < 5e-3, "{slope} {product:?}");
        }
    }
}
