//! New codes like those of training images: a Gaussian mixture.
use super::SampleError;
use super::codes::Codes;
use super::noise::{NoiseRows, Stream};
use super::principal::Principal;
use crate::random::{Purpose, Seed};
use nalgebra::{Cholesky, DMatrix, DVector};
use rayon::prelude::*;

/// Principal components of the curves that the mixture is fitted to.
const COMPONENTS_KEPT: usize = 64;
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
    fn fit_columns(rows: &DMatrix<f64>, count: usize, seed: Seed) -> Result<Self, SampleError> {
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
    fn draw(&self, noise: &NoiseRows) -> DMatrix<f64> {
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

/// A mixture over whole curves `t ↦ z(t)`: a code's values at different t belong together.
#[derive(Clone, Debug)]
pub struct CodeMixture {
    levels: Vec<f64>,
    principal: Principal,
    mixture: GaussianMixture,
    /// Smallest and largest value of each number of a curve.
    limits: Vec<(f32, f32)>,
}

impl CodeMixture {
    /// Fits `components` Gaussians to the first 64 principal components of the curves `values` `[N, T, d]` at ascending
    /// `levels`, T of them.
    ///
    /// # Errors
    /// No component, or more than curves; a code that isn't finite.
    ///
    /// # Panics
    /// If the values aren't whole curves.
    pub fn fit(
        levels: &[f64],
        values: &[f32],
        dim: usize,
        components: usize,
        seed: Seed,
    ) -> Result<Self, SampleError> {
        let length = levels.len() * dim;
        assert!(length > 0 && values.len().is_multiple_of(length), "curves of {length} numbers");
        if let Some(place) = values.iter().position(|v| !v.is_finite()) {
            return Err(SampleError::NotFinite { what: "a code is", t: levels[place % length / dim] });
        }
        let mut limits = vec![(f32::INFINITY, f32::NEG_INFINITY); length];
        for curve in values.chunks(length) {
            for (limits, &v) in limits.iter_mut().zip(curve) {
                *limits = (limits.0.min(v), limits.1.max(v));
            }
        }
        let rows =
            DMatrix::from_iterator(length, values.len() / length, values.iter().map(|&v| f64::from(v)));
        let principal = Principal::fit(&rows, COMPONENTS_KEPT, seed);
        let mixture = GaussianMixture::fit_columns(&principal.project(&rows), components, seed)?;
        Ok(Self { levels: levels.to_vec(), principal, mixture, limits })
    }

    /// A curve for each row of `noise`; no number of it leaves the range that it has in the curves fitted to (codes
    /// that are pooled after a ReLU are never negative).
    pub fn sample(&self, noise: &NoiseRows) -> Codes {
        let curves = self.principal.lift(&self.mixture.draw(noise));
        let clipped = |curve: nalgebra::DVectorView<f64>| -> Vec<f32> {
            curve.iter().zip(&self.limits).map(|(&v, &(low, high))| (v as f32).clamp(low, high)).collect()
        };
        Codes::Curves {
            levels: self.levels.clone(),
            values: curves.column_iter().flat_map(clipped).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows about (0, 0) and, half as many, about (6, −3), with standard deviations (1, 0.3).
    fn two_clusters(count: usize) -> Vec<f32> {
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

    #[test]
    fn sampled_codes_have_the_moments_of_those_fitted_to() {
        let rows = two_clusters(3000);
        let mixture = CodeMixture::fit(&[0.0], &rows, 2, 2, Seed(0)).unwrap();
        let Codes::Curves { values, .. } = mixture.sample(&NoiseRows::distinct(Seed(1), 3000)) else {
            unreachable!()
        };
        let moments = |values: &[f32], axis: usize| {
            let column: Vec<f64> = values.iter().skip(axis).step_by(2).map(|&v| f64::from(v)).collect();
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            (mean, column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / column.len() as f64)
        };
        for axis in 0..2 {
            let (a, b) = (moments(&values, axis), moments(&rows, axis));
            assert!((a.0 - b.0).abs() < 0.06 * b.1.sqrt(), "{a:?} {b:?}");
            assert!((a.1 / b.1 - 1.0).abs() < 0.06, "{a:?} {b:?}");
        }
    }

    #[test]
    fn curves_stay_curves_and_in_their_range() {
        // Rows of three levels of 40 numbers: more than the components that are kept, all on lines z(t) = a·(1 + t).
        let levels = [0.0, 0.5, 1.0];
        let mut a = vec![0.0; 200];
        NoiseRows::distinct(Seed(3), 200).uniform(Stream::Start, 0, 1, &mut a);
        let values: Vec<f32> =
            a.iter().flat_map(|a| levels.map(|t| vec![a * (1.0 + t as f32); 40]).concat()).collect();
        let mixture = CodeMixture::fit(&levels, &values, 40, 3, Seed(0)).unwrap();
        let Codes::Curves { values, .. } = mixture.sample(&NoiseRows::distinct(Seed(1), 50)) else {
            unreachable!()
        };
        for curve in values.chunks(120) {
            let start = curve[0];
            assert!((0.0..=1.0).contains(&start), "{start}");
            assert!(
                (curve[40] - 1.5 * start).abs() < 0.02 && (curve[80] - 2.0 * start).abs() < 0.02,
                "{curve:?}"
            );
        }
    }

    #[test]
    fn equal_codes_and_wrong_numbers_of_components() {
        let mixture = CodeMixture::fit(&[0.0], &[0.5; 40], 2, 3, Seed(0)).unwrap();
        let Codes::Curves { values, .. } = mixture.sample(&NoiseRows::distinct(Seed(1), 4)) else {
            unreachable!()
        };
        assert_eq!(values, [0.5; 8]);
        let error = GaussianMixture::fit(&[0.0; 4], 2, 3, Seed(0)).unwrap_err().to_string();
        assert_eq!(error, "--components is 3, expected 1 to 2, the number of codes that it is fitted to");
        let error = CodeMixture::fit(&[0.2], &[f32::NAN; 4], 2, 1, Seed(0)).unwrap_err().to_string();
        assert!(error.contains("a code is not finite at t = 0.2"), "{error}");
    }
}
