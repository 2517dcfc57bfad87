//! How the work of the weights' gradient is cut, whichever way it is computed.

use super::Conv2d;
use crate::parallel::{self, CHUNK};

/// Partial sums that are formed one by one and then added in order, so that the result doesn't depend on threads.
pub(super) const PARTS: usize = 8;

/// Output channels of one task.
pub(super) const GROUP: usize = 64;

/// The operands of a band, as words.
pub(super) struct Band<'a> {
    /// Source from the row that the first row of gradients meets.
    pub(super) x: &'a [f32],
    /// Distance of the source words of neighbouring rows of `gy`.
    pub(super) x_row: usize,
    /// Distance of the source words of neighbouring rows of the kernel.
    pub(super) kernel_row: usize,
    /// Gradients of the output.
    pub(super) gy: &'a [f32],
    /// Words of a pixel of `gy`.
    pub(super) gy_step: usize,
    /// The output channel of its first word.
    pub(super) first_output: usize,
    /// Rows of `gy`.
    pub(super) rows: usize,
}

impl Band<'_> {
    /// Panics unless the source holds all rows and columns that the gradients of `shape` meet.
    pub(super) fn check_source(&self, shape: &Conv2d) {
        let last = (self.rows - 1) * self.x_row
            + (shape.kernel - 1) * self.kernel_row
            + (shape.out_width() - 1) * shape.stride * shape.inputs;
        assert!(
            self.x.len() >= last + shape.kernel * shape.inputs,
            "a band of {} source words",
            self.x.len()
        );
    }
}

/// Adds the partial sums, `part` numbers each, in order into the first.
pub(super) fn add_parts(sums: &mut [f32], part: usize) -> &[f32] {
    let (total, others) = sums.split_at_mut(part);
    parallel::for_each_part(total, CHUNK, |i, out| {
        for other in others.chunks_exact(part) {
            for (out, value) in out.iter_mut().zip(&other[i * CHUNK..]) {
                *out += value;
            }
        }
    });
    total
}
