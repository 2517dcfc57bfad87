//! Score network, latent decoder and every loss against the research code's (`shared/reference/README.md`).
use super::reference_encoder::oriented;
use super::shared::{Reference, assert_close, assert_gradients, nchw, relative_error, values};
use burn::tensor::{Device, Tensor};
use diffrep::nn::research::{StateDict, mappings};
use diffrep::nn::{
    EncoderConfig, Mode, Model, ModelConfig, NcsnppConfig, Pass, Precision, TimeEmbeddings, parameters,
};
use diffrep::objective::{
    Batch, Draw, Method, ObjectiveConfig, Reconstruction, ReconstructionLoss, Reduction, ScoreMatching,
    Weighting,
};
use diffrep::random::Seed;
use diffrep::sde::Sde;

const FORWARD: f32 = 1e-4;
const GRADIENT: f32 = 1e-3;
const GRADIENT_END_TO_END: f32 = 5e-2;
const TRAIN: Pass = Pass { mode: Mode::Train, ..Pass::EVAL };

/// The reference of one method, and its network.
struct Case {
    reference: Reference,
    state: StateDict,
    method: Method,
}

impl Case {
    fn open(method: Method) -> Option<Self> {
        let reference = Reference::open(&format!("score_ncsnpp_{}.safetensors", method.name()))?;
        Some(Self { state: reference.state(), reference, method })
    }

    fn model(&self, device: &Device) -> Model {
        let encoder = EncoderConfig {
            depth: 10,
            width: 1,
            pool: 1,
            latent: Some(64),
            probabilistic: self.method.needs().probabilistic,
            time_conditioned: true,
            classes: Some(10),
            learned_time: true,
        };
        let config = ModelConfig {
            height: 32,
            width: 32,
            channels: 3,
            encoder,
            ncsnpp: NcsnppConfig { dropout: 0.0, ..NcsnppConfig::default() },
            score_network: true,
            decoder: true,
            projection: None,
        };
        self.state.load_into(&config.init(Seed(0), device).unwrap()).unwrap()
    }

    fn batch(&self, scale: f32, device: &Device) -> Batch {
        let images = self.reference.images("in.x0", device);
        Batch { unit: Some(images.clone()), ..Batch::new(images.mul_scalar(scale)) }
    }

    fn draw(&self, device: &Device) -> Draw {
        let latent_noise = match self.method.needs().probabilistic {
            true => self.reference.matrix("in.encoder_noise", device),
            false => Tensor::zeros([3, 64], device),
        };
        Draw {
            keep: None,
            t: self.reference.times("in.t"),
            noise: self.reference.images("in.noise", device),
            latent_noise,
        }
    }

    fn embeddings(&self, embedded: bool, model: &Model, device: &Device) -> TimeEmbeddings {
        match embedded {
            true => TimeEmbeddings {
                encoder: self.reference.matrix("out.encoder_time_embedding", device),
                conditioning: Some(self.reference.matrix("out.score_time_embedding", device)),
            },
            false => model.embed_times(&self.reference.times("in.t"), &Sde::default(), device),
        }
    }

    /// Checks a loss, the norm of its gradient, and the single gradients that are stored for it.
    fn check_loss(&self, name: &str, loss: impl Fn(&Model, &Batch, TimeEmbeddings, &Device) -> Tensor<1>) {
        assert_gradients(GRADIENT_END_TO_END, |scale| self.errors(name, &loss, false, scale));
        if self.reference.has(&format!("loss.{name}.grad.all_modules.3.weight")) {
            assert_gradients(GRADIENT, |scale| self.errors(name, &loss, true, scale));
        }
    }

    fn errors(
        &self,
        name: &str,
        loss: impl Fn(&Model, &Batch, TimeEmbeddings, &Device) -> Tensor<1>,
        embedded: bool,
        scale: f32,
    ) -> Vec<(String, f32)> {
        let device = Device::default().autodiff();
        let model = self.model(&device);
        let times = self.embeddings(embedded, &model, &device);
        let loss = loss(&model, &self.batch(scale, &device), times, &device);
        let stored = format!("loss.{name}");
        assert_close(&stored, &values(loss.clone()), self.reference.values(&stored), FORWARD);
        let gradients = parameters::gather_gradients(&model, &loss.backward());
        let mut errors = Vec::new();
        // With the time embeddings stored, the gradients of what makes them are cut off: the norm is end to end.
        if !embedded {
            let norm = gradients.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt() as f32;
            let expected = format!("{stored}.grad_norm");
            errors.push((expected.clone(), relative_error(&[norm], self.reference.values(&expected))));
        }
        for mapping in mappings(&model) {
            let expected = format!("{stored}.grad.{}", mapping.theirs);
            if self.reference.has(&expected) {
                let found = oriented(&gradients[mapping.range.clone()], &mapping.shape, mapping.transposed);
                errors.push((expected.clone(), relative_error(&found, self.reference.values(&expected))));
            }
        }
        errors
    }
}

