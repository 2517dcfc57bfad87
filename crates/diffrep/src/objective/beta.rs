//! The Beta distribution's quantile function, by inverting the regularised incomplete beta function.
//!
//! Inversion needs one uniform number a sample, so that keyed sampling stays a pure function of its address.

/// Terms of the continued fraction; it converges within O(√max(a, b)) of them.
const MAX_TERMS: usize = 1_000;
const TINY: f64 = 1e-300;

/// Beta(a, b).
pub(super) struct BetaDistribution {
    a: f64,
    b: f64,
    /// ln B(a, b).
    log_beta: f64,
}

impl BetaDistribution {
    pub(super) fn new(a: f64, b: f64) -> Self {
        Self { a, b, log_beta: log_gamma(a) + log_gamma(b) - log_gamma(a + b) }
    }

    /// The t with P(T ≤ t) = u, by bisection to the last bit but a few.
    pub(super) fn quantile(&self, u: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if self.cumulative(middle) < u { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }

    /// I_x(a, b) (Abramowitz and Stegun, 26.5.8, from the side on which the fraction converges fast).
    fn cumulative(&self, x: f64) -> f64 {
        let front = (self.a * x.ln() + self.b * (-x).ln_1p() - self.log_beta).exp();
        if x < (self.a + 1.0) / (self.a + self.b + 2.0) {
            front * continued_fraction(self.a, self.b, x) / self.a
        } else {
            1.0 - front * continued_fraction(self.b, self.a, 1.0 - x) / self.b
        }
    }
}

/// Lentz's algorithm.
fn continued_fraction(a: f64, b: f64, x: f64) -> f64 {
    let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut value = d;
    for m in 1..=MAX_TERMS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        let mut change = 1.0;
        for coefficient in [even, odd] {
            d = 1.0 / away_from_zero(1.0 + coefficient * d);
            c = away_from_zero(1.0 + coefficient / c);
            change = c * d;
            value *= change;
        }
        if (change - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

/// ln Γ(x), x > 0 (Lanczos' approximation, g = 7, n = 9; relative error below 1e-14).
fn log_gamma(x: f64) -> f64 {
    const G: f64 = 7.0;
    const COEFFICIENTS: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    // Γ(x) = Γ(x + 1)/x keeps the approximation where it is accurate.
    let sum = COEFFICIENTS[1..]
        .iter()
        .enumerate()
        .fold(COEFFICIENTS[0], |sum, (i, c)| sum + c / (x + 1.0 + i as f64));
    let t = x + G + 0.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + (sum / x).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_gamma_gives_factorials_and_root_pi() {
        assert!((log_gamma(6.0) - 120f64.ln()).abs() < 1e-12);
        assert!((log_gamma(0.5) - 0.5 * std::f64::consts::PI.ln()).abs() < 1e-12);
    }

    #[test]
    fn quantiles_of_known_distributions_come_out() {
        // Beta(1, 1) is uniform, Beta(a, 1) has P(T ≤ t) = t^a, Beta(½, ½) is the arcsine distribution.
        for u in [0.001, 0.2, 0.5, 0.93, 0.9999] {
            assert!((BetaDistribution::new(1.0, 1.0).quantile(u) - u).abs() < 1e-12);
            assert!((BetaDistribution::new(3.0, 1.0).quantile(u) - u.cbrt()).abs() < 1e-12);
            let arcsine = (std::f64::consts::FRAC_PI_2 * u).sin().powi(2);
            assert!((BetaDistribution::new(0.5, 0.5).quantile(u) - arcsine).abs() < 1e-12, "{u}");
        }
    }

    #[test]
    fn extreme_shapes_stay_in_the_unit_interval_and_rise() {
        for (a, b) in [(0.01, 0.01), (0.01, 1000.0), (1000.0, 0.01), (1000.0, 1000.0)] {
            let distribution = BetaDistribution::new(a, b);
            let quantiles: Vec<f64> = (0..50).map(|i| distribution.quantile(i as f64 / 50.0)).collect();
            assert!(quantiles.iter().all(|t| (0.0..=1.0).contains(t)), "Beta({a}, {b}): {quantiles:?}");
            assert!(quantiles.is_sorted(), "Beta({a}, {b}): {quantiles:?}");
        }
    }
}
