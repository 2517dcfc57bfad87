//! What score network and latent decoder are told: the time, and the latent.
use super::architecture::Architecture;
use super::initialiser::{Initialiser, Weights};
use super::time_embedding::TimeEmbedding;
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::silu;
use diffrep_backend::layers::{self, Precision};

/// Time and latent in the forms in which they enter the networks.
#[derive(Clone, Debug)]
pub struct Condition {
    /// Joint embedding: time, 4·features numbers, then latent, as many unless `ncsnpp.latent_features` says otherwise.
    pub embedding: Tensor<2>,
    /// The latent as a feature map `[N, h, w, 2·features]` of the bottleneck's size.
    pub map: Tensor<4>,
}

/// Joins the time embedding with the latent, and turns both into a feature map by an MLP.
#[derive(Module, Debug)]
pub struct Conditioning {
    /// The embedding of ln σ(t).
    pub time_embedding: TimeEmbedding,
    latent: Linear,
    map1: Linear,
    map2: Linear,
    map3: Linear,
    map_height: usize,
    map_width: usize,
}

impl Conditioning {
    pub(super) fn new(architecture: &Architecture, latent_dim: usize, init: &mut Initialiser) -> Self {
        let features = architecture.features;
        let (map_height, map_width) = architecture.bottleneck;
        let weights = Weights::KaimingUniform;
        let hidden = architecture.map_channels() * map_height;
        Self {
            time_embedding: TimeEmbedding::new(features, false, init),
            latent: init.linear(latent_dim, architecture.latent_features, weights),
            map1: init.linear(architecture.embedding(), hidden, weights),
            map2: init.linear(hidden, hidden, weights),
            map3: init.linear(hidden, hidden * map_width, weights),
            map_height,
            map_width,
        }
    }

    /// The condition for `time`, an output of the time embedding `[N, 4·features]`, and `z`, latents `[N, d]`.
    pub fn join(&self, time: Tensor<2>, z: Tensor<2>, precision: Precision) -> Condition {
        let linear = |x, layer: &Linear| layers::linear(x, layer, precision);
        let embedding = Tensor::cat(vec![time, linear(z, &self.latent)], 1);
        let h = silu(linear(embedding.clone(), &self.map1));
        let h = silu(linear(h, &self.map2));
        let h = silu(linear(h, &self.map3));
        let [n, width] = h.dims();
        let channels = width / (self.map_height * self.map_width);
        // As published, the MLP's output is read in (C, H, W) order.
        let map = h.reshape([n, channels, self.map_height, self.map_width]).permute([0, 2, 3, 1]);
        Condition { embedding, map }
    }
}
