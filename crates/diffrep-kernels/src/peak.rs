//! How fast this machine multiplies and adds at best: what kernels are compared with.
use crate::Precision;
use crate::simd::{InstructionSet, Simd, amx, vectorised, vectorised_pairs};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Vector operations of one thread in one try: some milliseconds.
const WORK: usize = 32 << 20;
/// Time after which no new round of tries begins.
const BUDGET: Duration = Duration::from_millis(300);
/// Vector operations in whose time about one product of tiles is done.
const VECTORS_A_PRODUCT: usize = 32;
/// Independent chains that are tried. Too few wait for the latency of an addition, too many don't fit in the registers;
/// where the best lies differs between processors.
const CHAINS: [usize; 4] = [4, 8, 12, 20];

/// Operations a second in a precision that all threads of the rayon pool reach together with the multiply-adds of the
/// current instruction set (vectors or, for bf16 where there are any, tiles) in registers, a multiplication and an addition
/// counted as two: the best of several tries, since whatever disturbs a try makes it slower. Takes about a third of a second.
pub fn operations_per_second(precision: Precision) -> f64 {
    let start = Instant::now();
    let mut best = 0f64;
    while best == 0.0 || start.elapsed() < BUDGET {
        best = CHAINS.into_iter().map(|chains| rate(precision, chains, WORK / chains)).fold(best, f64::max);
    }
    best
}

/// Operations a second of one try with `rounds` multiply-adds in each chain.
fn rate(precision: Precision, chains: usize, rounds: usize) -> f64 {
    let start = Instant::now();
    let work = || match precision {
        Precision::F32 => multiply_add(chains, black_box(rounds)),
        Precision::Bf16 if InstructionSet::current() == InstructionSet::Amx => {
            amx::products(black_box(chains * rounds).div_ceil(VECTORS_A_PRODUCT))
        }
        Precision::Bf16 => multiply_add_pairs(chains, black_box(rounds)),
    };
    // In f64: where words have 32 bits, the sum over threads may not fit.
    let numbers: f64 = rayon::broadcast(|_| work() as f64).iter().sum();
    2.0 * numbers / start.elapsed().max(Duration::from_nanos(1)).as_secs_f64()
}

vectorised! {
    fn multiply_add(s, chains: usize, rounds: usize) -> usize {
        // Each product depends on the one before, so that no compiler takes it out of the loop.
        all(s, chains, rounds, |factor, summand, sum| s.mul_add(sum, factor, summand))
    }
}

vectorised_pairs! {
    fn multiply_add_pairs(s, chains: usize, rounds: usize) -> usize {
        2 * all(s, chains, rounds, |a, b, c| s.mul_add_pairs(a, b, c))
    }
}

/// `rounds` multiply-adds in each chain: how many words that were in all.
#[inline(always)]
fn all<S: Simd>(
    s: S,
    chains: usize,
    rounds: usize,
    multiply: impl Fn(S::Vector, S::Vector, S::Vector) -> S::Vector,
) -> usize {
    match chains {
        4 => run::<S, 4>(s, rounds, multiply),
        8 => run::<S, 8>(s, rounds, multiply),
        12 => run::<S, 12>(s, rounds, multiply),
        _ => run::<S, 20>(s, rounds, multiply),
    }
    chains * rounds * S::LANES
}

#[inline(always)]
fn run<S: Simd, const N: usize>(
    s: S,
    rounds: usize,
    multiply: impl Fn(S::Vector, S::Vector, S::Vector) -> S::Vector,
) {
    let (factor, summand) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
    let mut sums = [s.splat(0.0); N];
    for (i, sum) in sums.iter_mut().enumerate() {
        // Different starts: the compiler can't take the chains for one.
        *sum = s.splat(i as f32);
    }
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = multiply(factor, summand, *sum);
        }
    }
    for sum in sums {
        black_box(s.sum(sum));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_chains_gives_a_rate() {
        for (chains, precision) in CHAINS.into_iter().flat_map(|c| Precision::ALL.map(|p| (c, p))) {
            let rate = rate(precision, chains, if cfg!(miri) { 3 } else { 1000 });
            assert!(rate.is_finite() && rate > 1.0, "{chains} chains: {rate} operations a second");
        }
    }

    #[test]
    fn a_try_counts_every_number_of_every_chain() {
        let one = multiply_add(4, 1);
        assert!(one >= 16 && one.is_multiple_of(16));
        assert_eq!(multiply_add(20, 7), 35 * one);
        assert_eq!(multiply_add_pairs(20, 7), 70 * one);
    }
}
