//! Tiles of AMX (Intel, since Sapphire Rapids): registers of up to 16 rows × 16 words, and the product of two of them.
//!
//! [`Tiles`] holds the eight tiles of a thread: four sums of 2 × 2, two left and two right operands. A left operand has a row
//! for each row of the sums and a column for each summed word; a right operand a row for each summed word. Words are pairs
//! of bf16 (see `bf16`), the sums f32.

use std::cell::Cell;

/// Rows, and words of a row, of the largest tile.
pub(crate) const MOST: usize = 16;

thread_local! {
    /// Whether a [`Tiles`] lives on this thread.
    static TAKEN: Cell<bool> = const { Cell::new(false) };
}

/// Whether this processor has tiles with products of bf16, and the system lets this process use them, for which it is asked
/// at the first call.
pub(crate) fn available() -> bool {
    static AVAILABLE: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *AVAILABLE.get_or_init(instructions::available)
}

/// Sizes of the tiles, each 1 to [`MOST`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Rows of the sums.
    pub(crate) rows: usize,
    /// Words that are multiplied for one number of the sums.
    pub(crate) depth: usize,
    /// Columns of the sums.
    pub(crate) columns: usize,
}

/// Matrices of words, or of numbers, one beside or below the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// Distance in memory of neighbouring rows of a tile.
    pub(crate) row: usize,
    /// Distance of the second tile from the first: of the sums, the one that is lower.
    pub(crate) second: usize,
}

/// What sums begin with.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// Zero.
    Zero,
    /// What the target holds.
    Target,
    /// The same numbers in every row.
    Row(*const f32),
}

/// The tiles of this thread, in one shape until they are dropped.
pub(crate) struct Tiles {
    // Registers belong to a thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Tiles {
    /// Takes the tiles.
    ///
    /// # Panics
    /// If a size of the shape is out of range, there are no tiles, or another value lives on this thread: both would use the
    /// same registers.
    pub(crate) fn new(shape: Shape) -> Self {
        let sizes = [shape.rows, shape.depth, shape.columns];
        assert!(sizes.iter().all(|size| (1..=MOST).contains(size)), "tiles of {shape:?}");
        assert!(available(), "this processor has no tiles");
        assert!(!TAKEN.replace(true), "the tiles of this thread are taken");
        let mut configuration = Configuration([0; 64]);
        configuration.0[0] = 1;
        let left = (shape.rows, shape.depth);
        let right = (shape.depth, shape.columns);
        let sums = (shape.rows, shape.columns);
        for (tile, (rows, words)) in
            [sums, sums, sums, sums, left, left, right, right].into_iter().enumerate()
        {
            configuration.0[16 + 2 * tile] = (4 * words) as u8;
            configuration.0[48 + tile] = rows as u8;
        }
        // SAFETY: tiles are there, and the sizes are within their limits.
        unsafe { instructions::configure(&configuration) };
        Self { _not_send: std::marker::PhantomData }
    }

    /// Sums of `M × N` tiles (each 1 or 2) over `steps`, each a left and a right operand, written to `target`. Columns of
    /// the second tile of a row follow those of the first.
    ///
    /// # Safety
    /// For each step `M` tiles of words laid out as `left` says are readable from the first pointer, `N` tiles side by
    /// side with rows `right` apart from the second; `M × N` tiles laid out as `to` says are writable from `target` and, if
    /// `start` is [`Start::Target`], hold numbers; `N` rows of [`Start::Row`] are readable. `N = 2` only if tiles have
    /// [`MOST`] columns.
    #[inline(always)]
    pub(crate) unsafe fn multiply<const M: usize, const N: usize>(
        &self,
        start: Start,
        steps: impl Iterator<Item = (*const f32, *const f32)>,
        left: Layout,
        right: usize,
        target: *mut f32,
        to: Layout,
    ) {
        use instructions::{dot, load, store, zero};
        // SAFETY: see above. Tiles 0 and 1 are the upper sums, 2 and 3 the lower, 4 and 5 left, 6 and 7 right operands.
        unsafe {
            match start {
                Start::Zero => {
                    zero::<0>();
                    zero::<1>();
                    zero::<2>();
                    zero::<3>();
                }
                Start::Target => start_from::<M, N>(target, to.row, to.second),
                Start::Row(from) => start_from::<M, N>(from, 0, 0),
            }
            for (a, b) in steps {
                load::<4>(a, left.row);
                load::<6>(b, right);
                dot::<0, 4, 6>();
                if N == 2 {
                    load::<7>(b.wrapping_add(MOST), right);
                    dot::<1, 4, 7>();
                }
                if M == 2 {
                    load::<5>(a.wrapping_add(left.second), left.row);
                    dot::<2, 5, 6>();
                    if N == 2 {
                        dot::<3, 5, 7>();
                    }
                }
            }
            store::<0>(target, to.row);
            if N == 2 {
                store::<1>(target.wrapping_add(MOST), to.row);
            }
            if M == 2 {
                let lower = target.wrapping_add(to.second);
                store::<2>(lower, to.row);
                if N == 2 {
                    store::<3>(lower.wrapping_add(MOST), to.row);
                }
            }
        }
    }
}

