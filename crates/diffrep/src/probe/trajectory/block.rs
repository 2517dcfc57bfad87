//! A transformer block: attention of queries to all tokens, then a feed-forward layer, each added to its input and
//! normalised after (Vaswani et al., "Attention is all you need", 2017).
use super::dense::Dense;
use super::layer_norm::{LayerNorm, Normalised};
use super::sized;
use crate::probe::dropout::Dropout;
use diffrep_kernels::random::Key;

/// The places of a block's layers in a head's parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    width: usize,
    heads: usize,
    dropout: Dropout,
    query: Dense,
    /// Keys beside values.
    key_value: Dense,
    mix: Dense,
    norm1: LayerNorm,
    widen: Dense,
    narrow: Dense,
    norm2: LayerNorm,
}

/// Which tokens ask, and so have an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queries {
    /// Every token.
    All,
    /// The last one.
    Last,
}

/// Buffers of one application of a block to `[rows, tokens, width]`, with n queries.
#[derive(Clone, Debug, Default)]
pub struct BlockTape {
    tokens: usize,
    queries: usize,
    /// The tokens, and those that ask `[rows, n, width]`.
    x: Vec<f32>,
    asking: Vec<f32>,
    q: Vec<f32>,
    kv: Vec<f32>,
    /// `[rows, heads, n, tokens]`; each query's sum is 1.
    pub weights: Vec<f32>,
    mixed: Vec<f32>,
    norm1: Normalised,
    middle: Vec<f32>,
    wide: Vec<f32>,
    norm2: Normalised,
    /// The output `[rows, n, width]`.
    pub y: Vec<f32>,
    gradients: Gradients,
}

/// Scratch of the backward pass.
#[derive(Clone, Debug, Default)]
struct Gradients {
    narrow: Vec<f32>,
    wide: Vec<f32>,
    mixed: Vec<f32>,
    q: Vec<f32>,
    kv: Vec<f32>,
}

impl Block {
    /// A block at `place`, which moves behind it; `heads` divides `width`.
    pub fn new(place: &mut usize, width: usize, heads: usize, feed_forward: usize, dropout: f64) -> Self {
        Self {
            width,
            heads,
            dropout: Dropout::new(dropout),
            query: Dense::new(place, width, width),
            key_value: Dense::new(place, width, 2 * width),
            mix: Dense::new(place, width, width),
            norm1: LayerNorm::new(place, width),
            widen: Dense::new(place, width, feed_forward),
            narrow: Dense::new(place, feed_forward, width),
            norm2: LayerNorm::new(place, width),
        }
    }

    /// Initial weights; `index` and those after it tell the layers of a head apart.
    pub fn init(&self, parameters: &mut [f32], key: Key, index: u32) {
        for (i, layer) in
            [self.query, self.key_value, self.mix, self.widen, self.narrow].into_iter().enumerate()
        {
            layer.init(parameters, key, index + i as u32);
        }
        self.norm1.init(parameters);
        self.norm2.init(parameters);
    }

