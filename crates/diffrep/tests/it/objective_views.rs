//! What encoder and score network are shown: another view, a withheld latent.
use super::objective::{tiny_batch, tiny_config};
use burn::tensor::{Device, Tensor};
use diffrep::nn::{Mode, ModelConfig, Pass, parameters};
use diffrep::objective::{self, Batch, EncoderView, Method, ObjectiveConfig, ScoreMatching, TimeSampling};
use diffrep::random::Seed;
use diffrep::sde::Sde;
use diffrep::train::{Config, Plan, Sources};
use std::path::Path;

const SEED: Seed = Seed(9);

/// Layers of the score network that start near zero would let no gradient through: other weights.
fn shaken(layout: &parameters::Layout, mut weights: Vec<f32>) -> Vec<f32> {
    for entry in layout.entries().iter().filter(|entry| entry.name.starts_with("score.")) {
        weights[entry.range.clone()].iter_mut().enumerate().for_each(|(i, v)| *v += 0.1 * (i as f32).sin());
    }
    weights
}

fn loss(method: Method, batch: &Batch) -> f32 {
    let network = tiny_config(method);
    let model = network.init(SEED, &Device::default()).unwrap();
    // With a regulariser the code itself is part of the loss, whatever an untrained network makes of it.
    let config = ObjectiveConfig { gamma: 1.0, ..ObjectiveConfig::of(method) };
    let objective = objective::build(&config, &Sde::default(), &network).unwrap();
    objective.loss(&model, batch, Pass { seed: SEED, ..Pass::EVAL }).total.into_scalar::<f32>()
}

#[test]
fn the_second_view_is_encoded_and_the_first_is_the_target() {
    for method in [Method::DRL, Method::VDRL, Method::AE, Method::VAE] {
        let one = Batch { second: None, ..tiny_batch(4, &Device::default()) };
        let with = |second: Tensor<4>| Batch { second: Some(second), ..one.clone() };
        assert_eq!(loss(method, &with(one.images.clone())), loss(method, &one), "{method:?}");
        assert_ne!(loss(method, &with(one.images.clone().neg())), loss(method, &one), "{method:?}");
    }
}

#[test]
fn so_many_latents_are_withheld_in_training_and_the_same_at_the_same_step() {
    let draw = |step| {
        let (sde, device) = (Sde::default(), Device::default());
        objective::Draw::new(TimeSampling::Uniform, &sde, [4000, 1, 1, 1], 1, (SEED, step), &device)
    };
    assert!(draw(3).dropping(0.0, (SEED, 3)).keep.is_none());
    let kept = |step| {
        super::shared::values(draw(step).dropping(0.25, (SEED, step)).keep.expect("something is withheld"))
    };
    let share = kept(3).iter().sum::<f32>() / 4000.0;
    // Four standard errors.
    assert!((share - 0.75).abs() < 4.0 * (0.25f32 * 0.75 / 4000.0).sqrt(), "{share}");
    assert_eq!(kept(3), kept(3));
    assert_ne!(kept(3), kept(4));
}

#[test]
fn a_withheld_latent_teaches_the_encoder_nothing() {
    let device = Device::default().autodiff();
    let network = tiny_config(Method::DRL);
    let model = network.init(SEED, &device).unwrap();
    let layout = parameters::Layout::of(&model);
    let weights = shaken(&layout, parameters::gather(&model));
    let model = parameters::scatter(&model, &weights);
    let sde = Sde::default();
    let objective = ScoreMatching::new(&ObjectiveConfig { gamma: 0.0, ..ObjectiveConfig::default() }, &sde);
    let batch = tiny_batch(2, &device);
    let draw = objective::Draw::new(
        TimeSampling::Fixed(0.5),
        &sde,
        batch.images.dims(),
        model.encoder.latent_dim(),
        (SEED, 0),
        &device,
    );
    let gradient = |keep: Option<Tensor<2>>| {
        let draw = objective::Draw { keep, ..draw.clone() };
        let times = model.embed_times(&draw.t, &sde, &device);
        let pass = Pass { mode: Mode::Train, seed: SEED, ..Pass::EVAL };
        let losses = objective.loss_at(&model, &batch, &draw, times, pass);
        let gradients = parameters::gather_gradients(&model, &losses.total.backward());
        gradients[layout.find("encoder.stem.weight").unwrap().range.clone()].iter().any(|g| *g != 0.0)
    };
    assert!(gradient(None));
    assert!(!gradient(Some(Tensor::zeros([2, 1], &device))));
}