/// `count` products of the largest tiles, rounded up to whole rounds of four sums: how many multiply-adds that were.
///
/// # Panics
/// If there are no tiles.
pub(crate) fn products(count: usize) -> usize {
    use instructions::dot;
    let _tiles = Tiles::new(Shape { rows: MOST, depth: MOST, columns: MOST });
    let rounds = count.div_ceil(4);
    for _ in 0..rounds {
        // SAFETY: all tiles are configured.
        unsafe {
            dot::<0, 4, 6>();
            dot::<1, 4, 7>();
            dot::<2, 5, 6>();
            dot::<3, 5, 7>();
        }
    }
    4 * rounds * 2 * MOST.pow(3)
}

/// # Safety
/// `M × N` tiles with rows `row` and lower tiles `second` apart are readable at `from`, the second of a row [`MOST`] columns
/// from the first.
#[inline(always)]
unsafe fn start_from<const M: usize, const N: usize>(from: *const f32, row: usize, second: usize) {
    use instructions::load;
    // SAFETY: see above.
    unsafe {
        load::<0>(from, row);
        if N == 2 {
            load::<1>(from.wrapping_add(MOST), row);
        }
        if M == 2 {
            let lower = from.wrapping_add(second);
            load::<2>(lower, row);
            if N == 2 {
                load::<3>(lower.wrapping_add(MOST), row);
            }
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: `new` has configured them.
        unsafe { instructions::release() };
        TAKEN.set(false);
    }
}

/// What the processor reads: byte 0 the format, bytes 16.. two for each tile, the bytes of a row, 48.. its rows.
#[repr(C, align(64))]
struct Configuration([u8; 64]);

/// Single instructions. The compiler knows nothing of tiles and keeps nothing in them; each block is volatile, so that their
/// order stays.
#[cfg(all(target_arch = "x86_64", target_os = "linux", not(miri)))]
mod instructions {
    use super::Configuration;
    use core::arch::asm;

    /// Asks the processor, then Linux, which gives a process room for tiles only on request (since 5.16).
    pub(super) fn available() -> bool {
        const REQUEST_PERMISSION: libc::c_long = 0x1023;
        const TILE_DATA: libc::c_long = 18;
        const TILES_AND_BF16: u32 = 1 << 24 | 1 << 22;
        let leaves = core::arch::x86_64::__cpuid(0).eax;
        if leaves < 7 || core::arch::x86_64::__cpuid_count(7, 0).edx & TILES_AND_BF16 != TILES_AND_BF16 {
            return false;
        }
        // SAFETY: the call changes only what this process may use; it fails where the system doesn't know it.
        unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 }
    }

    pub(super) unsafe fn configure(configuration: &Configuration) {
        // SAFETY: the caller's.
        unsafe { asm!("ldtilecfg [{}]", in(reg) configuration, options(nostack, preserves_flags)) };
    }

    pub(super) unsafe fn release() {
        // SAFETY: the caller's.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags)) };
    }

    #[inline(always)]
    pub(super) unsafe fn zero<const TILE: usize>() {
        // SAFETY: the caller's.
        unsafe { asm!("tilezero tmm{}", const TILE, options(nostack, preserves_flags)) };
    }

    /// Rows lie `row` words apart.
    #[inline(always)]
    pub(super) unsafe fn load<const TILE: usize>(from: *const f32, row: usize) {
        // SAFETY: the caller's.
        unsafe {
            asm!("tileloadd tmm{}, [{} + {}]", const TILE, in(reg) from, in(reg) 4 * row, options(nostack, preserves_flags))
        };
    }

    /// Rows lie `row` words apart.
    #[inline(always)]
    pub(super) unsafe fn store<const TILE: usize>(to: *mut f32, row: usize) {
        // SAFETY: the caller's.
        unsafe {
            asm!("tilestored [{} + {}], tmm{}", in(reg) to, in(reg) 4 * row, const TILE, options(nostack, preserves_flags))
        };
    }

    /// `SUM += LEFT · RIGHT`.
    #[inline(always)]
    pub(super) unsafe fn dot<const SUM: usize, const LEFT: usize, const RIGHT: usize>() {
        // SAFETY: the caller's.
        unsafe {
            asm!("tdpbf16ps tmm{}, tmm{}, tmm{}", const SUM, const LEFT, const RIGHT, options(nostack, preserves_flags))
        };
    }
}

