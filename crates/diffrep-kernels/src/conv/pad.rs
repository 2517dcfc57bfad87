//! Copies of images with zeros around them, as numbers or as pairs of bf16.
use super::around::Rows;
use super::plan::Image;
use crate::simd::{Simd, vectorised_pairs};

/// A part of an image with zeros around it.
#[derive(Clone, Copy)]
pub(super) struct Padded {
    pub(super) image: Image,
    /// Zero rows above and columns to the left of the image.
    pub(super) margin: usize,
    /// Columns with zeros; they may end inside the image.
    pub(super) width: usize,
    /// First row, counted with the margin; rows below the image are zero.
    pub(super) first_row: usize,
}

impl Padded {
    /// Copies numbers, after `before`.
    pub(super) fn copy(&self, image: &[f32], before: Option<&Rows>, out: &mut [f32]) {
        self.fill(out, self.image.channels, |i, middle| match (self.row(image, i), before) {
            ([], _) => middle.fill(0.0),
            (row, None) => middle.copy_from_slice(&row[..middle.len()]),
            (row, Some(before)) => before.apply(&row[..middle.len()], middle),
        });
    }

    /// Copies pairs of neighbouring channels, after `before`; the last one is paired with zero if their number is odd.
    pub(super) fn copy_channel_pairs(&self, image: &[f32], before: Option<&Rows>, out: &mut [f32]) {
        let channels = self.image.channels;
        let mut activated = vec![0.0; before.map_or(0, |_| self.image.row())];
        self.fill(out, channels.div_ceil(2), |i, middle| match (self.row(image, i), before) {
            ([], _) => middle.fill(0.0),
            (row, None) => pair_channels(row, channels, middle),
            (row, Some(before)) => {
                before.apply(row, &mut activated);
                pair_channels(&activated, channels, middle);
            }
        });
    }

    /// Copies pairs of the same place in a row and in the row `distance` below. Rows from number `rows` on are zero.
    pub(super) fn copy_row_pairs(&self, image: &[f32], distance: usize, rows: usize, out: &mut [f32]) {
        self.fill(out, self.image.channels, |i, middle| {
            let below = if i + distance < rows { self.row(image, i + distance) } else { &[] };
            let row = self.row(image, i);
            pair_rows(row, below, middle);
        });
    }

    /// Row `i` of the copy as it is in the image, empty outside of it.
    fn row<'a>(&self, image: &'a [f32], i: usize) -> &'a [f32] {
        match (self.first_row + i).checked_sub(self.margin) {
            Some(y) if y < self.image.height => &image[y * self.image.row()..][..self.image.row()],
            _ => &[],
        }
    }

    /// Calls `write(i, middle)` for every row of `out`, of `words` words a pixel; zeros left and right of the middle.
    fn fill(&self, out: &mut [f32], words: usize, mut write: impl FnMut(usize, &mut [f32])) {
        let copied = self.image.width.min(self.width.saturating_sub(self.margin)) * words;
        for (i, row) in out.chunks_exact_mut(self.width * words).enumerate() {
            let (left, rest) = row.split_at_mut((self.margin * words).min(row.len()));
            let (middle, right) = rest.split_at_mut(copied);
            left.fill(0.0);
            write(i, middle);
            right.fill(0.0);
        }
    }
}

vectorised_pairs! {
    /// Pairs of neighbouring channels of the first pixels of `row`, as many as `out` holds.
    fn pair_channels(s, row: &[f32], channels: usize, out: &mut [f32]) {
        if channels.is_multiple_of(2) {
            return pair_neighbours(s, &row[..2 * out.len()], out);
        }
        for (pixel, out) in row.chunks_exact(channels).zip(out.chunks_exact_mut(channels.div_ceil(2))) {
            pair_neighbours(s, pixel, out);
        }
    }
}

/// Pairs of neighbours in `x`, the last with zero if it has none; `out` is half as long.
#[inline(always)]
fn pair_neighbours<S: Simd>(s: S, x: &[f32], out: &mut [f32]) {
    assert_eq!(out.len(), x.len().div_ceil(2));
    let whole = x.len() / (2 * S::LANES) * S::LANES;
    for at in (0..whole).step_by(S::LANES) {
        // SAFETY: `x` holds two whole vectors from `2·at` on, `out` one from `at` on.
        unsafe {
            let x = x.as_ptr().add(2 * at);
            s.store(out.as_mut_ptr().add(at), s.pair_neighbours(s.load(x), s.load(x.add(S::LANES))));
        }
    }
    let (x, out) = (&x[2 * whole..], &mut out[whole..]);
    let first = x.len().min(S::LANES);
    // SAFETY: less than two vectors are left of `x`, at most one of `out`; both counts were taken from the slices.
    unsafe {
        let (low, high) = (s.load_part(x.as_ptr(), first), x.as_ptr().add(first));
        let words = s.pair_neighbours(low, s.load_part(high, x.len() - first));
        s.store_part(out.as_mut_ptr(), words, out.len());
    }
}

vectorised_pairs! {
    /// `out[i]` is the pair of `low[i]` and `high[i]`. Each is at least as long as `out`, or empty and stands for zeros.
    pub(super) fn pair_rows(s, low: &[f32], high: &[f32], out: &mut [f32]) {
        match (low.is_empty(), high.is_empty()) {
            (false, false) => pair_vectors(s, [low, high], out, |[low, high]| s.pair(low, high)),
            (false, true) => pair_vectors(s, [low], out, |[low]| s.pair(low, s.splat(0.0))),
            (true, false) => pair_vectors(s, [high], out, |[high]| s.pair(s.splat(0.0), high)),
            (true, true) => out.fill(0.0),
        }
    }
}

/// `out` becomes `pair` of the rows, vector by vector.
#[inline(always)]
fn pair_vectors<S: Simd, const R: usize>(
    s: S,
    rows: [&[f32]; R],
    out: &mut [f32],
    pair: impl Fn([S::Vector; R]) -> S::Vector,
) {
    assert!(rows.iter().all(|row| row.len() >= out.len()));
    let whole = out.len() / S::LANES * S::LANES;
    for at in (0..whole).step_by(S::LANES) {
        // SAFETY: all rows hold a whole vector from `at` on.
        unsafe { s.store(out.as_mut_ptr().add(at), pair(rows.map(|row| s.load(row.as_ptr().add(at))))) };
    }
    let left = out.len() - whole;
    if left > 0 {
        // SAFETY: all rows hold `left` numbers from `whole` on.
        unsafe {
            let words = pair(rows.map(|row| s.load_part(row.as_ptr().add(whole), left)));
            s.store_part(out.as_mut_ptr().add(whole), words, left);
        }
    }
}
