//! Sums over rows of a matrix, for each column: the gradient of a bias.
use crate::parallel::{self, rows_per_task};
use crate::simd::vectorised;

/// `out[c] = Σ x[row, c]` where `x` is `[rows, out.len()]`; partial sums in f32, their sum in f64.
///
/// # Panics
/// If `x` is no whole number of rows.
pub fn sum_rows(x: &[f32], out: &mut [f32]) {
    let width = out.len();
    assert!(width > 0 && x.len().is_multiple_of(width), "{} numbers in rows of {width}", x.len());
    let step = rows_per_task(width) * width;
    let parts = parallel::map(x.len().div_ceil(step), |i| {
        let mut sums = vec![0.0; width];
        sum(&x[i * step..x.len().min((i + 1) * step)], &mut sums);
        sums
    });
    for (column, out) in out.iter_mut().enumerate() {
        *out = parts.iter().map(|sums| f64::from(sums[column])).sum::<f64>() as f32;
    }
}

vectorised! {
    /// Writes the sums of a few rows.
    pub(crate) fn sum(s, x: &[f32], out: &mut [f32]) {
        let width = out.len();
        let rows = x.len() / width;
        assert_eq!(x.len(), rows * width);
        for column in (0..width).step_by(S::LANES) {
            let count = (width - column).min(S::LANES);
            // SAFETY: `count` columns from `column` on exist in each of the `rows` rows and in `out`.
            unsafe {
                // Four sums: one alone would wait for each addition.
                let mut sums = [s.splat(0.0); 4];
                let at = |row: usize| s.load_part(x.as_ptr().add(row * width + column), count);
                for quad in 0..rows / 4 {
                    for (i, sum) in sums.iter_mut().enumerate() {
                        *sum = s.add(*sum, at(quad * 4 + i));
                    }
                }
                for row in rows / 4 * 4..rows {
                    sums[0] = s.add(sums[0], at(row));
                }
                let total = s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3]));
                s.store_part(out.as_mut_ptr().add(column), total, count);
            }
        }
    }
}
