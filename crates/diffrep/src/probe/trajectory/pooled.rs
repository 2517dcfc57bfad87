//! Heads that bring a trajectory to one vector, and classify it by the layers of the MLP probe.
use super::dense::Dense;
use super::{Shape, sized};
use crate::measure::softmax;
use crate::probe::dropout::Dropout;
use crate::probe::head::cross_entropy_gradient;
use diffrep_kernels::random::Key;

/// How the codes at all t become one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooling {
    /// One after another, `[T·C]`.
    Concatenation,
    /// Their mean, `[C]`.
    Mean,
    /// Their mean with learned weights, `[C]`: the softmax of one number for each t, at first all alike.
    Softmax,
}

/// A pooling, then linear, ReLU, dropout, linear.
#[derive(Clone, Debug, PartialEq)]
pub struct Pooled {
    pub(in crate::probe) shape: Shape,
    pub(in crate::probe) pooling: Pooling,
    dropout: Dropout,
    first: Dense,
    second: Dense,
    /// Both layers, then (softmax) the logits of the weights `[T]`.
    pub(in crate::probe) parameters: Vec<f32>,
}

/// Buffers of a training step.
#[derive(Clone, Debug, Default)]
pub struct PooledTape {
    pooled: Vec<f32>,
    hidden: Vec<f32>,
    logits: Vec<f32>,
    upstream: Vec<f32>,
    pooled_upstream: Vec<f32>,
}

impl Pooled {
    pub(in crate::probe) fn new(
        shape: Shape,
        pooling: Pooling,
        hidden: usize,
        dropout: f64,
        key: Key,
    ) -> Self {
        let width = if pooling == Pooling::Concatenation { shape.row() } else { shape.dim };
        let mut place = 0;
        let first = Dense::new(&mut place, width, hidden);
        let second = Dense::new(&mut place, hidden, shape.classes);
        let weights = if pooling == Pooling::Softmax { shape.levels } else { 0 };
        let mut parameters = vec![0.0; place + weights];
        first.init(&mut parameters, key, 0);
        second.init(&mut parameters, key, 1);
        Self { shape, pooling, dropout: Dropout::new(dropout), first, second, parameters }
    }

    /// The learned weight of each t, in [0, 1] with sum 1; `None` for a pooling that learns none.
    pub fn weights(&self) -> Option<Vec<f32>> {
        let logits = &self.parameters[self.second.range().end..];
        if logits.is_empty() {
            return None;
        }
        let mut weights = logits.to_vec();
        softmax(&mut weights);
        Some(weights)
    }

    pub(in crate::probe) fn logits(&self, x: &[f32]) -> Vec<f32> {
        let mut tape = PooledTape::default();
        self.forward(x, None, &mut tape);
        tape.logits
    }

    /// Mean cross-entropy; its gradient goes to `gradient`.
    pub(in crate::probe) fn loss(
        &self,
        x: &[f32],
        labels: &[u32],
        dropout: Key,
        tape: &mut PooledTape,
        gradient: &mut [f32],
    ) -> f32 {
        self.forward(x, Some(dropout), tape);
        let loss = cross_entropy_gradient(&mut tape.logits, labels, self.shape.classes);
        gradient.fill(0.0);
        self.second.gradient(&tape.hidden, &tape.logits, gradient);
        let upstream = sized(&mut tape.upstream, tape.hidden.len());
        self.second.input_gradient(&self.parameters, &tape.logits, false, upstream);
        // A unit that is zero was cut by ReLU or dropped: no gradient. The others carry dropout's scale.
        let scale = self.dropout.scale();
        upstream.iter_mut().zip(&tape.hidden).for_each(|(g, &h)| *g = if h > 0.0 { *g * scale } else { 0.0 });
        let pooled = if self.pooling == Pooling::Concatenation { x } else { &tape.pooled };
        self.first.gradient(pooled, upstream, gradient);
        if let Some(weights) = self.weights() {
            let pooled = sized(&mut tape.pooled_upstream, labels.len() * self.shape.dim);
            self.first.input_gradient(&self.parameters, upstream, false, pooled);
            self.weights_gradient(x, &weights, pooled, &mut gradient[self.second.range().end..]);
        }
        loss
    }

    /// Of the logits a: with gₜ the sum over rows of upstream · zₜ, wₜ (gₜ − Σ w g).
    fn weights_gradient(&self, x: &[f32], weights: &[f32], upstream: &[f32], gradient: &mut [f32]) {
        let Shape { dim, .. } = self.shape;
        for (codes, upstream) in x.chunks_exact(self.shape.row()).zip(upstream.chunks_exact(dim)) {
            for (sum, code) in gradient.iter_mut().zip(codes.chunks_exact(dim)) {
                *sum += code.iter().zip(upstream).map(|(z, g)| z * g).sum::<f32>();
            }
        }
        let mean: f32 = gradient.iter().zip(weights).map(|(g, w)| g * w).sum();
        gradient.iter_mut().zip(weights).for_each(|(g, w)| *g = w * (*g - mean));
    }

