//! Attention over the trajectory: a learned summary token after the codes looks at all of them, and is classified.
use super::block::{Block, BlockTape, Queries};
use super::dense::Dense;
use super::{Shape, sized};
use crate::probe::head::{cross_entropy_gradient, init_layer};
use diffrep_kernels::random::Key;

/// Times that the one block is applied.
const APPLICATIONS: usize = 2;
/// Rows whose looks are computed at once.
const BLOCK: usize = 512;
/// Places that a block's dropout draws from.
const PLACES: u32 = 3;

/// A linear layer to the width, sinusoidal positions, one block applied twice, a linear layer on the summary token.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    pub(in crate::probe) shape: Shape,
    width: usize,
    input: Dense,
    /// Where the summary token `[width]` lies.
    summary: usize,
    block: Block,
    output: Dense,
    pub(in crate::probe) parameters: Vec<f32>,
}

/// Buffers of a training step.
#[derive(Clone, Debug, Default)]
pub struct AttentionTape {
    /// The codes at the block's width, `[rows, T, width]`.
    projected: Vec<f32>,
    /// The same with position and the summary token last, `[rows, T + 1, width]`.
    tokens: Vec<f32>,
    applications: [BlockTape; APPLICATIONS],
    logits: Vec<f32>,
    upstream: Vec<f32>,
    input: Vec<f32>,
}

/// Sizes of the block.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// Width of a token; a multiple of `heads`.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width of the feed-forward layer.
    pub feed_forward: usize,
}

impl Attention {
    pub(in crate::probe) fn new(shape: Shape, sizes: Sizes, dropout: f64, key: Key) -> Self {
        let Sizes { width, heads, feed_forward } = sizes;
        let mut place = 0;
        let input = Dense::new(&mut place, shape.dim, width);
        let summary = place;
        place += width;
        let block = Block::new(&mut place, width, heads, feed_forward, dropout);
        let output = Dense::new(&mut place, width, shape.classes);
        let mut parameters = vec![0.0; place];
        input.init(&mut parameters, key, 0);
        init_layer(&mut parameters[summary..][..width], width, key, 1);
        output.init(&mut parameters, key, 2);
        block.init(&mut parameters, key, 3);
        Self { shape, width, input, summary, block, output, parameters }
    }

    /// How much the summary token looks at each t in the last application: mean over heads and the rows of `x`
    /// `[rows, T·C]`, `[T]`, what it looks at itself left out, so that the sum is 1.
    pub fn weights(&self, x: &[f32]) -> Vec<f32> {
        let mut tape = AttentionTape::default();
        let mut sums = vec![0f64; self.shape.levels];
        for rows in x.chunks(BLOCK * self.shape.levels * self.shape.dim) {
            self.forward(rows, None, &mut tape);
            for weights in tape.applications[APPLICATIONS - 1].weights.chunks_exact(self.shape.levels + 1) {
                sums.iter_mut().zip(weights).for_each(|(sum, &weight)| *sum += f64::from(weight));
            }
        }
        let total: f64 = sums.iter().sum();
        sums.iter().map(|sum| (sum / total) as f32).collect()
    }

    pub(in crate::probe) fn logits(&self, x: &[f32]) -> Vec<f32> {
        let mut tape = AttentionTape::default();
        self.forward(x, None, &mut tape);
        tape.logits
    }

    /// Mean cross-entropy; its gradient goes to `gradient`.
    pub(in crate::probe) fn loss(
        &self,
        x: &[f32],
        labels: &[u32],
        dropout: Key,
        tape: &mut AttentionTape,
        gradient: &mut [f32],
    ) -> f32 {
        self.forward(x, Some(dropout), tape);
        let loss = cross_entropy_gradient(&mut tape.logits, labels, self.shape.classes);
        gradient.fill(0.0);
        let AttentionTape { applications, upstream, input, logits, .. } = tape;
        let summaries = &applications[APPLICATIONS - 1].y;
        self.output.gradient(summaries, logits, gradient);
        self.output.input_gradient(&self.parameters, logits, false, sized(upstream, summaries.len()));
        for (index, application) in applications.iter_mut().enumerate().rev() {
            let dropout = (dropout, index as u32 * PLACES);
            self.block.backward(&self.parameters, application, dropout, upstream, gradient, input);
            std::mem::swap(upstream, input);
        }
        self.tokens_backward(x, upstream, &mut tape.projected, gradient);
        loss
    }

    /// The gradients of input layer and summary token from that of the tokens.
    fn tokens_backward(&self, x: &[f32], tokens: &[f32], projected: &mut Vec<f32>, gradient: &mut [f32]) {
        let (width, levels) = (self.width, self.shape.levels);
        projected.clear();
        for row in tokens.chunks_exact((levels + 1) * width) {
            let (codes, summary) = row.split_at(levels * width);
            projected.extend_from_slice(codes);
            gradient[self.summary..][..width].iter_mut().zip(summary).for_each(|(sum, g)| *sum += g);
        }
        self.input.gradient(x, projected, gradient);
    }

