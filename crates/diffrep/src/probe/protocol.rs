//! The protocol of a score: what is chosen where, and in which order the rows are read.
use super::ProbeError;
use super::cross_validation::cross_validate;
use super::features::{Column, Features, Source};
use super::fit::{Fit, Training, fit, predict};
use super::head::Head;
use super::metrics::{accuracy, macro_f1, mean_and_sd};
use super::recipe::{ProbeKind, Recipe};
use super::score::{Data, Origin, Score, mark_headlines};
use super::split::Split;
use crate::data::LabelColumn;
use crate::measure::{KNN_NEIGHBOURS, knn_predict};
use crate::random::Seed;
use rayon::prelude::*;

/// Labels that features are to tell apart.
#[derive(Clone, Debug)]
pub struct Task<'a> {
    /// Names of the classes; labels are indices into it.
    pub classes: &'a [String],
    /// Labels of the training rows.
    pub train_labels: &'a [u32],
    /// Labels of the test rows.
    pub test_labels: &'a [u32],
    /// What the rows are, for the record.
    pub data: Data,
}

/// What to run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Probes.
    pub probes: Vec<ProbeKind>,
    /// Hyper-parameters.
    pub recipe: Recipe,
    /// At least one.
    pub seeds: Vec<u64>,
    /// Labels a class, for the few-label curve; scores with all labels are always computed.
    pub few_labels: Vec<usize>,
    /// Chooses the t of few-label scores by cross-validation on the few labels, not by all labels.
    pub cross_validate: bool,
}

/// A score and the first seed's head, which a kNN score doesn't have.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The score.
    pub score: Score,
    /// The head.
    pub head: Option<Head>,
}

/// Scores of `source` for every t, probe and number of labels.
///
/// For each of them: the first seed's validation rows choose the learning rate; each seed trains a head, whose epoch
/// its validation rows choose; only then the test rows are classified, once by each chosen head. All run in parallel
/// with the same result for any number of threads. `finished` is called after each of the scores.
///
/// # Errors
/// Features that are not finite, labels of one class only, fewer labels than a few-label score needs, a diverged head.
pub fn run(
    task: &Task,
    source: &Source,
    origin: &Origin,
    settings: &Settings,
    finished: &(dyn Fn() + Sync),
) -> Result<Vec<Outcome>, ProbeError> {
    check(task, source)?;
    let labels = LabelColumn {
        name: task.data.label.clone(),
        classes: task.classes.to_vec(),
        values: task.train_labels.iter().copied().map(Some).collect(),
    };
    let mut cells = Vec::new();
    for labels_per_class in std::iter::once(None).chain(settings.few_labels.iter().copied().map(Some)) {
        let validation = settings.recipe.validation;
        let draw = |&seed: &u64| Split::draw(&labels, labels_per_class, validation, Seed(seed));
        let splits = settings.seeds.iter().map(draw).collect::<Result<Vec<_>, _>>()?;
        for &probe in &settings.probes {
            for &column in &source.columns {
                cells.push(Cell { labels_per_class, probe, column, splits: splits.clone() });
            }
        }
    }
    let experiment = Experiment { task, source, origin, settings };
    let mut outcomes = cells
        .par_iter()
        .map(|cell| {
            let outcome = experiment.outcome(cell);
            finished();
            outcome
        })
        .collect::<Result<Vec<_>, _>>()?;
    let mut scores: Vec<Score> = outcomes.iter().map(|outcome| outcome.score.clone()).collect();
    mark_headlines(&mut scores);
    outcomes.iter_mut().zip(scores).for_each(|(outcome, score)| outcome.score = score);
    Ok(outcomes)
}

