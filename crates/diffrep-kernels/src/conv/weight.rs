//! Gradient of the weights.
use super::band::{Band, GROUP, PARTS, add_parts};
use super::outer::{Products, outer};
use super::pack::{Block, blocks, lanes_of, width_of};
use super::pad::{Padded, pair_rows};
use super::plan::{Image, Plan};
use super::tile::by_rows;
use super::words::{Pairs, Single, Words};
use super::{Conv2d, WeightOrder, tiles, winograd};
use crate::Precision;
use crate::buffer::Buffer;
use crate::parallel::{self, cut};
use crate::scratch::with_scratch;
use crate::simd::{Simd, vectorised, vectorised_pairs};

/// Output pixels between two visits of a sum: their gradients should stay in a first-level cache.
const PIXELS: usize = 128;

/// Gradient of the weights (in their order) from the input and the gradient `gy` of the output.
///
/// # Panics
/// If a length doesn't match the shape.
pub fn backward_weight(shape: &Conv2d, x: &[f32], gy: &[f32], dw: &mut [f32]) {
    shape.check();
    assert_eq!(x.len(), shape.input_len(), "input of {shape:?}");
    assert_eq!(gy.len(), shape.output_len(), "output of {shape:?}");
    assert_eq!(dw.len(), shape.weight_len(), "weights of {shape:?}");
    if gy.is_empty() {
        return dw.fill(0.0);
    }
    let shape = with_pairs_of_rows(shape.flattened());
    let plan = Plan::forward(&shape);
    if winograd::suits(&plan) {
        return winograd::backward_weight(&shape, &plan, x, gy, dw);
    }
    let bands = bands(&shape);
    let units = shape.batch * bands.len();
    let parts = units.min(PARTS);
    let groups = blocks(shape.outputs).chunks(blocks(GROUP).len()).map(<[Block]>::to_vec).collect::<Vec<_>>();
    let taps = shape.kernel * shape.kernel * shape.inputs;
    let sizes: Vec<usize> = groups.iter().map(|group| taps * lanes_of(group)).collect();
    let all: usize = sizes.iter().sum();

    let mut sums = Buffer::new(parts * all);
    let mut tasks = Vec::new();
    for (part, sums) in sums.chunks_exact_mut(all).enumerate() {
        let sums = cut(sums, sizes.iter().copied());
        tasks.extend(groups.iter().zip(sums).map(|(group, sum)| (part, group, sum)));
    }
    let by_tiles = tiles::suits_weight(&shape);
    parallel::for_each(tasks, |_, (part, group, sum)| {
        let mut first = true;
        for unit in units * part / parts..units * (part + 1) / parts {
            let (image, (from, to)) = (unit / bands.len(), bands[unit % bands.len()]);
            accumulate_band(&shape, by_tiles, group, x, gy, image, from, to, first, sum);
            first = false;
        }
    });
    let total = add_parts(&mut sums, all);
    if by_tiles {
        tiles::combine(&shape, &groups, total, dw);
    } else {
        combine(&shape, &groups, total, dw);
    }
}

/// The same convolution with an even number of rows, if it is to be computed by pairs of rows and can be cut so.
fn with_pairs_of_rows(shape: Conv2d) -> Conv2d {
    let single_pixels = shape.kernel == 1 && shape.stride == 1 && shape.before + shape.after == 0;
    let cut = shape.precision == Precision::Bf16
        && !shape.height.is_multiple_of(2)
        && shape.width.is_multiple_of(2);
    if single_pixels && cut {
        Conv2d { height: 2 * shape.height, width: shape.width / 2, ..shape }
    } else {
        shape
    }
}

/// Bands `from..to` of output rows that each image is cut into: more than one where images are too few for tasks.
fn bands(shape: &Conv2d) -> Vec<(usize, usize)> {
    let together = match shape.precision {
        Precision::F32 => 1,
        Precision::Bf16 => 2,
    };
    let rows = shape.out_height();
    let steps = rows.div_ceil(together);
    let count = PARTS.div_ceil(shape.batch.max(1)).min(steps);
    let edge = |i: usize| (steps * i / count * together).min(rows);
    (0..count).map(|i| (edge(i), edge(i + 1))).collect()
}

