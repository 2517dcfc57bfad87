//! Principal components of equal variance.
use super::spectrum::moments;
use nalgebra::{DMatrix, SymmetricEigen};

/// Variance below this part of the largest one is rounding, not a direction of the codes.
const LEAST_VARIANCE: f64 = 1e-9;

/// The first `components` principal components of the codes `[rows, dim]`, each scaled to variance 1 and centred, and
/// how many there are: fewer where the codes have fewer directions (none if all are equal).
///
/// The largest variance comes first. The sign of a component is such that its largest loading is positive.
///
/// # Panics
/// If `dim` is 0 or doesn't divide the length.
pub fn whiten(codes: &[f32], dim: usize, components: usize) -> (Vec<f32>, usize) {
    assert!(dim > 0 && codes.len().is_multiple_of(dim), "rows of {dim}");
    let rows = codes.len() / dim;
    let (means, _) = moments(codes, dim);
    let centred = DMatrix::from_fn(dim, rows, |j, i| codes[i * dim + j] as f64 - means[j]);
    let eigen = SymmetricEigen::new(&centred * centred.transpose() / rows.max(1) as f64);
    let mut order: Vec<usize> = (0..dim).collect();
    order.sort_by(|&a, &b| eigen.eigenvalues[b].total_cmp(&eigen.eigenvalues[a]));
    let energy = means.iter().map(|mean| mean * mean).sum::<f64>();
    let least = (LEAST_VARIANCE * eigen.eigenvalues[order[0]]).max((f32::EPSILON as f64).powi(2) * energy);
    order.truncate(components);
    order.retain(|&axis| eigen.eigenvalues[axis] > least);
    let mut axes = DMatrix::zeros(order.len(), dim);
    for (row, &axis) in order.iter().enumerate() {
        let vector = eigen.eigenvectors.column(axis);
        let largest =
            vector.iter().copied().fold(0.0, |a: f64, b: f64| if b.abs() > a.abs() { b } else { a });
        let scale = largest.signum() / eigen.eigenvalues[axis].sqrt();
        axes.row_mut(row).copy_from(&(vector.transpose() * scale));
    }
    let white = axes * centred;
    // Columns of the product are rows of codes.
    (white.iter().map(|&v| v as f32).collect(), order.len())
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
        let (white, count) = whiten(&codes, dim, 3);
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
        let (white, count) = whiten(&line, 3, 8);
        assert_eq!(count, 1);
        // The largest loading, −2 of the second dimension, is made positive: the first row comes last.
        assert!(white[0] > 1.6 && white[39] < -1.6);
        assert_eq!(whiten(&[0.1, 0.7].repeat(30), 2, 8), (Vec::new(), 0));
    }
}
