//! How alike two pictures are. Pictures are `[H, W, C]` with values in [0, 1].

/// Longest side of the window of [`ssim`].
const WINDOW: usize = 11;
/// Standard deviation of its weights, in pixels.
const SIGMA: f64 = 1.5;
/// Stabilisers, for values up to 1.
const C1: f64 = 0.01 * 0.01;
const C2: f64 = 0.03 * 0.03;

/// Mean squared error.
///
/// # Panics
/// If the pictures differ in length.
pub fn mean_squared_error(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len(), "pictures of one size");
    let sum: f64 = a.iter().zip(b).map(|(x, y)| f64::from(x - y).powi(2)).sum();
    sum / a.len().max(1) as f64
}

/// Mean squared error of rounding pixels in [0, 1] to 256 values.
const ROUNDING: f64 = 1.0 / (12.0 * 255.0 * 255.0);

/// Peak signal-to-noise ratio in decibels, `−10 log₁₀ MSE`, at most the 58.9 of rounding to 256 values: pictures in files
/// aren't known better, and the ratio of equal ones would be infinite.
pub fn psnr(mean_squared_error: f64) -> f64 {
    -10.0 * mean_squared_error.max(ROUNDING).log10()
}

/// Structural similarity, 1 for equal pictures (Wang et al., "Image quality assessment: from error visibility to
/// structural similarity", 2004): windows of 11×11 pixels (the largest odd size that fits into smaller pictures) with
/// Gaussian weights that lie inside the picture, averaged over windows and channels.
///
/// # Panics
/// If the pictures don't have `height × width × channels` values, or none.
pub fn ssim(a: &[f32], b: &[f32], [height, width, channels]: [usize; 3]) -> f64 {
    assert!(
        a.len() == b.len() && a.len() == height * width * channels && !a.is_empty(),
        "pictures of one size"
    );
    let side = |length: usize| length.min(WINDOW) - (length.min(WINDOW) + 1) % 2;
    let weights = (window(side(height)), window(side(width)));
    let mut sum = 0.0;
    for channel in 0..channels {
        let plane = |picture: &[f32]| -> Vec<f64> {
            picture.iter().skip(channel).step_by(channels).map(|&v| f64::from(v)).collect()
        };
        let (x, y) = (plane(a), plane(b));
        let product = |x: &[f64], y: &[f64]| -> Vec<f64> { x.iter().zip(y).map(|(x, y)| x * y).collect() };
        let local = |plane: &[f64]| smooth(plane, width, &weights);
        let [mx, my] = [&x, &y].map(|plane| local(plane));
        let [xx, yy, xy] = [(&x, &x), (&y, &y), (&x, &y)].map(|(p, q)| local(&product(p, q)));
        let similarity = |i: usize| {
            let (variances, covariance) =
                (xx[i] - mx[i] * mx[i] + yy[i] - my[i] * my[i], xy[i] - mx[i] * my[i]);
            let means = (2.0 * mx[i] * my[i] + C1) / (mx[i] * mx[i] + my[i] * my[i] + C1);
            means * (2.0 * covariance + C2) / (variances + C2)
        };
        sum += (0..mx.len()).map(similarity).sum::<f64>() / mx.len() as f64;
    }
    sum / channels as f64
}

/// Gaussian weights that sum to 1.
fn window(side: usize) -> Vec<f64> {
    let centre = (side / 2) as f64;
    let weights: Vec<f64> = (0..side).map(|i| (-0.5 * ((i as f64 - centre) / SIGMA).powi(2)).exp()).collect();
    let sum: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / sum).collect()
}

/// Weighted means over all windows inside a plane of rows of `width`.
fn smooth(plane: &[f64], width: usize, (rows, columns): &(Vec<f64>, Vec<f64>)) -> Vec<f64> {
    let narrow = width + 1 - columns.len();
    let along: Vec<f64> = plane
        .chunks(width)
        .flat_map(|row| {
            row.windows(columns.len()).map(|part| part.iter().zip(columns).map(|(v, w)| v * w).sum())
        })
        .collect();
    let tall = along.len() / narrow + 1 - rows.len();
    let value = |i: usize| rows.iter().enumerate().map(|(k, w)| along[i + k * narrow] * w).sum();
    (0..tall * narrow).map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_known_pictures() {
        let mse = mean_squared_error(&[0.0, 0.5, 1.0, 0.0], &[0.0, 0.0, 0.5, 0.0]);
        assert!((mse - 0.125).abs() < 1e-9);
        assert!((psnr(0.01) - 20.0).abs() < 1e-9);
        assert!((psnr(0.0) - 58.92).abs() < 0.01);
    }

    #[test]
    fn a_picture_is_like_itself() {
        let picture: Vec<f32> = (0..13 * 12 * 3).map(|i| (i % 17) as f32 / 17.0).collect();
        assert!((ssim(&picture, &picture, [13, 12, 3]) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn even_pictures_differ_by_their_brightness_only() {
        // Without variance only the first factor is left: (2ab + c)/(a² + b² + c).
        let similarity = ssim(&[0.25; 64], &[0.75; 64], [8, 8, 1]);
        let by_hand = (2.0 * 0.25 * 0.75 + C1) / (0.0625 + 0.5625 + C1);
        assert!((similarity - by_hand).abs() < 1e-9, "{similarity}");
    }

    #[test]
    fn one_window_by_hand() {
        // One window of three pixels in a row: weights w, 1 − 2w, w.
        let (a, b) = ([0.0f32, 1.0, 0.0], [1.0f32, 0.0, 1.0]);
        let w = (-0.5f64 / 2.25).exp() / (1.0 + 2.0 * (-0.5f64 / 2.25).exp());
        let (ma, mb) = (1.0 - 2.0 * w, 2.0 * w);
        let (va, vb, cov) = (ma - ma * ma, mb - mb * mb, -ma * mb);
        let by_hand = (2.0 * ma * mb + C1) / (ma * ma + mb * mb + C1) * (2.0 * cov + C2) / (va + vb + C2);
        assert!((ssim(&a, &b, [1, 3, 1]) - by_hand).abs() < 1e-9);
        assert!(by_hand < 0.0);
    }

    #[test]
    fn noise_makes_pictures_less_alike_the_stronger_it_is() {
        let picture: Vec<f32> = (0..400).map(|i| ((i / 20 + i % 20) % 7) as f32 / 7.0).collect();
        let noisy = |strength: f32| -> Vec<f32> {
            picture
                .iter()
                .enumerate()
                .map(|(i, v)| v + strength * ((i * 7919 % 13) as f32 / 13.0 - 0.5))
                .collect()
        };
        let [weak, strong] = [0.1, 0.5].map(|strength| ssim(&picture, &noisy(strength), [20, 20, 1]));
        assert!(1.0 > weak && weak > strong, "{weak} {strong}");
    }
}
