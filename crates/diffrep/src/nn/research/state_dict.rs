//! Named tensors of a checkpoint, from file to network and back.
use super::error::ImportError;
use super::names::{Mapping, mappings};
use super::note::{self, EncoderNote};
use crate::files::PartFile;
use crate::nn::{Model, parameters};
use burn_store::pytorch_reader::{self, PytorchReader};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// A tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct StateTensor {
    /// Its shape; empty for one number.
    pub shape: Vec<usize>,
    /// Its values.
    pub values: Vec<f32>,
}

impl StateTensor {
    fn transposed(&self) -> Self {
        let &[rows, columns] = self.shape.as_slice() else {
            return self.clone();
        };
        let values = (0..rows * columns).map(|i| self.values[i % rows * columns + i / rows]).collect();
        Self { shape: vec![columns, rows], values }
    }
}

/// The tensors of a checkpoint under the names of the published code.
#[derive(Clone, Debug)]
pub struct StateDict {
    origin: String,
    tensors: BTreeMap<String, StateTensor>,
    note: Option<EncoderNote>,
}

impl StateDict {
    /// Reads a PyTorch file (a state dict, or a dictionary with one under `model` or `state_dict`) or, by its name's
    /// ending, a safetensors file.
    ///
    /// Left out are counters (`num_batches_tracked`) and noise levels (`sigmas`), which are not weights, and the prefix
    /// `module.` that PyTorch's data parallelism adds.
    ///
    /// # Errors
    /// [`ImportError::Io`], [`ImportError::Format`], [`ImportError::DataType`].
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        // The readers' own errors for a missing file don't say so plainly.
        std::fs::File::open(path).map_err(io("read", path))?;
        let (tensors, note) = match path.extension() {
            Some(extension) if extension == "safetensors" => read_safetensors(path)?,
            _ => (read_pytorch(path)?, None),
        };
        Ok(Self { origin: path.display().to_string(), tensors, note })
    }

    /// All parameters of `model` under the published names.
    pub fn of(model: &Model) -> Self {
        let values = parameters::gather(model);
        let export = |Mapping { theirs, shape, range, transposed, .. }: Mapping| {
            let tensor = StateTensor { shape, values: values[range].to_vec() };
            (theirs, if transposed { tensor.transposed() } else { tensor })
        };
        let tensors = mappings(model).into_iter().map(export).collect();
        Self { origin: "of a model".to_owned(), tensors, note: None }
    }

    /// The same with a note, which safetensors files keep.
    pub fn with_note(self, note: EncoderNote) -> Self {
        Self { note: Some(note), ..self }
    }

    /// The note of a file that has one.
    pub fn note(&self) -> Option<&EncoderNote> {
        self.note.as_ref()
    }

    /// Writes the tensors as a safetensors file, which PyTorch loads by `safetensors.torch.load_file`.
    ///
    /// # Errors
    /// [`ImportError::Io`].
    pub fn write_safetensors(&self, path: &Path) -> Result<(), ImportError> {
        let bytes: Vec<(&String, &StateTensor, Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, tensor)| {
                (name, tensor, tensor.values.iter().flat_map(|v| v.to_le_bytes()).collect())
            })
            .collect();
        let views = bytes.iter().map(|(name, tensor, bytes)| {
            let view = TensorView::new(Dtype::F32, tensor.shape.clone(), bytes);
            (name, view.expect("a tensor has as many values as its shape says"))
        });
        let metadata = self.note.as_ref().map(|note| HashMap::from([(note::KEY.to_owned(), note.text())]));
        let file = safetensors::serialize(views, metadata).expect("plain tensors always serialise");
        PartFile::write_whole(path, &file).map_err(io("write", path))
    }

    /// The tensors whose names begin with `prefix`, without it.
    pub fn under(&self, prefix: &str) -> Self {
        let strip = |(name, tensor): (&String, &StateTensor)| {
            name.strip_prefix(prefix).map(|name| (name.to_owned(), tensor.clone()))
        };
        let tensors = self.tensors.iter().filter_map(strip).collect();
        Self { origin: self.origin.clone(), tensors, note: self.note.clone() }
    }

    /// Where the tensors come from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Number of tensors.
    pub fn len(&self) -> usize {
        self.tensors.len()
    }

    /// True if there are no tensors.
    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The tensor of that name.
    pub fn get(&self, name: &str) -> Option<&StateTensor> {
        self.tensors.get(name)
    }

    /// All names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// A copy of `model` with these weights.
    ///
    /// # Errors
    /// [`ImportError::Tensors`] names every tensor that is missing, unknown, of another shape or not finite.
    pub fn load_into(&self, model: &Model) -> Result<Model, ImportError> {
        let mappings = mappings(model);
        let mut values = vec![0.0; mappings.last().map_or(0, |mapping| mapping.range.end)];
        let mut unknown = self.tensors.clone();
        let mut problems = Vec::new();
        for Mapping { theirs, shape, range, transposed, .. } in &mappings {
            match unknown.remove(theirs) {
                None => problems.push(format!("missing tensor {theirs}")),
                Some(tensor) => {
                    let tensor = if *transposed { tensor.transposed() } else { tensor };
                    let scalar = tensor.shape.is_empty() && *shape == [1];
                    if let Some(value) = tensor.values.iter().find(|value| !value.is_finite()) {
                        problems.push(format!("tensor {theirs} holds {value}, expected finite numbers"));
                    } else if tensor.shape == *shape || scalar {
                        values[range.clone()].copy_from_slice(&tensor.values);
                    } else {
                        let (mut found, mut expected) = (tensor.shape, shape.clone());
                        if *transposed {
                            found.reverse();
                            expected.reverse();
                        }
                        problems.push(format!("tensor {theirs} has shape {found:?}, expected {expected:?}"));
                    }
                }
            }
        }
        problems.extend(unknown.keys().map(|name| format!("unknown tensor {name}")));
        if problems.is_empty() {
            Ok(parameters::scatter(model, &values))
        } else {
            Err(ImportError::Tensors { origin: self.origin.clone(), problems })
        }
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> ImportError {
    move |reason| ImportError::Io { action, path: path.to_owned(), reason }
}

fn is_weight(name: &str) -> bool {
    !matches!(name.rsplit('.').next(), Some("num_batches_tracked" | "sigmas"))
}

fn plain_name(name: &str) -> String {
    name.strip_prefix("module.").unwrap_or(name).to_owned()
}

fn read_pytorch(path: &Path) -> Result<BTreeMap<String, StateTensor>, ImportError> {
    let format = |reason: String| ImportError::Format { path: path.to_owned(), reason };
    let nested =
        ["model", "state_dict"].iter().find_map(|key| PytorchReader::with_top_level_key(path, key).ok());
    let reader = match nested {
        Some(reader) if !reader.is_empty() => reader,
        _ => PytorchReader::new(path).map_err(|error| format(error.to_string()))?,
    };
    let mut tensors = BTreeMap::new();
    for (name, tensor) in reader.tensors().iter().filter(|(name, _)| is_weight(name)) {
        let bytes = tensor.read().map_err(|error| format(format!("tensor {name}: {error}")))?;
        let values = match tensor.dtype() {
            pytorch_reader::DType::F32 => floats(&bytes),
            pytorch_reader::DType::F64 => doubles(&bytes),
            other => return Err(data_type(path, name, &other)),
        };
        tensors.insert(plain_name(name), StateTensor { shape: tensor.shape().to_vec(), values });
    }
    Ok(tensors)
}

fn read_safetensors(
    path: &Path,
) -> Result<(BTreeMap<String, StateTensor>, Option<EncoderNote>), ImportError> {
    let format = |reason: String| ImportError::Format { path: path.to_owned(), reason };
    let bytes = std::fs::read(path).map_err(io("read", path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| format(error.to_string()))?;
    let (_, table) = SafeTensors::read_metadata(&bytes).map_err(|error| format(error.to_string()))?;
    let noted = table.metadata().as_ref().and_then(|metadata| metadata.get(note::KEY));
    let note = noted.map(|text| EncoderNote::read(text)).transpose().map_err(format)?;
    let mut tensors = BTreeMap::new();
    for (name, view) in file.iter().filter(|(name, _)| is_weight(name)) {
        let values = match view.dtype() {
            Dtype::F32 => floats(view.data()),
            Dtype::F64 => doubles(view.data()),
            other => return Err(data_type(path, name, &other)),
        };
        tensors.insert(plain_name(name), StateTensor { shape: view.shape().to_vec(), values });
    }
    Ok((tensors, note))
}

fn data_type(path: &Path, name: &str, dtype: &dyn std::fmt::Debug) -> ImportError {
    ImportError::DataType { path: path.to_owned(), name: name.to_owned(), dtype: format!("{dtype:?}") }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect()
}

fn doubles(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|eight| f64::from_le_bytes(*eight) as f32).collect()
}
