//! What few labels came to: a class for every image, and how right they are where the truth is known.
use super::SemiError;
use super::propagate::{Propagated, certainty};
use super::record::read_json;
use super::task::SemiTask;
use crate::data::{Fingerprint, ImageSet};
use crate::files::PartFile;
use crate::measure::first_largest;
use crate::train::DataConfig;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// File of the [`Summary`] in a run folder.
const FILE: &str = "semi-outcome.json";

/// An image that a person could label next.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Doubtful {
    /// Its row among the training images.
    pub row: usize,
    /// Its name.
    pub id: String,
    /// What it was taken for.
    pub guess: String,
    /// The probability of that.
    pub probability: f64,
}

/// What an outcome was made of, in words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Protocol {
    /// Name of the data.
    pub data: String,
    /// Where they lie and how they were read; absent in files of earlier versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_config: Option<DataConfig>,
    /// Which labels were known: `10 a class, label seed 0`, or the file.
    pub labels: String,
    /// What the labels were spread over or what was trained: `raw pixels`, or a run with step, weights and t.
    pub features: String,
    /// Arguments of the command that made it, but for where it went.
    pub arguments: Vec<String>,
}

/// An outcome without the single images: what reports and programs read; `semi-outcome.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// `propagate`, `laplacenet` or `supervised`.
    pub method: String,
    /// What it was made of; empty in files of earlier versions.
    #[serde(flatten)]
    pub protocol: Protocol,
    /// Images.
    pub images: usize,
    /// CRC-32C of their names; absent in files of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_checksum: Option<u32>,
    /// CRC-32C of their pixels, where images don't lie in files of their own; absent as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pixels_checksum: Option<u32>,
    /// Images whose label was known.
    pub labelled: usize,
    /// [`Outcome::unlabelled_accuracy`].
    pub unlabelled_accuracy: Option<f64>,
    /// [`Outcome::test_accuracy`].
    pub test_accuracy: Option<f64>,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// [`Outcome::confusion`].
    pub confusion: Vec<Vec<usize>>,
    /// Images that no label reaches.
    pub unreached: usize,
    /// [`Outcome::converged`].
    pub converged: bool,
    /// [`Outcome::residual`].
    pub residual: f64,
    /// The most doubtful images, the most doubtful first.
    pub doubtful: Vec<Doubtful>,
}

impl Summary {
    /// Writes it into a run folder.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn save(&self, run: &Path) -> Result<(), SemiError> {
        let path = run.join(FILE);
        let text = serde_json::to_vec_pretty(self).expect("a summary holds strings and numbers");
        PartFile::write_whole(&path, &text).map_err(|error| SemiError::Write { path, error })
    }

    /// The summary in the folder `run`, if there is one.
    ///
    /// # Errors
    /// A file that can't be read or is none.
    pub fn read(run: &Path) -> Result<Option<Self>, SemiError> {
        read_json(&run.join(FILE))
    }

    /// The images.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint { rows: self.images_checksum, pixels: self.pixels_checksum }
    }
}

/// A class for every image of a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Probability of each class `[N, classes]`; rows of labelled images are one-hot.
    pub probabilities: Vec<f64>,
    /// `1 − entropy / ln classes`: 1 is certain, 0 knows nothing.
    pub weights: Vec<f64>,
    /// Whether each image's label was known.
    pub labelled: Vec<bool>,
    /// Whether no label reaches the image over the graph.
    pub unreached: Vec<bool>,
    /// Accuracy on images without a known label, where the truth is known (transductive: they were looked at).
    pub unlabelled_accuracy: Option<f64>,
    /// Accuracy of the network on the test images.
    pub test_accuracy: Option<f64>,
    /// How often images of each true class (row) were taken for each class (column), labelled ones left out.
    pub confusion: Vec<Vec<usize>>,
    /// Whether the propagation's solver met its tolerance; true where there was none.
    pub converged: bool,
    /// Its largest relative residual.
    pub residual: f64,
}

impl Outcome {
    /// Judges a propagation.
    pub fn of_propagation(task: &SemiTask, found: Propagated) -> Self {
        let (converged, residual) = (found.converged, found.residual);
        Self::new(task, found.probabilities, found.unreached, (converged, residual))
    }

    /// Judges a network's probabilities `[N, classes]`; known labels win over them.
    pub fn of_network(task: &SemiTask, mut probabilities: Vec<f64>) -> Self {
        task.labels.clamp(&mut probabilities);
        let unreached = vec![false; task.images.len()];
        Self::new(task, probabilities, unreached, (true, 0.0))
    }

    fn new(
        task: &SemiTask,
        probabilities: Vec<f64>,
        unreached: Vec<bool>,
        (converged, residual): (bool, f64),
    ) -> Self {
        let classes = task.classes.len();
        let guesses: Vec<u32> = probabilities.chunks(classes).map(|row| first_largest(row) as u32).collect();
        Self {
            weights: probabilities.chunks(classes).map(certainty).collect(),
            labelled: task.labels.values().iter().map(Option::is_some).collect(),
            unlabelled_accuracy: task.unlabelled_accuracy(&guesses),
            test_accuracy: None,
            confusion: task.confusion(&guesses),
            classes: task.classes.clone(),
            probabilities,
            unreached,
            converged,
            residual,
        }
    }

    /// The most probable class of each image.
    pub fn guesses(&self) -> Vec<usize> {
        self.probabilities.chunks(self.classes.len()).map(first_largest).collect()
    }

    /// The outcome of `method` without the single images, but for the `doubtful` most doubtful ones of `set`.
    ///
    /// # Errors
    /// Images that can't be read.
    pub fn summary(
        &self,
        method: &str,
        protocol: Protocol,
        set: &ImageSet,
        doubtful: usize,
    ) -> Result<Summary, SemiError> {
        let source = protocol.data_config.as_ref().map_or(&protocol.data, |config| &config.source);
        let known = Fingerprint::of(source, set)?;
        let (guesses, classes) = (self.guesses(), self.classes.len());
        let doubtful = self.most_doubtful(doubtful).into_iter().map(|row| Doubtful {
            row,
            id: set.id(row),
            guess: self.classes[guesses[row]].clone(),
            probability: self.probabilities[row * classes + guesses[row]],
        });
        Ok(Summary {
            method: method.to_owned(),
            protocol,
            images: self.labelled.len(),
            images_checksum: known.rows,
            pixels_checksum: known.pixels,
            labelled: self.labelled.iter().filter(|labelled| **labelled).count(),
            unlabelled_accuracy: self.unlabelled_accuracy,
            test_accuracy: self.test_accuracy,
            classes: self.classes.clone(),
            confusion: self.confusion.clone(),
            unreached: self.unreached.iter().filter(|unreached| **unreached).count(),
            converged: self.converged,
            residual: self.residual,
            doubtful: doubtful.collect(),
        })
    }

    /// The `count` most doubtful images without a label, the most doubtful first (of equal ones the lower row): what a
    /// person should label next.
    pub fn most_doubtful(&self, count: usize) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.weights.len()).filter(|&row| !self.labelled[row]).collect();
        rows.sort_by(|&a, &b| self.weights[a].total_cmp(&self.weights[b]).then(a.cmp(&b)));
        rows.truncate(count);
        rows
    }
}
