//! The transforms: sums and differences of the elements of a patch, for a vector of channels at a time.
use super::{ELEMENTS, Grid, element_step};
use crate::conv::around::{After, Finish, Rows};
use crate::conv::plan::Image;
use crate::simd::{Simd, vectorised};
use std::ops::Range;

/// `Bᵀ d`.
#[inline(always)]
fn spread<S: Simd>(s: S, d: [S::Vector; 4]) -> [S::Vector; 4] {
    [s.sub(d[0], d[2]), s.add(d[1], d[2]), s.sub(d[2], d[1]), s.sub(d[1], d[3])]
}

/// `Aᵀ m`.
#[inline(always)]
fn gather<S: Simd>(s: S, m: [S::Vector; 4]) -> [S::Vector; 2] {
    [s.add(s.add(m[0], m[1]), m[2]), s.sub(s.sub(m[1], m[2]), m[3])]
}

/// `A y`.
#[inline(always)]
fn scatter<S: Simd>(s: S, y: [S::Vector; 2]) -> [S::Vector; 4] {
    [y[0], s.add(y[0], y[1]), s.sub(y[0], y[1]), s.sub(s.splat(0.0), y[1])]
}

/// `G g`.
#[inline(always)]
fn filter<S: Simd>(s: S, g: [S::Vector; 3]) -> [S::Vector; 4] {
    let half = s.splat(0.5);
    let outer = s.add(g[0], g[2]);
    [g[0], s.mul(half, s.add(outer, g[1])), s.mul(half, s.sub(outer, g[1])), g[2]]
}

/// `Gᵀ u`.
#[inline(always)]
fn unfilter<S: Simd>(s: S, u: [S::Vector; 4]) -> [S::Vector; 3] {
    let half = s.splat(0.5);
    let (sum, difference) = (s.mul(half, s.add(u[1], u[2])), s.mul(half, s.sub(u[1], u[2])));
    [s.add(u[0], sum), difference, s.add(sum, u[3])]
}

/// Applies `one` to the columns of an `N × N` patch and then to the rows of the result.
macro_rules! both_ways {
    ($s:ident, $one:ident, $n:literal => $m:literal, $at:expr) => {{
        let mut half = [[$s.splat(0.0); $n]; $m];
        for column in 0..$n {
            let mut line = [$s.splat(0.0); $n];
            for (row, value) in line.iter_mut().enumerate() {
                *value = $at(row, column);
            }
            let line = $one($s, line);
            for row in 0..$m {
                half[row][column] = line[row];
            }
        }
        let mut all = [[$s.splat(0.0); $m]; $m];
        for row in 0..$m {
            all[row] = $one($s, half[row]);
        }
        all
    }};
}

vectorised! {
    /// `G g Gᵀ` of weights `[tap][channel][lane]` into `[element][channel][lane]`.
    pub(super) fn weights(s, taps: &[f32], out: &mut [f32]) {
        let len = out.len() / ELEMENTS;
        assert!(out.len() == ELEMENTS * len && taps.len() == 9 * len && len.is_multiple_of(S::LANES));
        for at in (0..len).step_by(S::LANES) {
            // SAFETY: each of the nine taps and sixteen elements holds `len` numbers, a multiple of a vector's.
            unsafe {
                let u = both_ways!(s, filter, 3 => 4, |row, column| {
                    s.load(taps.as_ptr().add((3 * row + column) * len + at))
                });
                for (element, u) in u.as_flattened().iter().enumerate() {
                    s.store(out.as_mut_ptr().add(element * len + at), *u);
                }
            }
        }
    }
}

vectorised! {
    /// `Gᵀ u G` of `[element][lane]` into `[tap][lane]`, the adjoint of [`weights`], for one channel of the source.
    /// Elements are `element_step` apart; u is the sum of what lies at distances `part_step`.
    pub(super) fn weight_gradient(s, parts: &[f32], element_step: usize, part_step: usize, out: &mut [f32]) {
        let len = out.len() / 9;
        assert!(out.len() == 9 * len && len.is_multiple_of(S::LANES));
        assert!(parts.len() >= (ELEMENTS - 1) * element_step + len);
        let count = (parts.len() - (ELEMENTS - 1) * element_step - len) / part_step + 1;
        for at in (0..len).step_by(S::LANES) {
            // SAFETY: each of the sixteen elements of each part and of the nine taps holds `len` numbers, a multiple of a
            // vector's.
            unsafe {
                let g = both_ways!(s, unfilter, 4 => 3, |row, column| {
                    let first = parts.as_ptr().add((4 * row + column) * element_step + at);
                    let mut sum = s.load(first);
                    for part in 1..count {
                        sum = s.add(sum, s.load(first.add(part * part_step)));
                    }
                    sum
                });
                for (tap, g) in g.as_flattened().iter().enumerate() {
                    s.store(out.as_mut_ptr().add(tap * len + at), *g);
                }
            }
        }
    }
}

