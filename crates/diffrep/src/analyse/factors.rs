//! Accuracy of every factor against t, with its baselines.
use super::criterion::spearman;
use super::{AnalyseError, AnalyseEvent, Factor, Request};
use crate::data::Dataset;
use crate::probe::{Column, Features, LabelledData, Outcome, ProbeError, ProbeKind, Settings, Source, run};
use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A label column with the rows that have a label in it.
#[derive(Clone, Debug)]
pub struct FactorData {
    /// Name of the column.
    pub name: String,
    /// Its rows.
    pub labelled: LabelledData,
}

/// Codes of all images of a data set at several t; or their pixels, at one.
#[derive(Clone, Debug)]
pub struct Codes {
    /// Levels of detail, T of them.
    pub t: Vec<f64>,
    /// Size of a code.
    pub dim: usize,
    /// Codes `[N, T, dim]` of the training images.
    pub train: Vec<f32>,
    /// Codes of the test images; of the training images again for data without a test split.
    pub test: Option<Vec<f32>>,
}

impl Codes {
    /// The codes of `rows` of a split, ascending, `[rows, T, dim]`. Long codes at many t are gigabytes: if all rows are
    /// wanted, nothing is copied.
    fn rows(&self, test: bool, rows: &[usize]) -> Cow<'_, [f32]> {
        let all = if test { self.test.as_ref().unwrap_or(&self.train) } else { &self.train };
        let width = self.t.len() * self.dim;
        if rows.len() * width == all.len() {
            return Cow::Borrowed(all);
        }
        rows.iter().flat_map(|row| &all[row * width..][..width]).copied().collect()
    }

    /// The codes of the rows to learn from and of those to test on.
    fn of(&self, labelled: &LabelledData) -> [Cow<'_, [f32]>; 2] {
        [self.rows(false, &labelled.train.rows), self.rows(!labelled.held_out, &labelled.test.rows)]
    }
}

/// The factors of a data set that `columns` names, all with `None`.
///
/// # Errors
/// A column that the data don't have, or without labels of two classes.
pub fn factor_data(data: &Dataset, columns: Option<&[String]>) -> Result<Vec<FactorData>, AnalyseError> {
    let known: Vec<String> = data.train.columns().iter().map(|column| column.name.clone()).collect();
    if known.is_empty() {
        return Err(ProbeError::NoLabels { data: data.name.clone() }.into());
    }
    let wanted = columns.unwrap_or(&known);
    let factor = |name: &String| {
        let failed = |error| match error {
            ProbeError::NoColumn { .. } => error.into(),
            _ => AnalyseError::Factor { factor: name.clone(), error },
        };
        let labelled = LabelledData::new(data, None, Some(name)).map_err(failed)?;
        labelled.refuse_unlearnable(&[]).map_err(failed)?;
        Ok(FactorData { name: name.clone(), labelled })
    };
    wanted.iter().map(factor).collect()
}

/// One analysis under way.
pub(super) struct Task<'a> {
    pub request: &'a Request<'a>,
    pub observe: &'a (dyn Fn(AnalyseEvent) + Sync),
}

impl Task<'_> {
    /// Probes one factor.
    pub fn factor(&self, factor: &FactorData) -> Result<Factor, AnalyseError> {
        let Request { codes, random, pixels, settings, attention, .. } = self.request;
        let labelled = &factor.labelled;
        let levels = codes.t.len();
        let done = AtomicUsize::new(0);
        let total = 2 * levels + 1 + usize::from(*attention);
        let finished = || {
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            (self.observe)(AnalyseEvent::Factor(factor.name.clone(), done, total));
        };
        let probe = |name: &str, columns: Vec<Column>, settings: &Settings| {
            let task = crate::probe::Task {
                classes: &labelled.classes,
                train_labels: &labelled.train.labels,
                test_labels: &labelled.test.labels,
                data: labelled.data.clone(),
            };
            let source = Source { name: name.to_owned(), columns };
            run(&task, &source, &self.request.origin, settings, &finished)
                .map_err(|error| AnalyseError::Factor { factor: factor.name.clone(), error })
        };
        let of_t = |[train, test]: &[Cow<'_, [f32]>; 2], name: &str| {
            let column = |(level, &t): (usize, &f64)| Column {
                t: Some(t),
                train: Features::column(train, levels, level, codes.dim),
                test: Features::column(test, levels, level, codes.dim),
            };
            probe(name, codes.t.iter().enumerate().map(column).collect(), settings)
        };
        let trained = codes.of(labelled);
        let scores = of_t(&trained, "encoder")?;
        let baseline = of_t(&random.of(labelled), "random encoder")?;
        let [train, test] = &pixels.of(labelled);
        let [train, test] = [train, test].map(|values| Features::new(values, pixels.dim));
        let pixels = probe("raw pixels", vec![Column { t: None, train, test }], settings)?;
        let chosen = |outcomes: &[Outcome]| {
            outcomes.iter().find(|outcome| outcome.score.headline).and_then(|outcome| outcome.score.t)
        };
        let whole = match attention {
            true => Some(self.attention(&trained, probe)?),
            false => None,
        };
        let accuracies =
            |outcomes: &[Outcome]| outcomes.iter().map(|outcome| outcome.score.accuracy).collect();
        let accuracy: Vec<f64> = accuracies(&scores);
        Ok(Factor {
            trend: spearman(&codes.t, &accuracy),
            name: factor.name.clone(),
            classes: labelled.learned_classes(),
            probe: settings.probes[0].name().to_owned(),
            accuracy,
            sd: scores.iter().map(|outcome| outcome.score.sd).collect(),
            validation: scores.iter().map(|outcome| outcome.score.validation_accuracy).collect(),
            best_t: chosen(&scores),
            random: accuracies(&baseline),
            random_t: chosen(&baseline),
            pixels: pixels[0].score.accuracy,
            attention_accuracy: whole.as_ref().map(|(outcome, _)| (outcome.score.accuracy, outcome.score.sd)),
            attention: whole.map(|(_, weights)| weights),
        })
    }

    /// The head over all t, and where the first seed's looks on test rows.
    fn attention(
        &self,
        [train, test]: &[Cow<'_, [f32]>; 2],
        probe: impl Fn(&str, Vec<Column>, &Settings) -> Result<Vec<Outcome>, AnalyseError>,
    ) -> Result<(Outcome, Vec<f32>), AnalyseError> {
        let Request { codes, settings, .. } = self.request;
        let (levels, dim) = (codes.t.len(), codes.dim);
        let column = Column {
            t: None,
            train: Features::trajectory(train, levels, dim),
            test: Features::trajectory(test, levels, dim),
        };
        let settings = Settings { probes: vec![ProbeKind::Attention], ..settings.clone() };
        let outcome = probe("encoder", vec![column], &settings)?.swap_remove(0);
        let weights = outcome.head.as_ref().and_then(|head| head.level_weights(test)).unwrap_or_default();
        Ok((outcome, weights))
    }
}
