//! A run that generates images.
use super::codes::Codes;
use super::interpolate::{Interpolation, slerp};
use super::model_score::ModelScore;
use super::noise::{NoiseRows, Stream};
use super::sampler::{Algorithm, Sampler, follow};
use super::score::Counted;
use super::{Likelihood, SampleError, Trace, bits_per_dimension, heun, log_likelihood};
use crate::data::ImageSet;
use crate::nn::Precision;
use crate::random::Seed;
use crate::represent::LoadedEncoder;
use crate::train::RunFolder;
use crate::train::checkpoint::{Weights, Which};
use burn::tensor::Device;
use std::path::Path;

/// All networks of a run's checkpoint, in evaluation mode.
#[derive(Debug)]
pub struct Generator {
    loaded: LoadedEncoder,
}

/// Generated images.
#[derive(Clone, Debug, PartialEq)]
pub struct Pictures {
    /// Pixels in [0, 1], `[N, H, W, C]` of [`LoadedEncoder::shape`].
    pub pixels: Vec<f32>,
    /// How often the score was evaluated for each image (with an adaptive step, the most of any batch).
    pub evaluations: usize,
}

impl Generator {
    /// Loads a checkpoint of the run folder `run` onto `device`; with autodiff, if likelihoods will be asked for.
    ///
    /// # Errors
    /// A run without score network, no run or no checkpoint there, a damaged file, a precision that the device lacks.
    pub fn open(
        run: &Path,
        which: Which,
        weights: Weights,
        precision: Precision,
        device: &Device,
    ) -> Result<Self, SampleError> {
        let represent = crate::represent::RepresentError::Run;
        let folder = RunFolder::open(run).map_err(represent)?;
        if !folder.record().map_err(represent)?.model.score_network {
            let method = folder.config().map_err(represent)?.objective.method.name();
            return Err(SampleError::NoScoreNetwork { run: run.to_owned(), method });
        }
        let loaded = LoadedEncoder::open_whole(run, which, weights, device)?.with_precision(precision)?;
        Ok(Self { loaded })
    }

    /// Its encoder, which knows the run.
    pub fn encoder(&self) -> &LoadedEncoder {
        &self.loaded
    }

    /// Standardised images `[N, H, W, C]` of all rows of `set`.
    ///
    /// # Errors
    /// Images of another shape than the run's, an image that can't be read.
    pub fn standardised(&self, name: &str, set: &ImageSet) -> Result<Vec<f32>, SampleError> {
        self.loaded.check(name, set)?;
        Ok(crate::represent::pixels(set, self.loaded.preprocess())?)
    }

    /// Generates an image for each row of `noise` from its code, `batch` (at least 1) at a time. `progress` is told the
    /// images of batches that are done, and the evaluations within the current one.
    ///
    /// # Errors
    /// Codes of another size than the run's; as [`Sampler::sample`].
    pub fn generate(
        &self,
        sampler: &Sampler,
        codes: &Codes,
        noise: &NoiseRows,
        batch: usize,
        progress: &dyn Fn(usize, usize),
    ) -> Result<Pictures, SampleError> {
        let rows = noise.rows.len();
        codes.check(&self.loaded, rows)?;
        let mut pictures = Pictures { pixels: Vec::new(), evaluations: 0 };
        for start in (0..rows).step_by(batch.max(1)) {
            let range = start..rows.min(start + batch.max(1));
            let score = ModelScore::new(&self.loaded, codes.part(range.clone(), rows), range.len());
            let done = |evaluations: usize| progress(start, evaluations);
            let sampled = sampler.sample(self.loaded.sde(), &score, &noise.part(range), &done)?;
            pictures.pixels.extend(self.pixels(&sampled.x));
            pictures.evaluations = pictures.evaluations.max(sampled.evaluations);
        }
        Ok(pictures)
    }

