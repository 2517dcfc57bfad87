//! Whole networks in bf16 against the same in f32.
use super::objective::{tiny_batch, tiny_config};
use burn::tensor::Device;
use diffrep::nn::parameters::{Layout, gather_gradients};
use diffrep::nn::{Mode, Model, Pass, Precision, check_precision};
use diffrep::objective::{self, Method, ObjectiveConfig};
use diffrep::random::Seed;
use diffrep::sde::Sde;

const TRAIN: Pass = Pass { mode: Mode::Train, seed: Seed(3), step: 0, precision: Precision::F32 };

/// Largest distances of gradients, by the networks' names. The encoder's passes through all other networks and the
/// corners of its own ReLUs.
const BOUNDS: [(&str, f64); 5] =
    [("", 1e-2), ("score.", 2e-2), ("decoder.", 2e-2), ("conditioning.", 2e-2), ("encoder.", 0.25)];

fn norm(values: impl Iterator<Item = f32>) -> f64 {
    values.map(|v| f64::from(v).powi(2)).sum::<f64>().sqrt()
}

/// Distance of b from a relative to a.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    norm(a.iter().zip(b).map(|(a, b)| a - b)) / norm(a.iter().copied())
}

/// Loss and gradient of a batch of 16.
fn gradient(model: &Model, method: Method, precision: Precision) -> (f32, Vec<f32>) {
    let config = ObjectiveConfig { method, reconstruction: 0.5, ..ObjectiveConfig::default() };
    let objective = objective::build(&config, &Sde::default(), &tiny_config(method)).unwrap();
    let batch = tiny_batch(16, &Device::default().autodiff());
    let losses = objective.loss(model, &batch, Pass { precision, ..TRAIN });
    (losses.total.clone().into_scalar::<f32>(), gather_gradients(model, &losses.total.backward()))
}

#[test]
fn the_gradient_of_all_networks_in_bf16_is_near_the_one_in_f32() {
    for method in &[Method::DRL, Method::VDRL] {
        let model = tiny_config(*method).init(TRAIN.seed, &Device::default().autodiff()).unwrap();
        let [(loss, exact), (rounded_loss, rounded)] =
            Precision::ALL.map(|precision| gradient(&model, *method, precision));
        assert!((loss - rounded_loss).abs() < 1e-3 * loss, "{method:?}: {loss} {rounded_loss}");
        for (part, bound) in BOUNDS {
            let layout = Layout::of(&model);
            let pick = |gradient: &[f32]| -> Vec<f32> {
                let entries = layout.entries().iter().filter(|entry| entry.name.starts_with(part));
                entries.flat_map(|entry| gradient[entry.range.clone()].to_vec()).collect()
            };
            let distance = distance(&pick(&exact), &pick(&rounded));
            assert!((1e-3..bound).contains(&distance), "{method:?}, {part}: {distance}");
        }
    }
}

#[test]
fn codes_in_bf16_are_near_those_in_f32_and_each_image_has_its_own() {
    let model = tiny_config(Method::DRL).init(TRAIN.seed, &Device::default()).unwrap();
    let images = tiny_batch(16, &Device::default()).images;
    let codes = |count: usize, precision| {
        let images = images.clone().narrow(0, 0, count);
        let pass = Pass { precision, ..Pass::EVAL };
        let code = model.encode(images, &vec![0.3; count], &Sde::default(), pass).mean;
        code.into_data().try_into_vec::<f32>().unwrap()
    };
    let [exact, rounded] = Precision::ALL.map(|precision| codes(16, precision));
    let distance = distance(&exact, &rounded);
    assert!((1e-4..2e-2).contains(&distance), "{distance}");
    assert_eq!(codes(3, Precision::Bf16), rounded[..9]);
}

#[test]
fn the_processor_computes_in_both_precisions() {
    assert!(Precision::ALL.iter().all(|&precision| check_precision(&Device::default(), precision).is_ok()));
}
