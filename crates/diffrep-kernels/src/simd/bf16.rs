//! Pairs of bf16 numbers in 32-bit words.
//!
//! bf16 is the upper half of an f32: 8 bits of significand. A word holds two of them and lives where an f32 could, so
//! that loads, broadcasts and buffers are the same for both; its value as an f32 means nothing. Numbers are rounded to
//! nearest, ties to even. Where the processor has no instructions for pairs, these functions do the same.
use super::Simd;

/// Lanes of the widest vector.
const MOST_LANES: usize = 16;

/// The word of two numbers.
#[inline(always)]
pub(crate) fn word(low: f32, high: f32) -> f32 {
    f32::from_bits(u32::from(round(low)) | u32::from(round(high)) << 16)
}

/// The bits of the nearest bf16.
#[inline(always)]
fn round(value: f32) -> u16 {
    let bits = value.to_bits();
    // A number that is none must not become infinite: a bit of its significand survives.
    let rounded = if value.is_nan() { bits | 0x0040_0000 } else { bits + 0x7fff + (bits >> 16 & 1) };
    (rounded >> 16) as u16
}

/// [`Simd::pair`] for every instruction set.
#[inline(always)]
pub(crate) fn pair<S: Simd>(s: S, low: S::Vector, high: S::Vector) -> S::Vector {
    let (low, high) = (lanes(s, low), lanes(s, high));
    vector(s, core::array::from_fn(|i| word(low[i], high[i])))
}

/// [`Simd::pair_neighbours`] for every instruction set.
#[inline(always)]
pub(crate) fn pair_neighbours<S: Simd>(s: S, first: S::Vector, second: S::Vector) -> S::Vector {
    let mut numbers = [0.0; 2 * MOST_LANES];
    numbers[..MOST_LANES].copy_from_slice(&lanes(s, first));
    numbers[S::LANES..][..MOST_LANES].copy_from_slice(&lanes(s, second));
    vector(s, core::array::from_fn(|i| word(numbers[2 * i], numbers[2 * i + 1])))
}

/// [`Simd::mul_add_pairs`] for every instruction set.
#[inline(always)]
pub(crate) fn mul_add_pairs<S: Simd>(s: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector {
    let low = s.mul_add(s.low_half(a), s.low_half(b), c);
    s.mul_add(s.high_half(a), s.high_half(b), low)
}

#[inline(always)]
fn lanes<S: Simd>(s: S, vector: S::Vector) -> [f32; MOST_LANES] {
    let mut lanes = [0.0; MOST_LANES];
    // SAFETY: no vector has more lanes.
    unsafe { s.store(lanes.as_mut_ptr(), vector) };
    lanes
}

#[inline(always)]
fn vector<S: Simd>(s: S, lanes: [f32; MOST_LANES]) -> S::Vector {
    // SAFETY: no vector has more lanes.
    unsafe { s.load(lanes.as_ptr()) }
}