fn check(task: &Task, source: &Source) -> Result<(), ProbeError> {
    if task.train_labels.is_empty() || task.test_labels.is_empty() {
        let data = if task.train_labels.is_empty() { &task.data.train_data } else { &task.data.test_data };
        return Err(ProbeError::NoLabels { data: data.clone() });
    }
    let mut seen = vec![false; task.classes.len()];
    task.train_labels.iter().for_each(|&label| seen[label as usize] = true);
    let classes = seen.iter().filter(|&&seen| seen).count();
    if classes < 2 {
        return Err(ProbeError::OneClass { classes });
    }
    for column in &source.columns {
        for (split, features) in [("training", column.train), ("test", column.test)] {
            if let Some(row) = features.first_not_finite() {
                return Err(ProbeError::NotFinite { source_name: source.name.clone(), split, row });
            }
        }
    }
    Ok(())
}

/// One score to be.
struct Cell<'a> {
    labels_per_class: Option<usize>,
    probe: ProbeKind,
    column: Column<'a>,
    /// One for each seed.
    splits: Vec<Split>,
}

struct Experiment<'a> {
    task: &'a Task<'a>,
    source: &'a Source<'a>,
    origin: &'a Origin,
    settings: &'a Settings,
}

/// What the seeds of a cell gave.
#[derive(Default)]
struct Results {
    validation: Vec<Option<f64>>,
    predicted: Vec<Vec<u32>>,
    epochs: Vec<usize>,
    learning_rate: Option<f64>,
    cross_validation: Option<f64>,
    head: Option<Head>,
}

impl Experiment<'_> {
    fn outcome(&self, cell: &Cell) -> Result<Outcome, ProbeError> {
        let results = match cell.probe {
            ProbeKind::Knn => self.neighbours(cell),
            _ => self.heads(cell)?,
        };
        Ok(Outcome { score: self.score(cell, &results), head: results.head })
    }

    fn training<'a>(&'a self, cell: &'a Cell, seed: usize) -> Training<'a> {
        Training {
            features: cell.column.train,
            labels: self.task.train_labels,
            classes: self.task.classes.len(),
            split: &cell.splits[seed],
            recipe: &self.settings.recipe,
        }
    }

    /// Mean over seeds of the accuracy by cross-validation, for a few-label score whose t it is to choose.
    fn cross_validation(&self, cell: &Cell, learning_rate: f64) -> Option<f64> {
        if !self.settings.cross_validate || cell.labels_per_class.is_none() {
            return None;
        }
        let of_seed = |(index, &seed): (usize, &u64)| {
            cross_validate(self.training(cell, index), cell.probe, learning_rate, Seed(seed))
        };
        let all: Option<Vec<f64>> = self.settings.seeds.par_iter().enumerate().map(of_seed).collect();
        all.map(|all| mean_and_sd(&all).0)
    }

    fn heads(&self, cell: &Cell) -> Result<Results, ProbeError> {
        let train = |seed: usize, learning_rate: f64| {
            fit(self.training(cell, seed), cell.probe, learning_rate, Seed(self.settings.seeds[seed]))
                .ok_or(learning_rate)
        };
        let diverged = |learning_rate: f64| {
            let source_name = self.source.name.clone();
            ProbeError::Diverged { probe: cell.probe.name(), source_name, learning_rate }
        };
        let rates = &self.settings.recipe.learning_rates;
        // Without validation rows nothing can choose: the first learning rate is taken.
        let rates = if cell.splits[0].validation.is_empty() { &rates[..1] } else { &rates[..] };
        let tried: Vec<Result<Fit, f64>> = rates.par_iter().map(|&rate| train(0, rate)).collect();
        let (learning_rate, first) = best_rate(rates, tried).map_err(diverged)?;
        let others = (1..self.settings.seeds.len()).into_par_iter().map(|seed| train(seed, learning_rate));
        let mut fits = vec![first];
        fits.extend(others.collect::<Result<Vec<_>, _>>().map_err(diverged)?);
        Ok(Results {
            validation: fits.iter().map(|fit| fit.validation).collect(),
            predicted: fits.par_iter().map(|fit| predict(&fit.head, cell.column.test)).collect(),
            epochs: fits.iter().map(|fit| fit.epoch).collect(),
            learning_rate: Some(learning_rate),
            cross_validation: self.cross_validation(cell, learning_rate),
            head: Some(fits.swap_remove(0).head),
        })
    }

    fn neighbours(&self, cell: &Cell) -> Results {
        let cross_validation = self.cross_validation(cell, 0.0);
        let mut results = Results { cross_validation, ..Results::default() };
        let classes = self.task.classes.len();
        let all: Vec<usize> = (0..cell.column.test.rows()).collect();
        for split in &cell.splits {
            let codes = gathered(cell.column.train, &split.fit);
            let labels: Vec<u32> = split.fit.iter().map(|&row| self.task.train_labels[row]).collect();
            let vote = |features: Features, rows: &[usize]| {
                let asked = gathered(features, rows);
                knn_predict((&codes, &labels), &asked, features.dim(), KNN_NEIGHBOURS, classes)
            };
            let truth: Vec<u32> = split.validation.iter().map(|&row| self.task.train_labels[row]).collect();
            let validation = accuracy(&vote(cell.column.train, &split.validation), &truth);
            results.validation.push((!truth.is_empty()).then_some(validation));
            results.predicted.push(vote(cell.column.test, &all));
        }
        results
    }

    fn score(&self, cell: &Cell, results: &Results) -> Score {
        let truth = self.task.test_labels;
        let accuracies: Vec<f64> =
            results.predicted.iter().map(|predicted| accuracy(predicted, truth)).collect();
        let f1 = |predicted: &Vec<u32>| macro_f1(predicted, truth, self.task.classes.len());
        let (macro_f1, macro_f1_sd) = mean_and_sd(&results.predicted.iter().map(f1).collect::<Vec<_>>());
        let (mean, sd) = mean_and_sd(&accuracies);
        let validation: Option<Vec<f64>> = results.validation.iter().copied().collect();
        let validation = validation.map(|values| mean_and_sd(&values));
        Score {
            source: self.source.name.clone(),
            t: cell.column.t,
            probe: cell.probe,
            split: "test".to_owned(),
            accuracy: mean,
            sd,
            macro_f1,
            macro_f1_sd,
            validation_accuracy: validation.map(|(mean, _)| mean),
            validation_sd: validation.map(|(_, sd)| sd),
            headline: false,
            balanced: balanced(truth, self.task.classes.len()),
            labels_per_class: cell.labels_per_class,
            cross_validation: results.cross_validation,
            accuracies,
            seeds: self.settings.seeds.clone(),
            learning_rate: results.learning_rate,
            epochs: results.epochs.clone(),
            dim: cell.column.train.dim(),
            classes: self.task.classes.len(),
            train_rows: cell.splits[0].fit.len(),
            validation_rows: cell.splits[0].validation.len(),
            test_rows: truth.len(),
            data: self.task.data.clone(),
            origin: self.origin.clone(),
            recipe: self.settings.recipe.clone(),
        }
    }
}

