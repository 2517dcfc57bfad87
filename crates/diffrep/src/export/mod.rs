//! A run's encoder for other programs: as an ONNX graph, or as tensors under the names of the published PyTorch code.
mod encoder;
mod error;
mod graph;
mod message;

pub use error::ExportError;

use crate::files::PartFile;
use crate::nn::Precision;
use crate::nn::research::{EncoderNote, StateDict};
use crate::predict::{ClassHead, Classifier};
use crate::probe::Affine;
use crate::represent::LoadedEncoder;
use encoder::{EncoderGraph, Level};
use graph::{Graph, Value};
use message::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use prost::Message;
use std::path::Path;

/// Version of the file format: old enough for every runtime of the last years.
const IR_VERSION: i64 = 8;
/// Version of the operators (opset), likewise.
const OPSET: i64 = 13;
/// Largest message of the format, in bytes.
const LARGEST: usize = i32::MAX as usize;

/// Writes the encoder as `.onnx`: input `images` `[N, C, H, W]`, pixels in [0, 1] of the run's size; output `codes`
/// `[N, T, dim]` at `levels`. Padding and standardisation are in the graph.
///
/// # Errors
/// A graph that the format can't hold; a file that can't be written.
pub fn write_onnx(encoder: &LoadedEncoder, levels: &[f64], path: &Path) -> Result<(), ExportError> {
    let networks = EncoderGraph::new(encoder);
    let (graph, _) = with_codes(encoder, &networks, levels);
    write(graph, facts(encoder, levels), path)
}

/// The same at the levels of the classifier, with a second output, `probabilities` `[N, classes]`.
///
/// # Errors
/// As [`write_onnx`]; a head over the trajectory, which can't be written yet.
pub fn write_onnx_with_classes(classifier: &Classifier, path: &Path) -> Result<(), ExportError> {
    let (encoder, levels) = (classifier.encoder(), classifier.levels());
    let layers = match classifier.head() {
        ClassHead::Network { .. } => None,
        ClassHead::Probe(saved) => {
            let head = saved.head.kind().name();
            Some(saved.head.affine_layers().ok_or(ExportError::Head { head })?)
        }
    };
    let networks = EncoderGraph::new(encoder);
    let (mut graph, read) = with_codes(encoder, &networks, levels);
    // Neither head reads more than one level.
    let logits = match &layers {
        None => networks.class_logits(&mut graph, &read[0].features),
        Some(layers) => head(&mut graph, &read[0].code, layers),
    };
    let probabilities = graph.node("Softmax", &[&logits], vec![graph::integer("axis", 1)]);
    let classes = classifier.classes();
    let meaning = "probability of each class, whose names are in the metadata under `classes`";
    graph.output("probabilities", &probabilities, &[None, Some(classes.len())], meaning);
    let mut facts = facts(encoder, levels);
    let names = serde_json::to_string(classes).expect("names are strings");
    facts.push(("classes", names));
    write(graph, facts, path)
}

/// Writes the encoder's tensors as `.safetensors` under the names of the published PyTorch code, with an [`EncoderNote`].
///
/// # Errors
/// A file that can't be written.
pub fn write_safetensors(encoder: &LoadedEncoder, path: &Path) -> Result<(), ExportError> {
    let note = EncoderNote {
        encoder: encoder.record().model.encoder.clone(),
        shape: encoder.shape(),
        preprocess: encoder.preprocess().clone(),
        sde: *encoder.sde(),
        learned_labels: encoder.learned_labels(),
    };
    Ok(StateDict::of(encoder.model()).with_note(note).write_safetensors(path)?)
}

/// Class logits `[N, classes]` of `codes`, by layers with ReLU between them.
fn head(graph: &mut Graph, codes: &Value, layers: &[Affine]) -> Value {
    let mut h = codes.clone();
    for (number, Affine { weight, bias }) in layers.iter().enumerate() {
        if number > 0 {
            h = graph.node("Relu", &[&h], Vec::new());
        }
        let (inputs, outputs) = (weight.len() / bias.len(), bias.len());
        let weight = graph.constant(&format!("head.{number}.weight"), &[inputs, outputs], weight);
        let bias = graph.constant(&format!("head.{number}.bias"), &[outputs], bias);
        h = graph.node("Gemm", &[&h, &weight, &bias], Vec::new());
    }
    h
}

/// A graph from `images` to `codes`.
fn with_codes(encoder: &LoadedEncoder, networks: &EncoderGraph, levels: &[f64]) -> (Graph, Vec<Level>) {
    let mut graph = Graph::new("encoder");
    let shape = encoder.shape();
    let sides = [None, Some(shape.channels), Some(shape.height), Some(shape.width)];
    let images: Value = graph.input("images", &sides, "pixels in [0, 1], channels first");
    let read = networks.add(&mut graph, &images, levels);
    let codes = EncoderGraph::stacked(&mut graph, &read);
    let sides = [None, Some(levels.len()), Some(encoder.dim())];
    graph.output(
        "codes",
        &codes,
        &sides,
        "the embedding at each level of detail t, in the order of the metadata's `t`",
    );
    (graph, read)
}

/// What the numbers come from, for the metadata.
fn facts(encoder: &LoadedEncoder, levels: &[f64]) -> Vec<(&'static str, String)> {
    let record = encoder.record();
    vec![
        ("t", serde_json::to_string(levels).expect("levels are finite")),
        ("trained_on", record.dataset.clone()),
        ("weights", encoder.weights().to_owned()),
        ("step", encoder.step().unwrap_or(0).to_string()),
        ("precision", Precision::F32.name().to_owned()),
    ]
}

fn write(graph: Graph, facts: Vec<(&'static str, String)>, path: &Path) -> Result<(), ExportError> {
    let entry = |(key, value): (&str, String)| StringStringEntryProto { key: key.to_owned(), value };
    let model = ModelProto {
        ir_version: IR_VERSION,
        producer_name: "diffrep".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: "Codes of images at chosen levels of detail t".to_owned(),
        graph: Some(graph.finish()),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPSET }],
        metadata_props: facts.into_iter().map(entry).collect(),
    };
    let bytes = model.encoded_len();
    if bytes > LARGEST {
        return Err(ExportError::Size { path: path.to_owned(), bytes });
    }
    PartFile::write_whole(path, &model.encode_to_vec())
        .map_err(|error| ExportError::Write { path: path.to_owned(), error })
}
