//! Objectives on tiny networks.
use burn::tensor::{Device, Tensor, TensorData};
use diffrep::nn::{EncoderConfig, Mode, Model, ModelConfig, NcsnppConfig, Pass, Precision, parameters};
use diffrep::objective::{self, Batch, Method, ObjectiveConfig, ReconstructionLoss, TimeSampling, Weighting};
use diffrep::random::{Purpose, Seed};
use diffrep::sde::{Sde, SubVp, Ve, Vp};

const SEED: Seed = Seed(3);

/// 8×8 grey images, two levels, one block a level.
pub fn tiny_config(method: Method) -> ModelConfig {
    ModelConfig {
        height: 8,
        width: 8,
        channels: 1,
        encoder: EncoderConfig {
            depth: 10,
            width: 1,
            latent: Some(3),
            probabilistic: method.needs().probabilistic,
            time_conditioned: method.needs().time,
            classes: method.needs().labels.then_some(4),
            ..EncoderConfig::default()
        },
        ncsnpp: NcsnppConfig {
            features: 8,
            multipliers: vec![1, 2],
            blocks: 1,
            attention: Some(vec![4]),
            dropout: 0.1,
            ..NcsnppConfig::default()
        },
        score_network: true,
        decoder: true,
        projection: method.needs().projection.then_some(5),
    }
}

pub fn tiny_batch(n: usize, device: &Device) -> Batch {
    let mut pixels = vec![0.0; n * 64];
    SEED.key(Purpose::Generate, 0, 0).fill_uniform(0, &mut pixels);
    let unit = Tensor::<4>::from_data(TensorData::new(pixels, [n, 8, 8, 1]), device);
    let images = unit.clone().mul_scalar(3.0).sub_scalar(1.5);
    // Four classes in turn, and a second view that is like the first.
    let classes = (0..4 * n).map(|i| if i / 4 % 4 == i % 4 { 1.0 } else { 0.0 }).collect::<Vec<f32>>();
    let labels = Tensor::from_data(TensorData::new(classes, [n, 4]), device);
    Batch { second: Some(images.clone().mul_scalar(0.9)), images, unit: Some(unit), labels: Some(labels) }
}

fn loss(model: &Model, batch: &Batch, config: &ObjectiveConfig, sde: &Sde, step: u32, mode: Mode) -> f32 {
    let objective = objective::build(config, sde, &tiny_config(config.method)).unwrap();
    let pass = Pass { mode, seed: SEED, step, ..Pass::EVAL };
    objective.loss(model, batch, pass).total.into_scalar::<f32>()
}

#[test]
fn every_choice_of_score_matching_gives_a_finite_loss_and_gradient() {
    let device = Device::default().autodiff();
    let batch = tiny_batch(3, &device);
    let sdes = [Sde::Ve(Ve::default()), Sde::Vp(Vp::default()), Sde::SubVp(SubVp::default())];
    for method in &[Method::DRL, Method::VDRL] {
        let model = tiny_config(*method).init(SEED, &device).unwrap();
        for sde in &sdes {
            for time in ["uniform", "sigma-uniform", "fixed:0", "beta:2,1"] {
                let config = ObjectiveConfig {
                    method: *method,
                    weighting: Weighting::Likelihood,
                    time: time.parse().unwrap(),
                    reconstruction: 0.5,
                    reconstruction_loss: ReconstructionLoss::Bce,
                    ..ObjectiveConfig::default()
                };
                let objective = objective::build(&config, sde, &tiny_config(*method)).unwrap();
                let losses = objective.loss(
                    &model,
                    &batch,
                    Pass { mode: Mode::Train, seed: SEED, step: 1, ..Pass::EVAL },
                );
                let names: Vec<&str> = losses.parts.iter().map(|(name, _)| *name).collect();
                assert_eq!(names, ["denoising", "regulariser", "reconstruction"]);
                let sum: f32 = losses.parts.iter().map(|(_, part)| part.clone().into_scalar::<f32>()).sum();
                let total = losses.total.clone().into_scalar::<f32>();
                assert!(
                    total.is_finite() && (total - sum).abs() <= 1e-5 * total,
                    "{method:?} {sde:?} {time}"
                );
                let gradients = parameters::gather_gradients(&model, &losses.total.backward());
                assert!(gradients.iter().all(|g| g.is_finite()), "{method:?} {sde:?} {time}");
                assert!(gradients.iter().any(|g| *g != 0.0), "{method:?} {sde:?} {time}");
            }
        }
    }
}