#[expect(clippy::too_many_arguments, reason = "plain sizes")]
fn accumulate_band(
    shape: &Conv2d,
    by_tiles: bool,
    group: &[Block],
    x: &[f32],
    gy: &[f32],
    image: usize,
    from: usize,
    to: usize,
    first: bool,
    sum: &mut [f32],
) {
    let input = Image { height: shape.height, width: shape.width, channels: shape.inputs };
    let x = &x[image * input.len()..][..input.len()];
    let out_row = shape.out_width() * shape.outputs;
    let gy = &gy[(image * shape.out_height() + from) * out_row..][..(to - from) * out_row];
    let width = (shape.out_width() - 1) * shape.stride + shape.kernel;
    let padded = Padded { image: input, margin: shape.before, width, first_row: from * shape.stride };
    let copied_rows = |rows: usize| (rows - 1) * shape.stride + shape.kernel;
    let in_place = shape.precision == Precision::F32 && shape.kernel == 1 && shape.before + shape.after == 0;
    let kernel_row = if in_place { input.row() } else { width * shape.inputs };
    let band = Band {
        x,
        x_row: shape.stride * kernel_row,
        kernel_row,
        gy,
        gy_step: shape.outputs,
        first_output: 0,
        rows: to - from,
    };
    if in_place {
        let band = Band { x: &x[from * band.x_row..], ..band };
        return accumulate_single(shape, group, &band, first, sum);
    }
    if shape.precision == Precision::F32 {
        return with_scratch(copied_rows(band.rows) * kernel_row, |copy| {
            padded.copy(x, None, copy);
            accumulate_single(shape, group, &Band { x: copy, ..band }, first, sum);
        });
    }
    let pairs = band.rows.div_ceil(2);
    let (outputs, lanes) = (width_of(group), lanes_of(group));
    let copied = copied_rows(2 * pairs - 1) * kernel_row;
    let (pixels, columns) = (pairs * shape.out_width(), shape.out_width());
    let transposed = if by_tiles { pixels * lanes } else { 0 };
    with_scratch(copied + pixels * outputs + transposed, |scratch| {
        let (x_pairs, rest) = scratch.split_at_mut(copied);
        let (gy_pairs, transposed) = rest.split_at_mut(pixels * outputs);
        padded.copy_row_pairs(x, shape.stride, copied_rows(band.rows), x_pairs);
        pair_gradients(gy, shape, group[0].start, outputs, gy_pairs);
        let band = Band {
            x: x_pairs,
            x_row: 2 * band.x_row,
            gy: gy_pairs,
            gy_step: outputs,
            first_output: group[0].start,
            rows: pairs,
            ..band
        };
        if by_tiles {
            tiles::transpose(gy_pairs, columns, outputs, lanes, transposed);
            return tiles::accumulate(shape, lanes, &Band { gy: transposed, ..band }, first, sum);
        }
        accumulate_pairs(shape, group, &band, first, sum);
    });
}

/// Pairs of rows of the output channels `first..first + outputs`; an odd last row is paired with zeros.
fn pair_gradients(gy: &[f32], shape: &Conv2d, first: usize, outputs: usize, out: &mut [f32]) {
    let columns = shape.out_width();
    let row = columns * shape.outputs;
    for (rows, out) in gy.chunks(2 * row).zip(out.chunks_exact_mut(columns * outputs)) {
        let (low, high) = rows.split_at(row);
        if outputs == shape.outputs {
            pair_rows(low, high, out);
            continue;
        }
        for (column, out) in out.chunks_exact_mut(outputs).enumerate() {
            let [low, high] =
                [low, high].map(|row| row.get(column * shape.outputs + first..).unwrap_or_default());
            pair_rows(low, high, out);
        }
    }
}

vectorised! {
    fn accumulate_single(s, shape: &Conv2d, group: &[Block], band: &Band, first: bool, sum: &mut [f32]) {
        accumulate::<S, Single>(s, shape, group, band, first, sum)
    }
}

