//! Strict import: every tensor that doesn't fit is named.
use burn::tensor::Device;
use diffrep::nn::research::{ImportError, ImportedEncoder, StateDict};
use diffrep::nn::{EncoderConfig, Model, ModelConfig, parameters};
use diffrep::random::Seed;
use safetensors::tensor::{Dtype, TensorView};
use std::collections::BTreeMap;
use std::path::PathBuf;
use tempfile::TempDir;

type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn encoder() -> Model {
    let config = ModelConfig {
        height: 8,
        width: 8,
        channels: 1,
        encoder: EncoderConfig { depth: 10, width: 1, classes: Some(4), ..EncoderConfig::default() },
        ncsnpp: Default::default(),
        score_network: false,
        decoder: false,
        projection: None,
    };
    config.init(Seed(5), &Device::default()).unwrap()
}

/// The tensors of [`encoder`] as a file would hold them.
fn tensors() -> Tensors {
    let state = StateDict::of(&encoder());
    let entry = |name: &str| {
        let tensor = state.get(name).unwrap();
        let bytes = tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        (name.to_owned(), (Dtype::F32, tensor.shape.clone(), bytes))
    };
    state.names().map(entry).collect()
}

fn write(folder: &TempDir, tensors: &Tensors) -> PathBuf {
    let path = folder.path().join("encoder.safetensors");
    std::fs::write(&path, safetensors::serialize(views(tensors), None).unwrap()).unwrap();
    path
}

fn views(tensors: &Tensors) -> Vec<(String, TensorView<'_>)> {
    let tensors = tensors.iter();
    tensors
        .map(|(name, (dtype, shape, bytes))| {
            (name.clone(), TensorView::new(*dtype, shape.clone(), bytes.as_slice()).unwrap())
        })
        .collect()
}

fn import(tensors: &Tensors) -> Result<Model, ImportError> {
    let folder = TempDir::new().unwrap();
    StateDict::read(&write(&folder, tensors))?.load_into(&encoder())
}

#[test]
fn what_was_exported_is_imported() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("exported.safetensors");
    StateDict::of(&encoder()).write_safetensors(&path).unwrap();
    let loaded = StateDict::read(&path).unwrap().load_into(&encoder()).unwrap();
    assert_eq!(parameters::gather(&loaded), parameters::gather(&encoder()));
    let below_a_file = path.join("x.safetensors");
    let message = StateDict::of(&encoder()).write_safetensors(&below_a_file).unwrap_err().to_string();
    assert!(message.starts_with("cannot write ") && message.contains("x.safetensors"), "{message}");
}

#[test]
fn counters_noise_levels_and_the_prefix_of_data_parallelism_are_left_out() {
    let mut all: Tensors =
        tensors().into_iter().map(|(name, tensor)| (format!("module.{name}"), tensor)).collect();
    all.insert("module.bn1.num_batches_tracked".to_owned(), (Dtype::I64, vec![], vec![0; 8]));
    all.insert("module.sigmas".to_owned(), (Dtype::F32, vec![2], vec![0; 8]));
    assert_eq!(parameters::gather(&import(&all).unwrap()), parameters::gather(&encoder()));
}

#[test]
fn every_tensor_that_does_not_fit_is_named() {
    let mut wrong = tensors();
    wrong.remove("bn1.weight").unwrap();
    wrong.insert("bn7.weight".to_owned(), (Dtype::F32, vec![1], vec![0; 4]));
    wrong.insert("conv1.bias".to_owned(), (Dtype::F32, vec![15], vec![0; 60]));
    wrong.insert("layer1.0.Dense_0.weight".to_owned(), (Dtype::F32, vec![64, 16], vec![0; 4096]));
    let message = import(&wrong).unwrap_err().to_string();
    assert!(!message.contains('\n'));
    for part in [
        "missing tensor bn1.weight",
        "unknown tensor bn7.weight",
        "tensor conv1.bias has shape [15], expected [16]",
        "tensor layer1.0.Dense_0.weight has shape [64, 16], expected [16, 64]",
    ] {
        assert!(message.contains(part), "no `{part}` in: {message}");
    }
}

#[test]
fn numbers_that_are_not_finite_are_named_with_their_tensor() {
    for (bytes, told) in [(f32::NAN.to_le_bytes(), "NaN"), (f32::INFINITY.to_le_bytes(), "inf")] {
        let mut wrong = tensors();
        wrong.get_mut("conv1.bias").unwrap().2[8..12].copy_from_slice(&bytes);
        let message = import(&wrong).unwrap_err().to_string();
        assert!(message.contains(&format!("tensor conv1.bias holds {told}, expected finite")), "{message}");
    }
}

#[test]
fn a_checkpoint_of_another_depth_lists_some_of_its_tensors_and_counts_the_rest() {
    let deeper = ModelConfig {
        height: 8,
        width: 8,
        channels: 1,
        encoder: EncoderConfig { depth: 16, width: 1, classes: Some(4), ..EncoderConfig::default() },
        ncsnpp: Default::default(),
        score_network: false,
        decoder: false,
        projection: None,
    };
    let state = StateDict::of(&deeper.init(Seed(0), &Device::default()).unwrap());
    assert_eq!(state.encoder_config().unwrap().0.depth, 16);
    let message = state.load_into(&encoder()).unwrap_err().to_string();
    assert!(message.contains("unknown tensor layer1.1.") && message.contains("and 30 more"), "{message}");
}

