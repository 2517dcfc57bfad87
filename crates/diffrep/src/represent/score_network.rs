//! The score network of a run as a source of features: pooled activations of its blocks at a chosen noise level.
use super::encode::batches;
use super::{LoadedEncoder, RepresentError};
use crate::data::ImageSet;
use crate::nn::{self, BlockName, Watch};
use crate::random::{Purpose, Seed};
use crate::train::checkpoint::{Weights, Which};
use burn::tensor::{Device, Tensor, TensorData};
use diffrep_backend::layers;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Why there is a score network and what belongs to it.
const OPENED: &str = "opening has found the blocks of a score network";

/// Noise on the clean image before the score network sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Noise {
    /// `x_t = m(t) x_0 + s(t) ε`; ε depends on the seed and the image's row only.
    #[default]
    Keyed,
    /// `x_t = m(t) x_0`.
    None,
}

/// The latent that the score network is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LatentInput {
    /// The image's own code at the same t.
    #[default]
    Own,
    /// Zeros, to see what the score network knows by itself.
    Zero,
}

/// What the score network is given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScoreInput {
    /// Noise on the image.
    pub noise: Noise,
    /// The latent.
    pub z: LatentInput,
    /// Seed of the noise.
    pub seed: u64,
}

/// A run's encoder and score network that only read.
#[derive(Debug)]
pub struct ScoreNetwork {
    whole: LoadedEncoder,
    blocks: Vec<(BlockName, usize)>,
}

impl ScoreNetwork {
    /// The networks of a checkpoint of the run folder `run`, to compute on `device`.
    ///
    /// # Errors
    /// As [`LoadedEncoder::open`], and a run that trained no score network.
    pub fn open(run: &Path, which: Which, weights: Weights, device: &Device) -> Result<Self, RepresentError> {
        let whole = LoadedEncoder::open_whole(run, which, weights, device)?;
        let blocks = whole.record().model.score_blocks()?;
        if blocks.is_empty() {
            return Err(RepresentError::NoScoreNetwork { run: run.to_owned() });
        }
        Ok(Self { whole, blocks })
    }

    /// The same as `encoder` of the same run multiplies.
    ///
    /// # Errors
    /// As [`LoadedEncoder::with_precision`].
    pub fn with_precision(self, precision: crate::nn::Precision) -> Result<Self, RepresentError> {
        Ok(Self { whole: self.whole.with_precision(precision)?, ..self })
    }

    /// The run's encoder, whose codes the score network is told.
    pub fn encoder(&self) -> &LoadedEncoder {
        &self.whole
    }

    /// Its residual blocks with their channels, in the order of computation.
    pub fn blocks(&self) -> &[(BlockName, usize)] {
        &self.blocks
    }

    /// Channels of `block`.
    ///
    /// # Errors
    /// A block that the network doesn't have; names those that it has.
    pub fn channels(&self, block: BlockName) -> Result<usize, RepresentError> {
        let found = self.blocks.iter().find(|(name, _)| *name == block);
        found.map(|(_, channels)| *channels).ok_or_else(|| RepresentError::NoBlock {
            block: block.to_string(),
            known: self.blocks.iter().map(|(name, _)| name.to_string()).collect::<Vec<_>>().join(" "),
        })
    }

