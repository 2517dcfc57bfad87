//! Attention with one head: `softmax(q kᵀ · scale) v`, and its gradients, image by image.
//!
//! The products are those of [`crate::conv`] with a kernel of one pixel; only a block of rows of the weights exists at a
//! time. The backward pass computes the weights again from what the forward pass keeps, the rows' log-sum-exp.
use crate::Precision;
use crate::buffer::Buffer;
use crate::conv::{Conv2d, WeightOrder, backward_data, backward_weight, forward as multiply};
use crate::parallel;
use crate::simd::{exp, vectorised};

/// Rows of weights that exist at a time.
const BLOCK: usize = 256;

/// Sizes of an attention: q, k, v and the result are `[images, positions, channels]`.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Images, which don't see each other.
    pub images: usize,
    /// Positions of an image.
    pub positions: usize,
    /// Numbers of a position.
    pub channels: usize,
    /// Positive factor of the inner products, usually `1/√channels`.
    pub scale: f32,
    /// How the matrices are multiplied, forward and backward; softmax is f32.
    pub precision: Precision,
}

impl Shape {
    fn image(&self) -> usize {
        self.positions * self.channels
    }

    /// `rows` positions times the transposed `[positions, channels]`: inner products with all positions.
    fn products(&self, rows: usize) -> Conv2d {
        let Self { positions, channels, precision, .. } = *self;
        Conv2d { order: WeightOrder::OutIn, precision, ..Conv2d::linear(rows, channels, positions) }
    }

    /// `rows` rows of weights times `[positions, channels]`.
    fn mixture(&self, rows: usize) -> Conv2d {
        Conv2d { precision: self.precision, ..Conv2d::linear(rows, self.positions, self.channels) }
    }

    fn blocks(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let positions = self.positions;
        (0..positions).step_by(BLOCK).map(move |from| (from, BLOCK.min(positions - from)))
    }

    fn check(&self, lengths: &[usize]) {
        let len = self.images * self.image();
        assert!(len > 0 && lengths.iter().all(|&l| l == len), "attention {self:?} of {lengths:?} numbers");
    }
}

/// Writes the result to `y` and returns the log-sum-exp of each row, `[images, positions]`.
///
/// # Panics
/// If a length doesn't match the shape, or it is empty.
pub fn forward(shape: &Shape, q: &[f32], k: &[f32], v: &[f32], y: &mut [f32]) -> Vec<f32> {
    shape.check(&[q.len(), k.len(), v.len(), y.len()]);
    let mut log_sums = vec![0.0; shape.images * shape.positions];
    let image = shape.image();
    let tasks = y.chunks_exact_mut(image).zip(log_sums.chunks_exact_mut(shape.positions)).collect();
    parallel::for_each(tasks, |i, (y, log_sums)| {
        let [q, k, v] = [q, k, v].map(|x| &x[i * image..][..image]);
        for (from, rows) in shape.blocks() {
            let part = from * shape.channels..(from + rows) * shape.channels;
            let mut weights = Buffer::new(rows * shape.positions);
            multiply(&shape.products(rows), &q[part.clone()], k, None, &mut weights);
            softmax(&mut weights, shape.scale, &mut log_sums[from..from + rows]);
            multiply(&shape.mixture(rows), &weights, v, None, &mut y[part]);
        }
    });
    log_sums
}

/// Gradients of q, k and v into `dq`, `dk` and `dv`, from the gradient `gy` of the result and its `log_sums`.
///
/// # Panics
/// If a length doesn't match the shape, or it is empty.
#[expect(clippy::too_many_arguments, reason = "the arguments of the forward pass, and gradients")]
pub fn backward(
    shape: &Shape,
    q: &[f32],
    k: &[f32],
    v: &[f32],
    log_sums: &[f32],
    gy: &[f32],
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
) {
    shape.check(&[q.len(), k.len(), v.len(), gy.len(), dq.len(), dk.len(), dv.len()]);
    assert_eq!(log_sums.len(), shape.images * shape.positions, "attention: log-sum-exp of {shape:?}");
    let image = shape.image();
    let gradients = dk.chunks_exact_mut(image).zip(dv.chunks_exact_mut(image));
    let tasks = dq.chunks_exact_mut(image).zip(gradients).collect();
    parallel::for_each(tasks, |i, (dq, (dk, dv))| {
        let [q, k, v, gy] = [q, k, v, gy].map(|x| &x[i * image..][..image]);
        let log_sums = &log_sums[i * shape.positions..][..shape.positions];
        for (from, rows) in shape.blocks() {
            let part = from * shape.channels..(from + rows) * shape.channels;
            let (q, gy, dq) = (&q[part.clone()], &gy[part.clone()], &mut dq[part]);
            let (products, mixture) = (shape.products(rows), shape.mixture(rows));
            let mut weights = Buffer::new(rows * shape.positions);
            let mut gradient = Buffer::new(rows * shape.positions);
            multiply(&products, q, k, None, &mut weights);
            weights_again(&mut weights, shape.scale, &log_sums[from..from + rows]);
            backward_data(&mixture, v, gy, &mut gradient);
            add_or_write(from == 0, dv, |dv| backward_weight(&mixture, &weights, gy, dv));
            softmax_backward(&weights, shape.scale, &mut gradient, rows);
            backward_data(&products, k, &gradient, dq);
            add_or_write(from == 0, dk, |dk| backward_weight(&products, q, &gradient, dk));
        }
    });
}