    fn forward(&self, x: &[f32], dropout: Option<Key>, tape: &mut PooledTape) {
        let pooled = match self.pooling {
            Pooling::Concatenation => x,
            Pooling::Mean => {
                let equal = vec![1.0 / self.shape.levels as f32; self.shape.levels];
                self.weighted_mean(x, &equal, &mut tape.pooled);
                &tape.pooled
            }
            Pooling::Softmax => {
                self.weighted_mean(x, &self.weights().unwrap_or_default(), &mut tape.pooled);
                &tape.pooled
            }
        };
        self.first.forward(&self.parameters, pooled, &mut tape.hidden);
        tape.hidden.iter_mut().for_each(|v| *v = v.max(0.0));
        if let Some(key) = dropout {
            self.dropout.apply(&mut tape.hidden, self.first.outputs, key, 0);
        }
        self.second.forward(&self.parameters, &tape.hidden, &mut tape.logits);
    }

    fn weighted_mean(&self, x: &[f32], weights: &[f32], out: &mut Vec<f32>) {
        let Shape { dim, .. } = self.shape;
        out.clear();
        for codes in x.chunks_exact(self.shape.row()) {
            let start = out.len();
            out.resize(start + dim, 0.0);
            for (code, weight) in codes.chunks_exact(dim).zip(weights) {
                out[start..].iter_mut().zip(code).for_each(|(sum, z)| *sum += weight * z);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SMALL, batch, check_gradient};
    use super::*;

    fn head(pooling: Pooling) -> Pooled {
        let mut head = Pooled::new(SMALL, pooling, 24, 0.25, Key::new(1, 0, 0));
        let weights = head.second.range().end;
        head.parameters[weights..].iter_mut().enumerate().for_each(|(t, v)| *v = 0.4 * t as f32);
        head
    }

    #[test]
    fn gradients_agree_with_finite_differences() {
        let ((x, labels), key) = (batch(7), Key::new(6, 0, 0));
        for pooling in [Pooling::Concatenation, Pooling::Mean, Pooling::Softmax] {
            let head = head(pooling);
            let mut gradient = vec![0.0; head.parameters.len()];
            head.loss(&x, &labels, key, &mut PooledTape::default(), &mut gradient);
            let mut ignored = gradient.clone();
            check_gradient(&head.parameters, &gradient, 3, |parameters| {
                let head = Pooled { parameters: parameters.to_vec(), ..head.clone() };
                head.loss(&x, &labels, key, &mut PooledTape::default(), &mut ignored) as f64
            });
        }
    }

    #[test]
    fn the_gradient_of_the_weights_of_t_is_checked_one_by_one() {
        let ((x, labels), key, head) = (batch(7), Key::new(6, 0, 0), head(Pooling::Softmax));
        let mut gradient = vec![0.0; head.parameters.len()];
        head.loss(&x, &labels, key, &mut PooledTape::default(), &mut gradient);
        let mut ignored = gradient.clone();
        for (i, &gradient) in gradient.iter().enumerate().skip(head.second.range().end) {
            let mut at = |delta: f32| {
                let mut moved = head.clone();
                moved.parameters[i] += delta;
                moved.loss(&x, &labels, key, &mut PooledTape::default(), &mut ignored) as f64
            };
            let numeric = (at(1e-3) - at(-1e-3)) / 2e-3;
            let error = (numeric - gradient as f64).abs();
            assert!(error < 1e-2 * numeric.abs() + 1e-4, "{numeric} {gradient}");
        }
    }

    // Codes (1, 2), (3, 4), (5, 9) at three t.
    #[test]
    fn means_by_hand() {
        let shape = Shape { levels: 3, dim: 2, classes: 2 };
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 9.0];
        let mut head = Pooled::new(shape, Pooling::Softmax, 4, 0.0, Key::new(1, 0, 0));
        let pooled = |head: &Pooled| {
            let mut tape = PooledTape::default();
            head.forward(&x, None, &mut tape);
            tape.pooled
        };
        assert_eq!(head.weights().unwrap(), [1.0 / 3.0; 3]);
        assert!((pooled(&head)[0] - 3.0).abs() < 1e-6 && (pooled(&head)[1] - 5.0).abs() < 1e-6);
        // Weights ½, ¼, ¼.
        let start = head.second.range().end;
        head.parameters[start..].copy_from_slice(&[2f32.ln(), 0.0, 0.0]);
        assert!((pooled(&head)[0] - 2.5).abs() < 1e-6 && (pooled(&head)[1] - 4.25).abs() < 1e-6);
    }
}
