//! Accuracy on few labels by cross-validation: what chooses t where there are not enough to hold any back.
use super::ProbeKind;
use super::fit::{Training, evaluate, fit};
use super::split::Split;
use crate::measure::{KNN_NEIGHBOURS, knn_predict};
use crate::random::Seed;

/// Folds at most; fewer where a class has fewer labels.
const FOLDS: usize = 5;

/// Part of the labelled rows of `training`'s split, in [0, 1], that a probe names rightly when it has learnt from the
/// other folds; `None` if a class has one label only, or a head diverged.
pub fn cross_validate(training: Training, kind: ProbeKind, learning_rate: f64, seed: Seed) -> Option<f64> {
    let rows = training.split.fit.len() + training.split.validation.len();
    let folds = folds(training);
    let mut right = 0.0;
    for fold in 0..folds.len() {
        let others = folds.iter().enumerate().filter(|(other, _)| *other != fold).flat_map(|(_, rows)| rows);
        let learn = Split { fit: others.copied().collect(), validation: Vec::new() };
        let held_out = Split { fit: Vec::new(), validation: folds[fold].clone() };
        let accuracy = if kind == ProbeKind::Knn {
            Some(neighbours(training, &learn.fit, &held_out.validation))
        } else {
            let head = fit(Training { split: &learn, ..training }, kind, learning_rate, seed)?.head;
            evaluate(&head, Training { split: &held_out, ..training }).0
        };
        right += accuracy? * held_out.validation.len() as f64;
    }
    (!folds.is_empty()).then(|| right / rows as f64)
}

/// The labelled rows in folds that hold each class alike; none if a class has one row only.
fn folds(training: Training) -> Vec<Vec<usize>> {
    let Split { fit, validation } = training.split;
    let mut rows: Vec<usize> = fit.iter().chain(validation).copied().collect();
    rows.sort_unstable();
    let mut seen = vec![0; training.classes];
    rows.iter().for_each(|&row| seen[training.labels[row] as usize] += 1);
    let fewest = seen.iter().copied().filter(|&count| count > 0).min().unwrap_or(0);
    if fewest < 2 {
        return Vec::new();
    }
    let mut folds = vec![Vec::new(); fewest.min(FOLDS)];
    seen.fill(0);
    for row in rows {
        let class = &mut seen[training.labels[row] as usize];
        let fold = *class % folds.len();
        folds[fold].push(row);
        *class += 1;
    }
    folds
}

fn neighbours(training: Training, learn: &[usize], asked: &[usize]) -> f64 {
    let (mut codes, mut queries) = (Vec::new(), Vec::new());
    training.features.gather(learn, &mut codes);
    training.features.gather(asked, &mut queries);
    let labels = |rows: &[usize]| rows.iter().map(|&row| training.labels[row]).collect::<Vec<_>>();
    let voted = knn_predict(
        (&codes, &labels(learn)),
        &queries,
        training.features.dim(),
        KNN_NEIGHBOURS,
        training.classes,
    );
    super::metrics::accuracy(&voted, &labels(asked))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::{Features, Recipe};

    /// Classes at −1 and 1 of the only feature, but for one row of each that lies on the other side.
    #[test]
    fn rows_on_the_wrong_side_are_missed_and_others_are_not() {
        let labels: Vec<u32> = (0..20).map(|row| row % 2).collect();
        let side = |row: u32| if row < 2 { 1 - row % 2 } else { row % 2 };
        let values: Vec<f32> = (0..20).map(|row| 2.0 * side(row) as f32 - 1.0 + 0.01 * row as f32).collect();
        let recipe = Recipe { learning_rates: vec![1e-2], ..Recipe::standard() };
        let split = Split { fit: (0..15).collect(), validation: (15..20).collect() };
        let features = Features::new(&values, 1);
        let training = Training { features, labels: &labels, classes: 2, split: &split, recipe: &recipe };
        let linear = cross_validate(training, ProbeKind::Linear, 1e-2, Seed(0)).unwrap();
        assert!((linear - 0.9).abs() < 1e-9, "{linear}");
        let few = Split { fit: vec![2, 3, 5], validation: Vec::new() };
        assert_eq!(
            cross_validate(Training { split: &few, ..training }, ProbeKind::Linear, 1e-2, Seed(0)),
            None
        );
    }

    #[test]
    fn folds_hold_each_class_alike() {
        let labels: Vec<u32> = (0..30).map(|row| u32::from(row >= 18)).collect();
        let split = Split { fit: (0..30).collect(), validation: Vec::new() };
        let (values, recipe) = (vec![0.0; 30], Recipe::standard());
        let features = Features::new(&values, 1);
        let folds = folds(Training { features, labels: &labels, classes: 2, split: &split, recipe: &recipe });
        assert_eq!(folds.len(), 5);
        for fold in &folds {
            let second = fold.iter().filter(|&&row| labels[row] == 1).count();
            assert!((2..=3).contains(&second) && (3..=4).contains(&(fold.len() - second)), "{fold:?}");
        }
        assert_eq!(folds.concat().len(), 30);
    }
}
