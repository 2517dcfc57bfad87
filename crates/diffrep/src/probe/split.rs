//! Which labelled rows a head learns from, and which choose its hyper-parameters.
use super::ProbeError;
use crate::random::{Purpose, Seed};

/// Index of the random stream that draws rows.
const ROWS: u16 = 0;

/// Rows of the labelled training data, ascending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Rows that train the head.
    pub fit: Vec<usize>,
    /// Rows that choose learning rate, epoch and t; empty where labels are too few.
    pub validation: Vec<usize>,
}

impl Split {
    /// Draws `per_class` rows of each class (all of them with `None`) and holds back the part `validation` of each
    /// class, rounded; classes with fewer than five rows keep all of theirs at a part of 0.1.
    pub fn draw(
        labels: &[u32],
        classes: &[String],
        per_class: Option<usize>,
        validation: f64,
        seed: Seed,
    ) -> Result<Self, ProbeError> {
        let mut members = vec![Vec::new(); classes.len()];
        for (row, &label) in labels.iter().enumerate() {
            members[label as usize].push(row);
        }
        let mut split = Self { fit: Vec::new(), validation: Vec::new() };
        let key = seed.key(Purpose::Probe, ROWS, 0);
        for (class, rows) in members.iter().enumerate() {
            let take = per_class.unwrap_or(rows.len());
            if take > rows.len() {
                let class = classes[class].clone();
                return Err(ProbeError::TooFewLabels { wanted: take, class, found: rows.len() });
            }
            let held = ((take as f64 * validation).round() as usize).min(take.saturating_sub(1));
            let order = key.permutation(class as u32, rows.len());
            let drawn = order.iter().take(take).map(|&i| rows[i]);
            split.validation.extend(drawn.clone().take(held));
            split.fit.extend(drawn.skip(held));
        }
        split.fit.sort_unstable();
        split.validation.sort_unstable();
        Ok(split)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(n: usize) -> Vec<String> {
        (0..n).map(|class| format!("class {class}")).collect()
    }

    #[test]
    fn each_class_gives_its_part_to_validation() {
        let labels: Vec<u32> = (0..300).map(|row| u32::from(row % 3 == 0)).collect();
        let split = Split::draw(&labels, &classes(2), None, 0.1, Seed(1)).unwrap();
        let count = |rows: &[usize], class| rows.iter().filter(|&&row| labels[row] == class).count();
        assert_eq!((count(&split.validation, 0), count(&split.validation, 1)), (20, 10));
        assert_eq!((count(&split.fit, 0), count(&split.fit, 1)), (180, 90));
        assert!(split.validation.iter().all(|row| !split.fit.contains(row)));
    }

    #[test]
    fn one_label_a_class_leaves_no_validation() {
        let split = Split::draw(&[0, 0, 1, 1], &classes(2), Some(1), 0.1, Seed(1)).unwrap();
        assert_eq!((split.fit.len(), split.validation.len()), (2, 0));
    }

    #[test]
    fn a_class_with_one_image_stays_in_training() {
        let split = Split::draw(
            &[0; 20].iter().copied().chain([1]).collect::<Vec<_>>(),
            &classes(2),
            None,
            0.9,
            Seed(1),
        );
        assert!(split.unwrap().fit.contains(&20));
    }

    #[test]
    fn a_class_with_too_few_labels_is_named() {
        let error = Split::draw(&[0, 0, 1], &classes(2), Some(2), 0.1, Seed(1)).unwrap_err();
        assert_eq!(error.to_string(), "--few-labels 2: class `class 1` has only 1 labelled training images");
    }

    #[test]
    fn seeds_draw_different_rows() {
        let labels: Vec<u32> = (0..200).map(|row| row % 2).collect();
        let draw = |seed| Split::draw(&labels, &classes(2), Some(5), 0.1, Seed(seed)).unwrap();
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
