//! The leading principal components of long rows.
use super::noise::{NoiseRows, Stream};
use crate::random::Seed;
use nalgebra::{DMatrix, DVector};

/// Rounds of the iteration: directions whose variances differ by a fifth are told apart to 1e-3.
const ROUNDS: usize = 30;

/// An orthonormal basis of the directions of largest variance.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Principal {
    mean: DVector<f64>,
    /// Directions as columns, `[D, k]`; `None`: all of them, as they are.
    basis: Option<DMatrix<f64>>,
}

impl Principal {
    /// The first `most` components of `rows`, `[D, N]` with a row in each column, as many as D if that isn't more; and the
    /// rows' coordinates `[k, N]`.
    ///
    /// By orthogonal iteration (Golub and Van Loan, "Matrix computations", 8.2.4), which needs no D×D matrix. The rows,
    /// which may be most of the memory, are not copied.
    pub(super) fn fit(mut rows: DMatrix<f64>, most: usize, seed: Seed) -> (Self, DMatrix<f64>) {
        let mean = rows.column_mean();
        let (dim, count) = rows.shape();
        rows.column_iter_mut().for_each(|mut column| column -= &mean);
        if dim <= most {
            return (Self { mean, basis: None }, rows);
        }
        let kept = most.min(count);
        let mut start = vec![0.0; dim * kept];
        NoiseRows::distinct(seed, kept).normal(Stream::Fit, 0, dim, &mut start);
        let mut basis = DMatrix::from_iterator(dim, kept, start.into_iter().map(f64::from));
        for _ in 0..ROUNDS {
            basis = (&rows * rows.tr_mul(&basis)).qr().q();
        }
        let coordinates = basis.tr_mul(&rows);
        (Self { mean, basis: Some(basis) }, coordinates)
    }

    /// Rows `[D, N]` at `coordinates` `[k, N]`.
    pub(super) fn lift(&self, coordinates: &DMatrix<f64>) -> DMatrix<f64> {
        let mut rows = match &self.basis {
            Some(basis) => basis * coordinates,
            None => coordinates.clone(),
        };
        rows.column_iter_mut().for_each(|mut column| column += &self.mean);
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_in_few_dimensions_are_kept_exactly() {
        // 200 rows of 90 numbers that are combinations of three.
        let mut weights = vec![0.0; 3 * 200];
        NoiseRows::distinct(Seed(1), 200).normal(Stream::Start, 0, 3, &mut weights);
        let mixing = DMatrix::from_fn(90, 3, |i, j| ((i * (j + 2)) as f64 * 0.37).sin());
        let inner = DMatrix::from_iterator(3, 200, weights.into_iter().map(f64::from));
        let rows = (mixing * inner).add_scalar(5.0);
        let (principal, coordinates) = Principal::fit(rows.clone(), 3, Seed(0));
        assert!((principal.lift(&coordinates) - &rows).abs().max() < 1e-9);
        assert_eq!(coordinates.nrows(), 3);
    }

    #[test]
    fn the_directions_kept_are_those_of_the_largest_variance() {
        let mut noise = vec![0.0; 80 * 400];
        NoiseRows::distinct(Seed(2), 400).normal(Stream::Start, 0, 80, &mut noise);
        let scales = |i: usize| if i < 2 { 10.0 } else { 1.0 };
        let noise = DMatrix::from_iterator(80, 400, noise.into_iter().map(f64::from));
        let rows = DMatrix::from_fn(80, 400, |i, n| scales(i) * noise[(i, n)]);
        let basis = Principal::fit(rows, 2, Seed(0)).0.basis.unwrap();
        assert!(basis.rows(2, 78).norm() < 0.2, "{}", basis.rows(2, 78).norm());
    }

    #[test]
    fn short_rows_keep_their_coordinates() {
        let rows = DMatrix::from_row_slice(2, 3, &[1.0, 2.0, 6.0, 0.0, 0.0, 3.0]);
        let (_, projected) = Principal::fit(rows, 64, Seed(0));
        assert_eq!(projected.row(0).iter().copied().collect::<Vec<_>>(), [-2.0, -1.0, 3.0]);
    }
}
