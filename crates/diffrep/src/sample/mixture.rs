//! Mixtures of Gaussians.
use super::SampleError;
use super::noise::{NoiseRows, Stream};
use crate::random::{Purpose, Seed};
use nalgebra::{Cholesky, DMatrix, DVector};
use rayon::prelude::*;

/// Rounds of expectation and maximisation at most, and the gain in mean log-likelihood (nats) below which they end.
const ROUNDS: usize = 30;
const LEAST_GAIN: f64 = 1e-3;
/// Part of the data's variance that is added to that of every component, so that none collapses onto a point.
const FLOOR: f64 = 1e-3;

/// A mixture of Gaussians with full covariances, fitted by expectation and maximisation (Dempster, Laird and Rubin,
/// 1977) from a k-means++ start (Arthur and Vassilvitskii, 2007).
#[derive(Clone, Debug)]
pub struct GaussianMixture {
    components: Vec<Component>,
}

#[derive(Clone, Debug)]
struct Component {
    weight: f64,
    mean: DVector<f64>,
    /// Lower Cholesky factor of the covariance.
    factor: DMatrix<f64>,
}

impl GaussianMixture {
    /// Fits `count` components to `rows` `[N, dim]`, finite numbers.
    ///
    /// # Errors
    /// No component, or more than rows.
    ///
    /// # Panics
    /// If `dim` is 0 or doesn't divide the length.
    pub fn fit(rows: &[f32], dim: usize, count: usize, seed: Seed) -> Result<Self, SampleError> {
        assert!(dim > 0 && rows.len().is_multiple_of(dim), "rows of {dim}");
        let columns = DMatrix::from_iterator(dim, rows.len() / dim, rows.iter().map(|&v| f64::from(v)));
        Self::fit_columns(&columns, count, seed)
    }

    /// The same for a row in each column.
    pub(super) fn fit_columns(rows: &DMatrix<f64>, count: usize, seed: Seed) -> Result<Self, SampleError> {
        if !(1..=rows.ncols()).contains(&count) {
            let expected = format!("1 to {}, the number of codes that it is fitted to", rows.ncols());
            return Err(SampleError::argument("--components", count, expected));
        }
        let floor = floor(rows);
        let mut shares = nearest_start(rows, count, seed);
        let mut before = f64::NEG_INFINITY;
        let mut mixture = maximise(rows, &shares, &floor);
        for _ in 0..ROUNDS {
            let (next, fit) = mixture.expect(rows);
            shares = next;
            mixture = maximise(rows, &shares, &floor);
            if fit - before < LEAST_GAIN {
                break;
            }
            before = fit;
        }
        Ok(mixture)
    }

    /// Weight, mean and covariance (row-major) of each component.
    pub fn components(&self) -> Vec<(f64, Vec<f64>, Vec<f64>)> {
        let parts = |c: &Component| {
            let covariance = &c.factor * c.factor.transpose();
            (c.weight, c.mean.iter().copied().collect(), covariance.iter().copied().collect())
        };
        self.components.iter().map(parts).collect()
    }

    /// A point for each row of `noise`, in the columns.
    pub(super) fn draw(&self, noise: &NoiseRows) -> DMatrix<f64> {
        let dim = self.components[0].mean.len();
        let (mut normal, mut which) = (vec![0.0; noise.rows.len() * dim], vec![0.0; noise.rows.len()]);
        noise.normal(Stream::Code, 0, dim, &mut normal);
        noise.uniform(Stream::Component, 0, 1, &mut which);
        let columns: Vec<DVector<f64>> = normal
            .chunks(dim)
            .zip(which)
            .map(|(normal, u)| {
                let component = self.component_at(f64::from(u));
                let normal = DVector::from_iterator(dim, normal.iter().map(|&v| f64::from(v)));
                &component.mean + &component.factor * normal
            })
            .collect();
        DMatrix::from_columns(&columns)
    }

    /// The component whose part of [0, 1) `u` lies in.
    fn component_at(&self, u: f64) -> &Component {
        let mut below = 0.0;
        let reached = |component: &&Component| {
            below += component.weight;
            u < below
        };
        self.components.iter().find(reached).unwrap_or(&self.components[self.components.len() - 1])
    }

    /// The components' shares of each row, `[K, N]`, and the rows' mean log-likelihood.
    fn expect(&self, rows: &DMatrix<f64>) -> (DMatrix<f64>, f64) {
        let logs: Vec<Vec<f64>> = self.components.par_iter().map(|c| c.log_densities(rows)).collect();
        let mut shares = DMatrix::from_fn(logs.len(), rows.ncols(), |k, n| logs[k][n]);
        let mut total = 0.0;
        for mut column in shares.column_iter_mut() {
            let largest = column.max();
            column.apply(|log| *log = (*log - largest).exp());
            let sum = column.sum();
            column /= sum;
            total += largest + sum.ln();
        }
        (shares, total / rows.ncols() as f64)
    }
}

