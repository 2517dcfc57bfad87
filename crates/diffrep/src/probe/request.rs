//! What a probe of a run is asked for, and its parts: raw pixels, a random encoder, the encoder.
use super::ProbeError;
use super::features::{Column, Features, Source};
use super::labelled::LabelledData;
use super::protocol::{Outcome, Settings, Task, run};
use super::recipe::ProbeKind;
use super::score::{ENCODER, Origin, Score};
use crate::data::ImageSet;
use crate::nn::BlockName;
use crate::random::Seed;
use crate::represent::{Embeddings, LoadedEncoder, ScoreInput, ScoreNetwork, pixels};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Names of the sources.
const RANDOM: &str = "random encoder";
const PIXELS: &str = "raw pixels";

/// What is going on, for a progress bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeEvent {
    /// Images of this source are encoded: done, of all.
    Encoding(&'static str, usize, usize),
    /// Scores of this source are computed: done, of all.
    Probing(String, usize, usize),
}

/// What to probe.
#[derive(Debug)]
pub struct RunProbe<'a> {
    /// The run's encoder.
    pub encoder: &'a LoadedEncoder,
    /// Labelled images of the shape that it reads.
    pub labelled: &'a LabelledData,
    /// Levels of detail, at least one.
    pub t: Vec<f64>,
    /// Probes, recipe, seeds.
    pub settings: Settings,
    /// Heads that read all of these levels at once, and their seeds.
    pub heads: (Vec<ProbeKind>, Vec<u64>),
    /// The score network's features, if they are wanted beside the encoder's.
    pub score: Option<ScoreProbe<'a>>,
}

/// What to probe of the score network.
#[derive(Debug)]
pub struct ScoreProbe<'a> {
    /// The run's score network.
    pub network: &'a ScoreNetwork,
    /// Blocks to read, at least one.
    pub blocks: Vec<BlockName>,
    /// What the network is given.
    pub input: ScoreInput,
    /// Looks for the best block and t with the first of the probes, on validation rows, probes that place with all of
    /// them, and the encoder's code at its own best t beside it.
    pub search: bool,
}

impl RunProbe<'_> {
    /// Scores of raw pixels and of the encoder of the run at `path` with its initial weights.
    ///
    /// # Errors
    /// As [`probe_run`](super::probe_run).
    pub fn baselines(
        &self,
        path: &Path,
        observe: &(dyn Fn(ProbeEvent) + Sync),
    ) -> Result<Vec<Score>, ProbeError> {
        let mut scores = self.pixels(observe)?;
        let encoder = self.encoder;
        let random = LoadedEncoder::random(path, Seed(encoder.record().seed), encoder.device())?
            .with_precision(encoder.precision())?;
        scores.extend(self.codes(RANDOM, &random, observe)?.into_iter().map(|outcome| outcome.score));
        Ok(scores)
    }

    /// Scores and heads of the encoder itself; a static one has one level, 0.
    ///
    /// # Errors
    /// As [`probe_run`](super::probe_run).
    pub fn encoder(&self, observe: &(dyn Fn(ProbeEvent) + Sync)) -> Result<Vec<Outcome>, ProbeError> {
        self.codes(ENCODER, self.encoder, observe)
    }

    /// The levels at which the encoder is read: a static one has one.
    pub(super) fn levels(&self) -> &[f64] {
        if self.encoder.is_time_conditioned() { &self.t } else { &[0.0] }
    }

    fn pixels(&self, observe: &(dyn Fn(ProbeEvent) + Sync)) -> Result<Vec<Score>, ProbeError> {
        let preprocess = self.encoder.preprocess();
        let [train, test] =
            [&self.labelled.train, &self.labelled.test].map(|side| pixels(&side.images, preprocess));
        let (train, test) = (train?, test?);
        let dim = preprocess.shape().len();
        let column = Column { t: None, train: Features::new(&train, dim), test: Features::new(&test, dim) };
        let outcomes = self.probe(PIXELS, vec![column], &Origin::default(), &self.settings, observe)?;
        Ok(outcomes.into_iter().map(|outcome| outcome.score).collect())
    }

    fn codes(
        &self,
        name: &'static str,
        encoder: &LoadedEncoder,
        observe: &(dyn Fn(ProbeEvent) + Sync),
    ) -> Result<Vec<Outcome>, ProbeError> {
        let [train, test] = [&self.labelled.train.images, &self.labelled.test.images];
        let total = train.len() + test.len();
        let t = self.levels();
        let encode = |set: &ImageSet, before: usize| {
            let progress = |done| observe(ProbeEvent::Encoding(name, before + done, total));
            Embeddings::of(encoder, set, t, &progress)
        };
        let (train, test) = (encode(train, 0)?, encode(test, train.len())?);
        let (levels, dim) = (t.len(), encoder.dim());
        let column = |(column, &t): (usize, &f64)| Column {
            t: Some(t),
            train: Features::column(&train.values, levels, column, dim),
            test: Features::column(&test.values, levels, column, dim),
        };
        let columns = t.iter().enumerate().map(column).collect();
        let origin = Origin::of(encoder);
        let mut outcomes = self.probe(name, columns, &origin, &self.settings, observe)?;
        let (heads, seeds) = &self.heads;
        if !heads.is_empty() {
            let whole = Column {
                t: None,
                train: Features::trajectory(&train.values, levels, dim),
                test: Features::trajectory(&test.values, levels, dim),
            };
            let origin = Origin { levels: Some(t.to_vec()), ..origin };
            let settings = Settings { probes: heads.clone(), seeds: seeds.clone(), ..self.settings.clone() };
            outcomes.extend(self.probe(name, vec![whole], &origin, &settings, observe)?);
        }
        Ok(outcomes)
    }

    pub(super) fn probe(
        &self,
        name: &str,
        columns: Vec<Column>,
        origin: &Origin,
        settings: &Settings,
        observe: &(dyn Fn(ProbeEvent) + Sync),
    ) -> Result<Vec<Outcome>, ProbeError> {
        let task = Task {
            classes: &self.labelled.classes,
            train_labels: &self.labelled.train.labels,
            test_labels: &self.labelled.test.labels,
            data: self.labelled.data.clone(),
        };
        let total = columns.len() * settings.probes.len() * (1 + settings.few_labels.len());
        let done = AtomicUsize::new(0);
        let finished = || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            observe(ProbeEvent::Probing(name.to_owned(), done, total));
        };
        let source = Source { name: name.to_owned(), columns };
        run(&task, &source, origin, settings, &finished)
    }
}
