//! Heads that read the codes of an image at all t at once, `[T, C]`: the trajectory of the successor paper
//! (Mittal et al., "From points to functions: infinite-dimensional representations in diffusion models", 2022).
mod attention;
mod block;
mod dense;
mod gru;
mod layer_norm;
mod pooled;

pub use attention::{Attention, AttentionTape, Sizes};
pub use gru::{Gru, GruTape};
pub use pooled::{Pooled, PooledTape, Pooling};

/// Units of the GRU.
pub(super) const GRU_UNITS: usize = 256;
/// Sizes of the attention head.
pub(super) const ATTENTION: Sizes = Sizes { width: 256, heads: 4, feed_forward: 512 };

/// Size of what a trajectory head reads and says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Levels of detail, T.
    pub levels: usize,
    /// Size of a code, C.
    pub dim: usize,
    /// Classes.
    pub classes: usize,
}

impl Shape {
    /// Numbers in a row, T·C.
    pub fn row(self) -> usize {
        self.levels * self.dim
    }
}

/// `values` with `len` numbers, whatever they are.
fn sized(values: &mut Vec<f32>, len: usize) -> &mut [f32] {
    values.resize(len, 0.0);
    values
}

#[cfg(test)]
mod tests {
    use super::Shape;
    use diffrep_kernels::random::Key;

    /// A small trajectory head's shape.
    pub const SMALL: Shape = Shape { levels: 3, dim: 4, classes: 3 };

    /// Numbers that PyTorch can make too, `scale * sin(i * i)` for i from 0.
    pub fn waves(len: usize, scale: f64) -> Vec<f32> {
        (0..len).map(|i| (scale * ((i * i) as f64).sin()) as f32).collect()
    }

    /// Compares a gradient with central differences of `loss` at every `stride`-th parameter.
    pub fn check_gradient(
        parameters: &[f32],
        gradient: &[f32],
        stride: usize,
        mut loss: impl FnMut(&[f32]) -> f64,
    ) {
        let scale = gradient.iter().fold(0f32, |top, g| top.max(g.abs())) as f64;
        for i in (0..parameters.len()).step_by(stride) {
            let mut at = |delta: f32| {
                let mut moved = parameters.to_vec();
                moved[i] += delta;
                loss(&moved)
            };
            let numeric = (at(1e-3) - at(-1e-3)) / 2e-3;
            let error = (numeric - gradient[i] as f64).abs();
            assert!(error < 2e-3 * scale + 1e-4, "parameter {i}: {numeric} {}", gradient[i]);
        }
    }

    /// A batch of trajectories and labels.
    pub fn batch(rows: usize) -> (Vec<f32>, Vec<u32>) {
        let mut x = vec![0.0; rows * SMALL.row()];
        Key::new(5, 0, 0).fill_normal(0, &mut x);
        (x, (0..rows).map(|row| (row % SMALL.classes) as u32).collect())
    }
}
