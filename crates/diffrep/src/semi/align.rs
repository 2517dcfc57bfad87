//! Distribution alignment: the classes' shares among the guesses move towards those among the labels.
use super::PartialLabels;
use crate::measure::first_largest;

/// Rounds.
const ROUNDS: usize = 100;
/// Most that a class is multiplied or divided by in a round.
const FACTORS: [f64; 2] = [0.99, 1.01];
/// Keeps a class that nobody is guessed to be from a division by zero.
const EPSILON: f64 = 1e-7;

/// Multiplies each class of the guessed rows by its share among the labels over its share among the guessed rows' most
/// probable classes, within [0.99, 1.01], and makes rows sum to 1 again; a hundred times (LaplaceNet's smooth
/// distribution alignment). `rows` `[N, classes]` are probabilities. Guessed rows are those that have no label and that a
/// label reaches; the others stay, and don't count.
///
/// # Panics
/// If there aren't as many rows as labels, or as entries of `unreached`.
pub fn align(rows: &mut [f64], labels: &PartialLabels, unreached: &[bool]) {
    let classes = labels.classes();
    assert_eq!(rows.len(), labels.values().len() * classes, "a row for each label");
    assert_eq!(rows.len(), unreached.len() * classes, "a row for each flag");
    let wanted = labels.shares();
    let is_guessed = |(label, unreached): (&Option<u32>, &bool)| label.is_none() && !unreached;
    let guessed: Vec<bool> = labels.values().iter().zip(unreached).map(is_guessed).collect();
    let count = guessed.iter().filter(|guessed| **guessed).count();
    if count == 0 {
        return;
    }
    for _ in 0..ROUNDS {
        let mut shares = vec![0.0; classes];
        for (row, _) in rows.chunks(classes).zip(&guessed).filter(|(_, guessed)| **guessed) {
            shares[first_largest(row)] += 1.0 / count as f64;
        }
        let factor = |c: usize| (wanted[c] / (shares[c] + EPSILON)).clamp(FACTORS[0], FACTORS[1]);
        let factors: Vec<f64> = (0..classes).map(factor).collect();
        for (row, _) in rows.chunks_mut(classes).zip(&guessed).filter(|(_, guessed)| **guessed) {
            row.iter_mut().zip(&factors).for_each(|(value, factor)| *value *= factor);
            let sum: f64 = row.iter().sum();
            row.iter_mut().for_each(|value| *value /= sum);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[Option<u32>]) -> PartialLabels {
        PartialLabels::new(&["a".to_owned(), "b".to_owned()], values.to_vec()).unwrap()
    }

    #[test]
    fn a_class_that_is_guessed_too_often_loses_the_doubtful_ones() {
        // Labels half and half; guesses all `a`, one of them hardly.
        let mut rows = vec![1.0, 0.0, 0.0, 1.0, 0.9, 0.1, 0.55, 0.45];
        align(&mut rows, &labels(&[Some(0), Some(1), None, None]), &[false; 4]);
        assert_eq!(rows[..4], [1.0, 0.0, 0.0, 1.0]);
        assert_eq!([first_largest(&rows[4..6]), first_largest(&rows[6..])], [0, 1]);
        assert!(rows.chunks(2).all(|row| (row[0] + row[1] - 1.0).abs() < 1e-12));
    }

    #[test]
    fn matching_shares_change_little_and_all_labelled_nothing() {
        let mut rows = vec![1.0, 0.0, 0.0, 1.0, 0.9, 0.1, 0.2, 0.8];
        let before = rows.clone();
        align(&mut rows, &labels(&[Some(0), Some(1), None, None]), &[false; 4]);
        assert!(rows.iter().zip(&before).all(|(a, b)| (a - b).abs() < 1e-4));
        let mut rows = vec![1.0, 0.0, 0.0, 1.0];
        align(&mut rows, &labels(&[Some(0), Some(1)]), &[false; 2]);
        assert_eq!(rows, [1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn rows_that_no_label_reaches_stay_and_push_nobody() {
        // Without the unreached rows, which would all count as `a`, shares match.
        let mut rows = vec![1.0, 0.0, 0.0, 1.0, 0.9, 0.1, 0.2, 0.8, 0.5, 0.5, 0.5, 0.5];
        let before = rows.clone();
        let known = labels(&[Some(0), Some(1), None, None, None, None]);
        align(&mut rows, &known, &[false, false, false, false, true, true]);
        assert_eq!(rows[8..], before[8..]);
        assert!(rows.iter().zip(&before).all(|(a, b)| (a - b).abs() < 1e-4), "{rows:?}");
    }
}