    /// `count` (at least 2) pictures from one standardised image to another: the probability flow takes both to noise,
    /// each with its own code, and pictures come back from points on the great circle between, with codes on the line
    /// between theirs at every t.
    ///
    /// The sampler must be deterministic ([`Algorithm::Heun`] or [`Algorithm::Ode`]). The images are taken to the noise of
    /// its start, where those at t < 1 still show through.
    ///
    /// # Errors
    /// Another sampler; as [`Sampler::sample`].
    pub fn interpolate(
        &self,
        ends: [&[f32]; 2],
        count: usize,
        sampler: &Sampler,
        progress: &dyn Fn(usize),
    ) -> Result<Interpolation, SampleError> {
        let sde = self.loaded.sde();
        sampler.check(sde)?;
        if count < 2 {
            return Err(SampleError::argument("--count", count, "at least 2"));
        }
        let images = ends.concat();
        let score = ModelScore::new(&self.loaded, Codes::of_images(images.clone(), 2, 1, None), 2);
        let score = Counted::new(&score, progress);
        let epsilon = sde.t_min();
        let t_start = sampler.t_start;
        let noise = match sampler.algorithm {
            Algorithm::Heun { steps } => {
                let mut ratios = heun::ratios(sde, t_start, epsilon, steps);
                ratios.reverse();
                heun::follow(sde, &score, images.clone(), &ratios)
            }
            Algorithm::Ode { tolerance } => {
                follow(sde, &score, images.clone(), (epsilon, t_start), tolerance)?
            }
            Algorithm::PredictorCorrector { .. } => {
                let expected =
                    "heun or ode: a predictor's steps can't be followed back from an image to its noise";
                return Err(SampleError::argument("--sampler", "a predictor", expected));
            }
        };
        let there = score.count();
        let part = |i: usize| i as f64 / (count - 1) as f64;
        let (a, b) = noise.split_at(noise.len() / 2);
        let starts = (0..count).flat_map(|i| slerp(a, b, part(i))).collect();
        let mixing = (0..count).flat_map(|i| [1.0 - part(i) as f32, part(i) as f32]).collect();
        let codes = Codes::Images { images: images.clone(), mixing, at: None };
        let score = ModelScore::new(&self.loaded, codes, count);
        // Nothing is drawn on a deterministic way.
        let nothing = NoiseRows::distinct(Seed(0), count);
        let back = |evaluations: usize| progress(there + evaluations);
        let sampled = sampler.sample_from(starts, sde, &score, &nothing, &back)?;
        let (pixels, given) = (self.pixels(&sampled.x), self.pixels(&images));
        let size = given.len() / 2;
        let error = |a: &[f32], b: &[f32]| {
            let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            (squares / size as f64).sqrt()
        };
        let end_errors =
            [error(&pixels[..size], &given[..size]), error(&pixels[pixels.len() - size..], &given[size..])];
        Ok(Interpolation { pixels, end_errors, evaluations: there + sampled.evaluations })
    }

    /// Bits a dimension of each image of `set` given its own code, as [`bits_per_dimension`] defines them: pixels are
    /// dequantised with uniform noise, padding like pixels, and the trace is estimated with `probes` vectors. `noise` has a row for each image.
    ///
    /// # Errors
    /// Images of another shape; as [`log_likelihood`].
    ///
    /// # Panics
    /// If the generator wasn't opened on a device with autodiff.
    pub fn bits_per_dimension(
        &self,
        (name, set): (&str, &ImageSet),
        probes: usize,
        tolerance: f64,
        noise: &NoiseRows,
        progress: &dyn Fn(usize),
    ) -> Result<(Vec<f64>, usize), SampleError> {
        let preprocess = self.loaded.preprocess();
        let (dim, rows) = (preprocess.shape().len(), set.len());
        let clean = self.standardised(name, set)?;
        let mut uniform = vec![0.0; rows * dim];
        noise.uniform(Stream::Dequantise, 0, dim, &mut uniform);
        let channels = preprocess.mean.len();
        let dequantise = |(i, (x, u)): (usize, (&f32, f32))| {
            let (mean, std) = (preprocess.mean[i % channels], preprocess.std[i % channels]);
            ((255.0 * (x * std + mean) + u) / 256.0 - mean) / std
        };
        let x: Vec<f32> = clean.iter().zip(uniform).enumerate().map(dequantise).collect();
        let score = ModelScore::new(&self.loaded, Codes::of_images(clean, rows, 1, None), rows);
        let trace = Trace::Hutchinson { probes };
        let Likelihood { log_density, evaluations } =
            log_likelihood(self.loaded.sde(), &score, &x, trace, tolerance, noise, progress)?;
        let bits = log_density.into_iter().map(|d| bits_per_dimension(d, dim, &preprocess.std)).collect();
        Ok((bits, evaluations))
    }

    /// Standardised images as pixels in [0, 1], without the padding.
    pub fn pixels(&self, standardised: &[f32]) -> Vec<f32> {
        let mut pixels = Vec::new();
        self.loaded.preprocess().invert(self.loaded.shape(), standardised, &mut pixels);
        pixels
    }
}
