//! Neighbours by distance: for codes of few numbers, whose length matters as much as their direction.
use rayon::prelude::*;

/// Part of the test codes, in [0, 1], that have the class of the majority of their `k` nearest training codes by
/// Euclidean distance; equal votes go to the class of the nearer codes. NaN without test codes.
///
/// [`knn_accuracy`](super::knn_accuracy) compares directions instead; two numbers have only one angle.
///
/// # Panics
/// If `dim` is 0, there isn't one label for each code, or there are no training codes.
pub fn euclidean_knn_accuracy(train: (&[f32], &[u32]), test: (&[f32], &[u32]), dim: usize, k: usize) -> f64 {
    for (codes, labels) in [train, test] {
        assert!(dim > 0 && codes.len() == labels.len() * dim, "one label for each code of {dim}");
    }
    assert!(!train.1.is_empty(), "neighbours are among training codes");
    let right = |(code, label): (&[f32], &u32)| {
        let square = |other: &[f32]| code.iter().zip(other).map(|(a, b)| (a - b) * (a - b)).sum::<f32>();
        let mut all: Vec<(f32, u32)> = train.0.chunks(dim).map(square).zip(train.1.iter().copied()).collect();
        let k = k.clamp(1, all.len());
        let order = |a: &(f32, u32), b: &(f32, u32)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        all.select_nth_unstable_by(k - 1, order);
        all.truncate(k);
        all.sort_by(order);
        majority(&all) == *label
    };
    let count = test.0.par_chunks(dim).zip(test.1).filter(|pair| right(*pair)).count();
    count as f64 / test.1.len() as f64
}

/// The most frequent label; of equally frequent ones the one that reaches its count first.
fn majority(neighbours: &[(f32, u32)]) -> u32 {
    let mut best = (0, 0);
    for (i, (_, label)) in neighbours.iter().enumerate() {
        let count = neighbours[..=i].iter().filter(|(_, other)| other == label).count();
        if count > best.0 {
            best = (count, *label);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_tells_classes_of_one_direction_apart() {
        let train = [1.0, 1.0, 1.1, 1.1, 5.0, 5.0, 5.1, 5.1];
        let test = [1.05, 1.05, 4.9, 4.9];
        assert_eq!(euclidean_knn_accuracy((&train, &[0, 0, 1, 1]), (&test, &[0, 1]), 2, 2), 1.0);
        assert_eq!(euclidean_knn_accuracy((&train, &[0, 0, 1, 1]), (&test, &[0, 0]), 2, 2), 0.5);
    }

    #[test]
    fn the_majority_of_k_decides_and_the_nearer_class_of_equals() {
        let train = ([0.0, 1.0, 1.1, 9.0], [0, 1, 1, 0]);
        let accuracy = |k, label| euclidean_knn_accuracy((&train.0, &train.1), (&[0.2], &[label]), 1, k);
        assert_eq!(accuracy(1, 0), 1.0);
        assert_eq!(accuracy(3, 1), 1.0);
        assert_eq!(accuracy(2, 0), 1.0);
        // All four, however large k is: two against two, of which class 1 is complete first.
        assert_eq!(accuracy(100, 1), 1.0);
    }
}
