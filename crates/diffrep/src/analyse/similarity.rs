//! Codes at every two t compared, and the dimension of the codes at each.
use super::{Codes, Level, Request};
use crate::measure::{effective_rank, intrinsic_dimension, linear_cka, normalised_mutual_information};
use crate::random::{Purpose, Seed, monitor};
use rayon::prelude::*;

/// Rows of the test images (of the training images, where there are none) whose codes are compared, ascending.
pub(super) fn sample(request: &Request) -> Vec<usize> {
    let codes = request.codes.test.as_ref().unwrap_or(&request.codes.train);
    let all = codes.len() / (request.codes.t.len() * request.codes.dim);
    let mut rows = request.seed.key(Purpose::Monitor, monitor::COMPARED, 0).permutation(0, all);
    rows.truncate(request.images);
    rows.sort_unstable();
    rows
}

/// The codes of `rows` at each t, `[rows, dim]`.
pub(super) fn columns(codes: &Codes, rows: &[usize]) -> Vec<Vec<f32>> {
    let values = codes.test.as_ref().unwrap_or(&codes.train);
    let (levels, dim) = (codes.t.len(), codes.dim);
    let column = |level: usize| {
        rows.iter().flat_map(|row| &values[(row * levels + level) * dim..][..dim]).copied().collect()
    };
    (0..levels).map(column).collect()
}

/// Linear CKA of every two columns.
pub(super) fn cka(columns: &[Vec<f32>], dim: usize) -> Vec<Vec<Option<f64>>> {
    let row = |i: usize| {
        let value = |j: usize| finite(linear_cka(&columns[i], &columns[j], (dim, dim)));
        (0..=i).map(value).collect()
    };
    let lower: Vec<Vec<Option<f64>>> = (0..columns.len()).into_par_iter().map(row).collect();
    let cell = |i: usize, j: usize| if j <= i { lower[i][j] } else { lower[j][i] };
    (0..columns.len()).map(|i| (0..columns.len()).map(|j| cell(i, j)).collect()).collect()
}

/// Normalised mutual information of every two columns.
pub(super) fn information(columns: &[Vec<f32>], dim: usize, seed: Seed) -> Vec<Vec<Option<f64>>> {
    let key = seed.key(Purpose::Monitor, monitor::JITTER, 0);
    let rows = normalised_mutual_information(columns, dim, key);
    rows.into_iter().map(|row| row.into_iter().map(finite).collect()).collect()
}

/// Dimension of each column.
pub(super) fn levels(columns: &[Vec<f32>], dim: usize, t: &[f64]) -> Vec<Level> {
    let level = |(codes, &t): (&Vec<f32>, &f64)| Level {
        t,
        intrinsic_dimension: finite(intrinsic_dimension(codes, dim)),
        effective_rank: effective_rank(codes, dim),
    };
    columns.iter().zip(t).map(level).collect()
}

fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}
