//! A class for new images, by what a run has learned from labels.
//!
//! A run can tell classes in two ways: by the head that a probe has trained on its frozen codes ([`SavedHead`]), or by the
//! class head of the network itself, which training with labels leaves (`semi`, or the method `supervised`).
mod error;
mod file;

pub use error::PredictError;
pub use file::write_csv;

use crate::data::ImageSet;
use crate::measure::{first_largest, softmax};
use crate::probe::{HeadRecord, ProbeError, SavedHead};
use crate::represent::{BATCH, LoadedEncoder, RepresentError, batches, encode};
use crate::semi::{SemiSettings, TimeFed};
use crate::train::checkpoint::{Weights, Which};
use crate::train::{RunError, RunFolder};
use burn::tensor::Device;
use std::path::Path;

/// What tells the classes.
#[derive(Clone, Debug)]
pub enum ClassHead {
    /// A head on frozen codes, which a probe has trained.
    Probe(Box<SavedHead>),
    /// The network's own.
    Network {
        /// The t that the network is fed.
        t: f64,
    },
}

/// Which of a run's class heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadKind {
    /// That which a probe has saved.
    Probe,
    /// The network's own.
    Network,
}

impl HeadKind {
    /// Its name, `probe` or `network`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Probe => "probe",
            Self::Network => "network",
        }
    }

    /// What [`Classifier::open`] takes of a run unless told otherwise: the head of a probe, where there is one.
    ///
    /// # Errors
    /// No run there; [`ProbeError::NoHead`] if it has learned no classes in either way.
    pub fn of_run(run: &Path) -> Result<Self, PredictError> {
        match (SavedHead::exists(run), learned_classes(run)?) {
            (true, _) => Ok(Self::Probe),
            (false, true) => Ok(Self::Network),
            (false, false) => Err(ProbeError::NoHead { path: run.to_owned() }.into()),
        }
    }
}

/// Whether training has taught the network's own class head: other runs may have one, with random weights.
fn learned_classes(run: &Path) -> Result<bool, PredictError> {
    Ok(RunFolder::open(run)?.config()?.objective.method.needs().labels)
}

/// A run's encoder with what tells classes from it.
#[derive(Debug)]
pub struct Classifier {
    encoder: LoadedEncoder,
    head: ClassHead,
    classes: Vec<String>,
}

/// An image's class.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// Name of the image: its relative path, or row number.
    pub path: String,
    /// The most probable class.
    pub class: usize,
    /// Probability of each class; they sum to 1.
    pub probabilities: Vec<f32>,
}

impl Classifier {
    /// The classifier `kind` of the run folder `run`, to compute on `device`.
    ///
    /// # Errors
    /// No such head in the run, a damaged file, a head whose checkpoint is gone.
    pub fn open(run: &Path, kind: HeadKind, device: &Device) -> Result<Self, PredictError> {
        match kind {
            HeadKind::Probe => Self::of_probe(run, device),
            HeadKind::Network => Self::of_network(run, device),
        }
    }

    fn of_probe(run: &Path, device: &Device) -> Result<Self, PredictError> {
        let saved = SavedHead::load(run)?;
        let weights = match saved.record.weights.as_str() {
            "ema" => Weights::Ema,
            "raw" => Weights::Raw,
            other => {
                let (run, weights) = (run.to_owned(), other.to_owned());
                return Err(PredictError::Weights { run, weights });
            }
        };
        let stale = |error| match error {
            RepresentError::Run(error @ (RunError::NoCheckpoint { .. } | RunError::NoSuchStep { .. })) => {
                PredictError::Stale(error)
            }
            other => other.into(),
        };
        let encoder = LoadedEncoder::open(run, Which::Step(saved.record.step), weights, device)
            .map_err(stale)?
            .with_precision(saved.record.precision)?;
        let (expected, found) = (saved.head.dim(), encoder.dim() * saved.record.levels().len());
        if found != expected {
            return Err(ProbeError::WrongWidth { expected, found }.into());
        }
        let classes = saved.record.classes.clone();
        Ok(Self { encoder, head: ClassHead::Probe(Box::new(saved)), classes })
    }

    fn of_network(run: &Path, device: &Device) -> Result<Self, PredictError> {
        if !learned_classes(run)? {
            return Err(PredictError::NoClasses { run: run.to_owned() });
        }
        let record = RunFolder::open(run)?.record()?;
        let (outputs, classes) =
            (record.model.encoder.classes.unwrap_or(0), record.classes.unwrap_or_default());
        if classes.len() != outputs || outputs == 0 {
            let (run, names) = (run.to_owned(), classes.len());
            return Err(PredictError::Classes { run, names, outputs });
        }
        let encoder = LoadedEncoder::open(run, Which::Latest, Weights::Ema, device)?;
        let t = match SemiSettings::of_run(run)?.map(|settings| settings.time) {
            Some(TimeFed::Fixed(t)) => t,
            Some(TimeFed::Learned) => {
                encoder.learned_time().ok_or_else(|| PredictError::NoTime { run: run.to_owned() })?
            }
            // Plain training with labels.
            None => 0.0,
        };
        Ok(Self { encoder, head: ClassHead::Network { t }, classes })
    }

    /// The encoder.
    pub fn encoder(&self) -> &LoadedEncoder {
        &self.encoder
    }

    /// The encoder alone.
    pub fn into_encoder(self) -> LoadedEncoder {
        self.encoder
    }

    /// What tells the classes from its codes.
    pub fn head(&self) -> &ClassHead {
        &self.head
    }

    /// Names of the classes, in the order of probabilities.
    pub fn classes(&self) -> &[String] {
        &self.classes
    }

    /// The levels of detail that it reads.
    pub fn levels(&self) -> &[f64] {
        match &self.head {
            ClassHead::Probe(saved) => saved.record.levels(),
            ClassHead::Network { t } => std::slice::from_ref(t),
        }
    }

    /// The record of a probe's head.
    pub fn probe(&self) -> Option<&HeadRecord> {
        match &self.head {
            ClassHead::Probe(saved) => Some(&saved.record),
            ClassHead::Network { .. } => None,
        }
    }

    /// The class of each image of `set`, in its order. `progress` is told how many are done.
    ///
    /// # Errors
    /// Images of another shape than the encoder's, an image that can't be read.
    pub fn classify(
        &self,
        set: &ImageSet,
        progress: &dyn Fn(usize),
    ) -> Result<Vec<Prediction>, PredictError> {
        let mut all: Vec<Prediction> = Vec::with_capacity(set.len());
        let mut add = |first: usize, probabilities: &[f32]| {
            for (offset, row) in probabilities.chunks(self.classes.len()).enumerate() {
                let (path, class) = (set.id(first + offset), first_largest(row));
                all.push(Prediction { path, class, probabilities: row.to_vec() });
            }
            progress(all.len());
        };
        match &self.head {
            ClassHead::Probe(saved) => {
                encode(&self.encoder, set, self.levels(), BATCH, |first, codes| {
                    add(first, &saved.head.probabilities(codes));
                    Ok::<_, RepresentError>(())
                })?;
            }
            ClassHead::Network { t } => {
                self.encoder.check("the data", set)?;
                batches(set, self.encoder.preprocess(), BATCH, |first, images| {
                    let mut logits = self.encoder.class_logits(images, *t);
                    logits.chunks_mut(self.classes.len()).for_each(softmax);
                    add(first, &logits);
                    Ok::<_, RepresentError>(())
                })?;
            }
        }
        Ok(all)
    }
}
