//! The linear probe: batch norm without affine parameters, then a linear layer.
use super::head::{Workspace, column_sums, cross_entropy_gradient, init_layer, spread_bias};
use diffrep_kernels::matmul::{Matrix, multiply};
use diffrep_kernels::random::Key;

const MOMENTUM: f32 = 0.1;
const EPSILON: f32 = 1e-5;

/// Weights and running statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    pub(super) dim: usize,
    pub(super) classes: usize,
    /// Weight `[dim, classes]`, then bias `[classes]`.
    pub(super) parameters: Vec<f32>,
    /// Running mean `[dim]`.
    pub(super) mean: Vec<f32>,
    /// Running variance `[dim]`, the unbiased one.
    pub(super) variance: Vec<f32>,
}

impl Linear {
    pub(super) fn new(dim: usize, classes: usize, key: Key) -> Self {
        let mut parameters = vec![0.0; (dim + 1) * classes];
        init_layer(&mut parameters, dim, key, 0);
        Self { dim, classes, parameters, mean: vec![0.0; dim], variance: vec![1.0; dim] }
    }

    pub(super) fn logits(&self, x: &[f32]) -> Vec<f32> {
        let scale: Vec<f32> = self.variance.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect();
        let mut normalised = x.to_vec();
        normalise(&mut normalised, &self.mean, &scale);
        let mut logits = Vec::new();
        self.affine(&normalised, &mut logits);
        logits
    }

    /// Norm and layer as one: weight `[dim, classes]`, bias `[classes]`.
    pub(super) fn folded(&self) -> (Vec<f32>, Vec<f32>) {
        let (weight, bias) = self.parameters.split_at(self.dim * self.classes);
        let mut bias: Vec<f64> = bias.iter().map(|&v| f64::from(v)).collect();
        let mut folded = Vec::with_capacity(weight.len());
        for ((row, mean), variance) in weight.chunks(self.classes).zip(&self.mean).zip(&self.variance) {
            let scale = 1.0 / f64::from(variance + EPSILON).sqrt();
            for (bias, &weight) in bias.iter_mut().zip(row) {
                let weight = f64::from(weight) * scale;
                *bias -= f64::from(*mean) * weight;
                folded.push(weight as f32);
            }
        }
        (folded, bias.into_iter().map(|v| v as f32).collect())
    }

    pub(super) fn loss(
        &mut self,
        x: &[f32],
        labels: &[u32],
        work: &mut Workspace,
        gradient: &mut [f32],
    ) -> f32 {
        let rows = labels.len();
        work.activations.clear();
        work.activations.extend_from_slice(x);
        let scale = self.update_statistics(&mut work.activations, rows);
        let mean = vec![0.0; self.dim];
        normalise(&mut work.activations, &mean, &scale);
        self.affine(&work.activations, &mut work.logits);
        let loss = cross_entropy_gradient(&mut work.logits, labels, self.classes);
        let (weight, bias) = gradient.split_at_mut(self.dim * self.classes);
        let upstream = Matrix::new(&work.logits, rows, self.classes);
        multiply(Matrix::new(&work.activations, rows, self.dim).t(), upstream, false, weight);
        column_sums(&work.logits, bias);
        loss
    }

    fn affine(&self, normalised: &[f32], logits: &mut Vec<f32>) {
        let rows = normalised.len() / self.dim;
        let (weight, bias) = self.parameters.split_at(self.dim * self.classes);
        spread_bias(bias, rows, logits);
        let weight = Matrix::new(weight, self.dim, self.classes);
        multiply(Matrix::new(normalised, rows, self.dim), weight, true, logits);
    }

    /// Centres `x` by the batch's mean, moves the running statistics, and returns 1/√(batch variance + ε).
    fn update_statistics(&mut self, x: &mut [f32], rows: usize) -> Vec<f32> {
        let n = rows as f32;
        let (mut mean, mut variance) = (vec![0.0; self.dim], vec![0.0; self.dim]);
        column_sums(x, &mut mean);
        mean.iter_mut().for_each(|v| *v /= n);
        for row in x.chunks_exact_mut(self.dim) {
            for ((v, mean), variance) in row.iter_mut().zip(&mean).zip(&mut variance) {
                *v -= mean;
                *variance += *v * *v;
            }
        }
        for j in 0..self.dim {
            self.mean[j] += MOMENTUM * (mean[j] - self.mean[j]);
            self.variance[j] += MOMENTUM * (variance[j] / (n - 1.0).max(1.0) - self.variance[j]);
        }
        variance.iter().map(|v| 1.0 / (v / n + EPSILON).sqrt()).collect()
    }
}

fn normalise(x: &mut [f32], mean: &[f32], scale: &[f32]) {
    for row in x.chunks_exact_mut(mean.len()) {
        row.iter_mut().zip(mean).zip(scale).for_each(|((v, mean), scale)| *v = (*v - mean) * scale);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Head;
    use crate::probe::head::tests::check_gradient;

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        check_gradient(Head::Linear(Linear::new(5, 3, Key::new(1, 0, 0))), 1);
    }

    #[test]
    fn features_of_any_scale_are_normalised() {
        let mut head = Linear::new(2, 2, Key::new(1, 0, 0));
        let x = [1e4, 5.0, 3e4, 5.0, 1e4, 5.0, 3e4, 5.0];
        let (mut work, mut gradient) = (Workspace::default(), vec![0.0; 6]);
        for _ in 0..200 {
            head.loss(&x, &[0, 1, 0, 1], &mut work, &mut gradient);
        }
        assert!((head.mean[0] - 2e4).abs() < 1.0 && (head.mean[1] - 5.0).abs() < 1e-3);
        // Population variance 1e8, unbiased 4/3 of it; a constant feature has variance 0.
        assert!((head.variance[0] / 1e8 - 4.0 / 3.0).abs() < 1e-3 && head.variance[1] < 1e-6);
        assert!(head.logits(&x).iter().all(|v| v.is_finite()));
    }
}
