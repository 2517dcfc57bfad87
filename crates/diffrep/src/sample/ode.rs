//! Ordinary differential equations with an adaptive step: the pair of Dormand and Prince, orders 5 and 4 (Hairer, Nørsett
//! and Wanner, "Solving ordinary differential equations I", II.4 and II.5).
use super::SampleError;

const C: [f64; 6] = [0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0];
const A: [&[f64]; 6] = [
    &[0.2],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0],
    &[9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0],
    // The weights of the fifth-order solution: the last slope of a step is the first one of the next.
    &[35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0],
];
/// Fifth-order less fourth-order weights.
const ERROR: [f64; 7] =
    [71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339_200.0, 22.0 / 525.0, -1.0 / 40.0];
/// Part of the interval that is tried first.
const FIRST: f64 = 0.01;
/// Evaluations after which nobody waits any longer.
const MOST: usize = 20_000;

/// Integrates `dy/dt = slope(t, y)` from `from` to `to` (either may be the larger): the end, and the evaluations.
///
/// `y` is rows of `width` numbers; a step is accepted if the estimated error of every row, divided by
/// `tolerance·(1 + |y|)`, has a root mean square of at most 1.
///
/// # Errors
/// A slope that isn't finite, steps that become too many.
pub(super) fn integrate(
    mut slope: impl FnMut(f64, &[f64]) -> Vec<f64>,
    mut y: Vec<f64>,
    (from, to): (f64, f64),
    width: usize,
    tolerance: f64,
) -> Result<(Vec<f64>, usize), SampleError> {
    let length = to - from;
    let (mut t, mut step) = (from, FIRST * length);
    let mut slopes = vec![slope(t, &y)];
    let mut evaluations = 1;
    while (to - t) * length.signum() > 1e-12 * length.abs() {
        if evaluations > MOST || step.abs() < 1e-12 * length.abs() {
            return Err(SampleError::Stuck { t, evaluations });
        }
        if step.abs() > (to - t).abs() {
            step = to - t;
        }
        slopes.truncate(1);
        let mut next = Vec::new();
        for (weights, c) in A.iter().zip(C) {
            next = combine(&y, step, weights, &slopes);
            slopes.push(slope(t + c * step, &next));
        }
        evaluations += A.len();
        let error = combine(&vec![0.0; y.len()], step, &ERROR, &slopes);
        let error = largest_error(&error, &y, &next, width, tolerance);
        if !slopes[0].iter().all(|v| v.is_finite()) {
            return Err(SampleError::NotFinite { what: "the slope is", t });
        }
        if error <= 1.0 {
            t += step;
            y = next;
            slopes.swap_remove(0);
        }
        // A step into the infinite is one that was too long.
        let error = if error.is_finite() { error.max(1e-10) } else { f64::MAX };
        step *= (0.9 * error.powf(-0.2)).clamp(0.2, 5.0);
    }
    Ok((y, evaluations))
}

/// `y + step·Σ weight·slope`.
fn combine(y: &[f64], step: f64, weights: &[f64], slopes: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = y.to_vec();
    for (weight, slope) in weights.iter().zip(slopes).filter(|(weight, _)| **weight != 0.0) {
        sum.iter_mut().zip(slope).for_each(|(sum, slope)| *sum += step * weight * slope);
    }
    sum
}

fn largest_error(error: &[f64], before: &[f64], after: &[f64], width: usize, tolerance: f64) -> f64 {
    let scaled = |i: usize| error[i] / (tolerance * (1.0 + before[i].abs().max(after[i].abs())));
    let row = |row: usize| {
        let squares: f64 = (row * width..(row + 1) * width).map(|i| scaled(i).powi(2)).sum();
        (squares / width as f64).sqrt()
    };
    // Not `f64::max`, which would lose a NaN.
    (0..error.len() / width).map(row).fold(
        0.0,
        |worst: f64, row| {
            if row <= worst || worst.is_nan() { worst } else { row }
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_harmonic_oscillator_comes_back_either_way() {
        let turn = |_: f64, y: &[f64]| vec![y[1], -y[0]];
        for ends in [(0.0, std::f64::consts::TAU), (std::f64::consts::TAU, 0.0)] {
            let (y, evaluations) = integrate(turn, vec![1.0, 0.0], ends, 2, 1e-8).unwrap();
            assert!((y[0] - 1.0).abs() < 1e-6 && y[1].abs() < 1e-6, "{y:?}");
            assert!(evaluations < 400, "{evaluations}");
        }
    }

    #[test]
    fn a_smaller_tolerance_takes_more_evaluations_and_errs_less() {
        let grow = |t: f64, y: &[f64]| vec![2.0 * t * y[0]];
        let run = |tolerance| {
            let (y, evaluations) = integrate(grow, vec![1.0], (0.0, 1.0), 1, tolerance).unwrap();
            ((y[0] - 1f64.exp()).abs(), evaluations)
        };
        let (coarse, fine) = (run(1e-3), run(1e-9));
        assert!(fine.0 < 1e-8 && fine.0 < coarse.0, "{coarse:?} {fine:?}");
        assert!(fine.1 > coarse.1);
    }

    #[test]
    fn the_worst_row_decides() {
        // The second row oscillates fast; alone the first would take large steps.
        let slope = |_: f64, y: &[f64]| vec![-y[0], 0.0, 100.0 * y[3], -100.0 * y[2]];
        let (y, _) = integrate(slope, vec![1.0, 0.0, 1.0, 0.0], (0.0, 1.0), 2, 1e-7).unwrap();
        assert!((y[2] - 100f64.cos()).abs() < 1e-4, "{y:?}");
    }

    #[test]
    fn what_blows_up_is_an_error() {
        let blow_up = |_: f64, y: &[f64]| vec![y[0] * y[0]];
        assert!(integrate(blow_up, vec![1.0], (0.0, 2.0), 1, 1e-6).is_err());
        assert!(integrate(|_, _| vec![f64::NAN], vec![1.0], (0.0, 1.0), 1, 1e-6).is_err());
    }
}
