//! Images through the code and back: what a trained latent decoder keeps of them.
use super::encode::{BATCH, batches};
use super::{LoadedEncoder, RepresentError};
use crate::data::ImageSet;
use crate::measure::{mean_squared_error, psnr, ssim};
use crate::nn::{self, Precision};
use crate::objective::ReconstructionLoss;
use crate::train::checkpoint::{Weights, Which};
use burn::tensor::activation::sigmoid;
use burn::tensor::{Device, Tensor};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The encoder and latent decoder of a run that trained one.
#[derive(Debug)]
pub struct Autoencoder {
    whole: LoadedEncoder,
}

/// How like their images reconstructions are: means over images, of pixels in [0, 1].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReconstructionQuality {
    /// Images.
    pub images: usize,
    /// Mean squared error.
    pub mse: f64,
    /// Peak signal-to-noise ratio in decibels: of each image, then averaged.
    pub psnr: f64,
    /// Structural similarity, at most 1.
    pub ssim: f64,
}

impl Autoencoder {
    /// Loads a run's encoder and decoder; `None` if it trained no decoder.
    ///
    /// # Errors
    /// As [`LoadedEncoder::open`].
    pub fn open(
        run: &Path,
        which: Which,
        weights: Weights,
        device: &Device,
    ) -> Result<Option<Self>, RepresentError> {
        let whole = LoadedEncoder::open_whole(run, which, weights, device)?;
        Ok(whole.model().decoder.is_some().then_some(Self { whole }))
    }

    /// Multiplies in this precision.
    ///
    /// # Errors
    /// As [`LoadedEncoder::with_precision`].
    pub fn with_precision(self, precision: Precision) -> Result<Self, RepresentError> {
        Ok(Self { whole: self.whole.with_precision(precision)? })
    }

    /// Measures the reconstructions, from the code's mean at t = 0, of all images of `set`.
    ///
    /// # Errors
    /// Images of another shape than the run's, an image that can't be read.
    pub fn quality(&self, set: &ImageSet) -> Result<ReconstructionQuality, RepresentError> {
        self.whole.check("the data", set)?;
        let (shape, mut sums) = (set.shape(), [0.0; 3]);
        let mut originals = Vec::new();
        batches(set, self.whole.preprocess(), BATCH, |start, standardised| {
            let reconstructed = self.reconstruct(standardised);
            let rows: Vec<usize> = (start..start + reconstructed.len() / shape.len()).collect();
            originals.resize(reconstructed.len(), 0.0);
            set.read(&rows, &mut originals)?;
            let sides = [shape.height, shape.width, shape.channels];
            let figures: Vec<[f64; 3]> = originals
                .par_chunks(shape.len())
                .zip(reconstructed.par_chunks(shape.len()))
                .map(|(image, made)| {
                    let mse = mean_squared_error(image, made);
                    [mse, psnr(mse), ssim(image, made, sides)]
                })
                .collect();
            for figure in figures {
                sums.iter_mut().zip(figure).for_each(|(sum, value)| *sum += value);
            }
            Ok::<_, RepresentError>(())
        })?;
        let [mse, psnr, ssim] = sums.map(|sum| sum / set.len().max(1) as f64);
        Ok(ReconstructionQuality { images: set.len(), mse, psnr, ssim })
    }

    /// Its encoder, which knows the run.
    pub fn encoder(&self) -> &LoadedEncoder {
        &self.whole
    }

    /// Reconstructions, pixels in [0, 1] `[N, H, W, C]` of the data's size, of standardised images `[N, H, W, C]` as
    /// [`Preprocess::apply`](crate::data::Preprocess::apply) makes them.
    pub fn reconstruct(&self, standardised: Vec<f32>) -> Vec<f32> {
        let (whole, preprocess) = (&self.whole, self.whole.preprocess());
        let images = nn::images(standardised, preprocess.shape(), whole.device());
        let output = whole.team().run(|| self.decode(images));
        let mut values: Vec<f32> = output.into_data().try_into_vec().expect("images are f32");
        if whole.config().objective.reconstruction_loss == ReconstructionLoss::Bce {
            // Logits became pixels; what follows wants standardised ones.
            preprocess.standardise(&mut values);
        }
        let mut pixels = Vec::new();
        preprocess.invert(whole.shape(), &values, &mut pixels);
        pixels
    }

    fn decode(&self, images: Tensor<4>) -> Tensor<4> {
        let (whole, model, pass) = (&self.whole, self.whole.model(), self.whole.pass());
        let t = vec![0.0; images.dims()[0]];
        let times = model.embed_times(&t, whole.sde(), whole.device());
        let z = model.encoder.encode_embedded(images, times.encoder, pass).mean;
        let (Some(decoder), Some(conditioning), Some(time)) =
            (&model.decoder, &model.conditioning, times.conditioning)
        else {
            unreachable!("an autoencoder is opened with its decoder, which has conditioning");
        };
        let output = decoder.forward(&conditioning.join(time, z, pass.precision), pass);
        match whole.config().objective.reconstruction_loss {
            ReconstructionLoss::L2 => output,
            ReconstructionLoss::Bce => sigmoid(output),
        }
    }
}