    /// Reads `x` `[rows, tokens, width]` and leaves everything that the backward pass wants in `tape`, the output too.
    /// `dropout` is its key and the first of the three places that it draws from.
    pub fn forward(
        &self,
        parameters: &[f32],
        x: &[f32],
        tokens: usize,
        queries: Queries,
        dropout: Option<(Key, u32)>,
        tape: &mut BlockTape,
    ) {
        let width = self.width;
        tape.tokens = tokens;
        tape.queries = if queries == Queries::All { tokens } else { 1 };
        tape.x.clear();
        tape.x.extend_from_slice(x);
        tape.asking.clear();
        let asking = x.chunks_exact(tokens * width).flat_map(|row| &row[(tokens - tape.queries) * width..]);
        tape.asking.extend(asking);
        self.query.forward(parameters, &tape.asking, &mut tape.q);
        self.key_value.forward(parameters, x, &mut tape.kv);
        self.attend(tape);
        let drop = |values: &mut [f32], width: usize, place: u32| {
            if let Some((key, first)) = dropout {
                self.dropout.apply(values, width, key, first + place);
            }
        };
        self.mix.forward(parameters, &tape.mixed, &mut tape.middle);
        drop(&mut tape.middle, width, 0);
        add(&mut tape.middle, &tape.asking);
        self.norm1.forward(parameters, &mut tape.middle, &mut tape.norm1);

        self.widen.forward(parameters, &tape.middle, &mut tape.wide);
        tape.wide.iter_mut().for_each(|v| *v = v.max(0.0));
        drop(&mut tape.wide, self.widen.outputs, 1);
        self.narrow.forward(parameters, &tape.wide, &mut tape.y);
        drop(&mut tape.y, width, 2);
        add(&mut tape.y, &tape.middle);
        self.norm2.forward(parameters, &mut tape.y, &mut tape.norm2);
    }

    /// Turns the gradient of the output, `upstream` `[rows, n, width]`, into that of all tokens, `input`
    /// `[rows, tokens, width]`, and adds those of the weights to `gradient`. `dropout` as in the forward pass.
    pub fn backward(
        &self,
        parameters: &[f32],
        tape: &mut BlockTape,
        dropout: (Key, u32),
        upstream: &mut [f32],
        gradient: &mut [f32],
        input: &mut Vec<f32>,
    ) {
        let (width, (key, first)) = (self.width, dropout);
        let mut scratch = std::mem::take(&mut tape.gradients);
        self.norm2.backward(parameters, &tape.norm2, upstream, gradient);
        scratch.narrow.clear();
        scratch.narrow.extend_from_slice(upstream);
        self.dropout.apply(&mut scratch.narrow, width, key, first + 2);
        self.narrow.gradient(&tape.wide, &scratch.narrow, gradient);
        let wide = sized(&mut scratch.wide, tape.wide.len());
        self.narrow.input_gradient(parameters, &scratch.narrow, false, wide);
        // A unit that is zero was cut by ReLU or dropped: no gradient. The others carry dropout's scale.
        let scale = self.dropout.scale();
        wide.iter_mut().zip(&tape.wide).for_each(|(g, &h)| *g = if h > 0.0 { *g * scale } else { 0.0 });
        self.widen.gradient(&tape.middle, wide, gradient);
        self.widen.input_gradient(parameters, wide, true, upstream);

        self.norm1.backward(parameters, &tape.norm1, upstream, gradient);
        scratch.narrow.copy_from_slice(upstream);
        self.dropout.apply(&mut scratch.narrow, width, key, first);
        self.mix.gradient(&tape.mixed, &scratch.narrow, gradient);
        let mixed = sized(&mut scratch.mixed, tape.mixed.len());
        self.mix.input_gradient(parameters, &scratch.narrow, false, mixed);
        self.attend_backward(tape, &mut scratch);
        self.query.gradient(&tape.asking, &scratch.q, gradient);
        self.query.input_gradient(parameters, &scratch.q, true, upstream);
        self.key_value.gradient(&tape.x, &scratch.kv, gradient);
        let input = sized(input, tape.x.len());
        self.key_value.input_gradient(parameters, &scratch.kv, false, input);
        let rows =
            input.chunks_exact_mut(tape.tokens * width).zip(upstream.chunks_exact(tape.queries * width));
        for (input, upstream) in rows {
            add(&mut input[(tape.tokens - tape.queries) * width..], upstream);
        }
        tape.gradients = scratch;
    }

