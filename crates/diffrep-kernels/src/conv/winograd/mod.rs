//! Winograd's minimal filtering F(2×2, 3×3): convolutions with a 3×3 kernel and stride 1 in 16 instead of 36
//! multiplications for four output pixels (Winograd, 1980; Lavin and Gray, "Fast algorithms for convolutional neural
//! networks", 2016).
//!
//! With a 4×4 patch d of the source, a kernel g and the 2×2 output Y of the patch:
//! `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`, summed over source channels: 16 matrix products of the transformed patches. The
//! gradient of the weights is the adjoint, `dg = Gᵀ [(A dY Aᵀ) ⊙ (Bᵀ d B)] G`, summed over patches. The matrices hold
//! nothing but 0, ±1 and ±½, so that rounding errors stay close to those of the direct sums.
mod apply;
mod transform;
mod weight;

pub(super) use apply::apply;
pub(super) use weight::backward_weight;

use super::plan::{Image, Plan};
use crate::Precision;
use crate::buffer::Buffer;
use crate::parallel::{self, cut};
use std::ops::Range;

/// Elements of a transformed patch.
const ELEMENTS: usize = 16;
/// Channels from which the multiplications that are saved outweigh the transforms.
const WIDE: usize = 16;
/// Transformed numbers (3 MiB / 4) that should fit in a second-level cache beside weights that pass through.
const CACHE: usize = 192 * 1024;
/// Most patches that are transformed before they are multiplied.
const MOST: usize = 128;

/// Whether the plan is one that this module computes, and faster than a direct sum.
pub(super) fn suits(plan: &Plan) -> bool {
    let small = |image: Image| image.height < 2 || image.width < 2;
    plan.precision == Precision::F32
        && plan.kernel == 3
        && plan.source_step == 1
        && plan.target_step == 1
        && plan.margin <= 2
        && plan.reach == 2
        && plan.source.channels.min(plan.target.channels) >= WIDE
        && !small(plan.target)
        && !small(plan.source)
}

/// The patches of a batch: `rows × columns` an image, each for 2×2 pixels of the target.
#[derive(Clone, Copy)]
struct Grid {
    source: Image,
    target: Image,
    /// Zero rows above the source, and columns to its left.
    margin: usize,
    rows: usize,
    columns: usize,
    /// Rows of all images.
    all_rows: usize,
}

impl Grid {
    fn new(plan: &Plan) -> Self {
        let (rows, columns) = (plan.target.height.div_ceil(2), plan.target.width.div_ceil(2));
        let all_rows = plan.batch * rows;
        Self { source: plan.source, target: plan.target, margin: plan.margin, rows, columns, all_rows }
    }

    /// Rows whose patches, with `channels` numbers for each of the 16 elements, fit in the cache.
    fn rows_at_once(&self, channels: usize) -> usize {
        ((CACHE / (ELEMENTS * channels)).min(MOST) / self.columns).max(1)
    }

    /// Row `row` of all: (image, row within it).
    fn place(&self, row: usize) -> (usize, usize) {
        (row / self.rows, row % self.rows)
    }

    /// Rows of pixels above row `row` of patches, over all images.
    fn target_row(&self, row: usize) -> usize {
        let (image, row) = self.place(row);
        image * self.target.height + 2 * row
    }

    /// Numbers of a row of source pixels as wide as the patches.
    fn strip(&self) -> usize {
        (2 * self.columns + 2) * self.source.channels
    }

    /// Patches of some rows.
    fn patches(&self, rows: &Range<usize>) -> usize {
        rows.len() * self.columns
    }
}

/// Distance of the elements of `patches` patches with `channels` numbers each. A cache line more than they take: at
/// distances that are powers of two, all sixteen would compete for the same few places of the cache.
fn element_step(patches: usize, channels: usize) -> usize {
    patches * channels + 16
}

/// The packed weights of each block, transformed: `[element][source channel][lane]`.
fn transformed_weights(packed: &super::pack::Packed, channels: usize) -> (Buffer, Vec<usize>) {
    let sizes: Vec<usize> = packed.blocks.iter().map(|b| ELEMENTS * channels * b.lanes).collect();
    let starts = sizes.iter().scan(0, |sum, size| Some(std::mem::replace(sum, *sum + size))).collect();
    let mut all = Buffer::new(sizes.iter().sum());
    let parts = cut(&mut all, sizes.iter().copied());
    parallel::for_each(parts, |block, out| {
        let taps = &packed.get(0, block)[..out.len() / ELEMENTS * 9];
        transform::weights(taps, out);
    });
    (all, starts)
}
