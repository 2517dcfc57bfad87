//! A trained head in the run folder, for new pictures.
use super::ProbeError;
use super::head::Head;
use super::linear::Linear;
use super::mlp::Mlp;
use super::recipe::{ProbeKind, Recipe};
use super::trajectory::{Attention, Gru, Pooled, Shape};
use crate::files::PartFile;
use crate::nn::{Precision, PrecisionName};
use crate::random::Seed;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::path::Path;

/// File in the run folder. One file holds weights and record, so that they can't come from different probes.
const FILE: &str = "head.safetensors";
/// Largest size in a record that is believed: larger ones can't be allocated.
const LARGEST: usize = 1 << 16;
/// Key of the record in the file's metadata.
const RECORD: &str = "diffrep.head";

/// What a saved head must be used with, and how good it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeadRecord {
    /// Names of the classes, in the order of the head's outputs.
    pub classes: Vec<String>,
    /// Kind of probe.
    pub probe: ProbeKind,
    /// Level of detail of the features; of a trajectory the first one.
    pub t: f64,
    /// Of a head that reads the whole trajectory, what it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trajectory: Option<TrajectoryRecord>,
    /// `ema` or `raw`: weights of the encoder.
    pub weights: String,
    /// Training step of the encoder's checkpoint.
    pub step: u64,
    /// How the encoder multiplied.
    #[serde(default, with = "PrecisionName")]
    pub precision: Precision,
    /// Data whose labels trained the head.
    pub train_data: String,
    /// Label column.
    pub label: String,
    /// Accuracy on the validation rows, where there were any.
    pub validation_accuracy: Option<f64>,
    /// Accuracy on the test rows, mean over seeds.
    pub test_accuracy: f64,
}

/// What a head of the whole trajectory reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrajectoryRecord {
    /// Levels of detail in their order.
    pub levels: Vec<f64>,
    /// Size of a code.
    pub dim: usize,
    /// Width of the hidden layer of heads that end in an MLP.
    pub hidden: usize,
}

impl HeadRecord {
    /// Levels of detail of the features, one or those of the trajectory.
    pub fn levels(&self) -> &[f64] {
        self.trajectory.as_ref().map_or(std::slice::from_ref(&self.t), |trajectory| &trajectory.levels)
    }
}

/// A head and its record.
#[derive(Clone, Debug, PartialEq)]
pub struct SavedHead {
    /// The classifier.
    pub head: Head,
    /// What it belongs to.
    pub record: HeadRecord,
}

impl SavedHead {
    /// Writes the head into the run folder, replacing an earlier one whole or not at all.
    pub fn save(&self, run: &Path) -> Result<(), ProbeError> {
        let path = run.join(FILE);
        let tensors: Vec<(&str, Vec<usize>, &[f32])> = match &self.head {
            Head::Linear(head) => {
                let (weight, bias) = head.parameters.split_at(head.dim * head.classes);
                vec![
                    ("linear.weight", vec![head.dim, head.classes], weight),
                    ("linear.bias", vec![head.classes], bias),
                    ("norm.running_mean", vec![head.dim], &head.mean),
                    ("norm.running_var", vec![head.dim], &head.variance),
                ]
            }
            Head::Mlp(head) => {
                let [weight_1, bias_1, weight_2, bias_2] = head.layers();
                vec![
                    ("hidden.weight", vec![head.dim, head.hidden], weight_1),
                    ("hidden.bias", vec![head.hidden], bias_1),
                    ("output.weight", vec![head.hidden, head.classes], weight_2),
                    ("output.bias", vec![head.classes], bias_2),
                ]
            }
            Head::Pooled(Pooled { parameters, .. })
            | Head::Gru(Gru { parameters, .. })
            | Head::Attention(Attention { parameters, .. }) => {
                vec![("parameters", vec![parameters.len()], parameters)]
            }
        };
        let bytes: Vec<Vec<u8>> = tensors
            .iter()
            .map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
            .collect();
        let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes);
            (*name, view.expect("the shapes above are those of the slices"))
        });
        let record =
            serde_json::to_string(&self.record).expect("a record holds strings and finite numbers only");
        let metadata = HashMap::from([(RECORD.to_owned(), record)]);
        let file = safetensors::serialize(views, Some(metadata)).expect("views and metadata are valid");
        PartFile::write_whole(&path, &file).map_err(|error| ProbeError::Write { path: path.clone(), error })
    }

    /// Whether a probe has saved one in this run folder.
    pub fn exists(run: &Path) -> bool {
        run.join(FILE).is_file()
    }

    /// Reads the head of a run folder.
    ///
    /// # Errors
    /// [`ProbeError::NoHead`] if no probe has saved one, [`ProbeError::BadHead`] if the file is damaged.
    pub fn load(run: &Path) -> Result<Self, ProbeError> {
        let path = run.join(FILE);
        let file = match std::fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ProbeError::NoHead { path });
            }
            Err(error) => return Err(ProbeError::Read { path, error }),
        };
        parse(&file).map_err(|reason| ProbeError::BadHead { path, reason })
    }
}

