//! A gated recurrent unit that reads the codes from fine to coarse; its last state is classified.
//!
//! Cho et al., "Learning phrase representations using RNN encoder-decoder" (2014), as PyTorch's `nn.GRU` computes it:
//! `r = σ(Wᵣx + Uᵣh)`, `u = σ(Wᵤx + Uᵤh)`, `n = tanh(Wₙx + r ∘ Uₙh)`, `h ← (1 − u) ∘ n + u ∘ h`, all with biases.
use super::dense::Dense;
use super::{Shape, sized};
use crate::probe::dropout::Dropout;
use crate::probe::head::{cross_entropy_gradient, init_layer};
use diffrep_kernels::random::Key;

/// One layer, dropout on the last state, a linear layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Gru {
    pub(in crate::probe) shape: Shape,
    hidden: usize,
    dropout: Dropout,
    /// W of r, u, n one beside the other, `[C, 3·hidden]`.
    input: Dense,
    /// U of r, u, n, `[hidden, 3·hidden]`.
    state: Dense,
    output: Dense,
    pub(in crate::probe) parameters: Vec<f32>,
}

/// Buffers of a training step; a step is one t.
#[derive(Clone, Debug, Default)]
pub struct GruTape {
    /// Wx `[rows, T, 3·hidden]`; in the backward pass its gradient.
    from_input: Vec<f32>,
    /// States before each step and after the last, `[rows, hidden]` each.
    states: Vec<Vec<f32>>,
    /// r, u, n and Uₙh of each step, `[rows, 4·hidden]`.
    gates: Vec<Vec<f32>>,
    from_state: Vec<f32>,
    dropped: Vec<f32>,
    logits: Vec<f32>,
    upstream: Vec<f32>,
}

impl Gru {
    pub(in crate::probe) fn new(shape: Shape, hidden: usize, dropout: f64, key: Key) -> Self {
        let mut place = 0;
        let input = Dense::new(&mut place, shape.dim, 3 * hidden);
        let state = Dense::new(&mut place, hidden, 3 * hidden);
        let output = Dense::new(&mut place, hidden, shape.classes);
        let mut parameters = vec![0.0; place];
        // As PyTorch: all weights of the unit by the size of its state.
        init_layer(&mut parameters[input.range()], hidden, key, 0);
        state.init(&mut parameters, key, 1);
        output.init(&mut parameters, key, 2);
        Self { shape, hidden, dropout: Dropout::new(dropout), input, state, output, parameters }
    }

    pub(in crate::probe) fn logits(&self, x: &[f32]) -> Vec<f32> {
        let mut tape = GruTape::default();
        self.forward(x, None, &mut tape);
        tape.logits
    }

    /// Mean cross-entropy; its gradient goes to `gradient`.
    pub(in crate::probe) fn loss(
        &self,
        x: &[f32],
        labels: &[u32],
        dropout: Key,
        tape: &mut GruTape,
        gradient: &mut [f32],
    ) -> f32 {
        self.forward(x, Some(dropout), tape);
        let loss = cross_entropy_gradient(&mut tape.logits, labels, self.shape.classes);
        gradient.fill(0.0);
        self.output.gradient(&tape.dropped, &tape.logits, gradient);
        let upstream = sized(&mut tape.upstream, tape.dropped.len());
        self.output.input_gradient(&self.parameters, &tape.logits, false, upstream);
        self.dropout.apply(upstream, self.hidden, dropout, 0);
        for step in (0..self.shape.levels).rev() {
            self.step_backward(step, tape, gradient);
        }
        self.input.gradient(x, &tape.from_input, gradient);
        loss
    }

    fn forward(&self, x: &[f32], dropout: Option<Key>, tape: &mut GruTape) {
        let rows = x.len() / self.shape.row();
        self.input.forward(&self.parameters, x, &mut tape.from_input);
        tape.states.resize(self.shape.levels + 1, Vec::new());
        tape.gates.resize(self.shape.levels, Vec::new());
        sized(&mut tape.states[0], rows * self.hidden).fill(0.0);
        for step in 0..self.shape.levels {
            self.step(step, tape);
        }
        tape.dropped.clone_from(&tape.states[self.shape.levels]);
        if let Some(key) = dropout {
            self.dropout.apply(&mut tape.dropped, self.hidden, key, 0);
        }
        self.output.forward(&self.parameters, &tape.dropped, &mut tape.logits);
    }