vectorised_pairs! {
    fn accumulate_pairs(s, shape: &Conv2d, group: &[Block], band: &Band, first: bool, sum: &mut [f32]) {
        accumulate::<S, Pairs>(s, shape, group, band, first, sum)
    }
}

/// Adds the products of a band to `sum`, or writes them there if it is the `first`: for each block of the group
/// `[kernel row][kernel column · input][lane]`.
#[inline(always)]
fn accumulate<S: Simd, W: Words>(
    s: S,
    shape: &Conv2d,
    group: &[Block],
    band: &Band,
    first: bool,
    sum: &mut [f32],
) {
    let columns = shape.out_width();
    let run = shape.kernel * shape.inputs;
    let lanes = lanes_of(group);
    let last_block = group.last().map_or(0, |b| b.start + b.width);
    assert!(group[0].start >= band.first_output && last_block - band.first_output <= band.gy_step);
    assert_eq!(band.gy.len(), band.rows * columns * band.gy_step);
    assert_eq!(sum.len(), shape.kernel * run * lanes);
    band.check_source(shape);
    let height = (PIXELS / columns).max(1);
    for from in (0..band.rows).step_by(height) {
        for k in 0..shape.kernel {
            let tiles = run.div_ceil(S::TILE_ROWS);
            let mut done = 0;
            for tile in 0..tiles {
                let count = (run - done).div_ceil(tiles - tile);
                let mut before = 0;
                for block in group {
                    // SAFETY: the largest index of `x` was checked above; `gy` holds `rows` rows of the group's output
                    // channels, of which the block's are a part; `sum` holds the block's `kernel · run · lanes`
                    // numbers after those of the blocks before it.
                    unsafe {
                        let products = Products {
                            x: band.x.as_ptr().add(from * band.x_row + k * band.kernel_row + done),
                            x_row: band.x_row,
                            x_step: shape.stride * shape.inputs,
                            gy: band
                                .gy
                                .as_ptr()
                                .add(from * columns * band.gy_step + block.start - band.first_output),
                            gy_row: columns * band.gy_step,
                            gy_step: band.gy_step,
                            rows: height.min(band.rows - from),
                            columns,
                            sum: sum
                                .as_mut_ptr()
                                .add(shape.kernel * run * before + (k * run + done) * block.lanes),
                            width: block.width,
                            start_from_zero: first && from == 0,
                        };
                        if block.lanes > S::LANES {
                            by_rows!(count, outer::<S, W, 2>(s, &products));
                        } else {
                            by_rows!(count, outer::<S, W, 1>(s, &products));
                        }
                    }
                    before += block.lanes;
                }
                done += count;
            }
        }
    }
}

/// Writes the sums of all groups in the weights' order.
fn combine(shape: &Conv2d, groups: &[Vec<Block>], total: &[f32], dw: &mut [f32]) {
    let taps = shape.kernel * shape.kernel * shape.inputs;
    let (by_output, by_input) = shape.weight_strides();
    let kernel = shape.kernel * shape.kernel;
    // A task takes the output channels of one block: a run of weights where they are ordered by output.
    let mut start = 0;
    let starts: Vec<(Block, usize)> = groups
        .iter()
        .flatten()
        .map(|block| {
            start += taps * block.lanes;
            (*block, start - taps * block.lanes)
        })
        .collect();
    if shape.order == WeightOrder::OutIn {
        let parts = cut(dw, starts.iter().map(|(block, _)| block.width * by_output));
        let tasks = starts.into_iter().zip(parts).collect();
        parallel::for_each(tasks, |_, ((block, start), out)| {
            for tap in 0..kernel {
                for input in 0..shape.inputs {
                    let row = &total[start + (tap * shape.inputs + input) * block.lanes..][..block.width];
                    for (output, value) in row.iter().enumerate() {
                        out[output * by_output + input * by_input + tap] = *value;
                    }
                }
            }
        });
    } else {
        parallel::for_each_part(dw, shape.outputs, |input, out| {
            for (block, start) in &starts {
                let out = &mut out[block.start..block.start + block.width];
                out.copy_from_slice(&total[start + input * block.lanes..][..block.width]);
            }
        });
    }
}
