//! Gradient of the weights.
use super::apply::pad;
use super::pack::{Block, blocks};
use super::plan::{Image, Plan};
use super::tile::by_rows;
use super::{Conv2d, WeightOrder, winograd};
use crate::buffer::Buffer;
use crate::parallel;
use crate::scratch::with_scratch;
use crate::simd::{Simd, vectorised};

/// Partial sums that are formed one by one and then added in order, so that the result doesn't depend on threads.
const PARTS: usize = 8;

/// Output channels of one task.
const GROUP: usize = 64;

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
    let shape = shape.flattened();
    let plan = Plan::forward(&shape);
    if winograd::suits(&plan) {
        return winograd::backward_weight(&shape, &plan, x, gy, dw);
    }
    let bands = bands(&shape);
    let units = shape.batch * bands.len();
    let parts = units.min(PARTS);
    let groups = blocks(shape.outputs).chunks(blocks(GROUP).len()).map(<[Block]>::to_vec).collect::<Vec<_>>();
    let taps = shape.kernel * shape.kernel * shape.inputs;
    let sizes: Vec<usize> = groups.iter().map(|g| taps * g.iter().map(|b| b.lanes).sum::<usize>()).collect();
    let all: usize = sizes.iter().sum();

    let mut sums = Buffer::new(parts * all);
    let mut tasks = Vec::new();
    for (part, mut rest) in sums.chunks_exact_mut(all.max(1)).enumerate() {
        for (group, &size) in groups.iter().zip(&sizes) {
            let (sum, others) = rest.split_at_mut(size);
            rest = others;
            tasks.push((part, group, sum));
        }
    }
    parallel::for_each(tasks, |_, (part, group, sum)| {
        let mut first = true;
        for unit in units * part / parts..units * (part + 1) / parts {
            let (image, (from, to)) = (unit / bands.len(), bands[unit % bands.len()]);
            accumulate_band(&shape, group, x, gy, image, from, to, first, sum);
            first = false;
        }
    });
    combine(&shape, &groups, &sums, all, dw);
}

/// Bands `from..to` of output rows that each image is cut into: more than one where images are too few for tasks.
fn bands(shape: &Conv2d) -> Vec<(usize, usize)> {
    let rows = shape.out_height();
    let count = PARTS.div_ceil(shape.batch.max(1)).min(rows);
    (0..count).map(|i| (rows * i / count, rows * (i + 1) / count)).collect()
}

#[expect(clippy::too_many_arguments, reason = "plain sizes")]
fn accumulate_band(
    shape: &Conv2d,
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
    if shape.kernel == 1 && shape.before == 0 && shape.after == 0 {
        let x = &x[from * shape.stride * input.row()..];
        return accumulate(shape, group, x, input.row(), gy, to - from, first, sum);
    }
    let width = (shape.out_width() - 1) * shape.stride + shape.kernel;
    let rows = (to - from - 1) * shape.stride + shape.kernel;
    with_scratch(rows * width * shape.inputs, |padded| {
        pad(x, input, shape.before, width, from * shape.stride, padded);
        accumulate(shape, group, padded, width * shape.inputs, gy, to - from, first, sum);
    });
}

vectorised! {
    /// Adds the products of `rows` rows of output gradients to `sum`: for each block of the group
    /// `[kernel row][kernel column · input][lane]`. `x` starts at the source row of the first, its rows are `row` long.
    fn accumulate(s, shape: &Conv2d, group: &[Block], x: &[f32], row: usize, gy: &[f32], rows: usize, first: bool,
        sum: &mut [f32]) {
        let columns = shape.out_width();
        let run = shape.kernel * shape.inputs;
        let lanes: usize = group.iter().map(|b| b.lanes).sum();
        assert_eq!(gy.len(), rows * columns * shape.outputs);
        assert_eq!(sum.len(), shape.kernel * run * lanes);
        let last = ((rows - 1) * shape.stride + shape.kernel - 1) * row + (columns - 1) * shape.stride * shape.inputs;
        assert!(x.len() >= last + run);
        let height = (PIXELS / columns).max(1);
        for from in (0..rows).step_by(height) {
            for k in 0..shape.kernel {
                let tiles = run.div_ceil(S::TILE_ROWS);
                let mut done = 0;
                for tile in 0..tiles {
                    let count = (run - done).div_ceil(tiles - tile);
                    let mut before = 0;
                    for block in group {
                        // SAFETY: the largest index of `x` was checked above; `gy` holds `rows` rows of all output
                        // channels, of which the block's are a part; `sum` holds the block's `kernel · run · lanes`
                        // numbers after those of the blocks before it.
                        unsafe {
                            let products = Products {
                                x: x.as_ptr().add((from * shape.stride + k) * row + done),
                                x_row: shape.stride * row,
                                x_step: shape.stride * shape.inputs,
                                gy: gy.as_ptr().add(from * columns * shape.outputs + block.start),
                                gy_row: columns * shape.outputs,
                                gy_step: shape.outputs,
                                rows: height.min(rows - from),
                                columns,
                                sum: sum.as_mut_ptr().add(shape.kernel * run * before + (k * run + done) * block.lanes),
                                width: block.width,
                                start_from_zero: first && from == 0,
                            };
                            if block.lanes > S::LANES {
                                by_rows!(count, outer::<S, 2>(s, &products));
                            } else {
                                by_rows!(count, outer::<S, 1>(s, &products));
                            }
                        }
                        before += block.lanes;
                    }
                    done += count;
                }
            }
        }
    }
}

