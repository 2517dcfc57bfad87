//! The labelled rows of data, for training and for testing probes.
use super::ProbeError;
use super::score::Data;
use super::split::Split;
use crate::data::{Dataset, ImageSet, LabelColumn, LearnedLabels, Provenance, tested_split};
use crate::random::Seed;
use crate::represent::LoadedEncoder;
use std::collections::HashSet;

/// Images that all have a label.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// The images.
    pub images: ImageSet,
    /// Class of each, an index into [`LabelledData::classes`].
    pub labels: Vec<u32>,
    /// Row of each in the split of the data that it comes from.
    pub rows: Vec<usize>,
}

/// What a probe learns from and what it is tested on.
#[derive(Clone, Debug)]
pub struct LabelledData {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Rows to learn from.
    pub train: Labelled,
    /// Rows to test on.
    pub test: Labelled,
    /// True if the rows to test on were held out of the training split, since there is no other.
    pub held_out: bool,
    /// Where both come from, for the record.
    pub data: Data,
    /// Where the rows to test on come from, however their data are called.
    tested: Provenance,
}

impl LabelledData {
    /// The labelled rows of `train`'s training split, and of `test`: its test split, or all of it. Without `test`,
    /// those of `train`'s own test split or, if it has none, a fifth of its rows, stratified, always the same.
    ///
    /// `column` names the label column, the primary one with `None`. Rows without a label are left out. The classes
    /// are those of the training data; test labels are matched by name.
    ///
    /// # Errors
    /// No labels, or none among the rows to learn from or to test on; no such column, a class that the training data don't
    /// have, `test` that has images of `train`.
    pub fn new(train: &Dataset, test: Option<&Dataset>, column: Option<&str>) -> Result<Self, ProbeError> {
        let labels = find(train, &train.train, column)?;
        let classes = labels.classes.clone();
        let mut parts: Option<[Vec<usize>; 2]> = None;
        let (learn, tested, test_data, test_split) = match (test, &train.test) {
            (Some(other), _) => {
                let (set, name) = match &other.test {
                    Some(set) => (set.clone(), "test split"),
                    None => (other.train.clone(), "all images"),
                };
                (train.train.clone(), set, other, name)
            }
            (None, Some(set)) => (train.train.clone(), set.clone(), train, "test split"),
            (None, None) => {
                let split = tested_split(&labels.values);
                let part = |rows: &[usize]| train.train.subset(rows);
                let (rest, held_out) = (part(&split.rest), part(&split.held_out));
                parts = Some([split.rest, split.held_out]);
                (rest, held_out, train, "held-out fifth")
            }
        };
        let data = Data {
            train_data: train.name.clone(),
            test_data: test_data.name.clone(),
            test_split: test_split.to_owned(),
            label: labels.name.clone(),
        };
        let provenance = Provenance::of_test(test_data).unwrap_or_else(|| Provenance::of_train(test_data));
        let (named, learned) = (test.is_some(), Provenance::of_train(train));
        let mut train =
            labelled(&learn, find(train, &learn, column)?, &classes, (&train.name, "learn from"))?;
        let name = data.label.as_str();
        let mut test = labelled(
            &tested,
            tested_column(test_data, &tested, (name, column.is_some()))?,
            &classes,
            (&test_data.name, "test on"),
        )?;
        // One folder may be split by two files of labels.
        if named && provenance.shares(&test.images, (&learned, &train.images)) {
            return Err(ProbeError::TestedOnTrained { data: test_data.name.clone() });
        }
        let held_out = parts.is_some();
        for (side, part) in [&mut train, &mut test].into_iter().zip(parts.iter().flatten()) {
            side.rows.iter_mut().for_each(|row| *row = part[*row]);
        }
        Ok(Self { classes, train, test, held_out, data, tested: provenance })
    }

    /// Errors if no probe can learn from these rows: of fewer than two classes, or with fewer labels than `few_labels` ask
    /// for. Whoever calls it first trains and encodes nothing in vain.
    ///
    /// # Errors
    /// [`ProbeError::OneClass`], [`ProbeError::FewLabels`].
    pub fn refuse_unlearnable(&self, few_labels: &[usize]) -> Result<(), ProbeError> {
        match self.learned_classes() {
            0 | 1 => return Err(ProbeError::OneClass { classes: self.learned_classes() }),
            _ => {}
        }
        let values = self.train.labels.iter().copied().map(Some).collect();
        let column = LabelColumn { name: self.data.label.clone(), classes: self.classes.clone(), values };
        few_labels.iter().try_for_each(|&wanted| Split::draw(&column, Some(wanted), 0.0, Seed(0)).map(|_| ()))
    }

    /// Classes of the rows to learn from: a class map may name others.
    pub fn learned_classes(&self) -> usize {
        self.train.labels.iter().collect::<HashSet<_>>().len()
    }

    /// Errors if `encoder` was trained on labels of rows to test on: by a method that learns labels, it or a run that it
    /// started from, on data that they are training images of.
    ///
    /// # Errors
    /// [`ProbeError::Learned`].
    pub fn refuse_learned(&self, encoder: &LoadedEncoder) -> Result<(), ProbeError> {
        match encoder
            .learned_labels()
            .into_iter()
            .find(|learned| learned.are_of(&self.test.images, &self.tested))
        {
            Some(LearnedLabels { method, .. }) => {
                Err(ProbeError::Learned { data: self.data.test_data.clone(), method })
            }
            None => Ok(()),
        }
    }
}

fn find<'a>(data: &Dataset, set: &'a ImageSet, column: Option<&str>) -> Result<&'a LabelColumn, ProbeError> {
    let none = || ProbeError::NoLabels { data: data.name.clone() };
    let primary = set.labels().ok_or_else(none)?;
    let Some(name) = column else { return Ok(primary) };
    set.column(name).ok_or_else(|| {
        let known: Vec<&str> = set.columns().iter().map(|column| column.name.as_str()).collect();
        ProbeError::NoColumn { data: data.name.clone(), column: name.to_owned(), known: known.join(", ") }
    })
}

/// The column of the rows to test on: the one of the training rows' name or, if it wasn't asked for by name, the primary one.
fn tested_column<'a>(
    data: &Dataset,
    set: &'a ImageSet,
    (name, asked): (&str, bool),
) -> Result<&'a LabelColumn, ProbeError> {
    if set.labels().is_none() {
        return Err(ProbeError::NoLabelledRows { data: data.name.clone(), purpose: "test on" });
    }
    match set.column(name) {
        Some(column) => Ok(column),
        None => find(data, set, asked.then_some(name)),
    }
}

fn labelled(
    set: &ImageSet,
    column: &LabelColumn,
    classes: &[String],
    (data, purpose): (&str, &'static str),
) -> Result<Labelled, ProbeError> {
    let (mut rows, mut labels) = (Vec::new(), Vec::new());
    for row in 0..set.len() {
        let Some(class) = column.class(row) else { continue };
        let known = classes.iter().position(|known| known == class);
        let label = known.ok_or_else(|| ProbeError::UnknownClass {
            data: data.to_owned(),
            class: class.to_owned(),
            known: classes.join(", "),
        })?;
        rows.push(row);
        labels.push(label as u32);
    }
    if rows.is_empty() {
        return Err(ProbeError::NoLabelledRows { data: data.to_owned(), purpose });
    }
    Ok(Labelled { images: set.subset(&rows), labels, rows })
}
