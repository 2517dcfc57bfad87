//! Exponential and sigmoid of vectors.
use super::Simd;

/// `eˣ` with a relative error below 3e-7; saturates near the ends of the f32 range (−87, 88),
/// so that it is never infinite or denormal. NaN stays NaN.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    // x = n ln 2 + r with |r| ≤ ½ ln 2; ln 2 in two parts so that n ln 2 is exact (Cody and Waite).
    const LN2_HIGH: f32 = 0.693_359_375;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    // The operands' order lets a NaN through.
    let x = s.max(s.splat(-87.0), s.min(s.splat(88.0), x));
    let n = s.round(s.mul(x, s.splat(std::f32::consts::LOG2_E)));
    let r = s.mul_add(n, s.splat(-LN2_HIGH), x);
    let r = s.mul_add(n, s.splat(-LN2_LOW), r);
    // Taylor series of degree 7: the remainder is below 6e-9 on the interval.
    let mut sum = s.splat(1.0 / 5040.0);
    for coefficient in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        sum = s.mul_add(sum, r, s.splat(coefficient));
    }
    s.mul(sum, s.exp2_integer(n))
}

/// `1 / (1 + e⁻ˣ)`.
#[inline(always)]
pub(crate) fn sigmoid<S: Simd>(s: S, x: S::Vector) -> S::Vector {
    let one = s.splat(1.0);
    s.div(one, s.add(one, exp(s, s.sub(s.splat(0.0), x))))
}
