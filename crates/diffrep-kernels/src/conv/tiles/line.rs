//! Lines of output pixels.
use super::super::tile::{Line, Lines};
use super::piece;
use crate::simd::Simd;
use crate::simd::amx::{Layout, MOST, Shape, Start, Tiles};

/// Tiles for lines of one length.
pub(in super::super) struct TileLines {
    tiles: Tiles,
    rows: usize,
    depth: usize,
}

impl Lines for TileLines {
    fn new(count: usize, run: usize) -> Self {
        let (rows, depth) = (count.clamp(1, MOST), piece(run));
        Self { tiles: Tiles::new(Shape { rows, depth, columns: MOST }), rows, depth }
    }

    #[inline(always)]
    unsafe fn line<S: Simd>(&self, _: S, line: Line) {
        if line.count == 0 {
            return;
        }
        // Pointers are read and written by whole tiles.
        assert!(S::LANES == MOST && line.lanes <= 2 * MOST, "tiles of {} lanes", line.lanes);
        assert!(line.count >= self.rows && line.run.is_multiple_of(self.depth), "tiles for other lines");
        let tiles = line.count.div_ceil(self.rows);
        // The last tile may overlap the one before: its pixels are computed twice, and alike.
        let first = |tile: usize| (tile * self.rows).min(line.count - self.rows);
        for tile in (0..tiles).step_by(2) {
            let from = first(tile);
            // SAFETY: pixels from..from + rows, and those of the next tile, belong to the line.
            unsafe {
                let part = Line {
                    source: line.source.add(from * line.source_step),
                    target: line.target.add(from * line.target_step),
                    ..line
                };
                if tile + 1 == tiles {
                    self.pixels::<1>(&part, 0);
                } else {
                    self.pixels::<2>(&part, first(tile + 1) - from);
                }
            }
        }
    }
}

impl TileLines {
    /// `M` tiles of pixels, the second `distance` pixels from the first, × all lanes.
    ///
    /// # Safety
    /// As for [`Lines::line`], for the pixels of these tiles.
    #[inline(always)]
    unsafe fn pixels<const M: usize>(&self, line: &Line, distance: usize) {
        // SAFETY: the caller's.
        unsafe {
            if line.width == line.lanes {
                let to = Layout { row: line.target_step, second: distance * line.target_step };
                return self.lanes::<M>(line, distance, line.target, to);
            }
            let mut whole = [0.0; 2 * MOST * 2 * MOST];
            let to = Layout { row: line.lanes, second: self.rows * line.lanes };
            self.lanes::<M>(line, distance, whole.as_mut_ptr(), to);
            for (row, lanes) in whole.chunks_exact(line.lanes).take(M * self.rows).enumerate() {
                let pixel = row / self.rows * distance + row % self.rows;
                let target = line.target.add(pixel * line.target_step);
                target.copy_from_nonoverlapping(lanes.as_ptr(), line.width);
            }
        }
    }

    /// # Safety
    /// As for [`Self::pixels`]; all lanes are written to `target`.
    #[inline(always)]
    unsafe fn lanes<const M: usize>(&self, line: &Line, distance: usize, target: *mut f32, to: Layout) {
        let steps = line.runs.iter().enumerate().flat_map(|(number, run)| {
            (0..line.run).step_by(self.depth).map(move |word| {
                let weights = (number * line.run + word) * line.lanes;
                (line.source.wrapping_add(run + word), line.weights.wrapping_add(weights))
            })
        });
        let left = Layout { row: line.source_step, second: distance * line.source_step };
        let start = Start::Row(line.start);
        // SAFETY: `depth` divides the runs; the rest is the caller's.
        unsafe {
            if line.lanes > MOST {
                self.tiles.multiply::<M, 2>(start, steps, left, line.lanes, target, to);
            } else {
                self.tiles.multiply::<M, 1>(start, steps, left, line.lanes, target, to);
            }
        }
    }
}