    /// `softmax(q kᵀ / √d) v` for each row and head, d the width of a head.
    fn attend(&self, tape: &mut BlockTape) {
        let (width, size) = (self.width, self.width / self.heads);
        let scale = 1.0 / (size as f32).sqrt();
        let (tokens, queries) = (tape.tokens, tape.queries);
        let rows = tape.q.len() / (queries * width);
        let weights = sized(&mut tape.weights, rows * self.heads * queries * tokens);
        sized(&mut tape.mixed, tape.q.len()).fill(0.0);
        for (place, weights) in weights.chunks_exact_mut(tokens).enumerate() {
            let at = Place::of(place, self.heads, queries);
            let (q, mixed) = (at.query(queries, width, size), &tape.kv[at.row * tokens * 2 * width..]);
            let asking = &tape.q[q.clone()];
            let mut top = f32::NEG_INFINITY;
            for (token, weight) in weights.iter_mut().enumerate() {
                *weight = scale * dot(asking, &mixed[token * 2 * width + at.head * size..][..size]);
                top = top.max(*weight);
            }
            weights.iter_mut().for_each(|weight| *weight = (*weight - top).exp());
            let sum: f32 = weights.iter().sum();
            for (token, weight) in weights.iter_mut().enumerate() {
                *weight /= sum;
                let value = &mixed[token * 2 * width + width + at.head * size..][..size];
                add_scaled(&mut tape.mixed[q.clone()], value, *weight);
            }
        }
    }

    /// The gradients of q, k and v from that of what [`Self::attend`] mixed.
    fn attend_backward(&self, tape: &BlockTape, scratch: &mut Gradients) {
        let (width, size) = (self.width, self.width / self.heads);
        let scale = 1.0 / (size as f32).sqrt();
        let (tokens, queries) = (tape.tokens, tape.queries);
        sized(&mut scratch.q, tape.q.len()).fill(0.0);
        sized(&mut scratch.kv, tape.kv.len()).fill(0.0);
        let mut to_weights = vec![0.0; tokens];
        for (place, weights) in tape.weights.chunks_exact(tokens).enumerate() {
            let at = Place::of(place, self.heads, queries);
            let q = at.query(queries, width, size);
            let upstream = &scratch.mixed[q.clone()];
            let row = at.row * tokens * 2 * width;
            for token in 0..tokens {
                let value = row + token * 2 * width + width + at.head * size;
                to_weights[token] = dot(upstream, &tape.kv[value..][..size]);
                add_scaled(&mut scratch.kv[value..][..size], upstream, weights[token]);
            }
            let mean = dot(&to_weights, weights);
            for token in 0..tokens {
                let to_score = scale * weights[token] * (to_weights[token] - mean);
                let key = row + token * 2 * width + at.head * size;
                add_scaled(&mut scratch.q[q.clone()], &tape.kv[key..][..size], to_score);
                add_scaled(&mut scratch.kv[key..][..size], &tape.q[q.clone()], to_score);
            }
        }
    }
}

/// One query of one head in one row.
struct Place {
    row: usize,
    head: usize,
    query: usize,
}

impl Place {
    fn of(index: usize, heads: usize, queries: usize) -> Self {
        Self { row: index / queries / heads, head: index / queries % heads, query: index % queries }
    }

    /// Where its part lies in `[rows, queries, width]`.
    fn query(&self, queries: usize, width: usize, size: usize) -> std::ops::Range<usize> {
        let start = (self.row * queries + self.query) * width + self.head * size;
        start..start + size
    }
}

/// Sum of products in eight partial sums, which the compiler turns into vectors.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0f32; 8];
    for (a, b) in a.chunks(8).zip(b.chunks(8)) {
        sums.iter_mut().zip(a).zip(b).for_each(|((sum, a), b)| *sum += a * b);
    }
    sums.iter().sum()
}

fn add(sum: &mut [f32], values: &[f32]) {
    sum.iter_mut().zip(values).for_each(|(sum, v)| *sum += v);
}

fn add_scaled(sum: &mut [f32], values: &[f32], scale: f32) {
    sum.iter_mut().zip(values).for_each(|(sum, v)| *sum += scale * v);
}