/// Numbers of the working memory of [`patches`].
pub(super) fn strip_len(grid: &Grid) -> usize {
    4 * grid.strip() + 5 * grid.source.row()
}

vectorised! {
    /// `Bᵀ d B` of all patches of some rows, of the source after `before`: `[element][patch][channel]`. Neighbouring
    /// patches overlap, so the sums down the columns are formed once, for whole rows of pixels, in `strip`.
    pub(super) fn patches(s, grid: &Grid, rows: Range<usize>, source: &[f32], before: Option<&Rows>, strip: &mut [f32],
        out: &mut [f32]) {
        let (image, channels) = (grid.source, grid.source.channels);
        let step = element_step(grid.patches(&rows), channels);
        assert!(source.len() >= rows.end.div_ceil(grid.rows) * image.len() && out.len() == ELEMENTS * step);
        let (strip, zeros) = strip.split_at_mut(4 * grid.strip());
        let (zeros, done) = zeros.split_at_mut(image.row());
        assert!(done.len() >= 4 * image.row());
        // Nothing is written to the margins left and right, nor to the row of zeros.
        strip.fill(0.0);
        zeros.fill(0.0);
        for (number, row) in rows.enumerate() {
            let (index, i) = grid.place(row);
            let pixels = &source[index * image.len()..][..image.len()];
            let mut lines = [zeros.as_ptr(); 4];
            for (r, line) in lines.iter_mut().enumerate() {
                let Some(y) = (2 * i + r).checked_sub(grid.margin).filter(|y| *y < image.height) else {
                    continue;
                };
                let row = &pixels[y * image.row()..][..image.row()];
                *line = row.as_ptr();
                if let Some(before) = before {
                    let place = &mut done[y % 4 * image.row()..][..image.row()];
                    // The row of patches above has left two of them.
                    if r >= 2 || number == 0 || i == 0 {
                        before.apply(row, place);
                    }
                    *line = place.as_ptr();
                }
            }
            // Pixels beyond the last patch are of no interest.
            let len = image.row().min(grid.strip() - grid.margin * channels);
            for at in (0..len).step_by(S::LANES) {
                let count = (len - at).min(S::LANES);
                // SAFETY: each line holds a row of pixels; a line of the strip holds the margin and `len` numbers.
                unsafe {
                    let mut d = [s.splat(0.0); 4];
                    for (d, line) in d.iter_mut().zip(lines) {
                        *d = s.load_part(line.add(at), count);
                    }
                    for (r, t) in spread(s, d).iter().enumerate() {
                        let to = r * grid.strip() + grid.margin * channels + at;
                        s.store_part(strip.as_mut_ptr().add(to), *t, count);
                    }
                }
            }
            // The two rows of pixels that the next row of patches will read for the first time.
            let ahead =
                pixels.as_ptr().wrapping_add((2 * i + 4) * image.row()).wrapping_sub(grid.margin * image.row());
            for j in 0..grid.columns {
                for channel in (0..channels).step_by(S::LANES) {
                    let count = (channels - channel).min(S::LANES);
                    prefetch_block(s, image, ahead.wrapping_add(2 * j * channels + channel));
                    for r in 0..4 {
                        // SAFETY: a line of the strip holds two pixels for each column of patches, and two more; `out`
                        // holds `channels` numbers for each element and patch.
                        unsafe {
                            let from = strip.as_ptr().add(r * grid.strip() + 2 * j * channels + channel);
                            let mut t = [s.splat(0.0); 4];
                            for (column, t) in t.iter_mut().enumerate() {
                                *t = s.load_part(from.add(column * channels), count);
                            }
                            let to = out.as_mut_ptr().add((number * grid.columns + j) * channels + channel);
                            for (column, v) in spread(s, t).iter().enumerate() {
                                s.store_part(to.add((4 * r + column) * step), *v, count);
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Some neighbouring channels of the target, and how many numbers they take in transformed patches.
#[derive(Clone, Copy)]
pub(super) struct Channels {
    pub(super) start: usize,
    pub(super) width: usize,
    /// `width` rounded up to whole vectors.
    pub(super) lanes: usize,
}

/// Fetches a vector of 2×2 neighbouring pixels of which `at` is the first.
#[inline(always)]
fn prefetch_block<S: Simd>(s: S, image: Image, at: *const f32) {
    for row in [0, image.row()] {
        s.prefetch(at.wrapping_add(row));
        s.prefetch(at.wrapping_add(row + image.channels));
    }
}

vectorised! {
    /// `Aᵀ m A + bias` of all patches of some rows, `[element][patch][lane]`, and what comes `after` it, into the target's
    /// pixels; `target` starts with the first pixel of the first row, which is number `start` of all.
    pub(super) fn pixels(s, grid: &Grid, rows: Range<usize>, channels: Channels, elements: &[f32], bias: &[f32],
        after: Option<&After>, start: usize, target: &mut [f32]) {
        let image = grid.target;
        let step = element_step(grid.patches(&rows), channels.lanes);
        assert!(elements.len() >= ELEMENTS * step && bias.len() >= channels.lanes);
        let above = grid.target_row(rows.start);
        for (number, row) in rows.enumerate() {
            let (index, i) = grid.place(row);
            let upper = (grid.target_row(row) - above) * image.row();
            let finish = after.map(|after| {
                Finish::new(after, index, image.channels, channels.start, start + upper + channels.start)
            });
            let height = (image.height - 2 * i).min(2);
            assert!(target.len() >= upper + height * image.row());
            for j in 0..grid.columns {
                let width = (image.width - 2 * j).min(2);
                for lane in (0..channels.width).step_by(S::LANES) {
                    let count = (channels.width - lane).min(S::LANES);
                    let from = (number * grid.columns + j) * channels.lanes + lane;
                    // SAFETY: `elements` holds whole vectors of `lanes` numbers for each element and patch; the pixels
                    // lie inside the image's rows, whose end was checked above.
                    unsafe {
                        let y = both_ways!(s, gather, 4 => 2, |row, column| {
                            s.load(elements.as_ptr().add((4 * row + column) * step + from))
                        });
                        let bias = s.load(bias.as_ptr().add(lane));
                        let first = upper + 2 * j * image.channels + channels.start + lane;
                        // What lies two rows below comes next.
                        prefetch_block(s, image, target.as_ptr().wrapping_add(first + 2 * image.row()));
                        for (row, y) in y.iter().enumerate().take(height) {
                            for (column, y) in y.iter().enumerate().take(width) {
                                let to = first + row * image.row() + column * image.channels;
                                let mut y = s.add(*y, bias);
                                if let Some(finish) = &finish {
                                    y = finish.vector(s, y, lane, to - upper - channels.start, count);
                                }
                                s.store_part(target.as_mut_ptr().add(to), y, count);
                            }
                        }
                    }
                }
            }
        }
    }
}

vectorised! {
    /// `A dY Aᵀ` of the target's gradient, `[element][patch][lane]`, zeros in lanes without a channel.
    pub(super) fn pixel_gradients(s, grid: &Grid, rows: Range<usize>, channels: Channels, gradient: &[f32],
        out: &mut [f32]) {
        let image = grid.target;
        let step = element_step(grid.patches(&rows), channels.lanes);
        assert!(out.len() >= ELEMENTS * step);
        for (number, row) in rows.enumerate() {
            let (_, i) = grid.place(row);
            let upper = grid.target_row(row) * image.row();
            let height = (image.height - 2 * i).min(2);
            assert!(gradient.len() >= upper + height * image.row());
            for j in 0..grid.columns {
                let width = (image.width - 2 * j).min(2);
                for lane in (0..channels.lanes).step_by(S::LANES) {
                    let count = channels.width.saturating_sub(lane).min(S::LANES);
                    let first = upper + 2 * j * image.channels + channels.start + lane;
                    prefetch_block(s, image, gradient.as_ptr().wrapping_add(first + 2 * image.row()));
                    // SAFETY: the pixels that are read lie inside the image's rows, whose end was checked above; `out`
                    // holds whole vectors of `lanes` numbers for each element and patch.
                    unsafe {
                        let mut dy = [[s.splat(0.0); 2]; 2];
                        for (row, dy) in dy.iter_mut().enumerate().take(height) {
                            for (column, dy) in dy.iter_mut().enumerate().take(width) {
                                let from = first + row * image.row() + column * image.channels;
                                *dy = s.load_part(gradient.as_ptr().wrapping_add(from), count);
                            }
                        }
                        let m = both_ways!(s, scatter, 2 => 4, |row: usize, column: usize| dy[row][column]);
                        let to = (number * grid.columns + j) * channels.lanes + lane;
                        for (element, m) in m.as_flattened().iter().enumerate() {
                            s.store(out.as_mut_ptr().add(element * step + to), *m);
                        }
                    }
                }
            }
        }
    }
}
