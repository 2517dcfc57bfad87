//! Strong augmentation for learning from few labels: flip, reflect-padded crop, RandAugment, cutout.
//!
//! RandAugment (Cubuk et al., "RandAugment: practical automated data augmentation with a reduced search space", 2020) with
//! LaplaceNet's fourteen operations and ranges, which always end with a cutout. Pixels lie in [0, 1]; operations that
//! PIL defines on bytes are computed on 256 levels.
mod cutout;
mod geometry;
mod tones;

pub(super) use geometry::mirrored;

use super::{Draws, flip};
use crate::data::ImageShape;
use crate::random::{Purpose, Seed};

/// Random numbers of a view.
const DRAWS: usize = 24;
/// First of the indices of [`Purpose::Augment`] that strong views have; plain ones use lower ones.
const STREAM: u16 = 0x100;

/// How strong views are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StrongAugment {
    /// Probability that left and right are exchanged.
    pub flip: f64,
    /// Pixels that the image is enlarged by on each side, mirrored, before a window of its size is cut out.
    pub padding: usize,
    /// RandAugment's operations, one after another.
    pub operations: usize,
}

impl StrongAugment {
    /// Makes view number `view` of an image in place. A pure function of its address: seed, step, row, view.
    pub fn apply(
        &self,
        image: &mut [f32],
        shape: ImageShape,
        (seed, step, row, view): (Seed, u32, u32, u16),
    ) {
        let mut numbers = [0.0; DRAWS];
        seed.key(Purpose::Augment, STREAM + view, step).fill_uniform(row, &mut numbers);
        self.view(image, shape, &mut Draws(numbers.iter()));
    }

    fn view(&self, image: &mut [f32], shape: ImageShape, draws: &mut Draws) {
        if draws.happens(self.flip) {
            flip(image, shape);
        }
        let mut offset = || (draws.unit() * (2 * self.padding + 1) as f64) as isize - self.padding as isize;
        let (down, right) = (offset(), offset());
        geometry::shift_mirrored(image, shape, [down, right]);
        for _ in 0..self.operations.min(4) {
            let operation = Operation::ALL[(draws.unit() * Operation::ALL.len() as f64) as usize];
            let (strength, sign) = (draws.unit(), if draws.happens(0.5) { -1.0 } else { 1.0 });
            operation.apply(image, shape, strength, sign);
        }
        let side = draws.range(0.0, 0.5) * shape.width as f64;
        cutout::cut(image, shape, side, [draws.unit(), draws.unit()]);
    }
}

/// One of RandAugment's operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    AutoContrast,
    Brightness,
    Colour,
    Contrast,
    Equalise,
    Identity,
    Posterise,
    Rotate,
    Sharpness,
    ShearX,
    ShearY,
    Solarise,
    TranslateX,
    TranslateY,
}

impl Operation {
    const ALL: [Self; 14] = [
        Self::AutoContrast,
        Self::Brightness,
        Self::Colour,
        Self::Contrast,
        Self::Equalise,
        Self::Identity,
        Self::Posterise,
        Self::Rotate,
        Self::Sharpness,
        Self::ShearX,
        Self::ShearY,
        Self::Solarise,
        Self::TranslateX,
        Self::TranslateY,
    ];

