//! What a 32-bit lane of the operands holds.
use crate::simd::Simd;

/// A kind of words, and the product of two vectors of them.
pub(super) trait Words {
    /// `a · b + c`, where `c` is f32.
    fn mul_add<S: Simd>(s: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector;
}

/// One f32 a word.
pub(super) struct Single;

impl Words for Single {
    #[inline(always)]
    fn mul_add<S: Simd>(s: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector {
        s.mul_add(a, b, c)
    }
}

/// Two bf16 a word, whose products are both added.
pub(super) struct Pairs;

impl Words for Pairs {
    #[inline(always)]
    fn mul_add<S: Simd>(s: S, a: S::Vector, b: S::Vector, c: S::Vector) -> S::Vector {
        s.mul_add_pairs(a, b, c)
    }
}