    /// Pooled activations of `blocks` for each image of `set` at the levels `t` in [0, 1]: the mean over the feature map
    /// of a block's output.
    ///
    /// `sink` gets the first row of each batch and its features `[n, T, C]`, C the channels of the blocks one after
    /// another. `first_row` is the row that the set's first image has for the noise: 0 but for a part of a set. Features
    /// don't depend on `batch` (at least 1) but for rounding (1e-6).
    ///
    /// # Errors
    /// As [`super::encode()`], and a block that the network doesn't have.
    #[allow(clippy::too_many_arguments, reason = "what to read, from where, how, and whom to tell")]
    pub fn features<E: From<RepresentError>>(
        &self,
        set: &ImageSet,
        first_row: usize,
        t: &[f64],
        blocks: &[BlockName],
        input: ScoreInput,
        batch: usize,
        mut sink: impl FnMut(usize, &[f32]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.whole.check("the data", set)?;
        let channels = blocks.iter().map(|&block| self.channels(block)).collect::<Result<Vec<_>, _>>()?;
        let (levels, dim) = (t.len(), channels.iter().sum::<usize>());
        let mut values = Vec::new();
        batches(set, self.whole.preprocess(), batch, |start, images| {
            let rows = images.len() / self.whole.preprocess().shape().len();
            values.resize(rows * levels * dim, 0.0);
            for (level, &t) in t.iter().enumerate() {
                let mut place = level * dim;
                let pooled = self.pooled(&images, first_row + start, t, blocks, input);
                for (pooled, &channels) in pooled.iter().zip(&channels) {
                    for (row, pooled) in pooled.chunks_exact(channels).enumerate() {
                        values[row * levels * dim + place..][..channels].copy_from_slice(pooled);
                    }
                    place += channels;
                }
            }
            sink(start, &values)
        })
    }

    /// `[n, channels]` of each of `blocks`, which the network has, for standardised images.
    pub(super) fn pooled(
        &self,
        images: &[f32],
        first_row: usize,
        t: f64,
        blocks: &[BlockName],
        input: ScoreInput,
    ) -> Vec<Vec<f32>> {
        let (whole, sde) = (&self.whole, self.whole.sde());
        let shape = whole.preprocess().shape();
        let rows = images.len() / shape.len();
        let dim = whole.dim();
        let z = match input.z {
            LatentInput::Own => whole.codes(images.to_vec(), t),
            LatentInput::Zero => vec![0.0; rows * dim],
        };
        let z = Tensor::<2>::from_data(TensorData::new(z, [rows, dim]), whole.device());
        let noisy = noisy(images, shape.len(), first_row, sde.marginal(t.max(sde.t_min())), input);
        let noisy = nn::images(noisy, shape, whole.device());
        let model = whole.model();
        let (conditioning, score) = model.conditioning.as_ref().zip(model.score.as_ref()).expect(OPENED);
        let pass = whole.pass();
        let pooled = whole.team().run(|| {
            let time = model.embed_times(&vec![t; rows], sde, whole.device()).conditioning;
            let condition = conditioning.join(time.expect(OPENED), z, pass.precision);
            let mut pooled = vec![None; blocks.len()];
            let watch: Watch<BlockName> = &mut |name, h| {
                for (wanted, pooled) in blocks.iter().zip(&mut pooled) {
                    if *wanted == name {
                        *pooled = Some(layers::global_mean(h.clone()));
                    }
                }
            };
            score.forward_watched(noisy, &condition, pass, watch);
            pooled
        });
        let values = |tensor: Option<Tensor<2>>| {
            let tensor = tensor.expect("the blocks' names have been checked");
            tensor.into_data().try_into_vec().expect("activations are f32")
        };
        pooled.into_iter().map(values).collect()
    }
}

/// `m x_0 + s ε`, ε drawn for each row.
fn noisy(
    images: &[f32],
    image: usize,
    first_row: usize,
    marginal: crate::sde::Marginal,
    input: ScoreInput,
) -> Vec<f32> {
    let key = Seed(input.seed).key(Purpose::Encode, 0, 0);
    let (mean, std) = (marginal.mean as f32, marginal.std as f32);
    let mut noise = vec![0.0; image];
    let mut noisy = Vec::with_capacity(images.len());
    for (row, image) in images.chunks_exact(image).enumerate() {
        if input.noise == Noise::Keyed {
            key.fill_normal((first_row + row) as u32, &mut noise);
        }
        noisy.extend(image.iter().zip(&noise).map(|(x, noise)| mean * x + std * noise));
    }
    noisy
}