    /// `strength` in [0, 1) within the operation's range; `sign`, 1 or −1, for what has a direction.
    fn apply(self, image: &mut [f32], shape: ImageShape, strength: f64, sign: f64) {
        let between = |low: f64, high: f64| low + strength * (high - low);
        let channels = shape.channels;
        match self {
            Self::Identity => {}
            Self::AutoContrast => tones::auto_contrast(image, channels),
            Self::Equalise => tones::equalise(image, channels),
            Self::Brightness => tones::brightness(image, between(0.05, 0.95) as f32),
            Self::Colour => tones::colour(image, channels, between(0.05, 0.95) as f32),
            Self::Contrast => tones::contrast(image, channels, between(0.05, 0.95) as f32),
            Self::Sharpness => tones::sharpness(image, shape, between(0.05, 0.95) as f32),
            Self::Posterise => tones::posterise(image, between(4.0, 8.0) as u32),
            Self::Solarise => tones::solarise(image, between(0.0, 256.0) as f32),
            Self::Rotate => geometry::rotate(image, shape, sign * between(0.0, 30.0)),
            Self::ShearX => {
                geometry::affine(image, shape, [1.0, sign * between(0.0, 0.3), 0.0], [0.0, 1.0, 0.0])
            }
            Self::ShearY => {
                geometry::affine(image, shape, [1.0, 0.0, 0.0], [sign * between(0.0, 0.3), 1.0, 0.0])
            }
            Self::TranslateX => {
                let by = sign * between(0.0, 0.3) * shape.width as f64;
                geometry::affine(image, shape, [1.0, 0.0, by], [0.0, 1.0, 0.0]);
            }
            Self::TranslateY => {
                let by = sign * between(0.0, 0.3) * shape.height as f64;
                geometry::affine(image, shape, [1.0, 0.0, 0.0], [0.0, 1.0, by]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: ImageShape = ImageShape { height: 8, width: 8, channels: 3 };
    const STRONG: StrongAugment = StrongAugment { flip: 0.5, padding: 1, operations: 2 };

    fn image() -> Vec<f32> {
        let mut pixels = vec![0.0; SHAPE.len()];
        Seed(5).key(Purpose::Generate, 0, 0).fill_uniform(0, &mut pixels);
        pixels
    }

    #[test]
    fn every_operation_keeps_pixels_in_range() {
        for operation in Operation::ALL {
            for (strength, sign) in [(0.0, 1.0), (0.5, -1.0), (0.999, 1.0)] {
                for channels in [1, 3] {
                    let shape = ImageShape { channels, ..SHAPE };
                    let mut pixels = image()[..shape.len()].to_vec();
                    operation.apply(&mut pixels, shape, strength, sign);
                    assert!(pixels.iter().all(|v| (0.0..=1.0).contains(v)), "{operation:?} {strength}");
                }
            }
        }
    }

    #[test]
    fn a_view_is_a_function_of_its_address() {
        let view = |address| {
            let mut pixels = image();
            STRONG.apply(&mut pixels, SHAPE, address);
            pixels
        };
        let first = view((Seed(1), 2, 3, 0));
        assert_eq!(first, view((Seed(1), 2, 3, 0)));
        for other in [(Seed(2), 2, 3, 0), (Seed(1), 3, 3, 0), (Seed(1), 2, 4, 0), (Seed(1), 2, 3, 1)] {
            assert_ne!(first, view(other));
        }
    }

    fn upside_down(image: &mut [f32]) {
        let rows = image.chunks(SHAPE.width * SHAPE.channels).rev().collect::<Vec<_>>().concat();
        image.copy_from_slice(&rows);
    }

    /// What `operation` makes of `image`.
    fn made(operation: Operation, image: &[f32], sign: f64) -> Vec<f32> {
        let mut pixels = image.to_vec();
        // No pixel's source lies on a border between pixels at this strength.
        operation.apply(&mut pixels, SHAPE, 0.61, sign);
        pixels
    }

    /// The same seen in a mirror, which leaves right and left or top and bottom exchanged.
    fn mirrored(operation: Operation, image: &[f32], sign: f64, mirror: fn(&mut [f32])) -> Vec<f32> {
        let mut pixels = image.to_vec();
        mirror(&mut pixels);
        pixels = made(operation, &pixels, sign);
        mirror(&mut pixels);
        pixels
    }

    #[test]
    fn what_has_a_direction_goes_both_ways() {
        use Operation::{Rotate, ShearX, ShearY, TranslateX, TranslateY};
        let image = image();
        for operation in Operation::ALL {
            let [there, back] = [1.0, -1.0].map(|sign| made(operation, &image, sign));
            let mirror: fn(&mut [f32]) = match operation {
                Rotate | ShearX | TranslateX => |image| flip(image, SHAPE),
                ShearY | TranslateY => upside_down,
                _ => {
                    assert_eq!(there, back, "{operation:?}");
                    continue;
                }
            };
            assert_ne!(there, back, "{operation:?}");
            // In the mirror, turning left is turning right.
            assert_eq!(mirrored(operation, &image, 1.0, mirror), back, "{operation:?}");
        }
    }

    #[test]
    fn along_x_means_within_a_row() {
        let row = |i: usize| i / (SHAPE.width * SHAPE.channels);
        let stripes: Vec<f32> = (0..SHAPE.len()).map(|i| 0.1 + 0.1 * row(i) as f32).collect();
        for (operation, within) in [
            (Operation::ShearX, true),
            (Operation::TranslateX, true),
            (Operation::ShearY, false),
            (Operation::TranslateY, false),
        ] {
            let moved = made(operation, &stripes, 1.0);
            let stays = moved.iter().zip(&stripes).all(|(new, old)| *new == 0.0 || new == old);
            assert_eq!(stays, within, "{operation:?}");
        }
    }

    #[test]
    fn tones_are_weakened_by_what_is_left_of_them() {
        // At strength 0.61 a factor of 0.05 + 0.61 · 0.9.
        let factor = 0.599;
        let image = image();
        let dark = made(Operation::Brightness, &image, 1.0);
        assert!(dark.iter().zip(&image).all(|(new, old)| (new - factor * old).abs() < 5e-3));
        let spread = |image: &[f32]| {
            let mean = image.iter().sum::<f32>() / image.len() as f32;
            image.iter().map(|v| (v - mean).powi(2)).sum::<f32>().sqrt()
        };
        let flat = made(Operation::Contrast, &image, 1.0);
        assert!((spread(&flat) / spread(&image) - factor).abs() < 0.01);
        let colours = |image: &[f32]| image.chunks(3).map(spread).sum::<f32>();
        let pale = made(Operation::Colour, &image, 1.0);
        assert!((colours(&pale) / colours(&image) - factor).abs() < 0.01);
        // 4 + 0.61 · 4 bits: the lowest two of eight are gone.
        let coarse = made(Operation::Posterise, &image, 1.0);
        assert!(coarse.iter().all(|v| ((v * 255.0).round() as u32).is_multiple_of(4)));
        assert_eq!(made(Operation::Identity, &image, 1.0), image);
    }
}
