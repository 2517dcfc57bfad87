//! Vectors of f32: one small trait, several instruction sets, chosen once at run time.
//!
//! A kernel is written once, generic over [`Simd`], inside [`vectorised!`], which compiles it for every instruction
//! set of the target and calls the one that this processor has. The token type proves that the instructions exist,
//! so arithmetic is safe; only loads and stores through pointers are not.
pub(crate) mod amx;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;
pub(crate) mod bf16;
mod math;
#[cfg(target_arch = "aarch64")]
pub(crate) mod neon;
pub(crate) mod portable;
#[cfg(test)]
mod tests;

use crate::Precision;
pub(crate) use math::{exp, sigmoid};
use std::sync::OnceLock;

/// Vectors of one instruction set. A value of the type proves that the processor has it.
pub(crate) trait Simd: Copy {
    /// `LANES` numbers of f32.
    type Vector: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// Vectors that a register tile of the convolutions is wide (1 or 2).
    const TILE_VECTORS: usize;
    /// Rows that a register tile of the convolutions is high: what the register file holds.
    const TILE_ROWS: usize;

    /// `value` in every lane.
    fn splat(self, value: f32) -> Self::Vector;
    /// # Safety
    /// `from` must be readable for `LANES` values.
    unsafe fn load(self, from: *const f32) -> Self::Vector;
    /// The first `count` (at most `LANES`) values, zero in the other lanes.
    /// # Safety
    /// `from` must be readable for `count` values.
    unsafe fn load_part(self, from: *const f32, count: usize) -> Self::Vector;
    /// # Safety
    /// `to` must be writable for `LANES` values.
    unsafe fn store(self, to: *mut f32, value: Self::Vector);
    /// Stores the first `count` (at most `LANES`) lanes.
    /// # Safety
    /// `to` must be writable for `count` values.
    unsafe fn store_part(self, to: *mut f32, value: Self::Vector, count: usize);
    /// Asks for the cache line at `at`, which need not exist, so that it is there when it is read.
    #[inline(always)]
    fn prefetch(self, _at: *const f32) {}
    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a − b`.
    fn sub(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b`.
    fn mul(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a / b`.
    fn div(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a · b + c`, rounded once where the processor can.
    fn mul_add(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector;
    /// `√a`.
    fn sqrt(self, a: Self::Vector) -> Self::Vector;
    /// The larger of each pair; `b` where either is not a number.
    fn max(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The smaller of each pair; `b` where either is not a number.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `value` where `a > b`, else 0.
    fn where_greater(self, a: Self::Vector, b: Self::Vector, value: Self::Vector) -> Self::Vector;
    /// The nearest integer, ties to even; for magnitudes below 2²².
    fn round(self, a: Self::Vector) -> Self::Vector;
    /// `2ⁿ` for integer-valued `n` in −126 ..= 127.
    fn exp2_integer(self, n: Self::Vector) -> Self::Vector;
    /// Sum of the lanes, always in the same order.
    fn sum(self, a: Self::Vector) -> f32;
    /// Largest lane.
    fn largest(self, a: Self::Vector) -> f32;

    // Vectors of words, see `bf16`.

    /// The number in the low half of each word.
    fn low_half(self, words: Self::Vector) -> Self::Vector;
    /// The number in the high half of each word.
    fn high_half(self, words: Self::Vector) -> Self::Vector;
    /// Words `(low[i], high[i])`.
    #[inline(always)]
    fn pair(self, low: Self::Vector, high: Self::Vector) -> Self::Vector {
        bf16::pair(self, low, high)
    }
    /// Words `(x[2i], x[2i + 1])` of the numbers x of `first` and then `second`.
    #[inline(always)]
    fn pair_neighbours(self, first: Self::Vector, second: Self::Vector) -> Self::Vector {
        bf16::pair_neighbours(self, first, second)
    }
    /// `a · b + c` summed over both halves of the words `a` and `b`; `c` is f32.
    #[inline(always)]
    fn mul_add_pairs(self, a: Self::Vector, b: Self::Vector, c: Self::Vector) -> Self::Vector {
        bf16::mul_add_pairs(self, a, b, c)
    }
}

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstructionSet {
    /// [`Self::Avx512Bf16`] with AMX: multiplies tiles of bf16 at once.
    Amx,
    /// [`Self::Avx512`] with AVX512_BF16: multiplies pairs of bf16 at once.
    Avx512Bf16,
    /// AVX-512 (F, VL, BW, DQ): 16 numbers, 32 registers.
    Avx512,
    /// AVX2 with FMA: 8 numbers, 16 registers.
    Avx2,
    /// NEON of 64-bit ARM: 4 numbers, 32 registers.
    Neon,
    /// Plain loops for every processor.
    Portable,
}

impl InstructionSet {
    /// What kernels run on: the best of this processor, unless the environment variable `DIFFREP_SIMD` names another
    /// (`amx`, `avx512bf16`, `avx512`, `avx2`, `neon`, `portable`). A name that is unknown or that the processor lacks changes nothing.
    pub fn current() -> Self {
        static CHOICE: OnceLock<InstructionSet> = OnceLock::new();
        *CHOICE.get_or_init(|| {
            let wanted = std::env::var("DIFFREP_SIMD").unwrap_or_default();
            let available = Self::available();
            available.iter().copied().find(|set| set.name() == wanted).unwrap_or(available[0])
        })
    }

    /// The set whose instructions compute in `precision`: for f32 those with bf16 add nothing to [`Self::Avx512`].
    pub fn in_precision(self, precision: Precision) -> Self {
        match (self, precision) {
            (Self::Amx | Self::Avx512Bf16, Precision::F32) => Self::Avx512,
            (set, _) => set,
        }
    }

    /// The sets that this processor has, best first; never empty.
    pub fn available() -> Vec<Self> {
        let mut sets = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            use std::is_x86_feature_detected as has;
            if has!("avx512f") && has!("avx512vl") && has!("avx512bw") && has!("avx512dq") {
                if has!("avx512bf16") {
                    if amx::available() {
                        sets.push(Self::Amx);
                    }
                    sets.push(Self::Avx512Bf16);
                }
                sets.push(Self::Avx512);
            }
            if has!("avx2") && has!("fma") {
                sets.push(Self::Avx2);
            }
        }
        // NEON is part of every 64-bit ARM processor that Rust supports by default.
        #[cfg(target_arch = "aarch64")]
        sets.push(Self::Neon);
        sets.push(Self::Portable);
        sets
    }

    /// The name by which `DIFFREP_SIMD` calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Amx => "amx",
            Self::Avx512Bf16 => "avx512bf16",
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Portable => "portable",
        }
    }
}

