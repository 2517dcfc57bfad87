//! Everything that training from few labels learns from, and what it is judged by.
use super::{KnownLabels, PartialLabels, SemiError};
use crate::data::{Dataset, ImageSet, Preprocess};

/// Images, the labels that are known, and, apart from them, the true ones.
#[derive(Clone, Debug)]
pub struct SemiTask {
    /// Name of the data.
    pub dataset: String,
    /// All images, labelled or not.
    pub images: ImageSet,
    /// Names of the classes.
    pub classes: Vec<String>,
    /// Labels to learn from.
    pub labels: PartialLabels,
    /// Standardisation.
    pub preprocess: Preprocess,
    /// True labels where the data have them: for figures only, nothing is trained with them.
    pub(super) truth: Vec<Option<u32>>,
    /// Images to be tested on, with their labels.
    pub(super) test: Option<(ImageSet, Vec<Option<u32>>)>,
}

impl SemiTask {
    /// The training split of `dataset` with the labels `known`; its test split is for the end.
    ///
    /// # Errors
    /// As [`KnownLabels::of`].
    pub fn new(dataset: &Dataset, known: &KnownLabels, preprocess: Preprocess) -> Result<Self, SemiError> {
        let (classes, labels) = known.of(&dataset.train)?;
        let same = |set: &ImageSet| {
            let nothing = || vec![None; set.len()];
            let Some(column) = set.labels() else { return nothing() };
            let place = |row| classes.iter().position(|class| column.class(row) == Some(class.as_str()));
            let truth: Vec<Option<u32>> = (0..set.len()).map(|row| Some(place(row)? as u32)).collect();
            // Labels of another kind tell nothing about these.
            let whole = truth.iter().zip(&column.values).all(|(ours, own)| ours.is_some() == own.is_some());
            if whole { truth } else { nothing() }
        };
        Ok(Self {
            dataset: dataset.name.clone(),
            truth: same(&dataset.train),
            test: dataset.test.as_ref().map(|set| (set.clone(), same(set))),
            images: dataset.train.clone(),
            classes,
            labels,
            preprocess,
        })
    }

    /// Forgets the true labels of the images without a known one, for a start that has learned them: figures of those
    /// images would be too good.
    pub fn forget_truth(&mut self) {
        self.truth.fill(None);
    }

    /// Forgets the images to be tested on, for a start that has learned their labels.
    pub fn forget_test(&mut self) {
        self.test = None;
    }

    /// Rows without a known label, ascending.
    pub fn unlabelled(&self) -> Vec<usize> {
        let values = self.labels.values();
        (0..values.len()).filter(|&row| values[row].is_none()).collect()
    }

    /// Accuracy of `guesses`, one an image, on the images without a known label whose true one is known.
    pub fn unlabelled_accuracy(&self, guesses: &[u32]) -> Option<f64> {
        let judged = self.unlabelled().into_iter().filter_map(|row| Some((guesses[row], self.truth[row]?)));
        accuracy(judged)
    }

    /// How often images without a known label of each true class (row) were guessed to be of each class (column).
    pub fn confusion(&self, guesses: &[u32]) -> Vec<Vec<usize>> {
        let mut counts = vec![vec![0; self.classes.len()]; self.classes.len()];
        for row in self.unlabelled() {
            if let Some(truth) = self.truth[row] {
                counts[truth as usize][guesses[row] as usize] += 1;
            }
        }
        counts
    }
}

/// Part of the pairs that agree; `None` without pairs.
pub(super) fn accuracy(pairs: impl Iterator<Item = (u32, u32)>) -> Option<f64> {
    let (right, all) = pairs.fold((0, 0), |(right, all), (a, b)| (right + usize::from(a == b), all + 1));
    (all > 0).then(|| right as f64 / all as f64)
}
