//! The probe of a run: its encoder beside raw pixels and a random encoder.
use super::ProbeError;
use super::features::{Column, Features, Source};
use super::labelled::LabelledData;
use super::protocol::{Outcome, Settings, Task, run};
use super::recipe::ProbeKind;
use super::saved::{HeadRecord, SavedHead, TrajectoryRecord};
use super::score::{Origin, Score, Scores, best_validated};
use super::score_probe::{ScoreProbe, probe_score};
use crate::data::ImageSet;
use crate::files::PartFile;
use crate::random::Seed;
use crate::represent::{Embeddings, LoadedEncoder, pixels};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// File in the run folder.
const FILE: &str = "probe.json";
/// Names of the sources.
pub(super) const ENCODER: &str = "encoder";
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

/// Probes raw pixels, the encoder with random weights, and the encoder of the run at `path`, under the same protocol;
/// writes `probe.json`, the head with the best validation accuracy, and the best place if one was searched, into the run
/// folder.
///
/// # Errors
/// As [`run`] and [`LabelledData::refuse_learned`], and images that can't be read, files that can't be written, heads over
/// all levels where there is one.
pub fn probe_run(
    path: &Path,
    request: &RunProbe,
    observe: &(dyn Fn(ProbeEvent) + Sync),
) -> Result<Scores, ProbeError> {
    let RunProbe { encoder, labelled, .. } = request;
    labelled.refuse_learned(encoder)?;
    if let ([head, ..], 1) = (&request.heads.0[..], request.levels().len()) {
        return Err(ProbeError::OneLevel { head: head.name() });
    }
    for (name, side) in
        [(&labelled.data.train_data, &labelled.train), (&labelled.data.test_data, &labelled.test)]
    {
        encoder.check(name, &side.images)?;
    }
    let mut scores = request.baselines(path, observe)?;
    let outcomes = request.encoder(observe)?;
    if let Some(head) = best_head(&outcomes, request) {
        head.save(path)?;
    }
    let encoder_scores: Vec<Score> = outcomes.into_iter().map(|outcome| outcome.score).collect();
    if let Some(score) = &request.score {
        let (found, best) = probe_score(request, score, &encoder_scores, observe)?;
        if let Some(best) = best {
            best.save(path)?;
        }
        scores.extend(encoder_scores);
        scores.extend(found);
    } else {
        scores.extend(encoder_scores);
    }
    let scores = Scores { scores };
    write(path, &scores)?;
    Ok(scores)
}

impl RunProbe<'_> {
    /// Scores of raw pixels and of the encoder of the run at `path` with its initial weights.
    ///
    /// # Errors
    /// As [`probe_run`].
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
    /// As [`probe_run`].
    pub fn encoder(&self, observe: &(dyn Fn(ProbeEvent) + Sync)) -> Result<Vec<Outcome>, ProbeError> {
        self.codes(ENCODER, self.encoder, observe)
    }

    /// The levels at which the encoder is read: a static one has one.
    fn levels(&self) -> &[f64] {
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

/// The head, trained with all labels, whose validation accuracy is best.
fn best_head(outcomes: &[Outcome], request: &RunProbe) -> Option<SavedHead> {
    let candidates = outcomes.iter().filter(|outcome| {
        outcome.head.is_some() && outcome.score.headline && outcome.score.labels_per_class.is_none()
    });
    let score = best_validated(candidates.map(|outcome| &outcome.score))?;
    let best = outcomes.iter().find(|outcome| std::ptr::eq(&outcome.score, score))?;
    let encoder = request.encoder;
    let record = HeadRecord {
        classes: request.labelled.classes.clone(),
        probe: score.probe,
        t: score.t.or(request.t.first().copied())?,
        trajectory: score.origin.levels.clone().map(|levels| TrajectoryRecord {
            levels,
            dim: encoder.dim(),
            hidden: score.recipe.hidden,
        }),
        weights: encoder.weights().to_owned(),
        step: encoder.step()?,
        precision: encoder.precision(),
        train_data: score.data.train_data.clone(),
        label: score.data.label.clone(),
        validation_accuracy: score.validation_accuracy,
        test_accuracy: score.accuracy,
    };
    Some(SavedHead { head: best.head.clone()?, record })
}

fn write(run: &Path, scores: &Scores) -> Result<(), ProbeError> {
    let path = run.join(FILE);
    let text = serde_json::to_string_pretty(scores).expect("scores hold strings and numbers");
    PartFile::write_whole(&path, text.as_bytes())
        .map_err(|error| ProbeError::Write { path: path.clone(), error })
}
