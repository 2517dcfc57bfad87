//! Configurations of the networks.
use super::error::NnError;
use serde::{Deserialize, Serialize};

/// Largest image side and latent that are accepted.
pub(super) const LIMIT: usize = 4096;
/// Deepest and widest encoders that are accepted: beyond use.
const MAX_DEPTH: usize = 1000;
const MAX_WIDTH: usize = 64;
/// Most cells a side.
const MAX_POOL: usize = 16;

/// The encoder.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EncoderConfig {
    /// Layers, 6n + 4.
    pub depth: usize,
    /// Widening factor k: stages of 16k, 32k and 64k channels.
    pub width: usize,
    /// Cells a side over which the last feature map is averaged: 1 averages all of it, as published; 2 keeps what lies in
    /// which quarter of the image, in four times as many features. Cells of sides that don't divide differ by a pixel.
    pub pool: usize,
    /// Size of the latent. Absent or that of the pooled features, 64k·pool²: these themselves (then z ≥ 0), unless
    /// `probabilistic`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent: Option<usize>,
    /// Gaussian latent: the head gives its mean and ln σ².
    pub probabilistic: bool,
    /// Whether the encoder sees t; otherwise it is always fed t = 0.
    pub time_conditioned: bool,
    /// Outputs of the class head, which methods that learn labels train; published checkpoints carry one too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// Whether the t that it is fed is a parameter (`semi --t learned`); published checkpoints carry one too.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub learned_time: bool,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self {
            depth: 28,
            width: 2,
            pool: 1,
            latent: None,
            probabilistic: false,
            time_conditioned: true,
            classes: None,
            learned_time: false,
        }
    }
}

impl EncoderConfig {
    /// Size of the embedding.
    pub fn latent_dim(&self) -> usize {
        self.latent.unwrap_or(self.feature_dim())
    }

    /// The same for images of this size, whose last feature map may have fewer cells a side than `pool`: a preset that is
    /// made for larger images serves small ones too.
    pub fn fitted(&self, height: usize, width: usize) -> Self {
        Self { pool: self.pool.min(Self::most_cells(height, width)), ..self.clone() }
    }

    /// The most cells a side that the last feature map of images of this size has.
    pub(super) fn most_cells(height: usize, width: usize) -> usize {
        // Two stages start with a stride of 2.
        height.min(width).div_ceil(4)
    }

    /// Size of the pooled features, 64k·pool².
    pub fn feature_dim(&self) -> usize {
        64 * self.width * self.pool * self.pool
    }

    pub(crate) fn blocks_per_stage(&self) -> usize {
        (self.depth - 4) / 6
    }

    pub(crate) fn has_head(&self) -> bool {
        self.probabilistic || self.latent_dim() != self.feature_dim()
    }

    /// Outputs of the head: the latent, or its mean and ln σ².
    pub(crate) fn head_outputs(&self) -> usize {
        if self.probabilistic { 2 * self.latent_dim() } else { self.latent_dim() }
    }

    pub(super) fn check(&self) -> Result<(), NnError> {
        if self.depth < 10 || !(self.depth - 4).is_multiple_of(6) || self.depth > MAX_DEPTH {
            return Err(NnError::value(
                "encoder.depth",
                self.depth,
                "6n + 4 from 10 to 1,000: 10, 16, 22, 28, …",
            ));
        }
        if self.width == 0 || self.width > MAX_WIDTH {
            return Err(NnError::value("encoder.width", self.width, "1 to 64"));
        }
        if self.pool == 0 || self.pool > MAX_POOL {
            return Err(NnError::value("encoder.pool", self.pool, "1 to 16"));
        }
        for (name, value) in [("encoder.latent", self.latent), ("encoder.classes", self.classes)] {
            if let Some(value) = value.filter(|v| *v == 0 || *v > LIMIT) {
                return Err(NnError::value(name, value, "1 to 4,096"));
            }
        }
        Ok(())
    }
}

/// How the joint embedding of time and latent enters a residual block, between its convolutions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockConditioning {
    /// Added to the feature map, as published.
    #[default]
    Shift,
    /// Scales and shifts the normalised feature map (Dhariwal and Nichol, "Diffusion models beat GANs", 2021).
    ScaleShift,
}

/// The score network, whose up path the latent decoder mirrors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NcsnppConfig {
    /// Channels at full resolution (nf), a multiple of 4.
    pub features: usize,
    /// Channels of each level as multiples of `features`; each level has half the side of the one before.
    pub multipliers: Vec<usize>,
    /// Residual blocks a level on the way down; one more on the way up.
    pub blocks: usize,
    /// Sides at which attention follows each block, where a level has that side, beside the middle. Absent: 16.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attention: Option<Vec<usize>>,
    /// Dropout rate inside residual blocks, in [0, 1).
    pub dropout: f64,
    /// How each block is told time and latent.
    pub conditioning: BlockConditioning,
    /// Numbers in which the networks are told the latent, a linear map of it. Absent: 4·`features`, as published.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latent_features: Option<usize>,
    /// Whether the network has a second input: the image that it guessed from the noisy one before, or zeros (Chen,
    /// Zhang and Hinton, "Analog bits", 2023).
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub self_conditioning: bool,
}

impl Default for NcsnppConfig {
    fn default() -> Self {
        Self {
            features: 16,
            multipliers: vec![1, 2, 2, 2],
            blocks: 2,
            attention: None,
            dropout: 0.1,
            conditioning: BlockConditioning::default(),
            latent_features: None,
            self_conditioning: false,
        }
    }
}

/// All networks of a method.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// Rows of an image.
    pub height: usize,
    /// Columns of an image.
    pub width: usize,
    /// Colour channels.
    pub channels: usize,
    /// The encoder.
    #[serde(default)]
    pub encoder: EncoderConfig,
    /// The shape of score network and decoder.
    #[serde(default)]
    pub ncsnpp: NcsnppConfig,
    /// Whether to build the score network.
    pub score_network: bool,
    /// Whether to build the latent decoder.
    pub decoder: bool,
    /// Outputs of the projection head of contrastive learning; absent: none is built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub projection: Option<usize>,
}
