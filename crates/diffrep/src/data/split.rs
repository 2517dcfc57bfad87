//! Seeded splits: validation parts and few-label subsets, stratified by class.
use super::{DataError, LabelColumn};
use crate::random::{Purpose, Seed};
use std::collections::BTreeMap;

/// Streams of [`Purpose::Split`].
const HELD_OUT: u16 = 0;
const FEW_LABELS: u16 = 1;
const TIES: u16 = 2;

/// Part of data without a test split that probes are tested on.
const TESTED: f64 = 0.2;

/// Two disjoint lists of rows, each in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// The larger part, usually for training.
    pub rest: Vec<usize>,
    /// The smaller part, usually for validation.
    pub held_out: Vec<usize>,
}

/// Holds out ⌈`fraction` · n⌉ of the n labelled rows so that every class keeps its share (largest remainders; of
/// equal ones the smaller class id). At least one row of each class stays, so a class of one image is never held
/// out, and where there are many such classes fewer rows are. Rows without a label are in neither part.
///
/// # Errors
/// `fraction` outside [0, 1).
pub fn stratified_split(labels: &[Option<u32>], fraction: f64, seed: Seed) -> Result<Split, DataError> {
    split(rows_by_class(labels), fraction, seed, |class| class)
}

/// The same, but of equal remainders the seed decides. With few rows a class they are the rule: the first classes would
/// be held out with every seed, the others never.
///
/// # Errors
/// As [`stratified_split`].
pub(crate) fn few_label_split(labels: &[Option<u32>], fraction: f64, seed: Seed) -> Result<Split, DataError> {
    let classes = rows_by_class(labels);
    let count = classes.last_key_value().map_or(0, |(&last, _)| last as usize + 1);
    let ranks = seed.key(Purpose::Split, TIES, 0).permutation(0, count);
    split(classes, fraction, seed, |class| ranks[class as usize])
}

/// Of equal remainders the class with the smaller `rank` has one row more held out.
fn split<R: Ord>(
    classes: BTreeMap<u32, Vec<usize>>,
    fraction: f64,
    seed: Seed,
    rank: impl Fn(u32) -> R,
) -> Result<Split, DataError> {
    let labelled: usize = classes.values().map(Vec::len).sum();
    let target = held_out_count(labelled, fraction)?;
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    let mut remainders = Vec::new();
    for (&class, rows) in &classes {
        let share = rows.len() as f64 * target as f64 / labelled.max(1) as f64;
        let whole = (share.floor() as usize).min(rows.len() - 1);
        counts.insert(class, whole);
        remainders.push((share - share.floor(), class));
    }
    remainders.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| rank(a.1).cmp(&rank(b.1))));
    let mut missing = target - counts.values().sum::<usize>();
    for (_, class) in remainders {
        let count = counts.entry(class).or_default();
        if missing > 0 && *count + 1 < classes[&class].len() {
            *count += 1;
            missing -= 1;
        }
    }
    let mut split = Split { rest: Vec::new(), held_out: Vec::new() };
    for (class, rows) in classes {
        let order = seed.key(Purpose::Split, HELD_OUT, 0).permutation(class, rows.len());
        let (held_out, rest) = order.split_at(counts[&class]);
        split.held_out.extend(held_out.iter().map(|&i| rows[i]));
        split.rest.extend(rest.iter().map(|&i| rows[i]));
    }
    split.held_out.sort_unstable();
    split.rest.sort_unstable();
    Ok(split)
}

/// The rows that probes are tested on in data without a test split, a stratified fifth of those with a label, and the
/// others. They are the same in every run, whatever its seed, and nothing else may look at their labels.
pub fn tested_split(labels: &[Option<u32>]) -> Split {
    stratified_split(labels, TESTED, Seed(0)).expect("a fifth is a fraction")
}

/// `count` rows of every class that has labelled rows, in ascending order. With the same seed a smaller count gives a
/// subset of a larger one, so few-label curves grow by adding labels.
///
/// # Errors
/// A class with fewer labelled rows; no labelled row at all; a count of 0.
pub fn per_class(labels: &LabelColumn, count: usize, seed: Seed) -> Result<Vec<usize>, DataError> {
    if count == 0 {
        let value = "0".to_owned();
        return Err(DataError::Argument { name: "images per class", value, expected: "at least 1" });
    }
    let classes = rows_by_class(&labels.values);
    let mut chosen = Vec::new();
    for (id, name) in labels.classes.iter().enumerate() {
        let rows = match classes.get(&(id as u32)) {
            Some(rows) => rows.as_slice(),
            None if classes.is_empty() => &[],
            // A class map names classes that these rows don't have: those of an empty folder, or of the test split.
            None => continue,
        };
        if rows.len() < count {
            return Err(DataError::TooFewInClass { class: name.clone(), found: rows.len(), needed: count });
        }
        let order = seed.key(Purpose::Split, FEW_LABELS, 0).permutation(id as u32, rows.len());
        chosen.extend(order[..count].iter().map(|&i| rows[i]));
    }
    chosen.sort_unstable();
    Ok(chosen)
}

fn rows_by_class(labels: &[Option<u32>]) -> BTreeMap<u32, Vec<usize>> {
    let mut classes: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (row, label) in labels.iter().enumerate() {
        if let Some(class) = label {
            classes.entry(*class).or_default().push(row);
        }
    }
    classes
}

fn held_out_count(rows: usize, fraction: f64) -> Result<usize, DataError> {
    if !(0.0..1.0).contains(&fraction) {
        let value = fraction.to_string();
        return Err(DataError::Argument {
            name: "held-out fraction",
            value,
            expected: "at least 0, below 1",
        });
    }
    Ok((rows as f64 * fraction).ceil() as usize)
}
