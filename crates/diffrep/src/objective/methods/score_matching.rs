//! DRL and VDRL: denoising score matching with the latent of the clean image as the score network's second input.
use super::{Needs, Spec};
use crate::nn::{Condition, Mode, Model, Ncsnpp, Pass, Precision, TimeEmbeddings};
use crate::objective::config::{ObjectiveConfig, Weighting};
use crate::objective::draw::Draw;
use crate::objective::{Batch, Losses, Objective, ZGain, terms};
use crate::random::Purpose;
use crate::sde::Sde;
use burn::tensor::{Device, Tensor};

/// Estimates of standardised pixels are cut off here: at high noise the first guess is wild.
const LARGEST_PIXEL: f32 = 3.0;

const DRL_NEEDS: Needs = Needs { time: true, score_network: true, ..Needs::NONE };

pub(super) static DRL: Spec = Spec {
    name: "drl",
    summary: "diffusion-based representation learning: a code that helps a score network to denoise",
    needs: DRL_NEEDS,
    defaults: "objective.gamma = 1e-5",
    build: |config, sde| Box::new(ScoreMatching::new(config, sde)),
};

pub(super) static VDRL: Spec = Spec {
    name: "vdrl",
    summary: "its variational form: a Gaussian code",
    needs: Needs { probabilistic: true, ..DRL_NEEDS },
    defaults: "objective.gamma = 1e-5\nencoder.probabilistic = true",
    build: |config, sde| Box::new(ScoreMatching::new(config, sde)),
};

/// `E λ(t) ‖score(x_t, t, z) − ∇ log p(x_t | x_0)‖² + γ·regulariser(z) [+ reconstruction]`
/// (Mittal et al., "Diffusion based representation learning", 2023).
#[derive(Clone, Debug)]
pub struct ScoreMatching {
    config: ObjectiveConfig,
    sde: Sde,
}

impl ScoreMatching {
    /// The objective of a configuration that [`crate::objective::build`] would accept.
    pub fn new(config: &ObjectiveConfig, sde: &Sde) -> Self {
        Self { config: config.clone(), sde: *sde }
    }

    /// The loss with the random numbers of `draw` and the time embeddings given ([`Model::embed_times`] of the draw's
    /// times, unless a test injects others).
    pub fn loss_at(
        &self,
        model: &Model,
        batch: &Batch,
        draw: &Draw,
        times: TimeEmbeddings,
        pass: Pass,
    ) -> Losses {
        let code = model.encoder.encode_embedded(batch.encoded(), times.encoder, pass);
        let z = code.sample(draw.latent_noise.clone());
        let whole = |z| condition(model, times.conditioning.clone(), z, pass.precision);
        let (score, told) = match &draw.keep {
            Some(keep) => whole(z.clone() * keep.clone()),
            None => whole(z.clone()),
        };
        let mut parts = vec![("denoising", self.denoising(score, batch, draw, &told, pass).mean())];
        parts.extend(terms::regulariser(self.config.gamma, &code, z.clone()));
        if let Some(decoder) = model.decoder.as_ref().filter(|_| self.config.needs_decoder()) {
            // The code is withheld from the score network only.
            let read = if draw.keep.is_some() { whole(z).1 } else { told };
            let error = terms::reconstruction(&self.config, decoder.forward(&read, pass), batch);
            parts.push(("reconstruction", error.mean().mul_scalar(self.config.reconstruction)));
        }
        Losses::sum(parts)
    }