#[test]
fn a_loss_is_a_function_of_seed_and_step() {
    let device = Device::default();
    let batch = tiny_batch(4, &device);
    let model = tiny_config(Method::VDRL).init(SEED, &device).unwrap();
    let config = ObjectiveConfig { method: Method::VDRL, ..ObjectiveConfig::default() };
    let at = |step| loss(&model, &batch, &config, &Sde::default(), step, Mode::Eval);
    assert_eq!(at(5), at(5));
    assert_ne!(at(5), at(6));
}

#[test]
fn a_loss_built_by_hand_is_the_loss() {
    let device = Device::default();
    let network = ModelConfig {
        height: 2,
        width: 2,
        decoder: false,
        ncsnpp: NcsnppConfig { multipliers: vec![1], attention: None, ..tiny_config(Method::DRL).ncsnpp },
        ..tiny_config(Method::DRL)
    };
    let model = network.init(SEED, &device).unwrap();
    let pixels = [0.5, -1.0, 0.25, 2.0];
    let images = Tensor::<4>::from_data(TensorData::new(pixels.to_vec(), [1, 2, 2, 1]), &device);
    let config = ObjectiveConfig { time: TimeSampling::Fixed(0.3), gamma: 0.1, ..ObjectiveConfig::default() };
    let sde = Sde::default();
    let objective = objective::build(&config, &sde, &network).unwrap();
    let batch = Batch::new(images.clone());
    let found =
        objective.loss(&model, &batch, Pass { seed: SEED, step: 7, ..Pass::EVAL }).total.into_scalar::<f32>();

    // x_t = x₀ + σ ε; z = E(x₀, t); ½ Σ (h(x_t, t, z) + ε)² + γ Σ |z|.
    let sigma = 0.01 * 5000f32.powf(0.3);
    let mut noise = [0.0; 4];
    SEED.key(Purpose::Noise, 0, 7).fill_normal(0, &mut noise);
    let noisy: Vec<f32> = pixels.iter().zip(noise).map(|(x, e)| x + sigma * e).collect();
    let z = model.encode(images, &[0.3], &sde, Pass::EVAL).mean;
    let time = model.embed_times(&[0.3], &sde, &device).conditioning.unwrap();
    let condition = model.conditioning.as_ref().unwrap().join(time, z.clone(), Precision::F32);
    let noisy = Tensor::<4>::from_data(TensorData::new(noisy, [1, 2, 2, 1]), &device);
    let h = super::shared::values(model.score.as_ref().unwrap().forward(noisy, &condition, Pass::EVAL));
    let denoising: f32 = h.iter().zip(noise).map(|(h, e)| 0.5 * (h + e).powi(2)).sum();
    let l1: f32 = super::shared::values(z).iter().map(|z| z.abs()).sum();
    let by_hand = denoising + 0.1 * l1;
    assert!((found - by_hand).abs() < 1e-4 * by_hand, "{found}, by hand {by_hand}");
}

#[test]
fn an_image_s_noise_does_not_depend_on_the_batch_around_it() {
    let device = Device::default();
    let (one, four) = (tiny_batch(1, &device), tiny_batch(4, &device));
    let draw = |batch: &Batch| {
        let shape = batch.images.dims();
        objective::Draw::new(TimeSampling::Uniform, &Sde::default(), shape, 3, (SEED, 2), &device)
    };
    let (one, four) = (draw(&one), draw(&four));
    assert_eq!(one.t[0], four.t[0]);
    assert_eq!(one.noise.into_data(), four.noise.narrow(0, 0, 1).into_data());
    assert_eq!(one.latent_noise.into_data(), four.latent_noise.narrow(0, 0, 1).into_data());
}

