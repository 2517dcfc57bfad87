//! Eigenvalues and eigenvectors of symmetric matrices.
use faer::{Mat, Side};
use nalgebra::DMatrix;

/// Eigenvalues, the largest first, and their unit vectors.
pub(crate) struct Eigen {
    pub values: Vec<f64>,
    /// Vectors as columns, in the order of the values. The sign of each is such that its largest entry is positive.
    pub vectors: DMatrix<f64>,
}

/// The eigenvalues and eigenvectors of a symmetric `matrix`; `None` if it has entries that are not finite.
///
/// On the calling thread, so that the result doesn't depend on how many there are.
pub(crate) fn eigen(matrix: &DMatrix<f64>) -> Option<Eigen> {
    let found = copied(matrix).self_adjoint_eigen(Side::Lower).ok()?;
    let (size, values, vectors) = (matrix.nrows(), found.S(), found.U());
    // In ascending order until here.
    let values: Vec<f64> = (0..size).rev().map(|k| values[k]).collect();
    let mut vectors = DMatrix::from_fn(size, size, |i, k| vectors[(i, size - 1 - k)]);
    for mut vector in vectors.column_iter_mut() {
        let largest =
            vector.iter().copied().fold(0.0, |a: f64, b: f64| if b.abs() > a.abs() { b } else { a });
        vector *= largest.signum();
    }
    values.iter().all(|value| value.is_finite()).then_some(Eigen { values, vectors })
}

/// The eigenvalues of a symmetric `matrix`, the smallest first; `None` if it has entries that are not finite.
pub(super) fn eigenvalues(matrix: &DMatrix<f64>) -> Option<Vec<f64>> {
    let values = copied(matrix).self_adjoint_eigenvalues(Side::Lower).ok()?;
    values.iter().all(|value| value.is_finite()).then_some(values)
}

fn copied(matrix: &DMatrix<f64>) -> Mat<f64> {
    Mat::from_fn(matrix.nrows(), matrix.ncols(), |i, j| matrix[(i, j)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_descend_and_vectors_solve_the_equation() {
        let matrix = DMatrix::from_row_slice(3, 3, &[2.0, -1.0, 0.0, -1.0, 2.0, -1.0, 0.0, -1.0, 2.0]);
        let Eigen { values, vectors } = eigen(&matrix).unwrap();
        for (k, expected) in [2.0 + 2f64.sqrt(), 2.0, 2.0 - 2f64.sqrt()].into_iter().enumerate() {
            assert!((values[k] - expected).abs() < 1e-12, "{values:?}");
            let vector = vectors.column(k);
            assert!((&matrix * vector - vector * expected).norm() < 1e-12);
            assert!((vector.norm() - 1.0).abs() < 1e-12 && vector.max() >= -vector.min());
        }
        let mut ascending = eigenvalues(&matrix).unwrap();
        ascending.reverse();
        assert!(ascending.iter().zip(&values).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    #[test]
    fn what_is_not_finite_has_none() {
        for value in [f64::NAN, f64::INFINITY] {
            let matrix = DMatrix::from_element(3, 3, value);
            assert!(eigen(&matrix).is_none() && eigenvalues(&matrix).is_none());
        }
        assert!(eigen(&DMatrix::zeros(0, 0)).unwrap().values.is_empty());
    }
}
