//! Random resized crop (Szegedy et al., "Going deeper with convolutions", 2015).
use super::Draws;
use crate::data::ImageShape;
use crate::data::resample::{Tap, taps};

/// Windows tried before the whole image is taken.
const TRIES: usize = 10;
/// Proportions of the window, width to height.
const PROPORTIONS: [f64; 2] = [3.0 / 4.0, 4.0 / 3.0];

/// A part of an image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) top: usize,
    pub(super) left: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Window {
    /// A window whose area is between `scale` parts of the image's, with proportions from 3:4 to 4:3 (evenly in their
    /// logarithm); the whole image if none of ten fits in.
    pub(super) fn draw(scale: [f64; 2], shape: ImageShape, draws: &mut Draws) -> Self {
        let area = (shape.height * shape.width) as f64;
        let mut found = None;
        for _ in 0..TRIES {
            let target = area * draws.range(scale[0], scale[1]);
            let proportion = draws.range(PROPORTIONS[0].ln(), PROPORTIONS[1].ln()).exp();
            let width = (target * proportion).sqrt().round() as usize;
            let height = (target / proportion).sqrt().round() as usize;
            let fits = (1..=shape.width).contains(&width) && (1..=shape.height).contains(&height);
            found = found.or(fits.then_some((height, width)));
        }
        let (height, width) = found.unwrap_or((shape.height, shape.width));
        let place = |free: usize, unit: f64| (unit * (free + 1) as f64) as usize;
        let (top, left) = (draws.unit(), draws.unit());
        Self { top: place(shape.height - height, top), left: place(shape.width - width, left), height, width }
    }

    /// Replaces the image by the window, resized to the image's size (bilinear, with antialiasing).
    pub(super) fn resize(self, image: &mut [f32], shape: ImageShape) {
        let channels = shape.channels;
        let columns = taps((self.left, self.width), shape.width);
        let rows = taps((self.top, self.height), shape.height);
        let row = shape.width * channels;
        // First along rows, for those inside the window only.
        let mut narrow = vec![0.0; shape.height * row];
        for y in self.top..self.top + self.height {
            let (from, to) = (&image[y * row..][..row], &mut narrow[y * row..][..row]);
            for (tap, pixel) in columns.iter().zip(to.chunks_mut(channels)) {
                for (&weight, from) in tap.weights.iter().zip(from[tap.first * channels..].chunks(channels)) {
                    pixel.iter_mut().zip(from).for_each(|(sum, value)| *sum += weight * value);
                }
            }
        }
        for (Tap { first, weights }, to) in rows.iter().zip(image.chunks_mut(row)) {
            to.fill(0.0);
            for (&weight, from) in weights.iter().zip(narrow[first * row..].chunks(row)) {
                to.iter_mut().zip(from).for_each(|(sum, value)| *sum += weight * value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 4, width: 4, channels: 1 };

    #[test]
    fn the_whole_image_stays_as_it_is() {
        let mut image: Vec<f32> = (0..16).map(|v| v as f32 / 16.0).collect();
        let before = image.clone();
        Window { top: 0, left: 0, height: 4, width: 4 }.resize(&mut image, SHAPE);
        assert_eq!(image, before);
    }

    #[test]
    fn one_pixel_fills_the_image() {
        let mut image: Vec<f32> = (0..16).map(|v| v as f32).collect();
        Window { top: 2, left: 1, height: 1, width: 1 }.resize(&mut image, SHAPE);
        assert_eq!(image, [9.0; 16]);
    }

    #[test]
    fn half_an_image_is_enlarged_linearly_and_shows_nothing_from_outside() {
        // Columns 0 and 1 of a ramp with something bright beside it; pixel centres lie at ¼, ¾, 1¼, 1¾ of the window.
        let mut image = [0.0, 1.0, 9.0, 9.0].repeat(4);
        Window { top: 0, left: 0, height: 4, width: 2 }.resize(&mut image, SHAPE);
        for row in image.chunks(4) {
            assert_eq!(row, [0.0, 0.25, 0.75, 1.0]);
        }
    }

    #[test]
    fn windows_have_the_area_and_proportions_asked_for_and_lie_inside() {
        let shape = ImageShape { height: 40, width: 30, channels: 1 };
        let mut places = (usize::MAX, 0);
        for i in 0..200u32 {
            let mut numbers = [0.0; 22];
            diffrep_kernels::random::Key::new(1, 0, 0).fill_uniform(i, &mut numbers);
            let window = Window::draw([0.2, 0.6], shape, &mut Draws(numbers.iter()));
            assert!(window.top + window.height <= 40 && window.left + window.width <= 30);
            let area = (window.height * window.width) as f64 / 1200.0;
            assert!((0.17..0.65).contains(&area), "{window:?}");
            let proportion = window.width as f64 / window.height as f64;
            assert!((0.68..1.46).contains(&proportion), "{window:?}");
            places = (places.0.min(window.top), places.1.max(window.top + window.height));
        }
        assert_eq!(places, (0, 40));
    }
}
