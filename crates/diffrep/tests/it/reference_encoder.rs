//! Encoders against the research code's (`shared/reference/README.md`).
use super::shared::{Reference, assert_close, assert_gradients, path, relative_error, values};
use burn::tensor::Device;
use diffrep::nn::parameters::{self, Layout};
use diffrep::nn::research::{StateDict, mappings};
use diffrep::nn::{Mode, Model, ModelConfig, Pass};
use diffrep::random::Seed;
use diffrep::sde::Sde;

const FORWARD: f32 = 1e-4;
const GRADIENT: f32 = 1e-3;
const GRADIENT_END_TO_END: f32 = 5e-2;

fn load(state: &StateDict, device: &Device) -> Model {
    let (encoder, channels) = state.encoder_config().unwrap();
    let config = ModelConfig {
        height: 32,
        width: 32,
        channels,
        encoder,
        ncsnpp: Default::default(),
        score_network: false,
        decoder: false,
        projection: None,
    };
    state.load_into(&config.init(Seed(0), device).unwrap()).unwrap()
}

/// The latent as the research code returns it: mean and log-variance side by side.
fn latent(code: &diffrep::nn::Code) -> burn::tensor::Tensor<2> {
    match &code.log_variance {
        Some(log_variance) => burn::tensor::Tensor::cat(vec![code.mean.clone(), log_variance.clone()], 1),
        None => code.mean.clone(),
    }
}

fn check_forward(file: &str) {
    let Some(reference) = Reference::open(file) else { return };
    let device = Device::default();
    let model = load(&reference.state(), &device);
    let times = reference.times("in.t");
    let embedding = model.embed_times(&times, &Sde::default(), &device).encoder;
    assert_close("time embedding", &values(embedding), reference.values("out.time_embedding"), FORWARD);
    let code = model.encode(reference.images("in.x", &device), &times, &Sde::default(), Pass::EVAL);
    assert_close("features", &values(code.features.clone()), reference.values("out.features"), FORWARD);
    assert_close("latent", &values(latent(&code)), reference.values("out.latent"), FORWARD);
    let logits = model.encoder.classify(code.features).expect("published encoders have a class head");
    assert_close("class logits", &values(logits), reference.values("out.class_logits"), FORWARD);
}

/// `embedded`: with the stored time embedding instead of the computed one.
fn check_training(file: &str, embedded: bool, tolerance: f32) {
    let Some(reference) = Reference::open(file) else { return };
    let state = reference.state();
    assert_gradients(tolerance, |scale| training_errors(&reference, &state, embedded, scale));
}

/// One forward and backward pass in training mode: forward values must agree, the errors of gradients are returned.
fn training_errors(
    reference: &Reference,
    state: &StateDict,
    embedded: bool,
    scale: f32,
) -> Vec<(String, f32)> {
    let device = Device::default().autodiff();
    let model = load(state, &device);
    let images = reference.images("in.x", &device).mul_scalar(scale).require_grad();
    let embedding = match embedded {
        true => reference.matrix("out.time_embedding", &device),
        false => model.embed_times(&reference.times("in.t"), &Sde::default(), &device).encoder,
    };
    let code =
        model.encoder.encode_embedded(images.clone(), embedding, Pass { mode: Mode::Train, ..Pass::EVAL });
    let latent = latent(&code);
    assert_close("latent", &values(latent.clone()), reference.values("train.latent"), FORWARD);
    let loss = latent.square().sum().mul_scalar(0.5);
    assert_close("loss", &values(loss.clone()), reference.values("train.loss"), FORWARD);

    let gradients = loss.backward();
    let found = images.grad(&gradients).expect("images require a gradient").permute([0, 3, 1, 2]);
    let mut errors = vec![("x".to_owned(), relative_error(&values(found), reference.values("train.grad_x")))];
    let flat = parameters::gather_gradients(&model, &gradients);
    let after = parameters::gather(&model);
    let mut statistics = 0;
    for mapping in mappings(&model) {
        let expected = format!("train.grad.{}", mapping.theirs);
        if reference.has(&expected) {
            let found = oriented(&flat[mapping.range.clone()], &mapping.shape, mapping.transposed);
            errors.push((mapping.theirs.clone(), relative_error(&found, reference.values(&expected))));
        }
        let expected = format!("train.after.{}", mapping.theirs);
        if reference.has(&expected) {
            assert_close(&expected, &after[mapping.range.clone()], reference.values(&expected), FORWARD);
            statistics += 1;
        }
    }
    assert_eq!((errors.len(), statistics), (5, 4), "stored gradients and running statistics");
    errors
}

