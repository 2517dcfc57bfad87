//! Operations on each number by itself, in one pass over memory.
use crate::activation::Activation;
use crate::parallel::{self, CHUNK};
use crate::random::Key;
use crate::simd::vectorised;

/// `out = (a + b) · scale`.
///
/// # Panics
/// If the lengths differ.
pub fn add_scaled(a: &[f32], b: &[f32], scale: f32, out: &mut [f32]) {
    assert!(a.len() == out.len() && b.len() == out.len(), "add_scaled: different lengths");
    parallel::for_each_part(out, CHUNK, |i, out| {
        let part = i * CHUNK..i * CHUNK + out.len();
        add_part(&a[part.clone()], &b[part], scale, out);
    });
}

/// `out = x · scale`.
///
/// # Panics
/// If the lengths differ.
pub fn scale(x: &[f32], scale: f32, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "scale: different lengths");
    parallel::for_each_part(out, CHUNK, |i, out| scale_part(&x[i * CHUNK..][..out.len()], scale, out));
}

/// `out = activation(x)`.
///
/// # Panics
/// If the lengths differ.
pub fn activate(x: &[f32], activation: Activation, out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "activate: different lengths");
    parallel::for_each_part(out, CHUNK, |i, out| {
        activate_part(&x[i * CHUNK..][..out.len()], activation, out)
    });
}

/// `dx = gy · activation'(x)`.
///
/// # Panics
/// If the lengths differ.
pub fn activate_backward(x: &[f32], gy: &[f32], activation: Activation, dx: &mut [f32]) {
    assert!(x.len() == dx.len() && gy.len() == dx.len(), "activate_backward: different lengths");
    parallel::for_each_part(dx, CHUNK, |i, dx| {
        let part = i * CHUNK..i * CHUNK + dx.len();
        activate_backward_part(&x[part.clone()], &gy[part], activation, dx);
    });
}

/// `out = x + bias` where `x` is `[images, pixels, C]` and `bias` `[images, C]`.
///
/// # Panics
/// If the lengths don't fit.
pub fn add_per_image(x: &[f32], bias: &[f32], images: usize, out: &mut [f32]) {
    assert!(x.len() == out.len() && images > 0, "add_per_image: different lengths");
    let (channels, image) = (bias.len() / images, x.len() / images);
    assert!(bias.len() == channels * images && x.len() == image * images, "add_per_image: {images} images");
    parallel::for_each_part(out, image, |i, out| {
        let bias = &bias[i * channels..][..channels];
        add_row(&x[i * image..][..image], bias, out);
    });
}

/// Inverted dropout: `out` is 0 with probability `rate` and `x / (1 − rate)` otherwise. Number `i` of row `r` is dropped
/// if number `i` of the key's uniform numbers for row `r` is below `rate`; `x` is `rows` rows of the same length.
///
/// # Panics
/// If the lengths differ or `x` is no whole number of rows.
pub fn dropout(x: &[f32], rate: f64, key: Key, rows: usize, out: &mut [f32]) {
    assert!(
        rows > 0 && x.len() == out.len() && x.len().is_multiple_of(rows),
        "dropout: {} in {rows} rows",
        x.len()
    );
    let width = x.len() / rows;
    let scale = (1.0 / (1.0 - rate)) as f32;
    parallel::for_each_part(out, width, |row, out| {
        drop_row(&x[row * width..][..width], rate as f32, scale, key, row as u32, out)
    });
}

vectorised! {
    fn add_part(s, a: &[f32], b: &[f32], scale: f32, out: &mut [f32]) {
        assert!(a.len() == out.len() && b.len() == out.len());
        let scale = s.splat(scale);
        for at in (0..out.len()).step_by(S::LANES) {
            let count = (out.len() - at).min(S::LANES);
            // SAFETY: all slices hold `count` numbers from `at` on.
            unsafe {
                let sum = s.add(s.load_part(a.as_ptr().add(at), count), s.load_part(b.as_ptr().add(at), count));
                s.store_part(out.as_mut_ptr().add(at), s.mul(sum, scale), count);
            }
        }
    }
}

vectorised! {
    fn scale_part(s, x: &[f32], scale: f32, out: &mut [f32]) {
        assert_eq!(x.len(), out.len());
        for at in (0..out.len()).step_by(S::LANES) {
            let count = (out.len() - at).min(S::LANES);
            // SAFETY: both slices hold `count` numbers from `at` on.
            unsafe {
                let v = s.mul(s.load_part(x.as_ptr().add(at), count), s.splat(scale));
                s.store_part(out.as_mut_ptr().add(at), v, count);
            }
        }
    }
}

vectorised! {
    fn activate_part(s, x: &[f32], activation: Activation, out: &mut [f32]) {
        assert_eq!(x.len(), out.len());
        for at in (0..out.len()).step_by(S::LANES) {
            let count = (out.len() - at).min(S::LANES);
            // SAFETY: both slices hold `count` numbers from `at` on.
            unsafe {
                let v = activation.apply(s, s.load_part(x.as_ptr().add(at), count));
                s.store_part(out.as_mut_ptr().add(at), v, count);
            }
        }
    }
}

vectorised! {
    fn activate_backward_part(s, x: &[f32], gy: &[f32], activation: Activation, dx: &mut [f32]) {
        assert!(x.len() == dx.len() && gy.len() == dx.len());
        for at in (0..dx.len()).step_by(S::LANES) {
            let count = (dx.len() - at).min(S::LANES);
            // SAFETY: all slices hold `count` numbers from `at` on.
            unsafe {
                let (x, gy) = (s.load_part(x.as_ptr().add(at), count), s.load_part(gy.as_ptr().add(at), count));
                s.store_part(dx.as_mut_ptr().add(at), activation.backward(s, x, gy), count);
            }
        }
    }
}

vectorised! {
    fn add_row(s, x: &[f32], row: &[f32], out: &mut [f32]) {
        let channels = row.len();
        assert!(x.len() == out.len() && x.len().is_multiple_of(channels));
        for pixel in 0..x.len() / channels {
            for channel in (0..channels).step_by(S::LANES) {
                let (count, at) = ((channels - channel).min(S::LANES), pixel * channels + channel);
                // SAFETY: `count` channels from `channel` on exist in every pixel and in `row`.
                unsafe {
                    let b = s.load_part(row.as_ptr().add(channel), count);
                    let v = s.add(s.load_part(x.as_ptr().add(at), count), b);
                    s.store_part(out.as_mut_ptr().add(at), v, count);
                }
            }
        }
    }
}

vectorised! {
    fn drop_row(_s, x: &[f32], rate: f32, scale: f32, key: Key, row: u32, out: &mut [f32]) {
        const BLOCKS: usize = 16;
        // Uniform numbers are (word >> 8) · 2⁻²⁴, so comparing the integers is the same.
        let threshold = (f64::from(rate) * f64::from(1u32 << 24)).ceil() as u32;
        let parts = x.chunks(4 * BLOCKS).zip(out.chunks_mut(4 * BLOCKS));
        for (i, (x, out)) in parts.enumerate() {
            let words = key.blocks::<BLOCKS>(row, (i * BLOCKS) as u32);
            let mut factors = [[0.0; 4]; BLOCKS];
            for (block, factors) in factors.iter_mut().enumerate() {
                for (factor, words) in factors.iter_mut().zip(&words) {
                    *factor = if words[block] >> 8 < threshold { 0.0 } else { scale };
                }
            }
            for ((x, out), factor) in x.iter().zip(out).zip(factors.as_flattened()) {
                *out = x * factor;
            }
        }
    }
}
