//! From pixels in [0, 1] to what the networks see, and back.
use super::{DataError, ImageSet, ImageShape};
use serde::{Deserialize, Serialize};

/// Images read at a time while the statistics are gathered.
const CHUNK: usize = 256;
/// From larger sets, so many evenly spaced images are taken.
const MOST_IMAGES: usize = 100_000;
/// A channel that varies less is left unscaled.
const LEAST_STD: f64 = 1e-6;

/// Zero-pads images to height × width, then standardises each channel: (pixel − mean) / std.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Preprocess {
    /// Height after padding, in pixels.
    pub height: usize,
    /// Width after padding, in pixels.
    pub width: usize,
    /// Mean of each channel over the padded training images, in units of the pixel range [0, 1].
    pub mean: Vec<f32>,
    /// Standard deviation of each channel over the padded training images, in the same units; positive.
    pub std: Vec<f32>,
}

impl Preprocess {
    /// The shape of images of `shape` once both sides are padded up to the next multiple of `side_multiple`, at least 1.
    pub fn padded(shape: ImageShape, side_multiple: usize) -> ImageShape {
        let padded = |side: usize| side.next_multiple_of(side_multiple);
        ImageShape { height: padded(shape.height), width: padded(shape.width), ..shape }
    }

    /// Pads both sides up to the next multiple of `side_multiple` (28 becomes 32 for 8) and takes mean and standard
    /// deviation over `train` so padded (of sets above 100,000 images: over so many evenly spaced ones).
    ///
    /// # Errors
    /// An empty set, a multiple of 0, an image that can't be read.
    pub fn fit(train: &ImageSet, side_multiple: usize) -> Result<Self, DataError> {
        let shape = train.shape();
        if side_multiple == 0 {
            let (value, expected) = ("0".to_owned(), "at least 1");
            return Err(DataError::Argument { name: "side_multiple", value, expected });
        }
        if train.is_empty() || shape.is_empty() {
            let value = format!("{} images of {shape}", train.len());
            return Err(DataError::Argument {
                name: "the training set",
                value,
                expected: "at least one image",
            });
        }
        let ImageShape { height, width, .. } = Self::padded(shape, side_multiple);
        let taken = train.len().min(MOST_IMAGES);
        let rows: Vec<usize> =
            (0..taken).map(|i| (i as u128 * train.len() as u128 / taken as u128) as usize).collect();
        let (mut sum, mut squares) = (vec![0f64; shape.channels], vec![0f64; shape.channels]);
        let mut pixels = Vec::new();
        for chunk in rows.chunks(CHUNK) {
            pixels.resize(chunk.len() * shape.len(), 0.0);
            train.read(chunk, &mut pixels)?;
            for pixel in pixels.chunks(shape.channels) {
                for (channel, &value) in pixel.iter().enumerate() {
                    sum[channel] += f64::from(value);
                    squares[channel] += f64::from(value) * f64::from(value);
                }
            }
        }
        // The padding adds zeros, which count but don't add to the sums.
        let count = (taken * height * width) as f64;
        let mean: Vec<f64> = sum.iter().map(|sum| sum / count).collect();
        let std = mean.iter().zip(&squares).map(|(mean, squares)| {
            let std = (squares / count - mean * mean).max(0.0).sqrt();
            if std < LEAST_STD { 1.0 } else { std as f32 }
        });
        Ok(Self { height, width, std: std.collect(), mean: mean.iter().map(|&mean| mean as f32).collect() })
    }

    /// What is wrong with it for images of `shape`, where it comes from a file.
    pub(crate) fn check(&self, shape: ImageShape) -> Result<(), String> {
        let channels = shape.channels;
        let lengths = [("mean", self.mean.len()), ("std", self.std.len())];
        if let Some((name, length)) = lengths.into_iter().find(|(_, length)| *length != channels) {
            return Err(format!("{name} has {length} numbers for images of {channels} channels"));
        }
        let all = || self.mean.iter().chain(&self.std);
        if all().any(|value| !value.is_finite()) || self.std.iter().any(|std| *std <= 0.0) {
            return Err("mean or standard deviation of the pixels are no such numbers".to_owned());
        }
        let padded = self.shape();
        if shape.is_empty() || shape.height > padded.height || shape.width > padded.width {
            return Err(format!("images of {shape} don't fit into {padded}"));
        }
        Ok(())
    }

    /// The shape after padding.
    pub fn shape(&self) -> ImageShape {
        ImageShape { height: self.height, width: self.width, channels: self.mean.len() }
    }

    /// Zero-pads whole images of `shape` without standardising them; `out` is cleared first.
    /// The image lies in the middle; an odd pixel of padding goes to the bottom or the right.
    ///
    /// Panics if `shape` is larger than the padded one or has other channels.
    pub fn pad(&self, shape: ImageShape, pixels: &[f32], out: &mut Vec<f32>) {
        let (top, left) = self.offset(shape);
        let row = shape.width * shape.channels;
        out.clear();
        out.resize(pixels.len() / shape.len() * self.shape().len(), 0.0);
        for (image, padded) in pixels.chunks(shape.len()).zip(out.chunks_mut(self.shape().len())) {
            for (y, line) in image.chunks(row).enumerate() {
                padded[((top + y) * self.width + left) * shape.channels..][..row].copy_from_slice(line);
            }
        }
    }

    /// Pads and standardises whole images of `shape`; `out` is cleared first and then holds as many images of
    /// [`Preprocess::shape`]. Panics like [`Preprocess::pad`].
    pub fn apply(&self, shape: ImageShape, pixels: &[f32], out: &mut Vec<f32>) {
        self.pad(shape, pixels, out);
        self.standardise(out);
    }

    /// Standardises pixels in [0, 1] in place, whatever the images' size.
    pub fn standardise(&self, pixels: &mut [f32]) {
        for pixel in pixels.chunks_mut(self.mean.len()) {
            for ((value, mean), std) in pixel.iter_mut().zip(&self.mean).zip(&self.std) {
                *value = (*value - mean) / std;
            }
        }
    }

    /// The way back: standardised images to pixels clipped to [0, 1], the padding cut off; `out` is cleared first.
    /// Panics like [`Preprocess::pad`].
    pub fn invert(&self, shape: ImageShape, standardised: &[f32], out: &mut Vec<f32>) {
        let (top, left) = self.offset(shape);
        out.clear();
        for image in standardised.chunks(self.shape().len()) {
            for y in top..top + shape.height {
                let line = &image[(y * self.width + left) * shape.channels..][..shape.width * shape.channels];
                for pixel in line.chunks(shape.channels) {
                    let scaled = pixel.iter().zip(&self.mean).zip(&self.std);
                    out.extend(scaled.map(|((value, mean), std)| (value * std + mean).clamp(0.0, 1.0)));
                }
            }
        }
    }

    fn offset(&self, shape: ImageShape) -> (usize, usize) {
        assert!(
            shape.height <= self.height && shape.width <= self.width && shape.channels == self.mean.len(),
            "images of {shape} don't fit a preprocessing to {}",
            self.shape()
        );
        ((self.height - shape.height) / 2, (self.width - shape.width) / 2)
    }
}