fn add_or_write(write: bool, out: &mut [f32], compute: impl FnOnce(&mut [f32])) {
    if write {
        return compute(out);
    }
    let mut more = Buffer::new(out.len());
    compute(&mut more);
    out.iter_mut().zip(more.iter()).for_each(|(out, more)| *out += more);
}

vectorised! {
    /// Each row becomes its softmax, times `scale` before; one log-sum-exp a row.
    fn softmax(s, rows: &mut [f32], scale: f32, log_sums: &mut [f32]) {
        let width = rows.len() / log_sums.len();
        for (row, log_sum) in rows.chunks_exact_mut(width).zip(log_sums) {
            let mut largest = s.splat(f32::NEG_INFINITY);
            let whole = width / S::LANES * S::LANES;
            for at in (0..whole).step_by(S::LANES) {
                // SAFETY: the row holds a whole vector from `at` on.
                largest = s.max(largest, unsafe { s.load(row.as_ptr().add(at)) });
            }
            let largest = row[whole..].iter().fold(s.largest(largest), |m, &v| m.max(v));
            let shift = s.splat(-largest * scale);
            let mut sum = s.splat(0.0);
            for at in (0..width).step_by(S::LANES) {
                let count = (width - at).min(S::LANES);
                // SAFETY: the row holds `count` numbers from `at` on.
                unsafe {
                    let v = s.load_part(row.as_ptr().add(at), count);
                    let e = exp(s, s.mul_add(v, s.splat(scale), shift));
                    s.store_part(row.as_mut_ptr().add(at), e, count);
                    sum = s.add(sum, s.load_part(row.as_ptr().add(at), count));
                }
            }
            let sum = s.sum(sum);
            *log_sum = largest * scale + sum.ln();
            let factor = s.splat(1.0 / sum);
            for at in (0..width).step_by(S::LANES) {
                let count = (width - at).min(S::LANES);
                // SAFETY: the row holds `count` numbers from `at` on.
                unsafe {
                    let v = s.mul(s.load_part(row.as_ptr().add(at), count), factor);
                    s.store_part(row.as_mut_ptr().add(at), v, count);
                }
            }
        }
    }
}

vectorised! {
    /// The softmax of rows whose log-sum-exp is known.
    fn weights_again(s, rows: &mut [f32], scale: f32, log_sums: &[f32]) {
        let width = rows.len() / log_sums.len();
        for (row, log_sum) in rows.chunks_exact_mut(width).zip(log_sums) {
            for at in (0..width).step_by(S::LANES) {
                let count = (width - at).min(S::LANES);
                // SAFETY: the row holds `count` numbers from `at` on.
                unsafe {
                    let v = s.load_part(row.as_ptr().add(at), count);
                    let v = exp(s, s.mul_add(v, s.splat(scale), s.splat(-log_sum)));
                    s.store_part(row.as_mut_ptr().add(at), v, count);
                }
            }
        }
    }
}

vectorised! {
    /// `gradient ← scale · weights · (gradient − Σ weights · gradient)` in each of `rows` rows.
    fn softmax_backward(s, weights: &[f32], scale: f32, gradient: &mut [f32], rows: usize) {
        let width = gradient.len() / rows;
        assert_eq!(weights.len(), gradient.len());
        for (p, g) in weights.chunks_exact(width).zip(gradient.chunks_exact_mut(width)) {
            let mut sum = s.splat(0.0);
            for at in (0..width).step_by(S::LANES) {
                let count = (width - at).min(S::LANES);
                // SAFETY: both rows hold `count` numbers from `at` on.
                sum = unsafe {
                    s.mul_add(s.load_part(p.as_ptr().add(at), count), s.load_part(g.as_ptr().add(at), count), sum)
                };
            }
            let mean = s.splat(s.sum(sum));
            for at in (0..width).step_by(S::LANES) {
                let count = (width - at).min(S::LANES);
                // SAFETY: both rows hold `count` numbers from `at` on.
                unsafe {
                    let centred = s.sub(s.load_part(g.as_ptr().add(at), count), mean);
                    let p = s.mul(s.load_part(p.as_ptr().add(at), count), s.splat(scale));
                    s.store_part(g.as_mut_ptr().add(at), s.mul(p, centred), count);
                }
            }
        }
    }
}