fn check_score_matching(name: &str, config: ObjectiveConfig) {
    for case in cases() {
        let config = ObjectiveConfig { method: case.method, ..config.clone() };
        let objective = ScoreMatching::new(&config, &Sde::default());
        case.check_loss(name, |model, batch, times, device| {
            objective.loss_at(model, batch, &case.draw(device), times, TRAIN).total
        });
    }
}

/// The autoencoder, and with a probabilistic code the likelihood term of the variational one.
fn check_reconstruction(name: &str, reconstruction_loss: ReconstructionLoss) {
    for (case, method) in cases().zip([Method::AE, Method::VAE]) {
        let config = ObjectiveConfig { gamma: 0.0, reconstruction_loss, ..ObjectiveConfig::of(method) };
        let objective = Reconstruction::new(&config, &Sde::default());
        case.check_loss(name, |model, batch, times, device| {
            objective.loss_at(model, batch, case.draw(device).latent_noise, times, TRAIN).total
        });
    }
}

fn cases() -> impl Iterator<Item = Case> {
    [Method::DRL, Method::VDRL].into_iter().filter_map(Case::open)
}

fn plain() -> ObjectiveConfig {
    ObjectiveConfig { gamma: 0.0, ..ObjectiveConfig::default() }
}

fn check_forward(method: Method) {
    let Some(case) = Case::open(method) else { return };
    let reference = &case.reference;
    let device = Device::default();
    let model = case.model(&device);
    let times = case.embeddings(false, &model, &device);
    let close = |what: &str, found: Vec<f32>| assert_close(what, &found, reference.values(what), FORWARD);
    close("out.encoder_time_embedding", values(times.encoder.clone()));
    let time = times.conditioning.expect("a model with a score network");
    close("out.score_time_embedding", values(time.clone()));
    let code = model.encoder.encode_embedded(case.batch(1.0, &device).images, times.encoder, Pass::EVAL);
    if let Some(log_variance) = &code.log_variance {
        close("out.z_mean", values(code.mean.clone()));
        close("out.z_logvar", values(log_variance.clone()));
    }
    let z = code.sample(case.draw(&device).latent_noise);
    close("out.latent", values(z.clone()));
    let condition = model.conditioning.as_ref().expect("as above").join(time, z, Precision::F32);
    close("out.joint_embedding", values(condition.embedding.clone()));
    close("out.latent_map", nchw(condition.map.clone()));
    let noisy = reference.images("in.xt", &device);
    let h = model.score.as_ref().expect("as above").forward(noisy, &condition, Pass::EVAL);
    let sigma = Tensor::<1>::from_data(reference.values("in.sigma"), &device).reshape([3, 1, 1, 1]);
    close("out.score", nchw(h / sigma));
    let decoder = model.decoder.as_ref().expect("a model with a decoder");
    close("out.reconstruction", nchw(decoder.forward(&condition, Pass::EVAL)));
}

#[test]
fn drl_forward_values_agree() {
    check_forward(Method::DRL);
}

#[test]
fn vdrl_forward_values_agree() {
    check_forward(Method::VDRL);
}

#[test]
fn the_denoising_loss_agrees() {
    check_score_matching("sum", plain());
}

#[test]
fn the_denoising_loss_by_its_mean_agrees() {
    check_score_matching("mean", ObjectiveConfig { reduction: Reduction::Mean, ..plain() });
}

#[test]
fn the_denoising_loss_with_likelihood_weighting_agrees() {
    check_score_matching("likelihood", ObjectiveConfig { weighting: Weighting::Likelihood, ..plain() });
}

#[test]
fn regularised_losses_agree() {
    check_score_matching("regularised", ObjectiveConfig { gamma: 1.0, ..plain() });
}

#[test]
fn the_loss_with_joint_reconstruction_agrees() {
    check_score_matching("joint_reconstruction", ObjectiveConfig { reconstruction: 0.5, ..plain() });
}

#[test]
fn autoencoders_agree() {
    check_reconstruction("reconstruction_only", ReconstructionLoss::L2);
}

#[test]
fn autoencoders_by_binary_cross_entropy_agree() {
    check_reconstruction("reconstruction_only_bce", ReconstructionLoss::Bce);
}

#[test]
fn a_whole_network_exports_the_names_that_it_imports() {
    let Some(case) = Case::open(Method::VDRL) else { return };
    let exported = StateDict::of(&case.model(&Device::default()));
    assert!(exported.names().eq(case.state.names()));
    for name in case.state.names() {
        assert_eq!(exported.get(name).unwrap().values, case.state.get(name).unwrap().values, "{name}");
    }
}
