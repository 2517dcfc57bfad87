//! Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
//!
//! A number is a pure function of (seed, purpose, step, row, index). Nothing has a state, so results don't depend on
//! threads or order, a resumed run draws what an uninterrupted one would have drawn, and nothing needs saving.

use std::array;

const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// The part of the address that one operation's numbers share; rows and indices complete it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    seed: u64,
    purpose: u32,
    step: u32,
}

impl Key {
    /// Numbers of `purpose` at `step` of the run seeded with `seed`.
    pub const fn new(seed: u64, purpose: u32, step: u32) -> Self {
        Self { seed, purpose, step }
    }

    /// Four random words: block `index` of `row`.
    pub fn words(self, row: u32, index: u32) -> [u32; 4] {
        self.blocks::<1>(row, index).map(|[word]| word)
    }

    /// Blocks `first..first + N` of `row`: word `w` of block `first + n` is `[w][n]`.
    #[inline(always)]
    pub(crate) fn blocks<const N: usize>(self, row: u32, first: u32) -> [[u32; N]; 4] {
        let indices = array::from_fn(|n| first.wrapping_add(n as u32));
        let counters = [indices, [row; N], [self.step; N], [self.purpose; N]];
        philox(counters, [self.seed as u32, (self.seed >> 32) as u32])
    }

    /// Fills `out` with the row's uniform numbers in [0, 1), multiples of 2⁻²⁴.
    pub fn fill_uniform(self, row: u32, out: &mut [f32]) {
        for (index, four) in out.chunks_mut(4).enumerate() {
            let words = self.words(row, index as u32);
            for (value, word) in four.iter_mut().zip(words) {
                *value = unit(word);
            }
        }
    }

    /// Fills `out` with the row's standard normal numbers (Box–Muller in f64, so every machine agrees closely).
    pub fn fill_normal(self, row: u32, out: &mut [f32]) {
        for (index, four) in out.chunks_mut(4).enumerate() {
            let [a, b, c, d] = self.words(row, index as u32);
            let (x, y) = box_muller(a, b);
            let (z, w) = box_muller(c, d);
            for (value, normal) in four.iter_mut().zip([x, y, z, w]) {
                *value = normal;
            }
        }
    }

    /// The row's first uniform number in [0, 1) with 53 random bits.
    pub fn uniform(self, row: u32) -> f64 {
        let [high, low, ..] = self.words(row, 0);
        (((high as u64) << 32 | low as u64) >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A random permutation of `0..n` (Fisher–Yates), the row's.
    pub fn permutation(self, row: u32, n: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            let [high, low, ..] = self.words(row, i as u32);
            let word = (high as u64) << 32 | low as u64;
            // The high half of the product maps a 64-bit word to 0..=i with a bias below 2⁻³².
            let j = ((word as u128 * (i as u128 + 1)) >> 64) as usize;
            order.swap(i, j);
        }
        order
    }
}

fn unit(word: u32) -> f32 {
    (word >> 8) as f32 * (1.0 / (1u32 << 24) as f32)
}

fn box_muller(a: u32, b: u32) -> (f32, f32) {
    // (a + ½)/2³² lies strictly inside (0, 1): the logarithm is finite.
    let radius = (-2.0 * ((a as f64 + 0.5) / 4_294_967_296.0).ln()).sqrt();
    let angle = std::f64::consts::TAU * (b as f64 / 4_294_967_296.0);
    ((radius * angle.cos()) as f32, (radius * angle.sin()) as f32)
}

/// `N` counters at once, which the compiler turns into vectors; word `w` of counter `n` is `counters[w][n]`.
#[inline(always)]
fn philox<const N: usize>(mut counters: [[u32; N]; 4], mut key: [u32; 2]) -> [[u32; N]; 4] {
    for round in 0..ROUNDS {
        if round > 0 {
            key = [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])];
        }
        let [c0, c1, c2, c3] = counters;
        let product = |multiplier: u32, n: u32| multiplier as u64 * n as u64;
        let p0 = c0.map(|n| product(MULTIPLIERS[0], n));
        let p1 = c2.map(|n| product(MULTIPLIERS[1], n));
        counters = [
            array::from_fn(|n| (p1[n] >> 32) as u32 ^ c1[n] ^ key[0]),
            p1.map(|p| p as u32),
            array::from_fn(|n| (p0[n] >> 32) as u32 ^ c3[n] ^ key[1]),
            p0.map(|p| p as u32),
        ];
    }
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    // Known answers of the Random123 distribution (tests/kat_vectors, philox4x32 with 10 rounds).
    #[test]
    fn philox_gives_the_published_known_answers() {
        let one = |counter: [u32; 4], key| philox(counter.map(|word| [word]), key).map(|[word]| word);
        assert_eq!(one([0; 4], [0; 2]), [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        assert_eq!(one([u32::MAX; 4], [u32::MAX; 2]), [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        assert_eq!(
            one([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344], [0xa409_3822, 0x299f_31d0]),
            [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]
        );
    }

    #[test]
    fn many_blocks_at_once_are_the_blocks_one_by_one() {
        let key = Key::new(3, 1, 4);
        let many = key.blocks::<16>(7, 100);
        for n in 0..16 {
            assert_eq!(many.map(|words| words[n]), key.words(7, 100 + n as u32));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "many numbers, no unsafe code")]
    fn normals_have_mean_zero_and_variance_one() {
        let mut x = vec![0.0; 400_000];
        Key::new(1, 2, 3).fill_normal(4, &mut x);
        let mean = x.iter().map(|&v| v as f64).sum::<f64>() / x.len() as f64;
        let variance = x.iter().map(|&v| (v as f64 - mean).powi(2)).sum::<f64>() / x.len() as f64;
        // Three standard errors: 3/√n and 3·√(2/n).
        assert!(mean.abs() < 3.0 / (x.len() as f64).sqrt(), "{mean}");
        assert!((variance - 1.0).abs() < 3.0 * (2.0 / x.len() as f64).sqrt(), "{variance}");
    }

    #[test]
    fn a_prefix_does_not_depend_on_how_much_is_drawn() {
        let key = Key::new(7, 0, 0);
        let (mut short, mut long) = (vec![0.0; 5], vec![0.0; 50]);
        key.fill_uniform(3, &mut short);
        key.fill_uniform(3, &mut long);
        assert_eq!(short, long[..5]);
        assert!(long.iter().all(|u| (0.0..1.0).contains(u)));
    }

    #[test]
    fn every_part_of_the_address_changes_the_numbers() {
        let base = Key::new(1, 1, 1).words(1, 1);
        for other in [
            Key::new(2, 1, 1).words(1, 1),
            Key::new(1 << 40, 1, 1).words(1, 1),
            Key::new(1, 2, 1).words(1, 1),
            Key::new(1, 1, 2).words(1, 1),
            Key::new(1, 1, 1).words(2, 1),
            Key::new(1, 1, 1).words(1, 2),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "many numbers, no unsafe code")]
    fn a_permutation_holds_every_index_once() {
        let mut order = Key::new(5, 0, 0).permutation(0, 1000);
        assert_ne!(order[..10], (0..10).collect::<Vec<_>>()[..]);
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
