//! Augmentation: random views of images, keyed like everything random.
//!
//! A view is made of pixels in [0, 1] in this order: random resized crop, flip, colour jitter, grey, blur; Gaussian noise
//! is added last, to standardised pixels.
mod blur;
mod colour;
mod config;
mod crop;
mod strong;

pub use config::{AugmentConfig, AugmentError};
pub use strong::StrongAugment;

use super::ImageShape;
use crate::random::{Purpose, Seed};
use diffrep_kernels::random::Key;
use rayon::prelude::*;

/// Random numbers of a view besides its noise.
const DRAWS: usize = 48;

/// Numbers in [0, 1) of one view, taken one after another.
struct Draws<'a>(std::slice::Iter<'a, f32>);

impl Draws<'_> {
    fn unit(&mut self) -> f64 {
        f64::from(*self.0.next().expect("a view takes at most DRAWS numbers"))
    }

    fn range(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }
}

impl AugmentConfig {
    /// Makes views number `view` of images in place: `pixels` holds whole images of `shape` in [0, 1], whose rows are
    /// numbered from 0. A pure function of seed, step, view and row.
    pub fn apply(&self, pixels: &mut [f32], shape: ImageShape, (seed, step, view): (Seed, u32, u16)) {
        if self.keeps_pixels() || shape.is_empty() {
            return;
        }
        let key = seed.key(Purpose::Augment, 2 * view, step);
        pixels.par_chunks_mut(shape.len()).enumerate().for_each(|(row, image)| {
            let mut numbers = [0.0; DRAWS];
            key.fill_uniform(row as u32, &mut numbers);
            self.view(image, shape, &mut Draws(numbers.iter()));
        });
    }

    /// Adds the noise of view number `view` to standardised images of `len` numbers each.
    pub fn add_noise(&self, standardised: &mut [f32], len: usize, (seed, step, view): (Seed, u32, u16)) {
        if self.noise == 0.0 || len == 0 {
            return;
        }
        let key: Key = seed.key(Purpose::Augment, 2 * view + 1, step);
        standardised.par_chunks_mut(len).enumerate().for_each_init(Vec::new, |noise, (row, image)| {
            noise.resize(len, 0.0);
            key.fill_normal(row as u32, noise);
            for (value, noise) in image.iter_mut().zip(noise.iter()) {
                *value += self.noise as f32 * noise;
            }
        });
    }

    /// One view. Every operation takes its numbers whether it happens or not, so that settings don't shift each other's.
    fn view(&self, image: &mut [f32], shape: ImageShape, draws: &mut Draws) {
        let window = crop::Window::draw(self.crop.unwrap_or([1.0, 1.0]), shape, draws);
        if self.crop.is_some() {
            window.resize(image, shape);
        }
        if draws.happens(self.flip) {
            flip(image, shape);
        }
        let jitter = draws.happens(self.jitter);
        let changes = colour::Changes::draw(self, draws);
        if jitter {
            changes.apply(image, shape.channels);
        }
        if draws.happens(self.grey) {
            colour::grey(image, shape.channels);
        }
        let blurred = draws.happens(self.blur);
        let sigma = draws.range(self.blur_sigma[0], self.blur_sigma[1]);
        if blurred {
            blur::gaussian(image, shape, sigma);
        }
    }
}

/// Left becomes right.
fn flip(image: &mut [f32], shape: ImageShape) {
    for row in image.chunks_mut(shape.width * shape.channels) {
        for x in 0..shape.width / 2 {
            let (left, right) = (x * shape.channels, (shape.width - 1 - x) * shape.channels);
            (0..shape.channels).for_each(|channel| row.swap(left + channel, right + channel));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 6, width: 5, channels: 3 };

    fn images(count: usize) -> Vec<f32> {
        let mut pixels = vec![0.0; count * SHAPE.len()];
        Seed(5).key(Purpose::Generate, 0, 0).fill_uniform(0, &mut pixels);
        pixels
    }

    fn everything() -> AugmentConfig {
        AugmentConfig {
            crop: Some([0.3, 1.0]),
            flip: 0.5,
            jitter: 0.8,
            brightness: 0.8,
            contrast: 0.8,
            saturation: 0.8,
            hue: 0.2,
            grey: 0.2,
            blur: 0.5,
            noise: 0.1,
            ..AugmentConfig::default()
        }
    }

    #[test]
    fn a_flip_mirrors_rows() {
        let mut image: Vec<f32> = (0..12).map(|v| v as f32).collect();
        flip(&mut image, ImageShape { height: 2, width: 3, channels: 2 });
        assert_eq!(image, [4.0, 5.0, 2.0, 3.0, 0.0, 1.0, 10.0, 11.0, 8.0, 9.0, 6.0, 7.0]);
    }

    #[test]
    fn without_settings_a_view_is_the_image() {
        let mut pixels = images(3);
        AugmentConfig::default().apply(&mut pixels, SHAPE, (Seed(1), 0, 0));
        AugmentConfig::default().add_noise(&mut pixels, SHAPE.len(), (Seed(1), 0, 0));
        assert_eq!(pixels, images(3));
    }

    #[test]
    fn a_view_depends_on_seed_step_view_and_row_and_on_nothing_else() {
        let view = |address| {
            let mut pixels = images(1).repeat(2);
            everything().apply(&mut pixels, SHAPE, address);
            pixels
        };
        let first = view((Seed(1), 2, 0));
        assert_eq!(first, view((Seed(1), 2, 0)));
        assert_ne!(first[..SHAPE.len()], first[SHAPE.len()..]);
        for other in [(Seed(2), 2, 0), (Seed(1), 3, 0), (Seed(1), 2, 1)] {
            assert_ne!(first, view(other));
        }
    }

    #[test]
    fn views_stay_in_the_range_of_pixels() {
        for step in 0..50 {
            let mut pixels = images(4);
            everything().apply(&mut pixels, SHAPE, (Seed(0), step, 0));
            assert!(pixels.iter().all(|v| (-1e-6..=1.0 + 1e-6).contains(v)));
        }
    }

    #[test]
    fn noise_has_the_standard_deviation_that_was_set() {
        let mut values = vec![0.0; 40_000];
        AugmentConfig { noise: 0.5, ..AugmentConfig::default() }.add_noise(&mut values, 100, (Seed(0), 0, 1));
        let variance = values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
        assert!((variance - 0.25).abs() < 0.01, "{variance}");
    }
}
