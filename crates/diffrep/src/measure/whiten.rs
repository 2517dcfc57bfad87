//! Principal components of equal variance.
use super::eigen::{Eigen, eigen};
use super::spectrum::moments;
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Variance below this part of the largest one is rounding, not a direction of the codes.
const LEAST_VARIANCE: f64 = 1e-9;

/// What [`Whitening::for_angles`] adds to the variance of each direction at least, as a part of the mean variance.
const SHRINKAGE: f64 = 0.01;

/// Rows that are worked on at once.
const BLOCK: usize = 2048;

/// A linear map that takes codes to principal components of equal variance and no correlation.
///
/// Angles between codes say little where all codes have a large part in common, as those of rectified features have: it is
/// taken away, and directions of small variance count like those of large one.
#[derive(Clone, Debug)]
pub struct Whitening {
    means: Vec<f64>,
    /// Scaled axes `[components, dim]`.
    axes: DMatrix<f64>,
}

impl Whitening {
    /// Learns to whiten codes that are to be compared by angle: all components, of which those that hardly vary aren't
    /// blown up to the size of the others. To the variance of each is added 1 % of their mean, or dim / rows of it where
    /// that is more: the fewer rows, the less they know of directions, and of as many directions as rows, all alike, every
    /// code would be equally far from every other. `None` of codes that have no directions, since all are alike, or that
    /// are not finite.
    pub fn for_angles(codes: &[f32], dim: usize) -> Option<Self> {
        let rows = codes.len().checked_div(dim)?;
        let shrinkage = SHRINKAGE.max(dim as f64 / rows.max(1) as f64);
        let whitening = Self::fit(codes, dim, dim, shrinkage);
        (whitening.components() > 0).then_some(whitening)
    }

    /// Learns the first `components` principal components of `codes` `[rows, dim]`, fewer where the codes have fewer
    /// directions (none if all are equal or one isn't finite). Each is divided by √(λ + `shrinkage`·mean λ), with λ its variance.
    ///
    /// The largest variance comes first. The sign of a component is such that its largest loading is positive. Time grows
    /// with the cube of `dim`.
    ///
    /// # Panics
    /// If `dim` is 0 or doesn't divide the length.
    pub fn fit(codes: &[f32], dim: usize, components: usize, shrinkage: f64) -> Self {
        assert!(dim > 0 && codes.len().is_multiple_of(dim), "rows of {dim}");
        let rows = codes.len() / dim;
        let (means, _) = moments(codes, dim);
        let mut covariance = DMatrix::zeros(dim, dim);
        for block in codes.chunks(BLOCK * dim) {
            let centred = centred(block, &means);
            covariance.gemm(1.0 / rows.max(1) as f64, &centred, &centred.transpose(), 1.0);
        }
        let Some(Eigen { values, vectors }) = eigen(&covariance) else {
            return Self { means, axes: DMatrix::zeros(0, dim) };
        };
        let energy = means.iter().map(|mean| mean * mean).sum::<f64>();
        let least = (LEAST_VARIANCE * values[0]).max((f32::EPSILON as f64).powi(2) * energy);
        let kept = values.iter().take(components).take_while(|&&value| value > least).count();
        let added = shrinkage * values.iter().sum::<f64>() / dim as f64;
        let axes = DMatrix::from_fn(kept, dim, |k, j| vectors[(j, k)] / (values[k] + added).sqrt());
        Self { means, axes }
    }

    /// How many numbers a whitened code has.
    pub fn components(&self) -> usize {
        self.axes.nrows()
    }

    /// Whitened codes `[rows, components]` of `codes` `[rows, dim]`.
    ///
    /// # Panics
    /// If `dim` doesn't divide the length.
    pub fn apply(&self, codes: &[f32]) -> Vec<f32> {
        let dim = self.means.len();
        assert!(codes.len().is_multiple_of(dim), "rows of {dim}");
        codes
            .par_chunks(BLOCK * dim)
            .flat_map_iter(|block| {
                // Columns of the product are rows of codes.
                let white = &self.axes * centred(block, &self.means);
                white.iter().map(|&v| v as f32).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// Codes less their means, as columns.
fn centred(codes: &[f32], means: &[f64]) -> DMatrix<f64> {
    let dim = means.len();
    DMatrix::from_fn(dim, codes.len() / dim, |j, i| f64::from(codes[i * dim + j]) - means[j])
}

#[cfg(test)]
mod tests {
    use super::*;
    use diffrep_kernels::random::Key;

    #[test]
    fn components_have_variance_one_and_no_correlation() {
        let (rows, dim) = (500, 5);
        let mut codes = vec![0.0; rows * dim];
        Key::new(1, 0, 0).fill_normal(0, &mut codes);
        for code in codes.chunks_mut(dim) {
            code[0] = 5.0 * code[0] + 100.0;
            code[1] += code[0];
        }
        let whitening = Whitening::fit(&codes, dim, 3, 0.0);
        let (white, count) = (whitening.apply(&codes), whitening.components());
        assert_eq!((count, white.len()), (3, rows * 3));
        for a in 0..3 {
            for b in 0..3 {
                let mean: f64 =
                    white.chunks(3).map(|row| (row[a] * row[b]) as f64).sum::<f64>() / rows as f64;
                assert!((mean - f64::from(a == b)).abs() < 1e-3, "{a} {b}: {mean}");
            }
        }
    }

    #[test]
    fn a_line_has_one_component_and_a_point_none() {
        let line: Vec<f32> = (0..40).flat_map(|i| [i as f32, 3.0 - 2.0 * i as f32, 7.0]).collect();
        let whitening = Whitening::fit(&line, 3, 8, 0.0);
        assert_eq!(whitening.components(), 1);
        // The largest loading, −2 of the second dimension, is made positive: the first row comes last.
        let white = whitening.apply(&line);
        assert!(white[0] > 1.6 && white[39] < -1.6);
        assert_eq!(Whitening::fit(&[0.1, 0.7].repeat(30), 2, 8, 0.0).components(), 0);
    }

    #[test]
    fn codes_without_directions_are_not_whitened() {
        let usable = [1.0, 0.0, 0.0, 1.0];
        assert_eq!(Whitening::for_angles(&usable, 2).map(|whitening| whitening.components()), Some(1));
        let unusable: [(&[f32], usize); 4] =
            [(&usable, 0), (&[1.0, 2.0, 1.0, 2.0], 2), (&[1.0, f32::NAN], 1), (&[], 1)];
        for (codes, dim) in unusable {
            assert!(Whitening::for_angles(codes, dim).is_none(), "{codes:?} of {dim}");
        }
    }

    #[test]
    fn shrinkage_leaves_small_directions_small() {
        // Variances 4 and 0.04, mean 2.02.
        let codes: Vec<f32> =
            (0..4000).flat_map(|i| [[2.0, 0.2], [-2.0, 0.2], [2.0, -0.2], [-2.0, -0.2]][i % 4]).collect();
        let white = Whitening::fit(&codes, 2, 2, 0.5).apply(&codes);
        let expected = [2.0 / (4.0f32 + 1.01).sqrt(), 0.2 / (0.04f32 + 1.01).sqrt()];
        assert!(white.chunks(2).zip(codes.chunks(2)).all(|(white, code)| {
            (0..2).all(|j| (white[j] - code[j].signum() * expected[j]).abs() < 1e-4)
        }));
    }
}
