//! Operations that change pixels where they are.
use crate::data::ImageShape;
use crate::data::augment::colour::{blend, mean_grey};
use crate::data::resample::luma;

/// Highest of the levels that PIL's operations work on.
const TOP: f32 = 255.0;

fn level(value: f32) -> usize {
    (value * TOP).round().clamp(0.0, TOP) as usize
}

/// Spreads each channel over the whole range.
pub(super) fn auto_contrast(image: &mut [f32], channels: usize) {
    for channel in 0..channels {
        let values = || image.iter().skip(channel).step_by(channels);
        let low = values().copied().fold(f32::INFINITY, f32::min);
        let high = values().copied().fold(f32::NEG_INFINITY, f32::max);
        if high > low {
            let spread = image.iter_mut().skip(channel).step_by(channels);
            spread.for_each(|v| *v = ((*v - low) / (high - low)).clamp(0.0, 1.0));
        }
    }
}

/// Makes the levels of each channel about equally frequent, as PIL's `equalize`.
pub(super) fn equalise(image: &mut [f32], channels: usize) {
    for channel in 0..channels {
        let mut histogram = [0usize; 256];
        image.iter().skip(channel).step_by(channels).for_each(|v| histogram[level(*v)] += 1);
        let pixels: usize = histogram.iter().sum();
        let last = histogram.iter().rev().find(|count| **count > 0).copied().unwrap_or(0);
        let step = (pixels - last) / 255;
        if step == 0 {
            continue;
        }
        let mut below = step / 2;
        let table = histogram.map(|count| {
            let value = (below / step).min(255) as f32 / TOP;
            below += count;
            value
        });
        image.iter_mut().skip(channel).step_by(channels).for_each(|v| *v = table[level(*v)]);
    }
}

/// Blends with black.
pub(super) fn brightness(image: &mut [f32], factor: f32) {
    blend(image, factor, 0.0);
}

/// Blends with the mean grey.
pub(super) fn contrast(image: &mut [f32], channels: usize, factor: f32) {
    let base = mean_grey(image, channels);
    blend(image, factor, base);
}

/// Blends each pixel with its grey.
pub(super) fn colour(image: &mut [f32], channels: usize, factor: f32) {
    if channels == 3 {
        image.chunks_mut(3).for_each(|pixel| blend(pixel, factor, luma(pixel)));
    }
}

/// Blends with the image smoothed by the kernel of ones around a five; the border stays.
pub(super) fn sharpness(image: &mut [f32], shape: ImageShape, factor: f32) {
    let from = image.to_vec();
    let at = |y: usize, x: usize, channel: usize| from[(y * shape.width + x) * shape.channels + channel];
    for y in 1..shape.height.saturating_sub(1) {
        for x in 1..shape.width.saturating_sub(1) {
            for channel in 0..shape.channels {
                let around = (y - 1..=y + 1).flat_map(|y| (x - 1..=x + 1).map(move |x| (y, x)));
                let sum: f32 = around.map(|(y, x)| at(y, x, channel)).sum::<f32>() + 4.0 * at(y, x, channel);
                let (smooth, sharp) = (sum / 13.0, at(y, x, channel));
                let value = smooth + factor * (sharp - smooth);
                image[(y * shape.width + x) * shape.channels + channel] = value.clamp(0.0, 1.0);
            }
        }
    }
}

/// Keeps the first `bits` of eight.
pub(super) fn posterise(image: &mut [f32], bits: u32) {
    let mask = !(0xff_usize >> bits.min(8));
    image.iter_mut().for_each(|v| *v = (level(*v) & mask) as f32 / TOP);
}

/// Inverts levels from `threshold` on.
pub(super) fn solarise(image: &mut [f32], threshold: f32) {
    image.iter_mut().filter(|v| **v * TOP >= threshold).for_each(|v| *v = 1.0 - *v);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_close(found: &[f32], expected: &[f32]) {
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close && found.len() == expected.len(), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn auto_contrast_spreads_each_channel_and_leaves_even_ones() {
        let mut image = [0.2, 0.5, 0.4, 0.5, 0.3, 0.5];
        auto_contrast(&mut image, 2);
        assert_close(&image, &[0.0, 0.5, 1.0, 0.5, 0.5, 0.5]);
    }

    #[test]
    fn equalise_spreads_crowded_levels() {
        // 510 pixels of level 10, 510 of level 11, 510 of level 200: a step is (1,530 − 510)/255 = 4, and the table
        // reads ⌊2/4⌋, ⌊512/4⌋, ⌊1022/4⌋.
        let mut image: Vec<f32> = [10.0, 11.0, 200.0].iter().flat_map(|l| vec![l / 255.0; 510]).collect();
        equalise(&mut image, 1);
        assert_close(&[image[0], image[510], image[1020]], &[0.0, 128.0 / 255.0, 1.0]);
    }

    #[test]
    fn few_pixels_are_not_equalised() {
        let mut image = [0.1, 0.2, 0.9];
        equalise(&mut image, 1);
        assert_close(&image, &[0.1, 0.2, 0.9]);
    }

    #[test]
    fn blends_by_hand() {
        let mut image = [1.0, 0.0, 0.0];
        colour(&mut image, 3, 0.5);
        assert_close(&image, &[0.6495, 0.1495, 0.1495]);
        let mut image = [0.2, 0.6];
        brightness(&mut image, 0.5);
        assert_close(&image, &[0.1, 0.3]);
        contrast(&mut image, 1, 0.5);
        assert_close(&image, &[0.15, 0.25]);
    }

    #[test]
    fn sharpness_zero_smooths_the_inside_only() {
        let mut image = [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.13];
        sharpness(&mut image, ImageShape { height: 3, width: 3, channels: 1 }, 0.0);
        assert_close(&image, &[0.0, 0.0, 0.0, 0.0, 5.13 / 13.0, 0.0, 0.0, 0.0, 0.13]);
    }

    #[test]
    fn posterise_and_solarise_by_hand() {
        // Level 170 is 10101010 in binary; four bits leave 160.
        let mut image = [170.0 / 255.0];
        posterise(&mut image, 4);
        assert_close(&image, &[160.0 / 255.0]);
        let mut image = [0.2, 0.8];
        solarise(&mut image, 128.0);
        assert_close(&image, &[0.2, 0.2]);
    }
}