/// Declares a function that is compiled once for each instruction set; calls go to the current one.
///
/// `vectorised! { fn name(s, x: &[f32], …) -> T { body } }`: inside the body `s` is the token, of the generic type `S`.
macro_rules! vectorised {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($s:ident $(, $arg:ident: $type:ty)* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "the kernels' arguments are plain slices and sizes")]
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[allow(clippy::too_many_arguments, reason = "as above")]
            #[inline(always)]
            fn generic<S: $crate::simd::Simd>($s: S $(, $arg: $type)*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            fn avx512($($arg: $type),*) $(-> $ret)? {
                // SAFETY: this function runs only on processors with these features.
                generic(unsafe { $crate::simd::avx512::Avx512::<false>::new() } $(, $arg)*)
            }

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $type),*) $(-> $ret)? {
                // SAFETY: this function runs only on processors with these features.
                generic(unsafe { $crate::simd::avx2::Avx2::new() } $(, $arg)*)
            }

            match $crate::simd::InstructionSet::current() {
                #[cfg(target_arch = "x86_64")]
                $crate::simd::InstructionSet::Amx
                | $crate::simd::InstructionSet::Avx512Bf16
                | $crate::simd::InstructionSet::Avx512 => {
                    // SAFETY: `current` names only sets that the processor was seen to have.
                    unsafe { avx512($($arg),*) }
                }
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::InstructionSet::Avx2 => unsafe { avx2($($arg),*) },
                #[cfg(target_arch = "aarch64")]
                $crate::simd::InstructionSet::Neon => generic($crate::simd::neon::Neon $(, $arg)*),
                _ => generic($crate::simd::portable::Portable $(, $arg)*),
            }
        }
    };
}
pub(crate) use vectorised;

/// [`vectorised!`] for functions that work on pairs of bf16: compiled for AVX512_BF16 too.
macro_rules! vectorised_pairs {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($s:ident $(, $arg:ident: $type:ty)* $(,)?) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "the kernels' arguments are plain slices and sizes")]
        $vis fn $name($($arg: $type),*) $(-> $ret)? {
            #[allow(clippy::too_many_arguments, reason = "as above")]
            #[inline(always)]
            fn any<S: $crate::simd::Simd>($s: S $(, $arg: $type)*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments, reason = "as above")]
            #[target_feature(enable = "avx512bf16,avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            fn avx512bf16($($arg: $type),*) $(-> $ret)? {
                // SAFETY: this function runs only on processors with these features.
                any(unsafe { $crate::simd::avx512::Avx512::<true>::new() } $(, $arg)*)
            }

            $crate::simd::vectorised! {
                fn others($s $(, $arg: $type)*) $(-> $ret)? { any($s $(, $arg)*) }
            }

            match $crate::simd::InstructionSet::current() {
                // SAFETY: `current` names only sets that the processor was seen to have.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::InstructionSet::Amx | $crate::simd::InstructionSet::Avx512Bf16 => unsafe {
                    avx512bf16($($arg),*)
                },
                _ => others($($arg),*),
            }
        }
    };
}
pub(crate) use vectorised_pairs;
