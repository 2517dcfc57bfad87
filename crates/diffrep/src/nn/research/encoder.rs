//! An encoder out of a checkpoint of the published code.
use super::{EncoderNote, ImportError, StateDict};
use crate::nn::parameters::{self, Layout};
use crate::nn::{ModelConfig, NcsnppConfig};
use crate::random::Seed;
use burn::tensor::Device;
use std::path::Path;

/// An encoder as a run holds it: configuration and flat parameters.
#[derive(Clone, Debug)]
pub struct ImportedEncoder {
    /// A model of the encoder alone.
    pub config: ModelConfig,
    /// Names, shapes and places of the parameters.
    pub layout: Layout,
    /// The parameters.
    pub weights: Vec<f32>,
    /// What the file says beside tensors.
    pub note: Option<EncoderNote>,
    /// Tensors of the checkpoint that belong to other networks: score network and decoder of a whole model.
    pub left_out: usize,
}

impl ImportedEncoder {
    /// Reads the encoder of `path`. Unless the file has a note: for images of `side`×`side` pixels, and
    /// `time_conditioned`, whether it was trained to see t, which its weights don't tell.
    ///
    /// # Errors
    /// As [`StateDict::read`], [`StateDict::encoder_config`] and [`StateDict::load_into`]; [`ImportError::Config`] for a
    /// size that networks here can't have.
    pub fn read(path: &Path, side: usize, time_conditioned: bool) -> Result<Self, ImportError> {
        let whole = StateDict::read(path)?;
        let part = whole.under("encoder.");
        let encoder = if part.is_empty() { whole.clone() } else { part };
        let (mut config, channels) = encoder.encoder_config()?;
        let (height, width) = match encoder.note() {
            Some(note) => (note.preprocess.height, note.preprocess.width),
            None => (side, side),
        };
        if encoder.note().is_none() {
            config.time_conditioned = time_conditioned;
        }
        let config = ModelConfig {
            height,
            width,
            channels,
            encoder: config,
            ncsnpp: NcsnppConfig::default(),
            score_network: false,
            decoder: false,
            projection: None,
        };
        let blank = config
            .init(Seed(0), &Device::flex())
            .map_err(|problem| ImportError::Config { origin: encoder.origin().to_owned(), problem })?;
        let model = encoder.load_into(&blank)?;
        Ok(Self {
            config,
            layout: Layout::of(&model),
            weights: parameters::gather(&model),
            note: encoder.note().cloned(),
            left_out: whole.len() - encoder.len(),
        })
    }
}
