//! Plain loops over eight numbers, for every processor; the compiler turns them into what the target has.
use super::Simd;

/// Needs no proof.
#[derive(Clone, Copy)]
pub(crate) struct Portable;

const LANES: usize = 8;
type Eight = [f32; LANES];

#[inline(always)]
fn zip(a: Eight, b: Eight, f: impl Fn(f32, f32) -> f32) -> Eight {
    core::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Portable {
    type Vector = Eight;
    const LANES: usize = LANES;
    const TILE_VECTORS: usize = 1;
    const TILE_ROWS: usize = 4;

    #[inline(always)]
    fn splat(self, value: f32) -> Eight {
        [value; LANES]
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Eight {
        // SAFETY: the caller vouches for eight values; the read needs no alignment.
        unsafe { from.cast::<Eight>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn load_part(self, from: *const f32, count: usize) -> Eight {
        let mut part = [0.0; LANES];
        // SAFETY: the caller vouches for `count` values; at most eight are copied.
        unsafe { core::ptr::copy_nonoverlapping(from, part.as_mut_ptr(), count.min(LANES)) };
        part
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, value: Eight) {
        // SAFETY: the caller vouches for eight values; the write needs no alignment.
        unsafe { to.cast::<Eight>().write_unaligned(value) }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, value: Eight, count: usize) {
        // SAFETY: the caller vouches for `count` values; at most eight are copied.
        unsafe { core::ptr::copy_nonoverlapping(value.as_ptr(), to, count.min(LANES)) };
    }
    #[inline(always)]
    fn add(self, a: Eight, b: Eight) -> Eight {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: Eight, b: Eight) -> Eight {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: Eight, b: Eight) -> Eight {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: Eight, b: Eight) -> Eight {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn mul_add(self, a: Eight, b: Eight, c: Eight) -> Eight {
        // Not `f32::mul_add`: without hardware support that is a library call.
        core::array::from_fn(|i| a[i] * b[i] + c[i])
    }
    #[inline(always)]
    fn sqrt(self, a: Eight) -> Eight {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn max(self, a: Eight, b: Eight) -> Eight {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, a: Eight, b: Eight) -> Eight {
        zip(a, b, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn where_greater(self, a: Eight, b: Eight, value: Eight) -> Eight {
        core::array::from_fn(|i| if a[i] > b[i] { value[i] } else { 0.0 })
    }
    #[inline(always)]
    fn round(self, a: Eight) -> Eight {
        // Adding and subtracting 1.5 · 2²³ leaves the nearest integer.
        const MAGIC: f32 = 12_582_912.0;
        a.map(|a| (a + MAGIC) - MAGIC)
    }
    #[inline(always)]
    fn exp2_integer(self, n: Eight) -> Eight {
        n.map(|n| f32::from_bits(((n as i32 + 127) as u32) << 23))
    }
    #[inline(always)]
    fn sum(self, a: Eight) -> f32 {
        a.iter().sum()
    }
    #[inline(always)]
    fn largest(self, a: Eight) -> f32 {
        a.into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    fn low_half(self, words: Eight) -> Eight {
        words.map(|word| f32::from_bits(word.to_bits() << 16))
    }
    #[inline(always)]
    fn high_half(self, words: Eight) -> Eight {
        words.map(|word| f32::from_bits(word.to_bits() & 0xffff_0000))
    }
}
