//! The MLP probe: linear, ReLU, dropout, linear.
use super::dropout::Dropout;
use super::head::{Workspace, column_sums, cross_entropy_gradient, init_layer, spread_bias};
use diffrep_kernels::matmul::{Matrix, multiply};
use diffrep_kernels::random::Key;

/// Weights of both layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp {
    pub(super) dim: usize,
    pub(super) hidden: usize,
    pub(super) classes: usize,
    dropout: Dropout,
    /// Weight `[dim, hidden]`, bias `[hidden]`, weight `[hidden, classes]`, bias `[classes]`.
    pub(super) parameters: Vec<f32>,
}

impl Mlp {
    pub(super) fn new(dim: usize, hidden: usize, classes: usize, dropout: f64, key: Key) -> Self {
        let first = (dim + 1) * hidden;
        let mut parameters = vec![0.0; first + (hidden + 1) * classes];
        init_layer(&mut parameters[..first], dim, key, 0);
        init_layer(&mut parameters[first..], hidden, key, 1);
        Self { dim, hidden, classes, dropout: Dropout::new(dropout), parameters }
    }

    /// A head with given weights, without dropout, as a saved one has no use for it.
    pub(super) fn from_parameters(dim: usize, hidden: usize, classes: usize, parameters: Vec<f32>) -> Self {
        Self { dim, hidden, classes, dropout: Dropout::new(0.0), parameters }
    }

    pub(super) fn logits(&self, x: &[f32]) -> Vec<f32> {
        let (mut hidden, mut logits) = (Vec::new(), Vec::new());
        self.hidden(x, &mut hidden);
        self.output(&hidden, &mut logits);
        logits
    }

    pub(super) fn loss(
        &mut self,
        x: &[f32],
        labels: &[u32],
        dropout: Key,
        work: &mut Workspace,
        gradient: &mut [f32],
    ) -> f32 {
        let rows = labels.len();
        self.hidden(x, &mut work.activations);
        self.dropout.apply(&mut work.activations, self.hidden, dropout, 0);
        self.output(&work.activations, &mut work.logits);
        let loss = cross_entropy_gradient(&mut work.logits, labels, self.classes);

        let (first, second) = gradient.split_at_mut((self.dim + 1) * self.hidden);
        let (weight, bias) = second.split_at_mut(self.hidden * self.classes);
        let upstream = Matrix::new(&work.logits, rows, self.classes);
        multiply(Matrix::new(&work.activations, rows, self.hidden).t(), upstream, false, weight);
        column_sums(&work.logits, bias);

        work.hidden_gradient.resize(rows * self.hidden, 0.0);
        let [_, _, weight, _] = self.layers();
        multiply(
            upstream,
            Matrix::new(weight, self.hidden, self.classes).t(),
            false,
            &mut work.hidden_gradient,
        );
        // A unit that is zero was cut by ReLU or dropped: no gradient. The others carry dropout's scale.
        let scale = self.dropout.scale();
        for (g, &h) in work.hidden_gradient.iter_mut().zip(&work.activations) {
            *g = if h > 0.0 { *g * scale } else { 0.0 };
        }
        let (weight, bias) = first.split_at_mut(self.dim * self.hidden);
        let upstream = Matrix::new(&work.hidden_gradient, rows, self.hidden);
        multiply(Matrix::new(x, rows, self.dim).t(), upstream, false, weight);
        column_sums(&work.hidden_gradient, bias);
        loss
    }

    /// Weight and bias of the first and of the second layer.
    pub(super) fn layers(&self) -> [&[f32]; 4] {
        let (weight_1, rest) = self.parameters.split_at(self.dim * self.hidden);
        let (bias_1, rest) = rest.split_at(self.hidden);
        let (weight_2, bias_2) = rest.split_at(self.hidden * self.classes);
        [weight_1, bias_1, weight_2, bias_2]
    }

    fn hidden(&self, x: &[f32], hidden: &mut Vec<f32>) {
        let rows = x.len() / self.dim;
        let [weight, bias, ..] = self.layers();
        spread_bias(bias, rows, hidden);
        multiply(Matrix::new(x, rows, self.dim), Matrix::new(weight, self.dim, self.hidden), true, hidden);
        hidden.iter_mut().for_each(|v| *v = v.max(0.0));
    }

    fn output(&self, hidden: &[f32], logits: &mut Vec<f32>) {
        let rows = hidden.len() / self.hidden;
        let [_, _, weight, bias] = self.layers();
        spread_bias(bias, rows, logits);
        let weight = Matrix::new(weight, self.hidden, self.classes);
        multiply(Matrix::new(hidden, rows, self.hidden), weight, true, logits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::Head;
    use crate::probe::head::tests::check_gradient;

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        check_gradient(Head::Mlp(Mlp::new(5, 24, 3, 0.25, Key::new(1, 0, 0))), 3);
    }

    #[test]
    fn dropout_drops_its_rate_and_keeps_the_mean() {
        let head = Mlp::new(1, 1000, 2, 0.25, Key::new(1, 0, 0));
        let mut units = vec![1.0; 100_000];
        head.dropout.apply(&mut units, head.hidden, Key::new(2, 0, 0), 0);
        let dropped = units.iter().filter(|&&v| v == 0.0).count() as f64 / 1e5;
        // Three standard errors of a part of 100,000.
        assert!((dropped - 0.25).abs() < 3.0 * (0.25 * 0.75 / 1e5f64).sqrt(), "{dropped}");
        assert!(units.iter().all(|&v| v == 0.0 || (v - 4.0 / 3.0).abs() < 1e-6));
    }
}
