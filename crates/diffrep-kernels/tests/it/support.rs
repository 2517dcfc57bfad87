//! What all tests use.
use diffrep_kernels::Precision;
use diffrep_kernels::random::Key;

/// Standard normal numbers; different for every `row`. Under Miri, where each of them would take milliseconds, cheaper
/// ones of about the same size.
pub fn normal(row: u32, len: usize) -> Vec<f32> {
    if cfg!(miri) {
        let mut state = u64::from(row) + 1;
        let mut next = || {
            // Knuth's linear congruential generator.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            f32::from((state >> 48) as i16) / 20_000.0
        };
        next();
        return (0..len).map(|_| next()).collect();
    }
    let mut values = vec![0.0; len];
    Key::new(11, 0, 0).fill_normal(row, &mut values);
    values
}

/// What a kernel of this precision multiplies.
pub fn rounded(values: &[f32], precision: Precision) -> Vec<f64> {
    let round = |v: f32| match precision {
        Precision::F32 => f64::from(v),
        // The eighth bit of the significand becomes the unit; `round_ties_even` is the standard library's.
        Precision::Bf16 if v == 0.0 => 0.0,
        Precision::Bf16 => {
            let unit = (f64::from(v.abs()).log2().floor() - 7.0).exp2();
            (f64::from(v) / unit).round_ties_even() * unit
        }
    };
    values.iter().map(|v| round(*v)).collect()
}

/// Sums in double precision, with the sizes of their terms.
#[derive(Clone)]
pub struct Sums {
    values: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    pub fn new(len: usize) -> Self {
        Self { values: vec![0.0; len], squares: vec![0.0; len] }
    }

    pub fn add(&mut self, at: usize, term: f64) {
        self.values[at] += term;
        self.squares[at] += term * term;
    }

    /// Fails unless every value is within `tolerance`, relative to the root of the largest sum of squared terms: that
    /// is the size which sums have by chance, also where terms cancel.
    pub fn assert_close(&self, actual: &[f32], tolerance: f64, what: &str) {
        let scale = self.squares.iter().fold(1e-12f64, |m, v| m.max(*v)).sqrt();
        assert_within(actual, &self.values, |_| tolerance * scale, what);
    }
}

/// Fails unless the largest difference is at most `tolerance` times the largest expected magnitude.
pub fn assert_close(actual: &[f32], expected: &[f64], tolerance: f64, what: &str) {
    assert_close_up_to(actual, expected, tolerance, &vec![0.0; expected.len()], what);
}

/// As `assert_close`; each value may differ by its `slack` too.
pub fn assert_close_up_to(actual: &[f32], expected: &[f64], tolerance: f64, slack: &[f64], what: &str) {
    let scale = expected.iter().fold(1e-6f64, |m, v| m.max(v.abs()));
    assert_within(actual, expected, |i| tolerance * scale + slack[i], what);
}

fn assert_within(actual: &[f32], expected: &[f64], distance: impl Fn(usize) -> f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (i, (&a, &e)) in actual.iter().zip(expected).enumerate() {
        let distance = distance(i);
        assert!((f64::from(a) - e).abs() <= distance, "{what}[{i}]: {a} instead of {e} ± {distance}");
    }
}

/// `work` in a pool of its own with `threads` threads.
pub fn with_threads<R: Send>(threads: usize, work: impl FnOnce() -> R + Send) -> R {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads start").install(work)
}
