//! A run's encoder for other programs: as an ONNX graph, or as tensors under the names of the published PyTorch code.
mod encoder;
mod error;
mod graph;
mod message;

pub use error::ExportError;

use crate::files::PartFile;
use crate::nn::research::StateDict;
use crate::predict::{ClassHead, Classifier};
use crate::represent::LoadedEncoder;
use encoder::{EncoderGraph, Level};
use graph::{Graph, Value};
use message::{ModelProto, OperatorSetIdProto, StringStringEntryProto};
use prost::Message;
use std::path::Path;

/// Version of the file format, and of the operators: old enough for every runtime of the last years.
const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 13;
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
    let networks = EncoderGraph::new(encoder);
    let (mut graph, read) = with_codes(encoder, &networks, levels);
    let logits = match classifier.head() {
        ClassHead::Network { .. } => networks.class_logits(&mut graph, &read[0].features),
        ClassHead::Probe(saved) => {
            let layers = saved.head.affine_layers();
            let layers = layers.ok_or(ExportError::Head { head: saved.head.kind().name() })?;
            let mut h = read[0].code.clone();
            for (number, layer) in layers.iter().enumerate() {
                if number > 0 {
                    h = graph.node("Relu", &[&h], Vec::new());
                }
                let outputs = layer.bias.len();
                let inputs = layer.weight.len() / outputs;
                let weight =
                    graph.constant(&format!("head.{number}.weight"), &[inputs, outputs], &layer.weight);
                let bias = graph.constant(&format!("head.{number}.bias"), &[outputs], &layer.bias);
                h = graph.node("Gemm", &[&h, &weight, &bias], Vec::new());
            }
            h
        }
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

/// Writes the encoder's tensors as `.safetensors` under the names of the published PyTorch code.
///
/// # Errors
/// A file that can't be written.
pub fn write_safetensors(encoder: &LoadedEncoder, path: &Path) -> Result<(), ExportError> {
    let config = encoder.record().model.encoder.clone();
    Ok(StateDict::of(encoder.model()).with_encoder(config).write_safetensors(path)?)
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
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: OPERATORS }],
        metadata_props: facts.into_iter().map(entry).collect(),
    };
    let bytes = model.encoded_len();
    if bytes > LARGEST {
        return Err(ExportError::Size { bytes });
    }
    PartFile::write_whole(path, &model.encode_to_vec())
        .map_err(|error| ExportError::Write { path: path.to_owned(), error })
}
