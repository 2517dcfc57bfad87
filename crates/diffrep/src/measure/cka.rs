//! How alike two representations of the same images are, up to a rotation.
use super::spectrum::moments;
use diffrep_kernels::matmul::{Matrix, multiply};

/// Linear centred kernel alignment of two sets of codes of the same rows, `x` `[rows, dims.0]` and `y`
/// `[rows, dims.1]`: `‖YᵀX‖² / (‖XᵀX‖·‖YᵀY‖)` of the centred codes with Frobenius norms, in [0, 1]
/// (Kornblith et al., "Similarity of neural network representations revisited", 2019, equation 4).
///
/// 1 for codes that differ by a rotation, a reflection, a common factor or an offset; NaN if the codes of one side are
/// all equal.
///
/// # Panics
/// If a width is 0 or doesn't divide its length, or the numbers of rows differ.
pub fn linear_cka(x: &[f32], y: &[f32], dims: (usize, usize)) -> f64 {
    let rows = x.len() / dims.0;
    assert_eq!(rows, y.len() / dims.1, "one row of each side for each image");
    let (x, y) = (centred(x, dims.0), centred(y, dims.1));
    let (x, y) = (Matrix::new(&x, rows, dims.0), Matrix::new(&y, rows, dims.1));
    let energy = |a: Matrix, b: Matrix, size: usize| {
        let mut product = vec![0.0; size];
        multiply(a.t(), b, false, &mut product);
        product.iter().map(|&v| (v as f64).powi(2)).sum::<f64>()
    };
    let between = energy(y, x, dims.0 * dims.1);
    let within = energy(x, x, dims.0 * dims.0).sqrt() * energy(y, y, dims.1 * dims.1).sqrt();
    between / within
}

/// The codes without their mean and with a total variance of 1, so that no product leaves the range of f32. What
/// rounding leaves of equal codes is made 0.
fn centred(codes: &[f32], dim: usize) -> Vec<f32> {
    let (means, variances) = moments(codes, dim);
    let total = variances.iter().sum::<f64>();
    let energy = means.iter().map(|mean| mean * mean).sum::<f64>();
    let spreads = total > (f32::EPSILON as f64).powi(2) * energy;
    let scale = if spreads { 1.0 / total.sqrt() } else { 0.0 };
    let centre = |code: &[f32]| {
        let centred = code.iter().zip(&means).map(|(&v, mean)| ((v as f64 - mean) * scale) as f32);
        centred.collect::<Vec<_>>()
    };
    codes.chunks_exact(dim).flat_map(centre).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use diffrep_kernels::random::Key;

    fn codes(seed: u64, rows: usize, dim: usize) -> Vec<f32> {
        let mut codes = vec![0.0; rows * dim];
        Key::new(seed, 0, 0).fill_normal(0, &mut codes);
        // Directions of different variance: a rotation must matter to whatever is not invariant.
        codes
            .chunks_mut(dim)
            .for_each(|code| code.iter_mut().enumerate().for_each(|(j, v)| *v *= 1.0 + j as f32));
        codes
    }

    /// Turns every pair of neighbouring dimensions, then shifts them by one place: a rotation of all of space.
    fn rotated(codes: &[f32], dim: usize) -> Vec<f32> {
        let turn = |code: &[f32]| {
            let mut code = code.to_vec();
            for j in 0..dim - 1 {
                let (sin, cos) = (0.3 + j as f32).sin_cos();
                (code[j], code[j + 1]) =
                    (cos * code[j] - sin * code[j + 1], sin * code[j] + cos * code[j + 1]);
            }
            code
        };
        codes.chunks(dim).flat_map(turn).collect()
    }

    #[test]
    fn codes_are_like_themselves_and_like_their_rotation() {
        let (x, dim) = (codes(1, 200, 6), 6);
        assert!((linear_cka(&x, &x, (dim, dim)) - 1.0).abs() < 1e-6);
        let turned: Vec<f32> = rotated(&x, dim).iter().map(|v| 50.0 - 3.0 * v).collect();
        assert!((linear_cka(&x, &turned, (dim, dim)) - 1.0).abs() < 1e-5);
        let stretched: Vec<f32> =
            x.iter().enumerate().map(|(i, v)| if i % dim == 0 { 9.0 * v } else { *v }).collect();
        assert!(linear_cka(&x, &stretched, (dim, dim)) < 0.9);
    }

    // Centred, x is (−1, 0, 1) and y is (−1, 2, −1) beside (1, 0, −1): ‖yᵀx‖² = 0 + 4, ‖xᵀx‖ = 2, ‖yᵀy‖ = √(36 + 4).
    #[test]
    fn a_small_case_by_hand() {
        let y = [4.0, 1.0, 7.0, 0.0, 4.0, -1.0];
        assert!((linear_cka(&[1.0, 2.0, 3.0], &y, (1, 2)) - 4.0 / (2.0 * 40f64.sqrt())).abs() < 1e-6);
    }

    // Of independent codes E‖YᵀX‖² ≈ rows·tr(Σx)·tr(Σy): with equal variances CKA ≈ dim / rows.
    #[test]
    fn independent_codes_are_hardly_alike() {
        let (mut x, mut y) = (vec![0.0; 4000 * 4], vec![0.0; 4000 * 4]);
        Key::new(1, 0, 0).fill_normal(0, &mut x);
        Key::new(1, 0, 0).fill_normal(1, &mut y);
        assert!(linear_cka(&x, &y, (4, 4)) < 3.0 * 4.0 / 4000.0);
    }

    #[test]
    fn equal_codes_have_no_alignment() {
        assert!(linear_cka(&[0.1; 8], &[1.0, 2.0, 3.0, 4.0], (2, 1)).is_nan());
    }
}