#[test]
fn shuffled_latents_change_the_loss_once_the_network_uses_them() {
    let device = Device::default();
    let batch = tiny_batch(4, &device);
    let model = tiny_config(Method::DRL).init(SEED, &device).unwrap();
    let objective =
        objective::build(&ObjectiveConfig::default(), &Sde::default(), &tiny_config(Method::DRL)).unwrap();
    // The path of z ends in layers that start near zero, so z can't matter yet; larger weights let it.
    let layout = parameters::Layout::of(&model);
    let mut values = parameters::gather(&model);
    for entry in layout.entries().iter().filter(|entry| entry.name.starts_with("score.")) {
        values[entry.range.clone()].iter_mut().enumerate().for_each(|(i, v)| *v += 0.1 * (i as f32).sin());
    }
    let pass = Pass { seed: SEED, ..Pass::EVAL };
    let untrained = objective.z_gain(&model, &batch, pass).unwrap();
    let user = objective.z_gain(&parameters::scatter(&model, &values), &batch, pass).unwrap();
    assert!((untrained.gain() / untrained.right).abs() < 1e-4, "{untrained:?}");
    assert!((user.gain() / user.right).abs() > 1e-4, "{user:?}");
    let alone = objective.z_gain(&model, &tiny_batch(1, &device), pass).unwrap();
    assert_eq!(alone.gain(), 0.0);
}

#[test]
fn times_follow_the_chosen_sampling() {
    let sde = Sde::default();
    let quantile = |text: &str, u| text.parse::<TimeSampling>().unwrap().quantile(u, &sde);
    assert_eq!(quantile("fixed:0.25", 0.9), 0.25);
    assert_eq!(quantile("uniform", 0.0), sde.t_min());
    // Half of σ-uniform times lie above σ = 25: t = ln(25/0.01)/ln(5000).
    assert!((quantile("sigma-uniform", 0.5) - (2500f64.ln() / 5000f64.ln())).abs() < 1e-4);
    assert!((quantile("beta:2,1", 0.25) - 0.5).abs() < 1e-9);
}

#[test]
fn a_wrong_time_sampling_is_named_with_what_was_expected() {
    for text in
        ["", "unifrom", "fixed:", "fixed:1.5", "fixed:NaN", "beta:1", "beta:0,1", "beta:1,1e9", "uniform:1"]
    {
        let message = text.parse::<TimeSampling>().unwrap_err().to_string();
        assert!(message.starts_with("objective.time is `") && message.contains("fixed:T"), "{message}");
    }
}

#[test]
fn networks_that_a_method_can_t_train_are_refused() {
    let sde = Sde::default();
    let message = |config: &ObjectiveConfig, model: &ModelConfig| {
        objective::build(config, &sde, model).err().map(|error| error.to_string())
    };
    let drl = ObjectiveConfig::default();
    let expected = Some("drl needs encoder.probabilistic = false".to_owned());
    assert_eq!(message(&drl, &tiny_config(Method::VDRL)), expected);
    let bare = ModelConfig { decoder: false, ..tiny_config(Method::DRL) };
    assert_eq!(message(&drl, &bare), None);
    let joint = ObjectiveConfig { reconstruction: 1.0, ..drl.clone() };
    assert_eq!(message(&joint, &bare), Some("a joint reconstruction needs decoder = true".to_owned()));
    let simclr = ObjectiveConfig { reconstruction: 0.1, ..ObjectiveConfig::of(Method::SIMCLR) };
    let expected = Some("objective.reconstruction: simclr reconstructs nothing; expected 0".to_owned());
    assert_eq!(message(&simclr, &tiny_config(Method::SIMCLR)), expected);
    let negative = ObjectiveConfig { gamma: -1.0, ..drl };
    assert_eq!(
        message(&negative, &bare),
        Some("objective.gamma is -1, expected a number of at least 0".to_owned())
    );
}