    fn step(&self, step: usize, tape: &mut GruTape) {
        let (hidden, levels) = (self.hidden, self.shape.levels);
        let (before, after) = tape.states.split_at_mut(step + 1);
        let before = &before[step];
        self.state.forward(&self.parameters, before, &mut tape.from_state);
        let after = sized(&mut after[0], before.len());
        let gates = sized(&mut tape.gates[step], 4 * before.len());
        for (row, h) in before.chunks_exact(hidden).enumerate() {
            let x = &tape.from_input[(row * levels + step) * 3 * hidden..][..3 * hidden];
            let u = &tape.from_state[row * 3 * hidden..][..3 * hidden];
            let gates = &mut gates[row * 4 * hidden..][..4 * hidden];
            let after = &mut after[row * hidden..][..hidden];
            for j in 0..hidden {
                let reset = sigmoid(x[j] + u[j]);
                let update = sigmoid(x[hidden + j] + u[hidden + j]);
                let new = (x[2 * hidden + j] + reset * u[2 * hidden + j]).tanh();
                (gates[j], gates[hidden + j], gates[2 * hidden + j]) = (reset, update, new);
                gates[3 * hidden + j] = u[2 * hidden + j];
                after[j] = (1.0 - update) * new + update * h[j];
            }
        }
    }

    /// Takes the gradient of the state after `step` from `upstream` and leaves that of the state before it there; the
    /// gradient of Wx replaces Wx.
    fn step_backward(&self, step: usize, tape: &mut GruTape, gradient: &mut [f32]) {
        let (hidden, levels) = (self.hidden, self.shape.levels);
        let (before, gates) = (&tape.states[step], &tape.gates[step]);
        let from_state = sized(&mut tape.from_state, 3 * before.len());
        for (row, h) in before.chunks_exact(hidden).enumerate() {
            let x = &mut tape.from_input[(row * levels + step) * 3 * hidden..][..3 * hidden];
            let u = &mut from_state[row * 3 * hidden..][..3 * hidden];
            let gates = &gates[row * 4 * hidden..][..4 * hidden];
            let upstream = &mut tape.upstream[row * hidden..][..hidden];
            for j in 0..hidden {
                let (reset, update, new) = (gates[j], gates[hidden + j], gates[2 * hidden + j]);
                let to_new = upstream[j] * (1.0 - update) * (1.0 - new * new);
                let to_update = upstream[j] * (h[j] - new) * update * (1.0 - update);
                let to_reset = to_new * gates[3 * hidden + j] * reset * (1.0 - reset);
                (x[j], x[hidden + j], x[2 * hidden + j]) = (to_reset, to_update, to_new);
                (u[j], u[hidden + j], u[2 * hidden + j]) = (to_reset, to_update, to_new * reset);
                upstream[j] *= update;
            }
        }
        self.state.gradient(before, from_state, gradient);
        self.state.input_gradient(&self.parameters, from_state, true, &mut tape.upstream);
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SMALL, batch, check_gradient, waves};
    use super::*;

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let ((x, labels), key) = (batch(7), Key::new(6, 0, 0));
        let head = Gru::new(SMALL, 5, 0.25, Key::new(1, 0, 0));
        let mut gradient = vec![0.0; head.parameters.len()];
        head.loss(&x, &labels, key, &mut GruTape::default(), &mut gradient);
        let mut ignored = gradient.clone();
        check_gradient(&head.parameters, &gradient, 1, |parameters| {
            let head = Gru { parameters: parameters.to_vec(), ..head.clone() };
            head.loss(&x, &labels, key, &mut GruTape::default(), &mut ignored) as f64
        });
    }

    // One number a code, one unit. Step 1 from h = 0: r = σ(0), u = σ(0) = ½, n = tanh(1), h = ½ tanh 1. Step 2 with x = 0:
    // n = tanh(½ · h), h ← ½ n + ½ h.
    #[test]
    fn two_steps_by_hand() {
        let shape = Shape { levels: 2, dim: 1, classes: 2 };
        let mut head = Gru::new(shape, 1, 0.0, Key::new(1, 0, 0));
        // W of r, u, n; their biases; U of r, u, n; their biases; output weights and biases.
        head.parameters.copy_from_slice(&[0., 0., 1., 0., 0., 0., 0., 0., 1., 0., 0., 0., 1., -2., 0., 0.5]);
        let first = 0.5 * 1f32.tanh();
        let last = 0.5 * (0.5 * first).tanh() + 0.5 * first;
        let logits = head.logits(&[1.0, 0.0]);
        assert!(
            (logits[0] - last).abs() < 1e-6 && (logits[1] - (0.5 - 2.0 * last)).abs() < 1e-6,
            "{logits:?}"
        );
    }

    // PyTorch 2.15: torch.nn.GRU(4, 5, batch_first=True) and a linear layer, whose weights are those of `waves` in this
    // order, transposed.
    #[test]
    fn logits_are_those_of_pytorch() {
        let mut head = Gru::new(SMALL, 5, 0.25, Key::new(1, 0, 0));
        head.parameters = waves(head.parameters.len(), 0.6);
        let x = waves(2 * SMALL.row(), 1.5);
        let expected = [-0.4133312, -0.1121733, -0.4828548, -0.9918129, 0.8854551, -0.7005108];
        let logits = head.logits(&x);
        assert_eq!(logits.len(), expected.len());
        for (found, expected) in logits.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }
}
