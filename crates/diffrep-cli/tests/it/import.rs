//! `diffrep import`: a checkpoint of the published code becomes a run.
use crate::command::{Place, diffrep, fail, load, succeed};
use diffrep::nn::research::StateDict;
use diffrep::nn::{EncoderConfig, Model, ModelConfig, parameters};
use diffrep::random::Seed;
use diffrep::train::RunFolder;
use diffrep::train::checkpoint::Which;
use std::process::Command;

/// A grey encoder, alone or (`whole`) with a score network.
fn model(whole: bool) -> Model {
    seeded(whole, Seed(4))
}

fn seeded(whole: bool, seed: Seed) -> Model {
    let config = ModelConfig {
        height: 8,
        width: 8,
        channels: 1,
        encoder: EncoderConfig { depth: 10, width: 1, classes: Some(10), ..EncoderConfig::default() },
        ncsnpp: Default::default(),
        score_network: whole,
        decoder: false,
        projection: None,
    };
    config.init(seed, &Default::default()).unwrap()
}

/// `diffrep import checkpoint.safetensors --out run`, with further arguments.
fn import(place: &Place, arguments: &[&str]) -> Command {
    let mut command = diffrep(&["import", "--json", "--quiet", "--size", "8"]);
    command.arg(place.path("checkpoint.safetensors")).arg("--out").arg(place.path("run")).args(arguments);
    command
}

const GREY: [&str; 4] = ["--mean", "0.25", "--std", "0.5"];

#[test]
fn an_imported_encoder_is_a_run_with_its_weights() {
    let place = Place::new();
    StateDict::of(&model(false)).write_safetensors(&place.path("checkpoint.safetensors")).unwrap();
    let result = succeed(import(&place, &GREY));
    assert_eq!(
        (&result["depth"], &result["latent"], &result["tensors_left_out"]),
        (&10.into(), &64.into(), &0.into())
    );
    let run = place.path("run");
    let record = RunFolder::open(&run).unwrap().record().unwrap();
    assert_eq!((record.preprocess.mean, record.preprocess.std), (vec![0.25], vec![0.5]));
    assert!(record.model.encoder.time_conditioned && !record.model.score_network);
    let state = load(&run, Which::Latest).unwrap();
    assert_eq!(state.weights, parameters::gather(&model(false)));
    assert_eq!(state.ema, state.weights);
    assert!(fail(import(&place, &GREY)).contains("run already holds a run"));
}

#[test]
fn an_import_that_was_stopped_leaves_no_weights_to_the_next_one() {
    let place = Place::new();
    let checkpoint = place.path("checkpoint.safetensors");
    StateDict::of(&model(false)).write_safetensors(&checkpoint).unwrap();
    succeed(import(&place, &GREY));
    for file in ["config.toml", "run.json"] {
        std::fs::remove_file(place.path("run").join(file)).unwrap();
    }
    let other = seeded(false, Seed(5));
    StateDict::of(&other).write_safetensors(&checkpoint).unwrap();
    succeed(import(&place, &GREY));
    assert_eq!(load(&place.path("run"), Which::Latest).unwrap().weights, parameters::gather(&other));
}

#[test]
fn of_a_whole_model_the_encoder_is_taken_and_the_rest_counted() {
    let place = Place::new();
    let whole = StateDict::of(&model(true));
    whole.write_safetensors(&place.path("checkpoint.safetensors")).unwrap();
    let result = succeed(import(&place, &[&GREY[..], &["--static"]].concat()));
    assert_eq!(result["tensors_left_out"], whole.len() - whole.under("encoder.").len());
    assert_eq!(result["time_conditioned"], false);
    let weights = load(&place.path("run"), Which::Latest).unwrap().weights;
    assert_eq!(weights, parameters::gather(&model(true).encoder));
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_written() {
    let place = Place::new();
    assert!(fail(import(&place, &GREY)).contains("checkpoint.safetensors: No such file"));
    std::fs::write(place.path("checkpoint.safetensors"), "no tensors").unwrap();
    assert!(fail(import(&place, &GREY)).contains("is not a readable checkpoint"));
    StateDict::of(&model(false)).write_safetensors(&place.path("checkpoint.safetensors")).unwrap();
    assert!(fail(import(&place, &[])).contains("doesn't tell its normalisation; give --mean and --std"));
    for (arguments, told) in [
        (["--mean", "0,0,0", "--std", "1"], "--mean has 3 numbers, expected 1, one a channel of the encoder"),
        (["--mean", "0", "--std", "1,1"], "--std has 2 numbers, expected 1"),
        (["--mean", "0", "--std", "0"], "--std is 0, expected numbers above 0"),
        (["--mean", "NaN", "--std", "1"], "--mean is NaN, expected finite numbers"),
    ] {
        let message = fail(import(&place, &arguments));
        assert!(message.contains(told), "{message}");
    }
    assert!(!place.path("run").exists());
}
