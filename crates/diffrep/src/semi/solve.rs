//! Spreading labels: `(I − α S) F = Y` by conjugate gradients, all classes at once.
use super::Graph;
use rayon::prelude::*;

/// Points that one task takes; fixed, so that sums don't depend on the number of threads.
const BLOCK: usize = 1024;

/// When a class is solved well enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stop {
    /// Residual over right side, both Euclidean norms.
    pub tolerance: f64,
    /// Iterations after which to give up.
    pub most_iterations: usize,
}

impl Default for Stop {
    fn default() -> Self {
        Self { tolerance: 1e-6, most_iterations: 1000 }
    }
}

impl Stop {
    /// LaplaceNet's own: few and inexact iterations.
    pub const PUBLISHED: Self = Self { tolerance: 1e-3, most_iterations: 30 };
}

/// F, and how well it solves.
#[derive(Clone, Debug, PartialEq)]
pub struct Solution {
    /// `[N, classes]`.
    pub values: Vec<f64>,
    /// Iterations of each class.
    pub iterations: Vec<usize>,
    /// Residual of each class, computed anew from the solution, over the norm of its right side.
    pub residuals: Vec<f64>,
    /// Whether every class met the tolerance.
    pub converged: bool,
}

/// Solves `(I − alpha·S) F = Y` for S the normalised affinities of `graph` and Y `[N, classes]`, from F = 0.
///
/// The matrix is symmetric and, for 0 ≤ alpha < 1, positive definite (the eigenvalues of S lie in [−1, 1]). Each class
/// stops on its own. In f64; memory is four times that of Y.
///
/// # Panics
/// If Y isn't `N × classes` long.
pub fn solve(graph: &Graph, right: &[f64], classes: usize, alpha: f64, stop: Stop) -> Solution {
    assert_eq!(right.len(), graph.len() * classes, "a right side of {classes} classes");
    let mut values = vec![0.0; right.len()];
    let (mut residual, mut direction) = (right.to_vec(), right.to_vec());
    let mut image = vec![0.0; right.len()];
    let norms = dot(right, right, classes);
    let bounds: Vec<f64> = norms.iter().map(|norm| stop.tolerance.powi(2) * norm).collect();
    let mut squares = norms.clone();
    let mut iterations = vec![0; classes];
    for _ in 0..stop.most_iterations {
        let active: Vec<bool> = squares.iter().zip(&bounds).map(|(square, bound)| square > bound).collect();
        if !active.contains(&true) {
            break;
        }
        apply(graph, &direction, classes, alpha, &mut image);
        let curvature = dot(&direction, &image, classes);
        let step: Vec<f64> =
            (0..classes).map(|c| if active[c] { squares[c] / curvature[c] } else { 0.0 }).collect();
        axpy(&mut values, &step, &direction);
        let back: Vec<f64> = step.iter().map(|step| -step).collect();
        axpy(&mut residual, &back, &image);
        let next = dot(&residual, &residual, classes);
        let turn: Vec<f64> =
            (0..classes).map(|c| if active[c] { next[c] / squares[c] } else { 0.0 }).collect();
        for (direction, residual) in direction.chunks_mut(classes).zip(residual.chunks(classes)) {
            for c in 0..classes {
                direction[c] = residual[c] + turn[c] * direction[c];
            }
        }
        for c in (0..classes).filter(|&c| active[c]) {
            (squares[c], iterations[c]) = (next[c], iterations[c] + 1);
        }
    }
    // The recursion's residual drifts from the true one: what is told is the true one.
    apply(graph, &values, classes, alpha, &mut image);
    image.iter_mut().zip(right).for_each(|(image, right)| *image = right - *image);
    let left = dot(&image, &image, classes);
    let residuals: Vec<f64> = left
        .iter()
        .zip(&norms)
        .map(|(left, norm)| if *norm > 0.0 { (left / norm).sqrt() } else { 0.0 })
        .collect();
    // As much slack as rounding in f64 can cost.
    let converged = residuals.iter().all(|residual| *residual <= 1.01 * stop.tolerance + 1e-12);
    Solution { values, iterations, residuals, converged }
}

/// `image = (I − alpha·S) x`.
fn apply(graph: &Graph, x: &[f64], classes: usize, alpha: f64, image: &mut [f64]) {
    image.par_chunks_mut(BLOCK * classes).enumerate().for_each(|(block, part)| {
        for (offset, out) in part.chunks_mut(classes).enumerate() {
            let row = block * BLOCK + offset;
            out.copy_from_slice(&x[row * classes..][..classes]);
            for (other, weight) in graph.neighbours(row) {
                let weight = alpha * f64::from(weight);
                out.iter_mut().zip(&x[other * classes..]).for_each(|(out, x)| *out -= weight * x);
            }
        }
    });
}

/// Σ over points of a·b, for each class.
fn dot(a: &[f64], b: &[f64], classes: usize) -> Vec<f64> {
    let parts: Vec<Vec<f64>> = a
        .par_chunks(BLOCK * classes)
        .zip(b.par_chunks(BLOCK * classes))
        .map(|(a, b)| {
            let mut sums = vec![0.0; classes];
            for (a, b) in a.chunks(classes).zip(b.chunks(classes)) {
                (0..classes).for_each(|c| sums[c] += a[c] * b[c]);
            }
            sums
        })
        .collect();
    let mut sums = vec![0.0; classes];
    for part in parts {
        sums.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
    }
    sums
}

/// `y += step·x`, a step for each class.
fn axpy(y: &mut [f64], step: &[f64], x: &[f64]) {
    let classes = step.len();
    for (y, x) in y.chunks_mut(classes).zip(x.chunks(classes)) {
        (0..classes).for_each(|c| y[c] += step[c] * x[c]);
    }
}
