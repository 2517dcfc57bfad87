//! Every method of the registry: its loss, its defaults, its training.
use super::objective::{tiny_batch, tiny_config};
use super::shared::values;
use burn::tensor::{Device, Tensor, TensorData};
use diffrep::data;
use diffrep::nn::{Mode, Pass, device, parameters};
use diffrep::objective::{self, Method, ObjectiveConfig, Reconstruction, cross_entropy, nt_xent};
use diffrep::random::{Purpose, Seed};
use diffrep::sde::Sde;
use diffrep::train::{Config, DryRun, Event, Limits, LockedRun, Plan, Record, Sources, Trainer};
use std::sync::atomic::AtomicBool;

const SEED: Seed = Seed(9);
const TRAIN: Pass = Pass { mode: Mode::Train, seed: SEED, step: 1, ..Pass::EVAL };

fn matrix(values: &[f32], shape: [usize; 2]) -> Tensor<2> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::default())
}

#[test]
fn every_method_has_a_finite_loss_that_is_the_sum_of_its_parts_and_a_gradient() {
    let device = Device::default().autodiff();
    for &method in Method::ALL {
        let model = tiny_config(method).init(SEED, &device).unwrap();
        let config = ObjectiveConfig { gamma: 1e-3, ..ObjectiveConfig::of(method) };
        let objective = objective::build(&config, &Sde::default(), &tiny_config(method)).unwrap();
        let losses = objective.loss(&model, &tiny_batch(4, &device), TRAIN);
        let sum: f32 = losses.parts.iter().map(|(_, part)| part.clone().into_scalar::<f32>()).sum();
        let total = losses.total.clone().into_scalar::<f32>();
        assert!(total.is_finite() && (total - sum).abs() <= 1e-5 * total, "{method:?}");
        let gradients = parameters::gather_gradients(&model, &losses.total.backward());
        assert!(gradients.iter().all(|g| g.is_finite()), "{method:?}");
        let layout = parameters::Layout::of(&model);
        let stem = layout.find("encoder.stem.weight").unwrap();
        assert!(gradients[stem.range.clone()].iter().any(|g| *g != 0.0), "{method:?} trains the encoder");
    }
}

#[test]
fn nt_xent_is_the_sum_written_by_hand() {
    // Two images, views at 0° and 90°, partners at 180° off by none: rows 0 and 2, 1 and 3 are views of one image.
    let projected = matrix(&[2.0, 0.0, 0.0, 1.0, 3.0, 0.0, 0.0, -5.0], [4, 2]);
    let found = nt_xent(projected, 0.5).into_scalar::<f32>();
    // Cosines: s01 = 0, s02 = 1, s03 = 0, s12 = 0, s13 = −1, s23 = 0; τ = ½ doubles them.
    let first = -((2f64).exp() / (1.0 + (2f64).exp() + 1.0)).ln();
    let second = -((-2f64).exp() / (1.0 + 1.0 + (-2f64).exp())).ln();
    assert!((f64::from(found) - (first + second) / 2.0).abs() < 1e-5, "{found}");
}

#[test]
fn the_gradient_of_nt_xent_is_that_of_finite_differences() {
    let mut start = vec![0.0; 18];
    SEED.key(Purpose::Generate, 0, 0).fill_normal(0, &mut start);
    let device = Device::default().autodiff();
    let tracked = Tensor::<2>::from_data(TensorData::new(start.clone(), [6, 3]), &device).require_grad();
    let gradient = values(tracked.grad(&nt_xent(tracked.clone(), 0.5).backward()).unwrap());
    let loss = |at: &[f32]| f64::from(nt_xent(matrix(at, [6, 3]), 0.5).into_scalar::<f32>());
    for i in 0..start.len() {
        let moved = |by: f32| {
            let mut other = start.clone();
            other[i] += by;
            loss(&other)
        };
        let difference = (moved(3e-3) - moved(-3e-3)) / 6e-3;
        let found = f64::from(gradient[i]);
        assert!((difference - found).abs() < 1e-3, "{i}: {found}, by differences {difference}");
    }
}

#[test]
fn a_projection_of_length_zero_leaves_the_contrastive_loss_finite() {
    assert!(nt_xent(matrix(&[0.0; 8], [4, 2]), 0.5).into_scalar::<f32>().is_finite());
}

