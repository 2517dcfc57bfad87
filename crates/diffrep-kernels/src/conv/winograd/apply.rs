//! Forward pass and data gradient.
use super::transform::{self, Channels};
use super::{ELEMENTS, Grid, element_step, transformed_weights};
use crate::conv::around::Around;
use crate::conv::pack::{Block, Packed, lanes_of, width_of};
use crate::conv::plan::Plan;
use crate::conv::tile::{Line, line};
use crate::conv::words::Single;
use crate::parallel::{self, cut};
use crate::scratch::with_scratch;
use crate::simd::vectorised;
use std::ops::Range;

/// Channels of the target whose products are kept before they are transformed back.
const GROUP: usize = 64;

/// Neighbouring blocks of target channels and where their transformed weights start.
struct Group<'a> {
    channels: Channels,
    blocks: &'a [Block],
    starts: &'a [usize],
}

pub(in crate::conv) fn apply(
    plan: &Plan,
    packed: &Packed,
    bias: Option<&[f32]>,
    around: &Around,
    source: &[f32],
    target: &mut [f32],
) {
    let grid = Grid::new(plan);
    let channels = plan.source.channels;
    let (weights, starts) = transformed_weights(packed, channels);
    let biases = packed.padded(bias);
    let blocks_in_group = (GROUP / packed.blocks[0].lanes).max(1);
    let groups: Vec<Group> = packed
        .blocks
        .chunks(blocks_in_group)
        .zip(starts.chunks(blocks_in_group))
        .map(|(blocks, starts)| Group { channels: together(blocks), blocks, starts })
        .collect();
    let widest = groups.iter().map(|g| g.channels.lanes).max().unwrap_or(0);
    // How the work is cut changes no result: every patch is computed by itself.
    let for_threads = grid.all_rows.div_ceil(4 * rayon::current_num_threads()).max(1);
    let height = grid.rows_at_once(channels + widest).min(for_threads);
    let tasks: Vec<Range<usize>> =
        (0..grid.all_rows).step_by(height).map(|row| row..(row + height).min(grid.all_rows)).collect();
    let end = |row: usize| match row == grid.all_rows {
        true => plan.batch * plan.target.height,
        false => grid.target_row(row),
    };
    let lengths = tasks.iter().map(|rows| (end(rows.end) - end(rows.start)) * plan.target.row());
    let parts = tasks.iter().cloned().zip(cut(target, lengths)).collect();
    parallel::for_each(parts, |_, (rows, target)| {
        let start = end(rows.start) * plan.target.row();
        let patches = grid.patches(&rows);
        let size = |channels| ELEMENTS * element_step(patches, channels);
        let strip = transform::strip_len(&grid);
        with_scratch(strip + size(channels) + size(widest), |scratch| {
            let (strip, scratch) = scratch.split_at_mut(strip);
            let (transformed, products) = scratch.split_at_mut(size(channels));
            transform::patches(&grid, rows.clone(), source, around.before.as_ref(), strip, transformed);
            for group in &groups {
                let products = &mut products[..size(group.channels.lanes)];
                multiply(group, patches, channels, transformed, &weights, products);
                let bias = &biases[group.channels.start..];
                let after = around.after.as_ref();
                transform::pixels(&grid, rows.clone(), group.channels, products, bias, after, start, target);
            }
        });
    });
}

/// The channels of neighbouring blocks. Only the last block of all may be narrower than its lanes.
pub(super) fn together(blocks: &[Block]) -> Channels {
    Channels { start: blocks[0].start, width: width_of(blocks), lanes: lanes_of(blocks) }
}

vectorised! {
    /// For each element: patches `[patch][channel]` times weights, into `[element][patch][lane of the group]`.
    fn multiply(s, group: &Group, patches: usize, channels: usize, transformed: &[f32], weights: &[f32],
        products: &mut [f32]) {
        let from_step = element_step(patches, channels);
        let to_step = element_step(patches, group.channels.lanes);
        assert!(transformed.len() >= ELEMENTS * from_step && products.len() >= ELEMENTS * to_step);
        let zeros = [0.0; 64];
        assert!(S::LANES * S::TILE_VECTORS <= zeros.len());
        for element in 0..ELEMENTS {
            for (block, start) in group.blocks.iter().zip(group.starts) {
                let size = channels * block.lanes;
                let weights = &weights[start + element * size..][..size];
                // SAFETY: patch p's channels lie at p · channels of the element, its products at p · lanes, of which
                // the block's are a part; both lengths were checked above.
                unsafe {
                    line::<S, Single>(s, Line {
                        source: transformed.as_ptr().add(element * from_step),
                        source_step: channels,
                        target: products.as_mut_ptr().add(element * to_step + block.start - group.channels.start),
                        target_step: group.channels.lanes,
                        count: patches,
                        runs: &[0],
                        run: channels,
                        weights: weights.as_ptr(),
                        start: zeros.as_ptr(),
                        width: block.lanes,
                        lanes: block.lanes,
                    });
                }
            }
        }
    }
}
