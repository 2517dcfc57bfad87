//! Register tiles: the innermost loops.
use super::words::Words;
use crate::simd::Simd;
use std::marker::PhantomData;

/// Where a line of output pixels reads and writes. Source and weights are words: f32, or pairs of bf16.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    /// First source pixel.
    pub(super) source: *const f32,
    /// Distance of the source pixels of neighbouring output pixels.
    pub(super) source_step: usize,
    /// First output pixel.
    pub(super) target: *mut f32,
    /// Distance of neighbouring output pixels.
    pub(super) target_step: usize,
    /// Number of output pixels.
    pub(super) count: usize,
    /// Starts of the runs of source words that feed a pixel, relative to its source pixel.
    pub(super) runs: &'a [usize],
    /// Words in a run.
    pub(super) run: usize,
    /// Packed weights: `[run][word][lane]`.
    pub(super) weights: *const f32,
    /// What sums start from, for every lane.
    pub(super) start: *const f32,
    /// Channels to write.
    pub(super) width: usize,
    /// `width` rounded up to whole vectors.
    pub(super) lanes: usize,
}

macro_rules! by_rows {
    ($rows:expr, $call:ident::<$s:ident, $w:ident, $vectors:literal>($($arg:expr),*)) => {
        match $rows {
            1 => $call::<$s, $w, 1, $vectors>($($arg),*),
            2 => $call::<$s, $w, 2, $vectors>($($arg),*),
            3 => $call::<$s, $w, 3, $vectors>($($arg),*),
            4 => $call::<$s, $w, 4, $vectors>($($arg),*),
            5 => $call::<$s, $w, 5, $vectors>($($arg),*),
            6 => $call::<$s, $w, 6, $vectors>($($arg),*),
            7 => $call::<$s, $w, 7, $vectors>($($arg),*),
            8 => $call::<$s, $w, 8, $vectors>($($arg),*),
            9 => $call::<$s, $w, 9, $vectors>($($arg),*),
            10 => $call::<$s, $w, 10, $vectors>($($arg),*),
            11 => $call::<$s, $w, 11, $vectors>($($arg),*),
            _ => $call::<$s, $w, 12, $vectors>($($arg),*),
        }
    };
}
pub(super) use by_rows;

/// A way to compute lines of output pixels.
pub(super) trait Lines {
    /// For lines of `count` pixels that are fed by runs of `run` words.
    fn new(count: usize, run: usize) -> Self;

    /// Computes a line.
    ///
    /// # Safety
    /// `line` has the sizes that `new` was told. For every pixel `p < count`: `runs[..] + run` words from `source +
    /// p·source_step` are readable, `width` numbers from `target + p·target_step` writable; `weights` holds `runs.len() · run
    /// · lanes` words and `start` `lanes`. `lanes` is one vector or, where tiles are two wide, two.
    unsafe fn line<S: Simd>(&self, s: S, line: Line);
}

/// Lines in register tiles.
pub(super) struct VectorLines<W>(PhantomData<W>);

impl<W: Words> Lines for VectorLines<W> {
    #[inline(always)]
    fn new(_: usize, _: usize) -> Self {
        Self(PhantomData)
    }

    #[inline(always)]
    unsafe fn line<S: Simd>(&self, s: S, pixels: Line) {
        // SAFETY: the caller's.
        unsafe { line::<S, W>(s, pixels) }
    }
}

/// Computes a line, in tiles of nearly equal size.
///
/// # Safety
/// As for [`Lines::line`].
#[inline(always)]
pub(super) unsafe fn line<S: Simd, W: Words>(s: S, line: Line) {
    let tiles = line.count.div_ceil(S::TILE_ROWS);
    let mut done = 0;
    for tile in 0..tiles {
        let rows = (line.count - done).div_ceil(tiles - tile);
        // SAFETY: pixels done..done + rows belong to the line.
        unsafe {
            let part = Line {
                source: line.source.add(done * line.source_step),
                target: line.target.add(done * line.target_step),
                ..line
            };
            if line.lanes > S::LANES {
                by_rows!(rows, pixels::<S, W, 2>(s, &part));
            } else {
                by_rows!(rows, pixels::<S, W, 1>(s, &part));
            }
        }
        done += rows;
    }
}

/// `P` pixels × `V` vectors of output channels.
///
/// # Safety
/// As for [`line`], with `count = P` and `lanes = V · LANES`.
#[inline(always)]
unsafe fn pixels<S: Simd, W: Words, const P: usize, const V: usize>(s: S, line: &Line) {
    if P > S::TILE_ROWS || V > S::TILE_VECTORS {
        // Never called: keeps the compiler from generating it.
        return;
    }
    // SAFETY: see above. Pixel p is addressed as a multiple of four steps plus at most three, which x86 and ARM can
    // encode in few registers.
    unsafe {
        let mut sums = [[s.splat(0.0); V]; P];
        for v in 0..V {
            let start = s.load(line.start.add(v * S::LANES));
            for pixel in &mut sums {
                pixel[v] = start;
            }
        }
        let step = line.source_step;
        let mut weights = line.weights;
        for run in line.runs {
            let quad = [
                line.source.wrapping_add(*run),
                line.source.wrapping_add(*run + 4 * step),
                line.source.wrapping_add(*run + 8 * step),
            ];
            for i in 0..line.run {
                let mut w = [s.splat(0.0); V];
                for (v, w) in w.iter_mut().enumerate() {
                    *w = s.load(weights.add(v * S::LANES));
                }
                for (p, sums) in sums.iter_mut().enumerate() {
                    let x = s.splat(*quad[p / 4].add(i).add((p % 4) * step));
                    for v in 0..V {
                        sums[v] = W::mul_add(s, x, w[v], sums[v]);
                    }
                }
                weights = weights.add(V * S::LANES);
            }
        }
        for (p, sums) in sums.iter().enumerate() {
            for (v, &sum) in sums.iter().enumerate() {
                let target = line.target.add(p * line.target_step + v * S::LANES);
                if line.width >= (v + 1) * S::LANES {
                    s.store(target, sum);
                } else {
                    s.store_part(target, sum, line.width - v * S::LANES);
                }
            }
        }
    }
}
