//! The codes that images are generated from.
use super::SampleError;
use super::noise::{NoiseRows, Stream};
use crate::represent::LoadedEncoder;
use std::ops::Range;

/// Codes of a batch of N images, at every t: the score network wants `z(t)` at each t that it is evaluated at.
#[derive(Clone, Debug, PartialEq)]
pub enum Codes {
    /// Curves through values `[N, T, d]` at T ascending levels, linear in t in between and constant beyond; with one
    /// level the same at every t.
    Curves {
        /// The levels, T of them.
        levels: Vec<f64>,
        /// The codes.
        values: Vec<f32>,
    },
    /// Mixtures of the codes of M images, which are encoded anew at every t.
    Images {
        /// Standardised images `[M, H, W, C]`.
        images: Vec<f32>,
        /// How much of each image's code is in each batch row's, `[N, M]`.
        mixing: Vec<f32>,
        /// The t at which they are encoded instead, whatever the score is evaluated at.
        at: Option<f64>,
    },
}

impl Codes {
    /// One code for each of N images, `[N, d]`, the same at every t.
    pub fn constant(values: Vec<f32>) -> Self {
        Self::Curves { levels: vec![0.0], values }
    }

    /// Standard normal codes of `dim` numbers, the same at every t.
    pub fn standard_normal(dim: usize, noise: &NoiseRows) -> Self {
        let mut values = vec![0.0; noise.rows.len() * dim];
        noise.normal(Stream::Code, 0, dim, &mut values);
        Self::constant(values)
    }

    /// The codes of standardised images themselves, each `copies` times in a row.
    pub fn of_images(images: Vec<f32>, count: usize, copies: usize, at: Option<f64>) -> Self {
        let mut mixing = vec![0.0; count * copies * count];
        for row in 0..count * copies {
            mixing[row * count + row / copies] = 1.0;
        }
        Self::Images { images, mixing, at }
    }

    /// Checks that these are codes for `rows` images which `encoder`'s networks can read.
    ///
    /// # Errors
    /// Codes of another size, no levels, another number of rows.
    pub(super) fn check(&self, encoder: &LoadedEncoder, rows: usize) -> Result<(), SampleError> {
        let wrong = |what: &str, found: usize, expected: usize| {
            Err(SampleError::CodeSize { origin: what.to_owned(), found, expected })
        };
        match self {
            Self::Curves { levels, values } => {
                let per_row = values.len() / rows.max(1);
                let found = per_row / levels.len().max(1);
                let whole = per_row * rows == values.len() && found * levels.len() == per_row;
                if whole && found == encoder.dim() { Ok(()) } else { wrong("z", found, encoder.dim()) }
            }
            Self::Images { images, mixing, .. } => {
                let count = images.len() / encoder.preprocess().shape().len();
                match mixing.len() == rows * count {
                    true => Ok(()),
                    false => wrong("mixing of codes", mixing.len(), rows * count),
                }
            }
        }
    }

    /// The codes of the images `range` of the `rows` in the batch.
    ///
    /// # Panics
    /// If the range isn't within the rows.
    pub fn part(&self, range: Range<usize>, rows: usize) -> Self {
        let cut = |values: &[f32]| {
            let width = values.len() / rows;
            values[range.start * width..range.end * width].to_vec()
        };
        match self {
            Self::Curves { levels, values } => Self::Curves { levels: levels.clone(), values: cut(values) },
            Self::Images { images, mixing, at } => {
                // Images that have no part in these rows' codes needn't be encoded.
                let (count, mixing) = (mixing.len() / rows, cut(mixing));
                let width = images.len() / count;
                let has_part = |&image: &usize| mixing.chunks(count).any(|weights| weights[image] != 0.0);
                let used: Vec<usize> = (0..count).filter(has_part).collect();
                Self::Images {
                    images: used
                        .iter()
                        .flat_map(|&image| &images[image * width..][..width])
                        .copied()
                        .collect(),
                    mixing: mixing
                        .chunks(count)
                        .flat_map(|weights| used.iter().map(|&i| weights[i]))
                        .collect(),
                    at: *at,
                }
            }
        }
    }
}

/// Points `[N, d]` at `t` on the curves through `values` `[N, T, d]` at ascending `levels`.
pub(super) fn on_curves(levels: &[f64], values: &[f32], dim: usize, t: f64) -> Vec<f32> {
    let above = levels.partition_point(|&level| level <= t);
    let (low, high) = (above.saturating_sub(1), above.min(levels.len() - 1));
    let length = levels[high] - levels[low];
    let part = if length > 0.0 { ((t - levels[low]) / length).clamp(0.0, 1.0) as f32 } else { 0.0 };
    let curves = values.chunks(levels.len() * dim);
    let point = |curve: &[f32]| -> Vec<f32> {
        let at = |level: usize| &curve[level * dim..][..dim];
        at(low).iter().zip(at(high)).map(|(a, b)| a + part * (b - a)).collect()
    };
    curves.flat_map(point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curves_are_linear_between_levels_and_constant_beyond() {
        let (levels, values) = ([0.2, 0.6, 1.0], [1.0, 10.0, 3.0, 30.0, 7.0, 30.0]);
        let at = |t| on_curves(&levels, &values, 2, t);
        assert_eq!(at(0.0), [1.0, 10.0]);
        assert_eq!(at(0.2), [1.0, 10.0]);
        let middle = at(0.4);
        assert!((middle[0] - 2.0).abs() < 1e-6 && (middle[1] - 20.0).abs() < 1e-5, "{middle:?}");
        assert_eq!(at(1.0), [7.0, 30.0]);
        assert_eq!(on_curves(&[0.0], &[5.0, 6.0], 1, 0.7), [5.0, 6.0]);
    }

    #[test]
    fn copies_of_images_lie_next_to_each_other() {
        let Codes::Images { mixing, .. } = Codes::of_images(vec![0.0; 2], 2, 2, None) else { unreachable!() };
        assert_eq!(mixing, [1.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_part_has_only_the_images_that_its_codes_are_of() {
        let codes = Codes::of_images(vec![1.0, 2.0, 3.0], 3, 2, None);
        let part = codes.part(2..5, 6);
        let expected =
            Codes::Images { images: vec![2.0, 3.0], mixing: vec![1.0, 0.0, 1.0, 0.0, 0.0, 1.0], at: None };
        assert_eq!(part, expected);
    }
}