fn parse(file: &[u8]) -> Result<SavedHead, String> {
    let (_, metadata) = SafeTensors::read_metadata(file).map_err(|error| error.to_string())?;
    let record = metadata.metadata().as_ref().and_then(|map| map.get(RECORD)).ok_or("it has no record")?;
    let record: HeadRecord = serde_json::from_str(record).map_err(|error| format!("its record: {error}"))?;
    if let Some(t) = record.levels().iter().find(|t| !(0.0..=1.0).contains(*t)) {
        return Err(format!("its record names t = {t}, expected levels in [0, 1]"));
    }
    if matches!(record.probe, ProbeKind::Linear | ProbeKind::Mlp) && record.trajectory.is_some() {
        return Err(format!(
            "its record names a trajectory, which the {} head doesn't read",
            record.probe.name()
        ));
    }
    let tensors = SafeTensors::deserialize(file).map_err(|error| error.to_string())?;
    let classes = record.classes.len();
    let tensor = |name: &str, shape: &[Option<usize>]| -> Result<(Vec<usize>, Vec<f32>), String> {
        let view = tensors.tensor(name).map_err(|error| error.to_string())?;
        let fits = view.shape().len() == shape.len()
            && view
                .shape()
                .iter()
                .zip(shape)
                .all(|(&found, want)| found > 0 && want.is_none_or(|want| want == found));
        if view.dtype() != Dtype::F32 || !fits {
            return Err(format!("tensor `{name}` has shape {:?} of {:?}", view.shape(), view.dtype()));
        }
        let values: Vec<f32> =
            view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        match values.iter().all(|v| v.is_finite()) {
            true => Ok((view.shape().to_vec(), values)),
            false => Err(format!("tensor `{name}` holds a number that is not finite")),
        }
    };
    let head = match record.probe {
        ProbeKind::Linear => {
            let (shape, mut parameters) = tensor("linear.weight", &[None, Some(classes)])?;
            let dim = shape[0];
            parameters.extend(tensor("linear.bias", &[Some(classes)])?.1);
            let (_, mean) = tensor("norm.running_mean", &[Some(dim)])?;
            let (_, variance) = tensor("norm.running_var", &[Some(dim)])?;
            Head::Linear(Linear { dim, classes, parameters, mean, variance })
        }
        ProbeKind::Mlp => {
            let (shape, mut parameters) = tensor("hidden.weight", &[None, None])?;
            let (dim, hidden) = (shape[0], shape[1]);
            parameters.extend(tensor("hidden.bias", &[Some(hidden)])?.1);
            parameters.extend(tensor("output.weight", &[Some(hidden), Some(classes)])?.1);
            parameters.extend(tensor("output.bias", &[Some(classes)])?.1);
            Head::Mlp(Mlp::from_parameters(dim, hidden, classes, parameters))
        }
        ProbeKind::Knn => return Err("a kNN probe has no head".to_owned()),
        kind => {
            let read = record.trajectory.as_ref().ok_or("its record has no levels of detail")?;
            let shape = Shape { levels: read.levels.len(), dim: read.dim, classes };
            let recipe = Recipe { hidden: read.hidden, ..Recipe::standard() };
            if [shape.levels, shape.dim, classes, read.hidden].iter().any(|&size| size == 0 || size > LARGEST)
            {
                return Err(format!("its record has sizes out of range: {read:?}"));
            }
            let parameters = tensor("parameters", &[None])?.1;
            // Before as much is allocated as the record wants.
            let first_layer = match kind {
                ProbeKind::Concat => shape.row() * read.hidden,
                ProbeKind::Mean | ProbeKind::Softmax => shape.dim * read.hidden,
                _ => shape.dim,
            };
            let other =
                || format!("{} parameters don't make the head of its record, {read:?}", parameters.len());
            if first_layer.max(classes) > parameters.len() {
                return Err(other());
            }
            let mut head = Head::new(kind, shape, &recipe, Seed(0)).ok_or("its probe has no head")?;
            if head.parameters_mut().len() != parameters.len() {
                return Err(other());
            }
            head.parameters_mut().copy_from_slice(&parameters);
            head
        }
    };
    Ok(SavedHead { head, record })
}
