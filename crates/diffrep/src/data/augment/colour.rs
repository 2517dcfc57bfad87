//! Changes of colour, on pixels in [0, 1]; images of other than three channels have neither hue nor saturation.
use super::{AugmentConfig, Draws};
use crate::data::resample::luma;

/// Brightness, contrast, saturation and hue.
#[derive(Clone, Copy, Debug)]
enum Change {
    Brightness(f32),
    Contrast(f32),
    Saturation(f32),
    Hue(f32),
}

/// The four changes in random order (as SimCLR and torchvision apply them).
#[derive(Debug)]
pub(super) struct Changes([Change; 4]);

impl Changes {
    pub(super) fn draw(config: &AugmentConfig, draws: &mut Draws) -> Self {
        let mut factor = |amount: f64| draws.range((1.0 - amount).max(0.0), 1.0 + amount) as f32;
        let mut changes = [
            Change::Brightness(factor(config.brightness)),
            Change::Contrast(factor(config.contrast)),
            Change::Saturation(factor(config.saturation)),
            Change::Hue(draws.range(-config.hue, config.hue) as f32),
        ];
        for last in (1..changes.len()).rev() {
            changes.swap(last, (draws.unit() * (last + 1) as f64) as usize);
        }
        Self(changes)
    }

    pub(super) fn apply(&self, image: &mut [f32], channels: usize) {
        for change in self.0 {
            match change {
                Change::Brightness(factor) => blend(image, factor, 0.0),
                Change::Contrast(factor) => blend(image, factor, mean_grey(image, channels)),
                Change::Saturation(factor) if channels == 3 => {
                    image.chunks_mut(3).for_each(|pixel| blend(pixel, factor, luma(pixel)));
                }
                Change::Hue(turn) if channels == 3 => {
                    image.chunks_mut(3).for_each(|pixel| shift(pixel, turn))
                }
                Change::Saturation(_) | Change::Hue(_) => {}
            }
        }
    }
}

/// Colours become their grey.
pub(super) fn grey(image: &mut [f32], channels: usize) {
    if channels == 3 {
        image.chunks_mut(3).for_each(|pixel| pixel.fill(luma(pixel)));
    }
}

/// Multiplies the distance from `base` and clips to [0, 1].
pub(super) fn blend(values: &mut [f32], factor: f32, base: f32) {
    values.iter_mut().for_each(|v| *v = (base + factor * (*v - base)).clamp(0.0, 1.0));
}

pub(super) fn mean_grey(image: &[f32], channels: usize) -> f32 {
    if channels == 3 {
        image.chunks(3).map(luma).sum::<f32>() / (image.len() / 3) as f32
    } else {
        image.iter().sum::<f32>() / image.len() as f32
    }
}

/// Turns the hue of an RGB pixel by a part of the colour circle; value and saturation in HSV stay.
fn shift(pixel: &mut [f32], turn: f32) {
    let [r, g, b] = [pixel[0], pixel[1], pixel[2]];
    let (value, least) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = value - least;
    if chroma <= 0.0 {
        return;
    }
    let sector = match value {
        v if v == r => ((g - b) / chroma).rem_euclid(6.0),
        v if v == g => (b - r) / chroma + 2.0,
        _ => (r - g) / chroma + 4.0,
    };
    let sector = (sector + 6.0 * turn).rem_euclid(6.0);
    // Each channel is full over two sextants, empty over two, and linear in between.
    let channel = |offset: f32| {
        let k = (offset + sector).rem_euclid(6.0);
        value - chroma * k.min(4.0 - k).clamp(0.0, 1.0)
    };
    pixel.copy_from_slice(&[channel(5.0), channel(3.0), channel(1.0)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(change: Change, pixels: &[f32], channels: usize) -> Vec<f32> {
        let mut image = pixels.to_vec();
        let nothing = Change::Brightness(1.0);
        Changes([change, nothing, nothing, nothing]).apply(&mut image, channels);
        image
    }

    fn assert_close(found: &[f32], expected: &[f32]) {
        let close = found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(close && found.len() == expected.len(), "{found:?}, expected {expected:?}");
    }

    #[test]
    fn brightness_multiplies_and_clips() {
        assert_close(&changed(Change::Brightness(1.5), &[0.2, 0.4, 0.8], 3), &[0.3, 0.6, 1.0]);
    }

    #[test]
    fn contrast_spreads_from_the_mean_grey() {
        assert_close(&changed(Change::Contrast(0.5), &[0.2, 0.6], 1), &[0.3, 0.5]);
        // The grey of pure red is 0.299.
        assert_close(&changed(Change::Contrast(0.0), &[1.0, 0.0, 0.0], 3), &[0.299; 3]);
    }

    #[test]
    fn saturation_zero_is_grey_and_grey_images_have_none() {
        assert_close(&changed(Change::Saturation(0.0), &[0.0, 1.0, 0.0], 3), &[0.587; 3]);
        assert_close(&changed(Change::Saturation(0.0), &[0.1, 0.9], 1), &[0.1, 0.9]);
    }

    #[test]
    fn a_third_of_the_circle_turns_red_into_green_into_blue() {
        let third = Change::Hue(1.0 / 3.0);
        assert_close(&changed(third, &[0.9, 0.1, 0.1, 0.1, 0.9, 0.1], 3), &[0.1, 0.9, 0.1, 0.1, 0.1, 0.9]);
        // A mixed colour, and a whole turn back.
        assert_close(&changed(third, &[0.2, 0.5, 0.8], 3), &[0.8, 0.2, 0.5]);
        assert_close(&changed(Change::Hue(-0.5), &[0.2, 0.5, 0.8], 3), &[0.8, 0.5, 0.2]);
        assert_close(&changed(third, &[0.4, 0.4, 0.4], 3), &[0.4; 3]);
    }

    #[test]
    fn grey_is_the_luma_in_all_channels() {
        let mut image = [1.0, 0.0, 0.0, 0.0, 0.0, 1.0];
        grey(&mut image, 3);
        assert_close(&image, &[0.299, 0.299, 0.299, 0.114, 0.114, 0.114]);
    }
}