/// `values` in the order of the published code.
pub fn oriented(values: &[f32], shape: &[usize], transposed: bool) -> Vec<f32> {
    match (transposed, shape) {
        (true, &[rows, columns]) => {
            (0..values.len()).map(|i| values[i % rows * columns + i / rows]).collect()
        }
        _ => values.to_vec(),
    }
}

#[test]
fn wrn10_1_agrees() {
    check_forward("encoder_wrn10_1.safetensors");
    check_training("encoder_wrn10_1.safetensors", true, GRADIENT);
    check_training("encoder_wrn10_1.safetensors", false, GRADIENT_END_TO_END);
}

#[test]
fn a_probabilistic_wrn10_1_agrees() {
    check_forward("encoder_wrn10_1_prob.safetensors");
    check_training("encoder_wrn10_1_prob.safetensors", true, GRADIENT);
    check_training("encoder_wrn10_1_prob.safetensors", false, GRADIENT_END_TO_END);
}

#[test]
fn wrn28_2_agrees() {
    check_forward("encoder_wrn28_2.safetensors");
    check_training("encoder_wrn28_2.safetensors", true, GRADIENT);
    check_training("encoder_wrn28_2.safetensors", false, GRADIENT_END_TO_END);
}

#[test]
fn a_pytorch_checkpoint_holds_the_same_encoder() {
    let Some(path) = path("reference/encoder_state_1.pth") else { return };
    let Some(reference) = Reference::open("encoder_wrn10_1_prob.safetensors") else { return };
    let state = StateDict::read(&path).unwrap();
    let (config, channels) = state.encoder_config().unwrap();
    assert_eq!((config.depth, config.width, config.latent, channels), (10, 1, Some(64), 3));
    assert!(config.probabilistic && config.learned_time);
    assert_eq!(config.classes, Some(10));
    let device = Device::default();
    let (loaded, same) = (load(&state, &device), load(&reference.state(), &device));
    assert_eq!(parameters::gather(&loaded), parameters::gather(&same));
    assert_eq!(loaded.encoder.time_embedding.learned_time(), Some(0.5), "sigmoid of the stored 0");
}

#[test]
fn exported_names_are_the_imported_ones() {
    let Some(path) = path("reference/encoder_state_1.pth") else { return };
    let state = StateDict::read(&path).unwrap();
    let exported = StateDict::of(&load(&state, &Device::default()));
    assert!(exported.names().eq(state.names()));
    for name in state.names() {
        assert_eq!(exported.get(name).unwrap().values, state.get(name).unwrap().values, "{name}");
    }
}

#[test]
fn two_dimensional_latents_have_a_head() {
    let config = diffrep::nn::EncoderConfig { depth: 10, width: 1, latent: Some(2), ..Default::default() };
    for probabilistic in [false, true] {
        let model = ModelConfig {
            height: 8,
            width: 8,
            channels: 1,
            encoder: diffrep::nn::EncoderConfig { probabilistic, ..config.clone() },
            ncsnpp: Default::default(),
            score_network: false,
            decoder: false,
            projection: None,
        };
        let model = model.init(Seed(1), &Device::default()).unwrap();
        let images = super::objective::tiny_batch(2, &Device::default()).images;
        let code = model.encode(images, &[0.0, 1.0], &Sde::default(), Pass::EVAL);
        assert_eq!(code.mean.dims(), [2, 2]);
        assert_eq!(code.log_variance.map(|v| v.dims()), probabilistic.then_some([2, 2]));
        let head = Layout::of(&model).find("encoder.head.weight").unwrap().shape.clone();
        assert_eq!(head, [64, if probabilistic { 4 } else { 2 }]);
    }
}
