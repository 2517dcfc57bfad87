//! Finding the same picture again: exact copies by a hash of the pixels, near copies by a difference hash.
use crate::data::{ImageShape, resample};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hasher},
};

/// Side of the grey image whose neighbours are compared: eight differences along each axis.
const SIDE: usize = 9;
const DIFFERENCES: usize = SIDE - 1;
/// Side of the grey thumbnail that has to agree as well.
const THUMBNAIL: usize = 16;
/// A neighbour has to be darker by so much, so that noise on a flat ground sets no bits.
const MARGIN: f32 = 2.0 / 255.0;
/// Bits in which near copies differ at most.
const MOST_BITS: u32 = 3;
/// Root mean square difference of the thumbnails of near copies, at most.
const MOST_DIFFERENCE: f32 = 0.02;
/// With at most three bits different, one of four bands is the same.
const BANDS: usize = 4;
/// Earlier images of one band that are compared; flat images share their bands with too many.
const MOST_CANDIDATES: usize = 1000;

/// What is remembered of an image.
pub(super) struct Fingerprint {
    pixels: u64,
    hash: u128,
    thumbnail: [u8; THUMBNAIL * THUMBNAIL],
}

impl Fingerprint {
    /// Of the pixels [H, W, C] in [0, 1].
    pub(super) fn new(shape: ImageShape, image: &[f32]) -> Self {
        let mut hasher = DefaultHasher::new();
        image.iter().for_each(|value| hasher.write_u32(value.to_bits()));
        let tiny: [f32; SIDE * SIDE] = reduce(shape, image, SIDE);
        let thumbnail: [f32; THUMBNAIL * THUMBNAIL] = reduce(shape, image, THUMBNAIL);
        let at = |y: usize, x: usize| tiny[y * SIDE + x];
        let mut hash = 0;
        for (y, x) in (0..DIFFERENCES).flat_map(|y| (0..DIFFERENCES).map(move |x| (y, x))) {
            for neighbour in [at(y, x + 1), at(y + 1, x)] {
                hash = hash << 1 | u128::from(at(y, x) > neighbour + MARGIN);
            }
        }
        let thumbnail = thumbnail.map(|value| (value * 255.0).round() as u8);
        Self { pixels: hasher.finish(), hash, thumbnail }
    }

    fn is_near(&self, other: &Self) -> bool {
        let squares = || {
            let pairs = self.thumbnail.iter().zip(&other.thumbnail);
            pairs.map(|(&a, &b)| (f32::from(a) - f32::from(b)).powi(2)).sum::<f32>()
        };
        let most = (255.0 * MOST_DIFFERENCE).powi(2) * (THUMBNAIL * THUMBNAIL) as f32;
        (self.hash ^ other.hash).count_ones() <= MOST_BITS && squares() <= most
    }

    fn bands(&self) -> [u32; BANDS] {
        std::array::from_fn(|band| (self.hash >> (32 * band)) as u32)
    }
}

/// The whole image as `side` × `side` grey values.
fn reduce<const N: usize>(shape: ImageShape, image: &[f32], side: usize) -> [f32; N] {
    let mut out = [0.0; N];
    let small = ImageShape { height: side, width: side, channels: 1 };
    let row = shape.width * shape.channels;
    let line = |y: usize, line: &mut [f32]| grey(&image[y * row..][..row], shape.channels, line);
    resample::squeeze(shape.height, shape.width, small, line, &mut out);
    out
}

fn grey(line: &[f32], channels: usize, out: &mut [f32]) {
    if matches!(channels, 1 | 3) {
        resample::convert(line, channels, 1, out);
    } else {
        let mean = |pixel: &[f32]| pixel.iter().sum::<f32>() / channels as f32;
        out.iter_mut().zip(line.chunks(channels)).for_each(|(out, pixel)| *out = mean(pixel));
    }
}

/// How much two images are the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Exact,
    Near,
}

impl Kind {
    pub(super) fn pick<T>(self, exact: T, near: T) -> T {
        match self {
            Self::Exact => exact,
            Self::Near => near,
        }
    }
}

/// The images of a split, in the order in which they were inserted.
#[derive(Default)]
pub(super) struct Index {
    prints: Vec<Fingerprint>,
    exact: HashMap<u64, usize>,
    bands: [HashMap<u32, Vec<usize>>; BANDS],
}

impl Index {
    /// The first image that is the same, otherwise one that nearly is.
    pub(super) fn find(&self, print: &Fingerprint) -> Option<(Kind, usize)> {
        if let Some(&row) = self.exact.get(&print.pixels) {
            return Some((Kind::Exact, row));
        }
        let candidates = self.bands.iter().zip(print.bands()).filter_map(|(rows, band)| rows.get(&band));
        let mut candidates = candidates.flat_map(|rows| rows.iter().take(MOST_CANDIDATES));
        let near = candidates.find(|&&row| self.prints[row].is_near(print));
        near.map(|&row| (Kind::Near, row))
    }

    pub(super) fn insert(&mut self, print: Fingerprint) {
        let row = self.prints.len();
        self.exact.entry(print.pixels).or_insert(row);
        for (rows, band) in self.bands.iter_mut().zip(print.bands()) {
            rows.entry(band).or_default().push(row);
        }
        self.prints.push(print);
    }
}
