//! Classification by the weighted vote of the nearest neighbours.
//!
//! The protocol of Wu et al., "Unsupervised feature learning via non-parametric instance discrimination" (2018):
//! cosine similarity, each of the k nearest training codes votes for its class with weight exp(similarity / τ).
use super::first_largest;
use super::neighbours::nearest;

/// Neighbours that vote in diffrep's reported figures.
pub const KNN_NEIGHBOURS: usize = 20;

/// Temperature τ of the votes.
pub const KNN_TEMPERATURE: f64 = 0.07;

/// The class voted for each test code: `train` is codes `[rows, dim]` with their labels, `test` codes `[rows, dim]`.
///
/// Labels are below `classes`. Equal votes go to the lower class.
///
/// # Panics
/// If lengths don't fit or a label is not below `classes`.
pub fn knn_predict(train: (&[f32], &[u32]), test: &[f32], dim: usize, k: usize, classes: usize) -> Vec<u32> {
    let (codes, labels) = train;
    assert_eq!(codes.len(), labels.len() * dim, "one label for each training code");
    let vote = |neighbours: Vec<super::Neighbour>| {
        let mut votes = vec![0.0; classes];
        for neighbour in neighbours {
            votes[labels[neighbour.row] as usize] += (neighbour.similarity as f64 / KNN_TEMPERATURE).exp();
        }
        first_largest(&votes) as u32
    };
    nearest(codes, test, dim, k).into_iter().map(vote).collect()
}

/// Part of the test codes, in [0, 1], whose class the vote of [`knn_predict`] names; NaN without test codes.
///
/// # Panics
/// As [`knn_predict`].
pub fn knn_accuracy(
    train: (&[f32], &[u32]),
    test: (&[f32], &[u32]),
    dim: usize,
    k: usize,
    classes: usize,
) -> f64 {
    let (codes, labels) = test;
    assert_eq!(codes.len(), labels.len() * dim, "one label for each test code");
    let predicted = knn_predict(train, codes, dim, k, classes);
    let right = predicted.iter().zip(labels).filter(|(a, b)| a == b).count();
    right as f64 / labels.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_close_neighbour_outvotes_two_distant_ones() {
        // Similarities to (1, 0): 1, 0.6, 0.6. e^(1/τ) is 300 times e^(0.6/τ).
        let codes = [1.0, 0.0, 0.6, 0.8, 0.6, -0.8];
        assert_eq!(knn_predict((&codes, &[1, 0, 0]), &[1.0, 0.0], 2, 3, 2), [1]);
    }

    #[test]
    fn only_k_neighbours_vote() {
        // At k = 2 the classes tie and the lower one wins; at k = 3 the third neighbour decides.
        let codes = [1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        assert_eq!(knn_predict((&codes, &[1, 0, 1]), &[2.0, 0.0], 2, 2, 2), [0]);
        assert_eq!(knn_predict((&codes, &[1, 0, 1]), &[2.0, 0.0], 2, 3, 2), [1]);
    }

    #[test]
    fn accuracy_is_the_part_that_is_right() {
        let train = ([1.0, 0.0, 0.0, 1.0], [0, 1]);
        let test = ([1.0, 0.1, 0.1, 1.0, 1.0, 0.2, 0.3, 1.0], [0, 1, 1, 1]);
        assert_eq!(knn_accuracy((&train.0, &train.1), (&test.0, &test.1), 2, 1, 2), 0.75);
    }
}
