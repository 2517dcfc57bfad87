//! The weights' gradient. Its sums are `[kernel row][lane][kernel column · input]`: the gradients of the output are the left
//! operands, and so are transposed, the source the right ones.
use super::super::band::Band;
use super::super::pack::{Block, lanes_of, width_of};
use super::super::{Conv2d, WeightOrder};
use super::{LEAST, available, piece};
use crate::parallel;
use crate::simd::amx::{Layout, MOST, Shape, Start, Tiles};

/// Whether the weights' gradient is to be computed by tiles.
pub(in super::super) fn suits_weight(shape: &Conv2d) -> bool {
    available(shape.precision)
        && piece(shape.out_width()) >= LEAST
        && piece(shape.kernel * shape.inputs) >= LEAST
}

/// `[row][column][channel]` as `[row][lane][column]`; lanes without a channel are zero.
pub(in super::super) fn transpose(
    words: &[f32],
    columns: usize,
    channels: usize,
    lanes: usize,
    out: &mut [f32],
) {
    for (words, out) in words.chunks_exact(columns * channels).zip(out.chunks_exact_mut(columns * lanes)) {
        let (taken, empty) = out.split_at_mut(columns * channels);
        for (channel, out) in taken.chunks_exact_mut(columns).enumerate() {
            for (out, pixel) in out.iter_mut().zip(words.chunks_exact(channels)) {
                *out = pixel[channel];
            }
        }
        empty.fill(0.0);
    }
}

/// Adds the products of a band, whose gradients are transposed, to `sum`, or writes them there if it is the `first`.
pub(in super::super) fn accumulate(shape: &Conv2d, lanes: usize, band: &Band, first: bool, sum: &mut [f32]) {
    let columns = shape.out_width();
    let run = shape.kernel * shape.inputs;
    let x_step = shape.stride * shape.inputs;
    assert!(lanes.is_multiple_of(MOST) && band.gy.len() == band.rows * columns * lanes);
    assert_eq!(sum.len(), shape.kernel * run * lanes);
    band.check_source(shape);
    let size = Shape { rows: MOST, depth: piece(columns), columns: piece(run) };
    let tiles = Tiles::new(size);
    let (left, to) =
        (Layout { row: columns, second: MOST * columns }, Layout { row: run, second: MOST * run });
    for k in 0..shape.kernel {
        for lane in (0..lanes).step_by(2 * MOST) {
            let two_left = lanes - lane > MOST;
            let mut i = 0;
            while i < run {
                let two_right = size.columns == MOST && run - i > MOST;
                let steps = (0..band.rows).flat_map(|row| {
                    (0..columns).step_by(size.depth).map(move |column| {
                        let gy = (row * lanes + lane) * columns + column;
                        let x = row * band.x_row + k * band.kernel_row + column * x_step + i;
                        (band.gy.as_ptr().wrapping_add(gy), band.x.as_ptr().wrapping_add(x))
                    })
                });
                let target = sum[(k * lanes + lane) * run + i..].as_mut_ptr();
                let start = if first { Start::Zero } else { Start::Target };
                // SAFETY: lanes come in whole tiles, rows and columns of the sums too, and `depth` divides the columns that are
                // summed over; the largest index of `x` and the lengths of the others were checked above.
                unsafe {
                    match (two_left, two_right) {
                        (true, true) => tiles.multiply::<2, 2>(start, steps, left, x_step, target, to),
                        (true, false) => tiles.multiply::<2, 1>(start, steps, left, x_step, target, to),
                        (false, true) => tiles.multiply::<1, 2>(start, steps, left, x_step, target, to),
                        (false, false) => tiles.multiply::<1, 1>(start, steps, left, x_step, target, to),
                    }
                }
                i += if two_right { 2 * MOST } else { size.columns };
            }
        }
    }
}

/// Writes the sums of all groups in the weights' order.
pub(in super::super) fn combine(shape: &Conv2d, groups: &[Vec<Block>], total: &[f32], dw: &mut [f32]) {
    let run = shape.kernel * shape.inputs;
    // For each output channel: the place of its first row of sums, and the distance to its next.
    let mut starts = Vec::with_capacity(shape.outputs);
    let mut start = 0;
    for group in groups {
        let (lanes, width) = (lanes_of(group), width_of(group));
        starts.extend((0..width).map(|lane| (start + lane * run, lanes * run)));
        start += shape.kernel * lanes * run;
    }
    match shape.order {
        WeightOrder::OutIn => {
            let taps = shape.kernel * shape.kernel;
            parallel::for_each_part(dw, shape.inputs * taps, |output, out| {
                let (start, step) = starts[output];
                for row in 0..shape.kernel {
                    let sums = &total[start + row * step..][..run];
                    for (column, sums) in sums.chunks_exact(shape.inputs).enumerate() {
                        for (input, sum) in sums.iter().enumerate() {
                            out[input * taps + row * shape.kernel + column] = *sum;
                        }
                    }
                }
            });
        }
        WeightOrder::InOut => parallel::for_each_part(dw, shape.outputs, |input, out| {
            for (out, (start, _)) in out.iter_mut().zip(&starts) {
                *out = total[start + input];
            }
        }),
    }
}
