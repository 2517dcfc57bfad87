//! Gradient of the weights.
use super::apply::together;
use super::transform::{self, Channels};
use super::{ELEMENTS, Grid, element_step};
use crate::buffer::Buffer;
use crate::conv::Conv2d;
use crate::conv::band::{GROUP, PARTS};
use crate::conv::outer::{Products, outer};
use crate::conv::pack::{Block, blocks, lanes_of};
use crate::conv::plan::Plan;
use crate::conv::tile::by_rows;
use crate::conv::words::Single;
use crate::parallel::{self, cut};
use crate::scratch::with_scratch;
use crate::simd::vectorised;

/// `shape` must suit this module; the gradient is `[out, in, 3, 3]`.
pub(in crate::conv) fn backward_weight(shape: &Conv2d, plan: &Plan, x: &[f32], gy: &[f32], dw: &mut [f32]) {
    let grid = Grid::new(plan);
    let inputs = shape.inputs;
    let all_blocks = blocks(shape.outputs);
    let groups: Vec<&[Block]> = all_blocks.chunks(blocks(GROUP).len()).collect();
    let sizes: Vec<usize> = groups.iter().map(|group| ELEMENTS * inputs * lanes_of(group)).collect();
    let all: usize = sizes.iter().sum();
    let parts = grid.all_rows.min(PARTS);
    let mut sums = Buffer::new(parts * all);
    let tasks = sums
        .chunks_exact_mut(all)
        .enumerate()
        .flat_map(|(part, sums)| {
            let sums = cut(sums, sizes.iter().copied());
            groups.iter().zip(sums).map(move |(group, sums)| (part, *group, sums))
        })
        .collect();
    parallel::for_each(tasks, |_, (part, group, sums)| {
        let channels = together(group);
        let height = grid.rows_at_once(inputs + channels.lanes);
        let end = grid.all_rows * (part + 1) / parts;
        let begin = grid.all_rows * part / parts;
        for from in (begin..end).step_by(height) {
            let rows = from..(from + height).min(end);
            let patches = grid.patches(&rows);
            let size = |channels| ELEMENTS * element_step(patches, channels);
            let strip = transform::strip_len(&grid);
            with_scratch(strip + size(inputs) + size(channels.lanes), |scratch| {
                let (strip, scratch) = scratch.split_at_mut(strip);
                let (transformed, gradients) = scratch.split_at_mut(size(inputs));
                transform::patches(&grid, rows.clone(), x, None, strip, transformed);
                transform::pixel_gradients(&grid, rows, channels, gy, gradients);
                accumulate(group, channels, inputs, patches, transformed, gradients, from == begin, sums);
            });
        }
    });
    combine(&all_blocks, &sums, all, inputs, dw);
}

vectorised! {
    /// For each element, adds the products of patches and gradients to `sums`: for each block
    /// `[element][input][lane]`.
    fn accumulate(s, group: &[Block], channels: Channels, inputs: usize, patches: usize, transformed: &[f32],
        gradients: &[f32], first: bool, sums: &mut [f32]) {
        let (x_step, gy_step) = (element_step(patches, inputs), element_step(patches, channels.lanes));
        assert!(transformed.len() >= ELEMENTS * x_step && gradients.len() >= ELEMENTS * gy_step);
        assert_eq!(sums.len(), ELEMENTS * inputs * channels.lanes);
        for element in 0..ELEMENTS {
            let tiles = inputs.div_ceil(S::TILE_ROWS);
            let mut done = 0;
            for tile in 0..tiles {
                let count = (inputs - done).div_ceil(tiles - tile);
                let mut before = 0;
                for block in group {
                    // SAFETY: each patch has `inputs` numbers of the element, of which done..done + count are a part,
                    // and `lanes` gradients, of which the block's are; `sums` holds the block's
                    // `ELEMENTS · inputs · lanes` numbers after those of the blocks before it.
                    unsafe {
                        let products = Products {
                            x: transformed.as_ptr().add(element * x_step + done),
                            x_row: 0,
                            x_step: inputs,
                            gy: gradients.as_ptr().add(element * gy_step + before),
                            gy_row: 0,
                            gy_step: channels.lanes,
                            rows: 1,
                            columns: patches,
                            sum: sums.as_mut_ptr().add(
                                ELEMENTS * inputs * before + (element * inputs + done) * block.lanes),
                            width: block.lanes,
                            start_from_zero: first,
                        };
                        if block.lanes > S::LANES {
                            by_rows!(count, outer::<S, Single, 2>(s, &products));
                        } else {
                            by_rows!(count, outer::<S, Single, 1>(s, &products));
                        }
                    }
                    before += block.lanes;
                }
                done += count;
            }
        }
    }
}

/// Adds the partial sums in order, transforms them and writes them in the weights' order.
fn combine(blocks: &[Block], sums: &[f32], part: usize, inputs: usize, dw: &mut [f32]) {
    let lanes = lanes_of(blocks);
    // `[input][tap][lane]` of one block after the other.
    let mut taps = Buffer::new(9 * inputs * lanes);
    let starts: Vec<usize> = blocks
        .iter()
        .scan(0, |sum, block| Some(std::mem::replace(sum, *sum + ELEMENTS * inputs * block.lanes)))
        .collect();
    let inputs_of = |(block, start): (&Block, &usize)| {
        let (lanes, start) = (block.lanes, *start);
        (0..inputs).map(move |input| (lanes, start + input * lanes))
    };
    let places: Vec<(usize, usize)> = blocks.iter().zip(&starts).flat_map(inputs_of).collect();
    let tasks = places.iter().zip(cut(&mut taps, places.iter().map(|p| 9 * p.0))).collect();
    parallel::for_each(tasks, |_, (&(lanes, start), taps)| {
        transform::weight_gradient(&sums[start..], inputs * lanes, part, taps);
    });
    parallel::for_each_part(dw, 9 * inputs, |output, dw| {
        let block = blocks.iter().rfind(|block| block.start <= output).expect("the first block starts at 0");
        // All blocks before this one are full: as wide as their lanes.
        let taps = &taps[9 * inputs * block.start..];
        for (i, dw) in dw.iter_mut().enumerate() {
            *dw = taps[i * block.lanes + output - block.start];
        }
    });
}