/// Where there are no tiles, as `available` says: [`Tiles::new`] panics before any other of these is reached.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux", not(miri))))]
mod instructions {
    use super::Configuration;

    pub(super) fn available() -> bool {
        false
    }

    pub(super) unsafe fn configure(_: &Configuration) {}

    pub(super) unsafe fn release() {}

    pub(super) unsafe fn zero<const TILE: usize>() {}

    pub(super) unsafe fn load<const TILE: usize>(_: *const f32, _: usize) {}

    pub(super) unsafe fn store<const TILE: usize>(_: *mut f32, _: usize) {}

    pub(super) unsafe fn dot<const SUM: usize, const LEFT: usize, const RIGHT: usize>() {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::bf16::word;

    /// `sums[i][j] = start + Σ over k of both numbers of left[i][k] · right[k][j]`, all small whole numbers.
    fn check<const M: usize, const N: usize>(shape: Shape, steps: usize, row_start: bool) {
        let Shape { rows, depth, columns } = shape;
        let (height, width, long) = (M * rows, N * columns, steps * depth);
        let number = |i: usize, salt: usize| ((i * 7 + salt) % 5) as f32 - 2.0;
        let left: Vec<f32> = (0..height * long).map(|i| word(number(i, 1), number(i, 2))).collect();
        let right: Vec<f32> = (0..long * width).map(|i| word(number(i, 3), number(i, 4))).collect();
        let bias: Vec<f32> = (0..width).map(|i| i as f32).collect();
        let mut out = vec![0.5; height * width];
        let tiles = Tiles::new(shape);
        // SAFETY: both operands hold `steps` tiles of `depth` words, `out` all sums.
        unsafe {
            let steps =
                (0..steps).map(|k| (left.as_ptr().add(k * depth), right.as_ptr().add(k * depth * width)));
            let start = if row_start { Start::Row(bias.as_ptr()) } else { Start::Target };
            let (from, to) =
                (Layout { row: long, second: rows * long }, Layout { row: width, second: rows * width });
            tiles.multiply::<M, N>(start, steps, from, width, out.as_mut_ptr(), to);
        }
        for i in 0..height {
            for j in 0..width {
                let product = |k: usize| {
                    let (a, b) = (i * long + k, k * width + j);
                    number(a, 1) * number(b, 3) + number(a, 2) * number(b, 4)
                };
                let want = if row_start { j as f32 } else { 0.5 } + (0..long).map(product).sum::<f32>();
                assert_eq!(out[i * width + j], want, "{shape:?} {M}×{N} at {i}, {j}");
            }
        }
    }

    #[test]
    fn a_thread_has_its_tiles_once() {
        if !available() {
            return;
        }
        let shape = Shape { rows: 1, depth: 1, columns: 1 };
        drop(Tiles::new(shape));
        let _first = Tiles::new(shape);
        assert!(std::thread::spawn(move || drop(Tiles::new(shape))).join().is_ok());
        assert!(std::panic::catch_unwind(|| Tiles::new(shape)).is_err());
    }

    #[test]
    fn products_of_tiles_are_those_of_matrices() {
        if !available() {
            return;
        }
        for (rows, depth) in [(16, 16), (7, 12), (1, 1), (16, 5)] {
            for row_start in [false, true] {
                let shape = Shape { rows, depth, columns: MOST };
                check::<2, 2>(shape, 3, row_start);
                check::<1, 2>(shape, 1, row_start);
                check::<2, 1>(Shape { columns: 9, ..shape }, 2, row_start);
                check::<1, 1>(Shape { columns: 3, ..shape }, 4, row_start);
            }
        }
    }
}
