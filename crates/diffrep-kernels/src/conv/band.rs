//! How the work of the weights' gradient is cut, whichever way it is computed.

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
