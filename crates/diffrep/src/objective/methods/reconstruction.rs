//! AE and VAE: the code is what a decoder reconstructs the image from.
use super::{Needs, Spec};
use crate::nn::{Model, Pass, TimeEmbeddings};
use crate::objective::config::ObjectiveConfig;
use crate::objective::draw::latent_noise;
use crate::objective::{Batch, Losses, Objective, ZGain, terms};
use crate::sde::Sde;
use burn::tensor::Tensor;

const AE_NEEDS: Needs = Needs { decoder: true, ..Needs::NONE };

pub(super) static AE: Spec = Spec {
    name: "ae",
    summary: "autoencoder: a code that a decoder reconstructs the image from",
    needs: AE_NEEDS,
    defaults: "objective.gamma = 0.0\nobjective.reconstruction = 1.0\nencoder.time_conditioned = false",
    build: |config, sde| Box::new(Reconstruction::new(config, sde)),
};

pub(super) static VAE: Spec = Spec {
    name: "vae",
    summary: "variational autoencoder: the same with a Gaussian code",
    needs: Needs { probabilistic: true, ..AE_NEEDS },
    defaults: "objective.gamma = 1.0\nobjective.reconstruction = 1.0\n\
               encoder.time_conditioned = false\nencoder.probabilistic = true",
    build: |config, sde| Box::new(Reconstruction::new(config, sde)),
};

/// `E ρ·distance(decoder(z), x) + γ·regulariser(z)`: with a Gaussian code, the L2 distance and ρ = γ = 1 the negative
/// evidence lower bound of a decoder of unit variance (Kingma and Welling, 2014), up to a constant.
#[derive(Clone, Debug)]
pub struct Reconstruction {
    config: ObjectiveConfig,
    sde: Sde,
}

impl Reconstruction {
    /// The objective of a configuration that [`crate::objective::build`] would accept.
    pub fn new(config: &ObjectiveConfig, sde: &Sde) -> Self {
        Self { config: config.clone(), sde: *sde }
    }

    /// The loss with `noise` `[N, d]` for a Gaussian code and the time embeddings given (those of t = 0, unless a test
    /// injects others).
    ///
    /// # Panics
    /// If `model` has no decoder.
    pub fn loss_at(
        &self,
        model: &Model,
        batch: &Batch,
        noise: Tensor<2>,
        times: TimeEmbeddings,
        pass: Pass,
    ) -> Losses {
        let code = model.encoder.encode_embedded(batch.encoded(), times.encoder, pass);
        let z = code.sample(noise);
        let output = match (&model.decoder, &model.conditioning, times.conditioning) {
            (Some(decoder), Some(conditioning), Some(time)) => {
                decoder.forward(&conditioning.join(time, z.clone(), pass.precision), pass)
            }
            _ => panic!("a reconstruction is documented to need a decoder"),
        };
        let error = terms::reconstruction(&self.config, output, batch);
        let mut parts = vec![("reconstruction", error.mean().mul_scalar(self.config.reconstruction))];
        parts.extend(terms::regulariser(self.config.gamma, &code, z));
        Losses::sum(parts)
    }
}

impl Objective for Reconstruction {
    fn loss(&self, model: &Model, batch: &Batch, pass: Pass) -> Losses {
        let (rows, device) = (batch.images.dims()[0], batch.images.device());
        let noise = latent_noise([rows, model.encoder.latent_dim()], (pass.seed, pass.step), &device);
        let times = model.embed_times(&vec![0.0; rows], &self.sde, &device);
        self.loss_at(model, batch, noise, times, pass)
    }

    fn z_gain(&self, _: &Model, _: &Batch, _: Pass) -> Option<ZGain> {
        None
    }
}
