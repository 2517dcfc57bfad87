//! Exact nearest neighbours by cosine similarity.
use super::Whitening;
use diffrep_kernels::matmul::{Matrix, multiply};
use rayon::prelude::*;

/// Queries and codes whose similarities are held at once: 256 × 2,048 floats are 2 MiB a thread.
const QUERIES: usize = 256;
const CODES: usize = 2048;

/// A row that is near a query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// Row among the codes searched.
    pub row: usize,
    /// Cosine of the angle to the query, in [−1, 1]; 0 for a code that is all zeros, −1 for one that isn't finite.
    pub similarity: f32,
}

/// For each query the `k` most similar rows of `codes`, best first; equal similarities are ordered by row.
///
/// `codes` and `queries` are `[rows, dim]`. A query gets fewer than `k` where there are fewer codes. Memory beyond
/// a normalised copy of both inputs is bounded; the result doesn't depend on the number of threads.
///
/// # Panics
/// If `dim` is 0 or doesn't divide both lengths.
pub fn nearest(codes: &[f32], queries: &[f32], dim: usize, k: usize) -> Vec<Vec<Neighbour>> {
    assert!(dim > 0 && codes.len().is_multiple_of(dim) && queries.len().is_multiple_of(dim), "rows of {dim}");
    let k = k.min(codes.len() / dim);
    let (codes, queries) = (normalised(codes, dim), normalised(queries, dim));
    queries.par_chunks(QUERIES * dim).flat_map_iter(|block| nearest_of_block(&codes, block, dim, k)).collect()
}

/// [`nearest`] of codes that are whitened over `codes` first ([`Whitening::for_angles`]), so that all their directions count
/// alike; of codes as they are where they can't be whitened.
///
/// # Panics
/// As [`nearest`].
pub fn nearest_whitened(codes: &[f32], queries: &[f32], dim: usize, k: usize) -> Vec<Vec<Neighbour>> {
    match Whitening::for_angles(codes, dim) {
        Some(w) => nearest(&w.apply(codes), &w.apply(queries), w.components(), k),
        None => nearest(codes, queries, dim, k),
    }
}

fn nearest_of_block(codes: &[f32], queries: &[f32], dim: usize, k: usize) -> Vec<Vec<Neighbour>> {
    let rows = queries.len() / dim;
    let mut best = vec![Vec::with_capacity(k + 1); rows];
    let mut similarities = vec![0.0; rows * CODES];
    for (index, part) in codes.chunks(CODES * dim).enumerate() {
        let width = part.len() / dim;
        let similarities = &mut similarities[..rows * width];
        multiply(Matrix::new(queries, rows, dim), Matrix::new(part, width, dim).t(), false, similarities);
        for (best, similarities) in best.iter_mut().zip(similarities.chunks(width)) {
            for (offset, &similarity) in similarities.iter().enumerate() {
                let similarity = if similarity.is_nan() { -1.0 } else { similarity };
                insert(best, k, Neighbour { row: index * CODES + offset, similarity });
            }
        }
    }
    best
}

/// Keeps `best` sorted and at most `k` long. Candidates come in the order of their rows, so one that equals an entry
/// belongs behind it.
fn insert(best: &mut Vec<Neighbour>, k: usize, candidate: Neighbour) {
    if best.len() == k && best.last().is_none_or(|worst| candidate.similarity <= worst.similarity) {
        return;
    }
    let place = best.partition_point(|other| other.similarity >= candidate.similarity);
    best.insert(place, candidate);
    best.truncate(k);
}

fn normalised(codes: &[f32], dim: usize) -> Vec<f32> {
    let mut unit = codes.to_vec();
    unit.par_chunks_mut(dim).for_each(|row| {
        let length = row.iter().map(|&v| v as f64 * v as f64).sum::<f64>().sqrt();
        if length > 0.0 {
            row.iter_mut().for_each(|v| *v = (*v as f64 / length) as f32);
        }
    });
    unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use diffrep_kernels::random::Key;

    #[test]
    fn blocks_give_the_same_neighbours_as_a_full_sort() {
        let (dim, rows, queries, k) = (3, CODES + 300, QUERIES + 5, 7);
        let (mut codes, mut asked) = (vec![0.0; rows * dim], vec![0.0; queries * dim]);
        Key::new(1, 0, 0).fill_normal(0, &mut codes);
        Key::new(1, 0, 0).fill_normal(1, &mut asked);
        let found = nearest(&codes, &asked, dim, k);
        assert_eq!(found.len(), queries);
        let cosine = |a: &[f32], b: &[f32]| {
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
            dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
        };
        for query in [0, QUERIES - 1, QUERIES, queries - 1] {
            let asked = &asked[query * dim..][..dim];
            let mut all: Vec<_> = codes.chunks(dim).map(|code| cosine(code, asked)).collect();
            all.sort_by(|a, b| b.total_cmp(a));
            assert_eq!(found[query].len(), k);
            for (neighbour, expected) in found[query].iter().zip(&all) {
                assert!((neighbour.similarity - expected).abs() < 1e-5);
                assert!((cosine(&codes[neighbour.row * dim..][..dim], asked) - expected).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn equal_similarities_are_ordered_by_row() {
        let codes = [1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 2.0, 0.0];
        let rows: Vec<usize> = nearest(&codes, &[5.0, 0.0], 2, 3)[0].iter().map(|n| n.row).collect();
        assert_eq!(rows, [0, 2, 3]);
    }

    // Two classes far apart in one of 200 directions, three of which vary as much for no reason. With 1 % of the mean
    // variance added to each, three in four neighbours are of the same class.
    #[test]
    fn whitening_over_few_codes_leaves_what_tells_them_apart() {
        let (rows, dim) = (60, 200);
        let mut codes = vec![0.0; rows * dim];
        Key::new(1, 0, 0).fill_normal(0, &mut codes);
        for (row, code) in codes.chunks_mut(dim).enumerate() {
            code[0] += if row % 2 == 0 { 6.0 } else { -6.0 };
            code[1..4].iter_mut().for_each(|v| *v *= 3.0);
        }
        let found = nearest_whitened(&codes, &codes, dim, 2);
        let alike = found.iter().enumerate().filter(|(row, found)| found[1].row % 2 == row % 2).count();
        assert!(alike as f64 / rows as f64 > 0.85, "{alike} of {rows}");
    }

    #[test]
    fn a_code_that_is_not_finite_comes_last() {
        let rows = |query: &[f32]| -> Vec<usize> {
            nearest(&[f32::NAN, 0.0, 1.0, 1.0, 1.0, 0.0], query, 2, 3)[0].iter().map(|n| n.row).collect()
        };
        assert_eq!(rows(&[1.0, 0.0]), [2, 1, 0]);
        assert_eq!(rows(&[f32::NAN, 0.0]), [0, 1, 2]);
    }

    #[test]
    fn a_zero_code_is_similar_to_nothing() {
        let found = nearest(&[0.0, 0.0, 1.0, 1.0], &[1.0, 1.0], 2, 5);
        assert_eq!(found[0][1], Neighbour { row: 0, similarity: 0.0 });
        assert_eq!(found[0].len(), 2);
    }
}