/// Source numbers and gradients whose products are summed.
pub(super) struct Products {
    pub(super) x: *const f32,
    pub(super) x_row: usize,
    pub(super) x_step: usize,
    pub(super) gy: *const f32,
    pub(super) gy_row: usize,
    pub(super) gy_step: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) sum: *mut f32,
    /// Channels of `gy` to use.
    pub(super) width: usize,
    pub(super) start_from_zero: bool,
}

/// Sums, over pixels, the outer products of `I` numbers of `x` and `V` vectors of `gy`.
///
/// # Safety
/// At each of `rows × columns` pixels `I` numbers of `x` and `width` of `gy` are readable; `sum` holds `I · V · LANES`.
#[inline(always)]
pub(super) unsafe fn outer<S: Simd, const I: usize, const V: usize>(s: S, products: &Products) {
    if I > S::TILE_ROWS || V > S::TILE_VECTORS {
        // Never called: keeps the compiler from generating it.
        return;
    }
    let mut sums = [[s.splat(0.0); V]; I];
    // SAFETY: see above.
    unsafe {
        if !products.start_from_zero {
            for (i, sums) in sums.iter_mut().enumerate() {
                for (v, sum) in sums.iter_mut().enumerate() {
                    *sum = s.load(products.sum.add((i * V + v) * S::LANES));
                }
            }
        }
        if products.width == V * S::LANES {
            multiply(s, products, &mut sums, |from, _| s.load(from));
        } else {
            multiply(s, products, &mut sums, |from, v| {
                s.load_part(from, products.width.saturating_sub(v * S::LANES).min(S::LANES))
            });
        }
        for (i, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                s.store(products.sum.add((i * V + v) * S::LANES), sum);
            }
        }
    }
}

/// # Safety
/// As for [`outer`]; `load(from, v)` reads the part of vector `v` that exists.
#[inline(always)]
unsafe fn multiply<S: Simd, const I: usize, const V: usize>(
    s: S,
    products: &Products,
    sums: &mut [[S::Vector; V]; I],
    load: impl Fn(*const f32, usize) -> S::Vector,
) {
    for r in 0..products.rows {
        // SAFETY: see above.
        unsafe {
            let mut x = products.x.add(r * products.x_row);
            let mut gy = products.gy.add(r * products.gy_row);
            for _ in 0..products.columns {
                let mut g = [s.splat(0.0); V];
                for (v, g) in g.iter_mut().enumerate() {
                    *g = load(gy.wrapping_add(v * S::LANES), v);
                }
                for (i, sums) in sums.iter_mut().enumerate() {
                    let x = s.splat(*x.add(i));
                    for v in 0..V {
                        sums[v] = s.mul_add(x, g[v], sums[v]);
                    }
                }
                x = x.wrapping_add(products.x_step);
                gy = gy.wrapping_add(products.gy_step);
            }
        }
    }
}

/// Adds the partial sums in order and writes them in the weights' order.
fn combine(shape: &Conv2d, groups: &[Vec<Block>], sums: &[f32], part: usize, dw: &mut [f32]) {
    let taps = shape.kernel * shape.kernel * shape.inputs;
    let total = |start: usize, len: usize, out: &mut [f32]| {
        out.copy_from_slice(&sums[start..start + len]);
        for other in sums[part..].chunks_exact(part) {
            for (out, value) in out.iter_mut().zip(&other[start..start + len]) {
                *out += value;
            }
        }
    };
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
        let mut rest = dw;
        let tasks = starts
            .into_iter()
            .map(|(block, start)| {
                let (out, others) = std::mem::take(&mut rest).split_at_mut(block.width * by_output);
                rest = others;
                (block, start, out)
            })
            .collect();
        parallel::for_each(tasks, |_, (block, start, out)| {
            let mut row = vec![0.0; block.lanes];
            for tap in 0..kernel {
                for input in 0..shape.inputs {
                    total(start + (tap * shape.inputs + input) * block.lanes, block.lanes, &mut row);
                    for (output, value) in row[..block.width].iter().enumerate() {
                        out[output * by_output + input * by_input + tap] = *value;
                    }
                }
            }
        });
    } else {
        parallel::for_each_part(dw, shape.outputs, |input, out| {
            for (block, start) in &starts {
                let out = &mut out[block.start..block.start + block.width];
                total(start + input * block.lanes, block.width, out);
            }
        });
    }
}
