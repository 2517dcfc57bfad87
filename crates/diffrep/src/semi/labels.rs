//! Labels of some images.
use super::SemiError;

/// For every image its class, or that it is unknown; every class is known of one image at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartialLabels {
    classes: usize,
    values: Vec<Option<u32>>,
}

impl PartialLabels {
    /// Checks labels of `classes` (their names).
    ///
    /// # Errors
    /// No label at all, a class without one, a label that isn't a class.
    pub fn new(classes: &[String], values: Vec<Option<u32>>) -> Result<Self, SemiError> {
        let mut counts = vec![0; classes.len()];
        for (row, &label) in values.iter().enumerate() {
            let Some(label) = label else { continue };
            let classes = classes.len();
            *counts.get_mut(label as usize).ok_or(SemiError::Label { row, label, classes })? += 1;
        }
        if counts.iter().sum::<usize>() == 0 {
            return Err(SemiError::NoLabels);
        }
        match counts.iter().position(|count| *count == 0) {
            Some(class) => Err(SemiError::EmptyClass { class: classes[class].clone() }),
            None => Ok(Self { classes: classes.len(), values }),
        }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Class of each image.
    pub fn values(&self) -> &[Option<u32>] {
        &self.values
    }

    /// Rows with a label, ascending.
    pub fn labelled(&self) -> Vec<usize> {
        (0..self.values.len()).filter(|&row| self.values[row].is_some()).collect()
    }

    /// Share of each class among the labels.
    pub(super) fn shares(&self) -> Vec<f64> {
        let mut counts = vec![0.0; self.classes];
        self.values.iter().flatten().for_each(|&label| counts[label as usize] += 1.0);
        let all: f64 = counts.iter().sum();
        counts.into_iter().map(|count| count / all).collect()
    }

    /// Replaces the rows `[N, classes]` of labelled images by one-hot rows.
    pub(super) fn clamp(&self, rows: &mut [f64]) {
        for (row, label) in rows.chunks_mut(self.classes).zip(&self.values) {
            if let Some(label) = label {
                row.fill(0.0);
                row[*label as usize] = 1.0;
            }
        }
    }
}
