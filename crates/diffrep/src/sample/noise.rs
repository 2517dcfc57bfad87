//! The random numbers of a batch of samples.
use crate::random::{Purpose, Seed};
use rayon::prelude::*;

/// What sampling draws random numbers for; part of their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Stream {
    /// The image that sampling starts from.
    Start = 0,
    /// Predictor steps (step: their number).
    Predictor = 1,
    /// Corrector steps.
    Corrector = 2,
    /// Uniform pixels of the prior.
    Pixels = 3,
    /// Codes.
    Code = 4,
    /// Components of a mixture.
    Component = 5,
    /// Directions in which a trace is estimated.
    Direction = 6,
    /// What is added to pixels to make them continuous.
    Dequantise = 7,
    /// The start of the fit of a mixture.
    Fit = 8,
}

/// Seed and rows that a batch of N images draws its noise from.
///
/// An image's noise is a function of the seed and its row, not of the batch that it is in: images with the same row
/// get the same noise, so that what differs between them is their code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoiseRows {
    /// The seed.
    pub seed: Seed,
    /// A row for each image.
    pub rows: Vec<u32>,
}

impl NoiseRows {
    /// Different noise for each of `count` images.
    pub fn distinct(seed: Seed, count: usize) -> Self {
        Self { seed, rows: (0..count as u32).collect() }
    }

    /// The images `range` of the batch.
    pub(super) fn part(&self, range: std::ops::Range<usize>) -> Self {
        Self { seed: self.seed, rows: self.rows[range].to_vec() }
    }

    /// Standard normal numbers `[N, dim]`.
    pub(super) fn normal(&self, stream: Stream, step: u32, dim: usize, out: &mut [f32]) {
        let key = self.seed.key(Purpose::Sample, stream as u16, step);
        out.par_chunks_mut(dim).zip(&self.rows).for_each(|(out, &row)| key.fill_normal(row, out));
    }

    /// Uniform numbers in [0, 1), `[N, dim]`.
    pub(super) fn uniform(&self, stream: Stream, step: u32, dim: usize, out: &mut [f32]) {
        let key = self.seed.key(Purpose::Sample, stream as u16, step);
        out.par_chunks_mut(dim).zip(&self.rows).for_each(|(out, &row)| key.fill_uniform(row, out));
    }
}