    fn forward(&self, x: &[f32], dropout: Option<Key>, tape: &mut AttentionTape) {
        let (width, levels) = (self.width, self.shape.levels);
        let parameters = &self.parameters;
        self.input.forward(parameters, x, &mut tape.projected);
        let positions = positions(levels + 1, width);
        tape.tokens.clear();
        for codes in tape.projected.chunks_exact(levels * width) {
            let tokens = codes.iter().chain(&parameters[self.summary..][..width]);
            tape.tokens.extend(tokens.zip(&positions).map(|(v, position)| v + position));
        }
        let [first, second] = &mut tape.applications;
        let place = |index: u32| dropout.map(|key| (key, index * PLACES));
        self.block.forward(parameters, &tape.tokens, levels + 1, Queries::All, place(0), first);
        // Nothing reads what the codes' tokens would become in the last application.
        self.block.forward(parameters, &first.y, levels + 1, Queries::Last, place(1), second);
        self.output.forward(parameters, &second.y, &mut tape.logits);
    }
}

/// `[tokens, width]`: `sin(p / 10000^(2i / width))` at 2i and the cosine at 2i + 1 (Vaswani et al., 2017, section 3.5).
fn positions(tokens: usize, width: usize) -> Vec<f32> {
    let value = |p: usize, j: usize| {
        let angle = p as f64 / 10_000f64.powf((j - j % 2) as f64 / width as f64);
        (if j.is_multiple_of(2) { angle.sin() } else { angle.cos() }) as f32
    };
    (0..tokens * width).map(|i| value(i / width, i % width)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::{SMALL, batch, check_gradient, waves};
    use super::*;

    const SIZES: Sizes = Sizes { width: 8, heads: 2, feed_forward: 12 };

    #[test]
    fn the_gradient_agrees_with_finite_differences() {
        let ((x, labels), key) = (batch(7), Key::new(6, 0, 0));
        let head = Attention::new(SMALL, SIZES, 0.25, Key::new(1, 0, 0));
        let mut gradient = vec![0.0; head.parameters.len()];
        head.loss(&x, &labels, key, &mut AttentionTape::default(), &mut gradient);
        let mut ignored = gradient.clone();
        check_gradient(&head.parameters, &gradient, 1, |parameters| {
            let head = Attention { parameters: parameters.to_vec(), ..head.clone() };
            head.loss(&x, &labels, key, &mut AttentionTape::default(), &mut ignored) as f64
        });
    }

    // All weights of the block 0 but the values', which are 1, and the mix's. So the summary token looks at both tokens
    // alike: it gets the mean of their values. Norms of two numbers give −1 and 1, by which is larger.
    #[test]
    fn one_code_by_hand() {
        let shape = Shape { levels: 1, dim: 1, classes: 2 };
        let sizes = Sizes { width: 2, heads: 1, feed_forward: 1 };
        let mut head = Attention::new(shape, sizes, 0.0, Key::new(1, 0, 0));
        let identity = [1.0, 0.0, 0.0, 1.0];
        let zeros = |n: usize| vec![0.0; n];
        head.parameters = [
            // Code x to (x, −x); summary token.
            vec![1.0, -1.0, 0.0, 0.0],
            vec![0.0, 0.5],
            // Queries; keys beside values; mix.
            zeros(4 + 2),
            vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0],
            zeros(4),
            [&identity[..], &[0.0, 0.0]].concat(),
            vec![1.0, 1.0, 0.0, 0.0],
            zeros(2 + 1 + 2 + 2),
            vec![1.0, 1.0, 0.0, 0.0],
            // Output.
            [&identity[..], &[0.0, 0.25]].concat(),
        ]
        .concat();
        // Tokens: (x + sin 0, −x + cos 0) = (3, −2); summary (0 + sin 1, 0.5 + cos 1) = (0.841, 1.040). The mean of both is
        // (1.921, −0.480). Added, the code's token is (4.92, −2.48) → (1, −1), the summary (2.76, 0.56) → (1, −1), twice
        // normalised. Second application: mean (1, −1), sum (2, −2) → (1, −1).
        let logits = head.logits(&[3.0]);
        assert!((logits[0] - 1.0).abs() < 1e-3 && (logits[1] + 0.75).abs() < 1e-3, "{logits:?}");
        assert_eq!(head.weights(&[3.0]), [1.0]);
    }

    #[test]
    fn equal_codes_differ_by_position_only() {
        let found = positions(3, 4);
        assert_eq!(found[..4], [0.0, 1.0, 0.0, 1.0]);
        let expected = [2f32.sin(), 2f32.cos(), 0.02f32.sin(), 0.02f32.cos()];
        assert!(found[8..].iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6));
    }

    // PyTorch 2.15: torch.nn.TransformerEncoderLayer(8, 2, 12, batch_first=True) in evaluation mode, applied twice, between
    // linear layers; weights are those of `waves` in this order, transposed; queries, keys and values joined.
    #[test]
    fn logits_are_those_of_pytorch() {
        let mut head = Attention::new(SMALL, SIZES, 0.25, Key::new(1, 0, 0));
        head.parameters = waves(head.parameters.len(), 0.6);
        let x = waves(2 * SMALL.row(), 1.5);
        let expected = [-0.3212976, -0.004466474, 0.5093853, -0.3038959, -0.02522635, 0.4872171];
        let logits = head.logits(&x);
        assert_eq!(logits.len(), expected.len());
        for (found, expected) in logits.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-4, "{found} {expected}");
        }
        let weights = head.weights(&x);
        assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-5 && weights.iter().all(|&w| w > 0.0));
    }
}