/// The learning rate with the best validation accuracy, of those with which training didn't diverge; equal ones: the lower
/// loss, then the earlier one. Errors with a learning rate if all diverged.
fn best_rate(rates: &[f64], tried: Vec<Result<Fit, f64>>) -> Result<(f64, Fit), f64> {
    let quality = |fit: &Fit| (fit.validation, -fit.validation_loss);
    let mut best: Result<(f64, Fit), f64> = Err(f64::NAN);
    for (&rate, fit) in rates.iter().zip(tried) {
        best = match (best, fit) {
            (Ok(best), Ok(fit)) if quality(&fit) > quality(&best.1) => Ok((rate, fit)),
            (Ok(best), _) => Ok(best),
            (Err(_), fit) => fit.map(|fit| (rate, fit)),
        };
    }
    best
}

fn gathered(features: Features, rows: &[usize]) -> Vec<f32> {
    let mut values = Vec::new();
    features.gather(rows, &mut values);
    values
}

fn balanced(labels: &[u32], classes: usize) -> bool {
    let mut counts = vec![0usize; classes];
    labels.iter().for_each(|&label| counts[label as usize] += 1);
    let smallest = counts.iter().min().copied().unwrap_or(0);
    let largest = counts.iter().max().copied().unwrap_or(0);
    largest * 2 <= smallest * 3
}
