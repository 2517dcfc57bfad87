//! All networks of a method in one module.
use super::Pass;
use super::architecture::Architecture;
use super::conditioning::Conditioning;
use super::config::ModelConfig;
use super::initialiser::Initialiser;
use super::latent_decoder::LatentDecoder;
use super::ncsnpp::Ncsnpp;
use super::projection::Projection;
use super::wide_resnet::{Code, WideResNet};
use crate::sde::Sde;
use burn::module::Module;
use burn::tensor::{Device, Tensor};

/// Encoder, and what it is trained with. The fields' names are part of the checkpoint format.
#[derive(Module, Debug)]
pub struct Model {
    /// Image to code.
    pub encoder: WideResNet,
    /// Time and code to what the other two are told; present if one of them is.
    pub conditioning: Option<Conditioning>,
    /// Noisy image and code to score.
    pub score: Option<Ncsnpp>,
    /// Code to image.
    pub decoder: Option<LatentDecoder>,
    /// Code to what contrastive losses compare.
    pub projection: Option<Projection>,
}

/// The embeddings of the times of a batch.
#[derive(Clone, Debug)]
pub struct TimeEmbeddings {
    /// The encoder's, `[N, 64]`.
    pub encoder: Tensor<2>,
    /// The score network's and decoder's, `[N, 4·features]`.
    pub conditioning: Option<Tensor<2>>,
}

impl Model {
    pub(super) fn new(
        encoder: WideResNet,
        architecture: Option<&Architecture>,
        config: &ModelConfig,
        init: &mut Initialiser,
    ) -> Self {
        let latent_dim = config.encoder.latent_dim();
        let conditioning = architecture.map(|a| Conditioning::new(a, latent_dim, init));
        let score = architecture.filter(|_| config.score_network).map(|a| Ncsnpp::new(a, init));
        let decoder = architecture.filter(|_| config.decoder).map(|a| LatentDecoder::new(a, init));
        let hidden = config.encoder.feature_dim();
        let projection =
            config.projection.map(|outputs| Projection::new([latent_dim, hidden, outputs], init));
        Self { encoder, conditioning, score, decoder, projection }
    }

    /// Codes of `images` `[N, H, W, C]` at times `t` (one an image, in [0, 1]); a static encoder ignores `t`.
    pub fn encode(&self, images: Tensor<4>, t: &[f64], sde: &Sde, pass: Pass) -> Code {
        let log_sigma = self.encoder_log_sigma(t, sde, &images.device());
        self.encoder.encode(images, log_sigma, pass)
    }

    /// Both embeddings of times `t`. The score network's is taken at `max(t, ε)`, ε = [`Sde::t_min`].
    pub fn embed_times(&self, t: &[f64], sde: &Sde, device: &Device) -> TimeEmbeddings {
        let encoder = self.encoder.time_embedding.forward(self.encoder_log_sigma(t, sde, device));
        let conditioning = self.conditioning.as_ref().map(|conditioning| {
            let log_sigma = log_sigmas(t.iter().map(|t| t.max(sde.t_min())), sde, device);
            conditioning.time_embedding.forward(log_sigma)
        });
        TimeEmbeddings { encoder, conditioning }
    }

    fn encoder_log_sigma(&self, t: &[f64], sde: &Sde, device: &Device) -> Tensor<1> {
        let seen = |&t: &f64| if self.encoder.is_time_conditioned() { t } else { 0.0 };
        log_sigmas(t.iter().map(seen), sde, device)
    }
}

fn log_sigmas(t: impl Iterator<Item = f64>, sde: &Sde, device: &Device) -> Tensor<1> {
    let values: Vec<f32> = t.map(|t| sde.log_sigma(t)).collect();
    Tensor::from_data(values.as_slice(), device)
}
