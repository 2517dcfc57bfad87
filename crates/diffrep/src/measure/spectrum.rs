//! How many directions the codes use.
use super::eigen::eigenvalues;
use nalgebra::DMatrix;

/// Effective rank of the codes `[rows, dim]`: exp of the entropy of the normalised singular values, in [1, dim].
///
/// Roy and Vetterli, "The effective rank" (2007), of the **centred** codes: a common offset of all codes is no
/// direction in which they differ. Codes that are all equal (collapse) or fewer than two have rank 0. NaN if a code isn't
/// finite.
///
/// # Panics
/// If `dim` is 0 or doesn't divide the length.
pub fn effective_rank(codes: &[f32], dim: usize) -> f64 {
    assert!(dim > 0 && codes.len().is_multiple_of(dim), "rows of {dim}");
    let rows = codes.len() / dim;
    let (means, variances) = moments(codes, dim);
    let energy: f64 = codes.iter().map(|&v| (v as f64).powi(2)).sum();
    let centred_energy: f64 = variances.iter().sum::<f64>() * rows as f64;
    // What rounding to f32 leaves of equal codes is no spread.
    if rows < 2 || centred_energy <= (f32::EPSILON as f64).powi(2) * energy {
        return 0.0;
    }
    let centred = DMatrix::from_fn(dim, rows, |j, i| codes[i * dim + j] as f64 - means[j]);
    // The singular values are the roots of the eigenvalues of the smaller Gram matrix.
    let gram = if dim <= rows { &centred * centred.transpose() } else { centred.tr_mul(&centred) };
    let Some(squares) = eigenvalues(&gram) else { return f64::NAN };
    let singular: Vec<f64> = squares.iter().map(|&v| v.max(0.0).sqrt()).collect();
    let total: f64 = singular.iter().sum();
    let entropy: f64 = singular.iter().map(|s| s / total).filter(|&p| p > 0.0).map(|p| -p * p.ln()).sum();
    entropy.exp()
}

/// Standard deviation of each of the `dim` dimensions of the codes `[rows, dim]` (the population's, n in the
/// denominator); zeros where there are no codes.
///
/// # Panics
/// If `dim` is 0 or doesn't divide the length.
pub fn spread(codes: &[f32], dim: usize) -> Vec<f32> {
    assert!(dim > 0 && codes.len().is_multiple_of(dim), "rows of {dim}");
    moments(codes, dim).1.into_iter().map(|variance| variance.sqrt() as f32).collect()
}

/// Means and population variances of the dimensions.
pub(super) fn moments(codes: &[f32], dim: usize) -> (Vec<f64>, Vec<f64>) {
    let rows = (codes.len() / dim).max(1) as f64;
    let average = |value: &dyn Fn(usize, f32) -> f64| {
        let mut sums = vec![0.0; dim];
        for code in codes.chunks_exact(dim) {
            for (j, (sum, &v)) in sums.iter_mut().zip(code).enumerate() {
                *sum += value(j, v);
            }
        }
        sums.iter_mut().for_each(|sum| *sum /= rows);
        sums
    };
    let means = average(&|_, v| v as f64);
    let variances = average(&|j, v| (v as f64 - means[j]).powi(2));
    (means, variances)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diffrep_kernels::random::Key;

    #[test]
    fn equal_singular_values_count_fully() {
        // ± each axis: centred, singular values √2 three times.
        let codes = [1., 0., 0., -1., 0., 0., 0., 1., 0., 0., -1., 0., 0., 0., 1., 0., 0., -1.];
        assert!((effective_rank(&codes, 3) - 3.0).abs() < 1e-9);
    }

    #[test]
    fn the_value_is_the_exponential_of_the_entropy() {
        // Singular values 3√2 and √2: p = ¾, ¼.
        let codes = [3., 0., -3., 0., 0., 1., 0., -1.];
        let expected = (-(0.75f64 * 0.75f64.ln() + 0.25 * 0.25f64.ln())).exp();
        assert!((effective_rank(&codes, 2) - expected).abs() < 1e-9);
    }

    #[test]
    fn a_line_has_rank_one_wherever_it_lies() {
        let codes: Vec<f32> = (0..50).flat_map(|i| [100.0 + i as f32, 7.0 - 2.0 * i as f32, 5.0]).collect();
        assert!((effective_rank(&codes, 3) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn equal_codes_have_rank_zero() {
        assert_eq!(effective_rank(&[0.1, 0.7].repeat(100), 2), 0.0);
        assert_eq!(effective_rank(&[0.1, 0.7], 2), 0.0);
        assert_eq!(effective_rank(&[], 2), 0.0);
    }

    #[test]
    fn fewer_codes_than_dimensions_give_the_same_rank() {
        let (mut few, rows, dim) = (vec![0.0; 6 * 20], 6, 20);
        Key::new(3, 0, 0).fill_normal(0, &mut few);
        // Repeating every code scales all singular values by the same factor, and makes rows outnumber dimensions.
        let many = few.repeat(10);
        assert!((effective_rank(&few, dim) - effective_rank(&many, dim)).abs() < 1e-4);
        assert!(effective_rank(&few, dim) < rows as f64);
    }

    #[test]
    fn spread_is_the_standard_deviation_of_each_dimension() {
        assert_eq!(spread(&[1.0, 5.0, 3.0, 5.0], 2), [1.0, 0.0]);
        assert_eq!(spread(&[], 2), [0.0, 0.0]);
    }
}