#[test]
fn about_every_other_training_step_gives_the_network_its_own_guess() {
    let device = Device::default().autodiff();
    let mut network = tiny_config(Method::DRL);
    network.ncsnpp.self_conditioning = true;
    let model = network.init(SEED, &device).unwrap();
    let layout = parameters::Layout::of(&model);
    let weights = shaken(&layout, parameters::gather(&model));
    let model = parameters::scatter(&model, &weights);
    let objective = objective::build(&ObjectiveConfig::default(), &Sde::default(), &network).unwrap();
    let batch = tiny_batch(2, &device);
    let input = layout.find("score.input.weight").unwrap();
    assert_eq!(input.shape[1], 2);
    // Weights of an input of zeros have no gradient.
    let guesses = |step, mode| {
        let losses = objective.loss(&model, &batch, Pass { mode, seed: SEED, step, ..Pass::EVAL });
        let gradients = parameters::gather_gradients(&model, &losses.total.backward());
        let gradients = &gradients[input.range.clone()];
        assert!(gradients.iter().all(|g| g.is_finite()));
        // Kernels of 3×3, image and guess in turn.
        gradients.chunks(9).skip(1).step_by(2).flatten().any(|g| *g != 0.0)
    };
    let given = (0..40).filter(|step| guesses(*step, Mode::Train)).count();
    assert!((10..=30).contains(&given), "{given} of 40");
    assert!((0..10).all(|step| !guesses(step, Mode::Eval)));
}

#[test]
fn views_and_withheld_latents_that_a_method_has_no_use_for_are_refused() {
    let message = |method: Method, change: fn(&mut ObjectiveConfig)| {
        let mut config = ObjectiveConfig::of(method);
        change(&mut config);
        objective::build(&config, &Sde::default(), &tiny_config(method)).err().map(|e| e.to_string())
    };
    let other = |config: &mut ObjectiveConfig| config.encoder_view = EncoderView::Other;
    let drop = |config: &mut ObjectiveConfig| config.drop_latent = 0.1;
    assert_eq!(message(Method::DRL, other), None);
    assert_eq!(message(Method::DRL, drop), None);
    let target = "objective.encoder_view: simclr has no picture to denoise or reconstruct; expected `same`";
    assert_eq!(message(Method::SIMCLR, other), Some(target.to_owned()));
    let told = "objective.drop_latent: ae has no score network; expected 0";
    assert_eq!(message(Method::AE, drop), Some(told.to_owned()));
    let always = "objective.drop_latent is 1, expected a probability below 1";
    assert_eq!(message(Method::DRL, |config| config.drop_latent = 1.0), Some(always.to_owned()));
}

#[test]
fn another_view_without_augmentation_is_refused() {
    let plan = |set: &[&str]| {
        let set = set.iter().map(|s| s.to_string()).collect();
        let config =
            Config::resolve(&Sources { preset: Some("digits".to_owned()), set, ..Sources::default() });
        Plan::new(config.unwrap(), Path::new("nowhere")).map(drop).map_err(|error| error.to_string())
    };
    let error = plan(&["objective.encoder_view=other"]).unwrap_err();
    assert!(error.contains("objective.encoder_view") && error.contains("augment.crop"), "{error}");
    assert!(plan(&["objective.encoder_view=other", "augment.crop=[0.5, 1.0]"]).is_ok());
}

#[test]
fn a_latent_withheld_from_the_score_network_still_reconstructs() {
    let device = Device::default().autodiff();
    let config = ObjectiveConfig { gamma: 0.0, reconstruction: 1.0, ..ObjectiveConfig::default() };
    let network = ModelConfig { decoder: true, ..tiny_config(Method::DRL) };
    let model = network.init(SEED, &device).unwrap();
    let (sde, batch) = (Sde::default(), tiny_batch(2, &device));
    let objective = ScoreMatching::new(&config, &sde);
    let (time, dim) = (TimeSampling::Fixed(0.5), model.encoder.latent_dim());
    let draw = objective::Draw::new(time, &sde, batch.images.dims(), dim, (SEED, 0), &device);
    let reconstruction = |keep: Option<Tensor<2>>| {
        let draw = objective::Draw { keep, ..draw.clone() };
        let times = model.embed_times(&draw.t, &sde, &device);
        let losses = objective.loss_at(&model, &batch, &draw, times, Pass { seed: SEED, ..Pass::EVAL });
        let part = losses.parts.into_iter().find(|(name, _)| *name == "reconstruction").unwrap();
        part.1.into_scalar::<f32>()
    };
    assert_eq!(reconstruction(Some(Tensor::zeros([2, 1], &device))), reconstruction(None));
}
