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
                for first in (0..rows).step_by(sums.len()) {
                    for (i, sum) in sums.iter_mut().enumerate() {
                        if first + i < rows {
                            let from = x.as_ptr().add((first + i) * width + column);
                            *sum = s.add(*sum, s.load_part(from, count));
                        }
                    }
                }
                let total = s.add(s.add(sums[0], sums[1]), s.add(sums[2], sums[3]));
                s.store_part(out.as_mut_ptr().add(column), total, count);
            }
        }
    }
}

/// `out[i, c] = factor · Σ x[i, pixel, c]` where `x` is `[images, pixels, C]` and `out` `[images, C]`.
///
/// # Panics
/// If the lengths don't fit.
pub fn sum_pixels(x: &[f32], images: usize, factor: f32, out: &mut [f32]) {
    assert!(
        images > 0 && x.len().is_multiple_of(out.len()) && out.len().is_multiple_of(images),
        "sum_pixels: lengths"
    );
    let (image, channels) = (x.len() / images, out.len() / images);
    parallel::for_each_part(out, channels, |i, out| {
        sum(&x[i * image..][..image], out);
        out.iter_mut().for_each(|v| *v *= factor);
    });
}

/// `out[i, pixel, c] = factor · x[i, c]`: the gradient of [`sum_pixels`].
///
/// # Panics
/// If the lengths don't fit.
pub fn spread_pixels(x: &[f32], images: usize, factor: f32, out: &mut [f32]) {
    assert!(
        images > 0 && out.len().is_multiple_of(x.len()) && x.len().is_multiple_of(images),
        "spread_pixels: lengths"
    );
    let (image, channels) = (out.len() / images, x.len() / images);
    parallel::for_each_part(out, image, |i, out| {
        let row: Vec<f32> = x[i * channels..][..channels].iter().map(|v| v * factor).collect();
        out.chunks_exact_mut(channels).for_each(|pixel| pixel.copy_from_slice(&row));
    });
}