impl Component {
    /// ln(weight · density) of each row.
    fn log_densities(&self, rows: &DMatrix<f64>) -> Vec<f64> {
        let mut centred = rows.clone();
        centred.column_iter_mut().for_each(|mut column| column -= &self.mean);
        let solved = self.factor.solve_lower_triangular_mut(&mut centred);
        debug_assert!(solved, "a Cholesky factor has a positive diagonal");
        let log_norm: f64 =
            self.factor.diagonal().iter().map(|v| v.ln() + 0.5 * std::f64::consts::TAU.ln()).sum();
        centred.column_iter().map(|c| self.weight.ln() - log_norm - 0.5 * c.norm_squared()).collect()
    }
}

/// What is added to each variance.
fn floor(rows: &DMatrix<f64>) -> DVector<f64> {
    let variances = rows.column_variance();
    let least = 1e-8 * variances.mean() + 1e-12;
    variances.map(|variance| FLOOR * variance + least)
}

/// Each row's share is with the nearest of `count` rows chosen far from each other, `[K, N]`.
fn nearest_start(rows: &DMatrix<f64>, count: usize, seed: Seed) -> DMatrix<f64> {
    let key = seed.key(Purpose::Sample, Stream::Fit as u16, 1);
    let mut nearest = vec![(f64::INFINITY, 0); rows.ncols()];
    for k in 0..count {
        let squares: f64 = nearest.iter().map(|(square, _)| square).sum();
        let u = key.uniform(k as u32);
        let chosen = if k == 0 || squares <= 0.0 {
            (u * rows.ncols() as f64) as usize
        } else {
            let mut left = u * squares;
            let reached = |(square, _): &(f64, usize)| {
                left -= square;
                left < 0.0
            };
            nearest.iter().position(reached).unwrap_or(rows.ncols() - 1)
        };
        for (n, nearest) in nearest.iter_mut().enumerate() {
            let square = (rows.column(n) - rows.column(chosen)).norm_squared();
            if square < nearest.0 {
                *nearest = (square, k);
            }
        }
    }
    DMatrix::from_fn(count, rows.ncols(), |k, n| if nearest[n].1 == k { 1.0 } else { 0.0 })
}

/// The components that fit these shares `[K, N]` best.
fn maximise(rows: &DMatrix<f64>, shares: &DMatrix<f64>, floor: &DVector<f64>) -> GaussianMixture {
    let component = |k: usize| {
        let share = shares.row(k);
        let total = share.sum().max(1e-9);
        let mean = rows * share.transpose() / total;
        let mut scaled = rows.clone();
        for (mut column, share) in scaled.column_iter_mut().zip(share.iter()) {
            column -= &mean;
            column *= (share / total).sqrt();
        }
        let mut covariance = &scaled * scaled.transpose();
        for (i, floor) in floor.iter().enumerate() {
            covariance[(i, i)] += floor;
        }
        let factor =
            Cholesky::new(covariance).expect("a covariance plus a positive diagonal is positive definite");
        Component { weight: total / rows.ncols() as f64, mean, factor: factor.unpack() }
    };
    GaussianMixture { components: (0..shares.nrows()).into_par_iter().map(component).collect() }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Rows about (0, 0) and, half as many, about (6, −3), with standard deviations (1, 0.3).
    pub(in crate::sample) fn two_clusters(count: usize) -> Vec<f32> {
        let mut rows = vec![0.0; 2 * count];
        NoiseRows::distinct(Seed(5), count).normal(Stream::Start, 0, 2, &mut rows);
        for (i, row) in rows.chunks_mut(2).enumerate() {
            row[1] *= 0.3;
            if i % 3 == 0 {
                row[0] += 6.0;
                row[1] -= 3.0;
            }
        }
        rows
    }

    #[test]
    fn two_clusters_are_found_with_their_weights_and_covariances() {
        let mixture = GaussianMixture::fit(&two_clusters(3000), 2, 2, Seed(0)).unwrap();
        let mut components = mixture.components();
        components.sort_by(|a, b| a.1[0].total_cmp(&b.1[0]));
        for ((weight, mean, covariance), (expected, centre)) in
            components.iter().zip([(2.0 / 3.0, [0.0, 0.0]), (1.0 / 3.0, [6.0, -3.0])])
        {
            assert!((weight - expected).abs() < 0.01, "{weight}");
            assert!((mean[0] - centre[0]).abs() < 0.1 && (mean[1] - centre[1]).abs() < 0.03, "{mean:?}");
            assert!(
                (covariance[0] - 1.0).abs() < 0.1 && (covariance[3] - 0.09).abs() < 0.01,
                "{covariance:?}"
            );
            assert!(covariance[1].abs() < 0.03, "{covariance:?}");
        }
    }
}