#[test]
fn cross_entropy_is_the_mean_over_labelled_rows() {
    let logits = matrix(&[1.0, 0.0, 2.0, 2.0, 9.0, -9.0], [3, 2]);
    let labels = matrix(&[1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [3, 2]);
    let by_hand = ((1.0 + (-1f32).exp()).ln() + 2f32.ln()) / 2.0;
    assert!((cross_entropy(logits.clone(), labels).into_scalar::<f32>() - by_hand).abs() < 1e-6);
    assert_eq!(cross_entropy(logits, matrix(&[0.0; 6], [3, 2])).into_scalar::<f32>(), 0.0);
}

#[test]
fn the_loss_of_a_vae_at_a_known_posterior_is_its_elbo() {
    let device = Device::default();
    let network = tiny_config(Method::VAE);
    let model = network.init(SEED, &device).unwrap();
    // A head without weights gives every image the posterior of its biases: μ = (½, 0, −1), ln σ² = (0, −1, ½).
    let layout = parameters::Layout::of(&model);
    let mut weights = parameters::gather(&model);
    weights[layout.find("encoder.head.weight").unwrap().range.clone()].fill(0.0);
    let bias = layout.find("encoder.head.bias").unwrap().range.clone();
    weights[bias].copy_from_slice(&[0.5, 0.0, -1.0, 0.0, -1.0, 0.5]);
    let model = parameters::scatter(&model, &weights);
    let batch = tiny_batch(2, &device);
    let objective = Reconstruction::new(&ObjectiveConfig::of(Method::VAE), &Sde::default());
    let times = model.embed_times(&[0.0; 2], &Sde::default(), &device);
    let losses = objective.loss_at(&model, &batch, Tensor::zeros([2, 3], &device), times, Pass::EVAL);
    let part = |name| losses.parts.iter().find(|(n, _)| *n == name).unwrap().1.clone().into_scalar::<f32>();
    // ½ Σ (μ² + σ² − 1 − ln σ²).
    let kl = 0.5 * (0.25 + ((-1f32).exp() - 1.0 + 1.0) + (1.0 + 0.5f32.exp() - 1.0 - 0.5));
    assert!((part("regulariser") - kl).abs() < 1e-5, "{} {kl}", part("regulariser"));
    // The output convolution starts near zero, so the reconstruction is the mean image: ½ Σ x².
    let pixels = values(batch.images);
    let error = 0.5 * pixels.iter().map(|x| x * x).sum::<f32>() / 2.0;
    assert!((part("reconstruction") - error).abs() < 1e-4 * error, "{} {error}", part("reconstruction"));
}

#[test]
fn an_autoencoder_that_reconstructs_nothing_or_sees_time_is_refused() {
    let message = |config: &ObjectiveConfig, change: fn(&mut diffrep::nn::ModelConfig)| {
        let mut model = tiny_config(config.method);
        change(&mut model);
        objective::build(config, &Sde::default(), &model).err().unwrap().to_string()
    };
    let ae = ObjectiveConfig::of(Method::AE);
    let nothing = ObjectiveConfig { reconstruction: 0.0, ..ae.clone() };
    assert_eq!(
        message(&nothing, |_| ()),
        "objective.reconstruction is 0, but ae learns by reconstruction: expected a positive number"
    );
    assert_eq!(
        message(&ae, |model| model.encoder.time_conditioned = true),
        "ae needs encoder.time_conditioned = false"
    );
    let simclr = ObjectiveConfig::of(Method::SIMCLR);
    assert_eq!(message(&simclr, |model| model.projection = None), "simclr needs projection = true");
    let cold = ObjectiveConfig { temperature: 0.0, ..simclr };
    assert_eq!(message(&cold, |_| ()), "objective.temperature is 0, expected a positive number");
}

fn config(method: Method, set: &[&str]) -> Config {
    let tiny = ["ncsnpp.features=4", "train.batch=32", "optimiser.warm_up=0", "monitor.held_out=64"];
    let mut sources = Sources {
        preset: Some("digits".to_owned()),
        set: tiny.iter().chain(set).map(|s| s.to_string()).collect(),
        ..Sources::default()
    };
    sources.flag("objective.method", "--method", Some(method.name()));
    Config::resolve(&sources).unwrap()
}

#[test]
fn the_defaults_of_a_method_lie_below_preset_and_flags() {
    let simclr = config(Method::SIMCLR, &["augment.crop=[0.5, 1.0]"]);
    assert_eq!(simclr.augment.crop, Some([0.5, 1.0]));
    assert_eq!(simclr.augment.blur, 0.5);
    // The preset of digits knows that they have no mirror image.
    assert_eq!(simclr.augment.flip, 0.0);
    assert!(!simclr.encoder.time_conditioned);
    let drl = config(Method::DRL, &[]);
    assert!(drl.encoder.time_conditioned && drl.augment.is_off());
    assert_eq!((drl.objective.gamma, config(Method::VAE, &[]).objective.gamma), (1e-5, 1.0));
}

#[test]
fn a_short_run_of_every_method_beats_its_initial_loss() {
    for &method in Method::ALL {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        let set = ["monitor.every=10", "monitor.health_every=100", "optimiser.learning_rate=2e-3"];
        let plan = Plan::new(config(method, &set), &run).unwrap();
        let lock = LockedRun::acquire(&run).unwrap();
        let mut trainer = Trainer::create(plan, lock, None, &device::open("cpu").unwrap()).unwrap();
        let mut losses = Vec::new();
        let mut observe = |event: Event<'_>| {
            if let Event::Recorded(Record::Train(record)) = event {
                losses.push(record.loss);
            }
        };
        let stop = AtomicBool::new(false);
        trainer.run(Limits { steps: 100, time: None, stop: &stop }, &mut observe).unwrap();
        let (first, last) = (losses[0], *losses.last().unwrap());
        assert!(last < 0.99 * first, "{method:?}: {losses:?}");
    }
}

#[test]
fn supervised_training_wants_labels() {
    let digits = data::open("digits", &data::OpenOptions::default()).unwrap();
    let bare = data::ImageSet::from_bytes(digits.train.shape(), vec![7; 64 * 10], Vec::new()).unwrap();
    let dataset = data::Dataset { name: "bare".to_owned(), train: bare, ..digits };
    let error = Plan::on(config(Method::SUPERVISED, &[]), &dataset).unwrap_err().to_string();
    assert_eq!(error, "bare has no labels, but supervised learns from them");
}

#[test]
fn augmentation_serves_every_method() {
    let plan = |set: &[&str]| Plan::new(config(Method::DRL, set), std::path::Path::new("nowhere")).unwrap();
    let (plain, augmented) = (plan(&[]), plan(&["augment.crop=[0.3, 0.9]", "augment.noise=0.1"]));
    let cpu = device::open("cpu").unwrap();
    assert!(DryRun::new(&augmented, &cpu).unwrap().step().is_ok());
    assert!(!augmented.config().augment.is_off() && plain.config().augment.is_off());
    let error = Plan::new(config(Method::DRL, &["augment.flip=2"]), std::path::Path::new("nowhere"));
    assert_eq!(error.unwrap_err().to_string(), "augment.flip is 2, expected a probability");
}