    /// The denoising loss of each image.
    fn denoising(
        &self,
        score: &Ncsnpp,
        batch: &Batch,
        draw: &Draw,
        condition: &Condition,
        pass: Pass,
    ) -> Tensor<1> {
        let device = batch.images.device();
        let marginals: Vec<_> = draw.t.iter().map(|&t| self.sde.marginal(t.max(self.sde.t_min()))).collect();
        let mean = per_image(marginals.iter().map(|m| m.mean), &device).reshape([-1, 1, 1, 1]);
        let std = per_image(marginals.iter().map(|m| m.std), &device).reshape([-1, 1, 1, 1]);
        let noisy = batch.images.clone() * mean.clone() + draw.noise.clone() * std.clone();
        let h = match self_conditions(score, pass) {
            true => {
                // Without dropout, whose masks would be those of the pass that reads the guess.
                let guessing = Pass { mode: Mode::Eval, ..pass };
                let first = score.forward(noisy.clone(), condition, guessing).detach();
                let estimate = ((noisy.clone() + first * std) / mean).clamp(-LARGEST_PIXEL, LARGEST_PIXEL);
                score.forward_estimated(noisy, estimate, condition, pass)
            }
            false => score.forward(noisy, condition, pass),
        };
        let errors = terms::denoising(h, draw.noise.clone(), self.config.reduction);
        match self.config.weighting {
            Weighting::Variance => errors,
            Weighting::Likelihood => {
                let weight = |&t: &f64| {
                    let t = t.max(self.sde.t_min());
                    (self.sde.diffusion(t) / self.sde.marginal(t).std).powi(2)
                };
                errors * per_image(draw.t.iter().map(weight), &device)
            }
        }
    }

    fn draw(&self, batch: &Batch, code_dim: usize, pass: Pass) -> Draw {
        let (device, address) = (batch.images.device(), (pass.seed, pass.step));
        let draw = Draw::new(self.config.time, &self.sde, batch.images.dims(), code_dim, address, &device);
        match pass.mode {
            Mode::Train => draw.dropping(self.config.drop_latent, address),
            Mode::Eval => draw,
        }
    }
}

impl Objective for ScoreMatching {
    fn loss(&self, model: &Model, batch: &Batch, pass: Pass) -> Losses {
        let draw = self.draw(batch, model.encoder.latent_dim(), pass);
        let times = model.embed_times(&draw.t, &self.sde, &batch.images.device());
        self.loss_at(model, batch, &draw, times, pass)
    }

    fn z_gain(&self, model: &Model, batch: &Batch, pass: Pass) -> Option<ZGain> {
        let pass = Pass { mode: Mode::Eval, ..pass };
        let draw = self.draw(batch, model.encoder.latent_dim(), pass);
        let times = model.embed_times(&draw.t, &self.sde, &batch.images.device());
        let code = model.encoder.encode_embedded(batch.encoded(), times.encoder, pass);
        let z = code.sample(draw.latent_noise.clone());
        let loss_with = |z| {
            let (score, condition) = condition(model, times.conditioning.clone(), z, pass.precision);
            self.denoising(score, batch, &draw, &condition, pass).mean().into_scalar::<f32>()
        };
        Some(ZGain { right: loss_with(z.clone()), shuffled: loss_with(z.roll_dim(1, 0)) })
    }
}

/// Whether this step gives the score network its own first guess: every other training step on average. Else its second
/// input is zero, as at generation and measurement.
fn self_conditions(score: &Ncsnpp, pass: Pass) -> bool {
    let draw = || pass.seed.key(Purpose::SelfCondition, 0, pass.step).uniform(0);
    score.is_self_conditioned() && pass.mode == Mode::Train && draw() < 0.5
}

fn condition(
    model: &Model,
    time: Option<Tensor<2>>,
    z: Tensor<2>,
    precision: Precision,
) -> (&Ncsnpp, Condition) {
    match (&model.score, &model.conditioning, time) {
        (Some(score), Some(conditioning), Some(time)) => (score, conditioning.join(time, z, precision)),
        _ => unreachable!("the configuration was checked to have a score network, and so conditioning"),
    }
}

fn per_image(values: impl Iterator<Item = f64>, device: &Device) -> Tensor<1> {
    let values: Vec<f32> = values.map(|v| v as f32).collect();
    Tensor::from_data(values.as_slice(), device)
}
