//! NEON: two registers of four lanes taken as one vector of eight, so that tiles have the same shape as elsewhere.
use super::Simd;
use core::arch::aarch64::*;

/// NEON is part of the target, so the proof is free.
#[derive(Clone, Copy)]
pub(crate) struct Neon;

type Pair = [float32x4_t; 2];

#[inline(always)]
fn both(a: Pair, b: Pair, f: impl Fn(float32x4_t, float32x4_t) -> float32x4_t) -> Pair {
    [f(a[0], b[0]), f(a[1], b[1])]
}

#[inline(always)]
fn lanes(a: Pair) -> [f32; 8] {
    let mut out = [0.0; 8];
    // SAFETY: `out` holds eight values.
    unsafe {
        vst1q_f32(out.as_mut_ptr(), a[0]);
        vst1q_f32(out.as_mut_ptr().add(4), a[1]);
    }
    out
}

// In all methods NEON exists on the target; the caller of a load or store vouches for the memory.
impl Simd for Neon {
    type Vector = Pair;
    const LANES: usize = 8;
    const TILE_VECTORS: usize = 2;
    const TILE_ROWS: usize = 6;

    #[inline(always)]
    fn splat(self, value: f32) -> Pair {
        // SAFETY: see above.
        unsafe { [vdupq_n_f32(value); 2] }
    }
    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Pair {
        // SAFETY: see above.
        unsafe { [vld1q_f32(from), vld1q_f32(from.add(4))] }
    }
    #[inline(always)]
    unsafe fn load_part(self, from: *const f32, count: usize) -> Pair {
        let mut part = [0.0; 8];
        // SAFETY: see above; at most eight values are copied.
        unsafe {
            core::ptr::copy_nonoverlapping(from, part.as_mut_ptr(), count.min(8));
            self.load(part.as_ptr())
        }
    }
    #[inline(always)]
    unsafe fn store(self, to: *mut f32, value: Pair) {
        // SAFETY: see above.
        unsafe {
            vst1q_f32(to, value[0]);
            vst1q_f32(to.add(4), value[1]);
        }
    }
    #[inline(always)]
    unsafe fn store_part(self, to: *mut f32, value: Pair, count: usize) {
        // SAFETY: see above; at most eight values are copied.
        unsafe { core::ptr::copy_nonoverlapping(lanes(value).as_ptr(), to, count.min(8)) }
    }
    #[inline(always)]
    fn add(self, a: Pair, b: Pair) -> Pair {
        // SAFETY: see above.
        both(a, b, |a, b| unsafe { vaddq_f32(a, b) })
    }
    #[inline(always)]
    fn sub(self, a: Pair, b: Pair) -> Pair {
        // SAFETY: see above.
        both(a, b, |a, b| unsafe { vsubq_f32(a, b) })
    }
    #[inline(always)]
    fn mul(self, a: Pair, b: Pair) -> Pair {
        // SAFETY: see above.
        both(a, b, |a, b| unsafe { vmulq_f32(a, b) })
    }
    #[inline(always)]
    fn div(self, a: Pair, b: Pair) -> Pair {
        // SAFETY: see above.
        both(a, b, |a, b| unsafe { vdivq_f32(a, b) })
    }
    #[inline(always)]
    fn mul_add(self, a: Pair, b: Pair, c: Pair) -> Pair {
        // SAFETY: see above.
        unsafe { [vfmaq_f32(c[0], a[0], b[0]), vfmaq_f32(c[1], a[1], b[1])] }
    }
    #[inline(always)]
    fn sqrt(self, a: Pair) -> Pair {
        // SAFETY: see above.
        unsafe { [vsqrtq_f32(a[0]), vsqrtq_f32(a[1])] }
    }
    #[inline(always)]
    fn max(self, a: Pair, b: Pair) -> Pair {
        // SAFETY: see above.
        both(a, b, |a, b| unsafe { vbslq_f32(vcgtq_f32(a, b), a, b) })
    }
    #[inline(always)]
    fn min(self, a: Pair, b: Pair) -> Pair {
        // SAFETY: see above.
        both(a, b, |a, b| unsafe { vbslq_f32(vcltq_f32(a, b), a, b) })
    }
    #[inline(always)]
    fn where_greater(self, a: Pair, b: Pair, value: Pair) -> Pair {
        // SAFETY: see above.
        unsafe {
            let zero = vdupq_n_f32(0.0);
            [
                vbslq_f32(vcgtq_f32(a[0], b[0]), value[0], zero),
                vbslq_f32(vcgtq_f32(a[1], b[1]), value[1], zero),
            ]
        }
    }
    #[inline(always)]
    fn round(self, a: Pair) -> Pair {
        // SAFETY: see above.
        unsafe { [vrndnq_f32(a[0]), vrndnq_f32(a[1])] }
    }
    #[inline(always)]
    fn exp2_integer(self, n: Pair) -> Pair {
        // SAFETY: see above. The exponent field of 2ⁿ is n + 127.
        n.map(|n| unsafe {
            let biased = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
            vreinterpretq_f32_s32(vshlq_n_s32::<23>(biased))
        })
    }
    #[inline(always)]
    fn sum(self, a: Pair) -> f32 {
        lanes(a).iter().sum()
    }
    #[inline(always)]
    fn largest(self, a: Pair) -> f32 {
        lanes(a).into_iter().fold(f32::NEG_INFINITY, f32::max)
    }
    #[inline(always)]
    fn low_half(self, words: Pair) -> Pair {
        // SAFETY: see above.
        words.map(|w| unsafe { vreinterpretq_f32_u32(vshlq_n_u32::<16>(vreinterpretq_u32_f32(w))) })
    }
    #[inline(always)]
    fn high_half(self, words: Pair) -> Pair {
        // SAFETY: see above.
        words.map(|w| unsafe {
            vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(w), vdupq_n_u32(0xffff_0000)))
        })
    }
}