#[test]
fn sizes_are_inferred_and_contradictions_named() {
    let folder = TempDir::new().unwrap();
    let inferred = |tensors: &Tensors| StateDict::read(&write(&folder, tensors)).unwrap().encoder_config();
    let (config, channels) = inferred(&tensors()).unwrap();
    assert_eq!((config.depth, config.width, config.classes, channels), (10, 1, Some(4), 1));
    assert_eq!((config.latent, config.probabilistic, config.learned_time), (None, false, false));
    let mut wrong = tensors();
    wrong.remove("conv1.weight").unwrap();
    assert!(inferred(&wrong).unwrap_err().to_string().ends_with("it has no tensor conv1.weight"));
    wrong.insert("conv1.weight".to_owned(), (Dtype::F32, vec![3], vec![0; 12]));
    assert!(
        inferred(&wrong).unwrap_err().to_string().ends_with("conv1.weight has shape [3], expected 4 axes")
    );
}

#[test]
fn numbers_other_than_floats_are_named() {
    let mut wrong = tensors();
    wrong.insert("conv1.bias".to_owned(), (Dtype::I32, vec![16], vec![0; 64]));
    let message = import(&wrong).unwrap_err().to_string();
    assert!(message.ends_with("tensor conv1.bias holds I32, expected 32- or 64-bit floats"), "{message}");
}

#[test]
fn files_that_are_no_checkpoints_are_named() {
    let folder = TempDir::new().unwrap();
    let message = |name: &str, content: Option<&[u8]>| {
        let path = folder.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let message = StateDict::read(&path).unwrap_err().to_string();
        assert!(message.contains(name) && !message.contains('\n'), "{message}");
        message
    };
    assert!(message("absent.pth", None).starts_with("cannot read "));
    for name in ["empty.pth", "empty.safetensors"] {
        assert!(message(name, Some(b"")).contains("is not a readable checkpoint"));
    }
    for name in ["text.pth", "text.safetensors"] {
        assert!(message(name, Some(b"these are no weights")).contains("is not a readable checkpoint"));
    }
    let mut cut = std::fs::read(write(&folder, &tensors())).unwrap();
    cut.truncate(cut.len() - 1);
    assert!(message("cut.safetensors", Some(&cut)).contains("is not a readable checkpoint"));
    let directory = StateDict::read(folder.path()).unwrap_err().to_string();
    assert!(directory.contains("read"), "{directory}");
}

#[test]
fn a_file_that_names_a_wrong_configuration_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("noted.safetensors");
    let sound = serde_json::json!({
        "encoder": {"depth": 16, "width": 1},
        "shape": {"height": 8, "width": 8, "channels": 1},
        "preprocess": {"height": 8, "width": 8, "mean": [0.5], "std": [0.25]},
        "sde": {"kind": "ve", "sigma_min": 0.01, "sigma_max": 50.0},
    });
    for (pointer, value, told) in [
        ("", "no note".into(), "its metadata `diffrep.encoder`"),
        ("/encoder/depth", 1e99.into(), "its metadata `diffrep.encoder`"),
        ("/encoder", serde_json::json!({"colour": 1}), "unknown field `colour`"),
        ("/encoder/depth", 9.into(), "encoder.depth is 9"),
        ("/encoder", serde_json::json!({"pool": 99}), "encoder.pool is 99"),
        ("/encoder", serde_json::json!({"depth": 1000, "width": 64}), "weights, expected at most"),
        ("/preprocess/std", [0.0].to_vec().into(), "no such numbers"),
        ("/preprocess/mean", [0.0, 0.0].to_vec().into(), "mean has 2 numbers"),
        ("/shape/height", 9.into(), "images of 9×8×1 don't fit into 8×8×1"),
        ("/sde/sigma_max", (-1.0).into(), "sigma_max"),
        (
            "",
            serde_json::json!({
                "encoder": sound["encoder"], "sde": sound["sde"],
                "shape": {"height": 8, "width": 8, "channels": 3},
                "preprocess": {"height": 8, "width": 8, "mean": [0.5, 0.5, 0.5], "std": [1.0, 1.0, 1.0]},
            }),
            "conv1.weight reads 1 channels",
        ),
        ("/encoder/depth", 16.into(), "missing tensor"),
    ] {
        let mut note = sound.clone();
        *note.pointer_mut(pointer).unwrap() = value;
        let metadata = Some([("diffrep.encoder".to_owned(), note.to_string())].into());
        std::fs::write(&path, safetensors::serialize(views(&tensors()), metadata).unwrap()).unwrap();
        let message = ImportedEncoder::read(&path, 8, true).unwrap_err().to_string();
        assert!(message.contains(told) && message.contains("noted.safetensors"), "{message}");
    }
}

#[test]
fn damaged_pytorch_checkpoints_give_an_error_and_no_panic() {
    let Some(path) = super::shared::path("reference/encoder_state_1.pth") else { return };
    let whole = std::fs::read(path).unwrap();
    let folder = TempDir::new().unwrap();
    let damaged = folder.path().join("damaged.pth");
    for share in [1, 2, 5, 9] {
        std::fs::write(&damaged, &whole[..whole.len() * share / 10]).unwrap();
        StateDict::read(&damaged).unwrap_err();
    }
    // A flipped bit in the middle lies in some tensor's bytes, which the archive's checksum covers.
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    std::fs::write(&damaged, &flipped).unwrap();
    let message = StateDict::read(&damaged).unwrap_err().to_string();
    assert!(message.contains("damaged.pth"), "{message}");
}
