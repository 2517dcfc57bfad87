//! Up- and down-sampling of channels-last images by two.
use crate::parallel;
use crate::simd::vectorised;

/// Each pixel becomes a block of 2×2, times `factor`: `x` is `[images, height, width, C]`, `out` four times as long.
///
/// # Panics
/// If the lengths don't fit.
pub fn double(x: &[f32], images: usize, height: usize, width: usize, factor: f32, out: &mut [f32]) {
    let rows = images * height;
    assert!(
        rows * width > 0 && x.len().is_multiple_of(rows * width) && out.len() == 4 * x.len(),
        "double: lengths"
    );
    let row = x.len() / rows;
    parallel::for_each_part(out, 4 * row, |i, out| {
        let (upper, lower) = out.split_at_mut(2 * row);
        double_row(&x[i * row..][..row], row / width, factor, upper);
        lower.copy_from_slice(upper);
    });
}

/// Each block of 2×2 pixels becomes their sum times `factor` (¼ for the mean): `x` is `[images, height, width, C]` with
/// even height and width, `out` a quarter as long.
///
/// # Panics
/// If the lengths don't fit or a side is odd.
pub fn halve(x: &[f32], images: usize, height: usize, width: usize, factor: f32, out: &mut [f32]) {
    assert!(height.is_multiple_of(2) && width.is_multiple_of(2), "halve: odd side of {height} × {width}");
    let rows = images * height;
    assert!(
        rows * width > 0 && x.len().is_multiple_of(rows * width) && x.len() == 4 * out.len(),
        "halve: lengths"
    );
    let row = x.len() / rows;
    parallel::for_each_part(out, row / 2, |i, out| {
        halve_rows(&x[2 * i * row..][..2 * row], row / width, factor, out)
    });
}

vectorised! {
    fn double_row(s, x: &[f32], channels: usize, factor: f32, out: &mut [f32]) {
        assert!(out.len() == 2 * x.len() && x.len().is_multiple_of(channels));
        for pixel in 0..x.len() / channels {
            for channel in (0..channels).step_by(S::LANES) {
                let count = (channels - channel).min(S::LANES);
                // SAFETY: `count` channels from `channel` on exist in the pixel and in its two copies.
                unsafe {
                    let v = s.load_part(x.as_ptr().add(pixel * channels + channel), count);
                    let v = s.mul(v, s.splat(factor));
                    let to = out.as_mut_ptr().add(2 * pixel * channels + channel);
                    s.store_part(to, v, count);
                    s.store_part(to.add(channels), v, count);
                }
            }
        }
    }
}

vectorised! {
    fn halve_rows(s, x: &[f32], channels: usize, factor: f32, out: &mut [f32]) {
        assert!(x.len() == 4 * out.len() && out.len().is_multiple_of(channels));
        let row = x.len() / 2;
        for pixel in 0..out.len() / channels {
            for channel in (0..channels).step_by(S::LANES) {
                let count = (channels - channel).min(S::LANES);
                // SAFETY: `count` channels from `channel` on exist in the four pixels and in their mean.
                unsafe {
                    let from = x.as_ptr().add(2 * pixel * channels + channel);
                    let upper = s.add(s.load_part(from, count), s.load_part(from.add(channels), count));
                    let from = from.add(row);
                    let lower = s.add(s.load_part(from, count), s.load_part(from.add(channels), count));
                    let v = s.mul(s.add(upper, lower), s.splat(factor));
                    s.store_part(out.as_mut_ptr().add(pixel * channels + channel), v, count);
                }
            }
        }
    }
}
