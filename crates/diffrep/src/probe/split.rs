//! Which labelled rows a head learns from, and which choose its hyper-parameters.
use super::ProbeError;
use crate::data::{LabelColumn, few_label_split, per_class, stratified_split};
use crate::random::Seed;

/// Rows of the labelled training data, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows that train the head.
    pub fit: Vec<usize>,
    /// Rows that choose learning rate, epoch and t; empty where labels are too few.
    pub validation: Vec<usize>,
}

impl Split {
    /// Draws `few` rows of each class (all with `None`) and holds back the part `validation` of them, stratified.
    pub fn draw(
        labels: &LabelColumn,
        few: Option<usize>,
        validation: f64,
        seed: Seed,
    ) -> Result<Self, ProbeError> {
        let Some(wanted) = few else {
            let split = stratified_split(&labels.values, validation, seed)?;
            return Ok(Self { fit: split.rest, validation: split.held_out });
        };
        let rows = per_class(labels, wanted, seed);
        let rows = rows.map_err(|error| ProbeError::FewLabels { wanted, error })?;
        let split = few_label_split(&labels.subset(&rows).values, validation, seed)?;
        let places = |part: &[usize]| part.iter().map(|&i| rows[i]).collect();
        Ok(Self { fit: places(&split.rest), validation: places(&split.held_out) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: impl IntoIterator<Item = u32>) -> LabelColumn {
        let classes = vec!["cat".to_owned(), "dog".to_owned()];
        LabelColumn { name: "label".to_owned(), classes, values: values.into_iter().map(Some).collect() }
    }

    #[test]
    fn each_class_gives_its_part_to_validation() {
        let labels = column((0..300).map(|row| u32::from(row % 3 == 0)));
        let split = Split::draw(&labels, None, 0.1, Seed(1)).unwrap();
        let count =
            |rows: &[usize], class| rows.iter().filter(|&&row| labels.values[row] == Some(class)).count();
        assert_eq!((count(&split.validation, 0), count(&split.validation, 1)), (20, 10));
        assert_eq!((count(&split.fit, 0), count(&split.fit, 1)), (180, 90));
    }

    #[test]
    fn few_labels_are_split_by_their_rows_in_the_data() {
        let labels = column((0..200).map(|row| u32::from(row >= 100)));
        let split = Split::draw(&labels, Some(20), 0.1, Seed(1)).unwrap();
        assert_eq!((split.fit.len(), split.validation.len()), (36, 4));
        let second = |rows: &[usize]| rows.iter().filter(|&&row| row >= 100).count();
        assert_eq!((second(&split.fit), second(&split.validation)), (18, 2));
        assert!(split.validation.iter().all(|row| !split.fit.contains(row)));
    }

    #[test]
    fn with_few_labels_the_seed_draws_the_classes_that_validate() {
        let classes = (0..10).map(|class| class.to_string()).collect();
        let values = (0..200).map(|row| Some(row % 10)).collect();
        let labels = LabelColumn { name: "label".to_owned(), classes, values };
        let mut times = [0; 10];
        for seed in 0..100 {
            let split = Split::draw(&labels, Some(5), 0.1, Seed(seed)).unwrap();
            assert_eq!((split.fit.len(), split.validation.len()), (45, 5));
            split.validation.iter().for_each(|row| times[row % 10] += 1);
        }
        // Half of the seeds each: 50 ± 5.
        assert!(times.iter().all(|times| (30..=70).contains(times)), "{times:?}");
    }

    #[test]
    fn one_label_a_class_leaves_no_validation() {
        let split = Split::draw(&column([0, 0, 1, 1]), Some(1), 0.1, Seed(1)).unwrap();
        assert_eq!((split.fit.len(), split.validation.len()), (2, 0));
    }

    #[test]
    fn a_class_with_too_few_labels_is_named() {
        let error = Split::draw(&column([0, 0, 1]), Some(2), 0.1, Seed(1)).unwrap_err();
        assert_eq!(error.to_string(), "--few-labels 2: class `dog` has 1 image(s), expected at least 2");
    }
}
