use super::{exp, sigmoid, vectorised};

vectorised! {
    fn map_exp(s, x: &[f32], y: &mut [f32]) {
        assert_eq!(x.len(), y.len());
        for at in (0..x.len()).step_by(S::LANES) {
            let count = (x.len() - at).min(S::LANES);
            // SAFETY: both slices hold `count` numbers from `at` on.
            unsafe { s.store_part(y.as_mut_ptr().add(at), exp(s, s.load_part(x.as_ptr().add(at), count)), count) };
        }
    }
}

vectorised! {
    fn map_sigmoid(s, x: &[f32], y: &mut [f32]) {
        assert_eq!(x.len(), y.len());
        for at in (0..x.len()).step_by(S::LANES) {
            let count = (x.len() - at).min(S::LANES);
            // SAFETY: both slices hold `count` numbers from `at` on.
            unsafe { s.store_part(y.as_mut_ptr().add(at), sigmoid(s, s.load_part(x.as_ptr().add(at), count)), count) };
        }
    }
}

/// All tests of this program again, once for each instruction set that the processor has.
#[test]
#[cfg_attr(miri, ignore = "starts processes")]
fn every_instruction_set_passes_the_same_tests() {
    if std::env::var("DIFFREP_SIMD").is_ok() {
        return;
    }
    let program = std::env::current_exe().expect("a test runs from a file");
    for set in crate::InstructionSet::available() {
        let mut again = std::process::Command::new(&program);
        let output = again.env("DIFFREP_SIMD", set.name()).output().expect("the test program starts");
        assert!(output.status.success(), "{}: {}", set.name(), String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn the_exponential_is_within_three_in_ten_million() {
    let steps = if cfg!(miri) { 200 } else { 200_000 };
    let x: Vec<f32> = (0..=steps).map(|i| -87.0 + i as f32 * (175.0 / steps as f32)).collect();
    let mut y = vec![0.0; x.len()];
    map_exp(&x, &mut y);
    for (x, y) in x.iter().zip(&y) {
        let want = f64::from(*x).exp();
        assert!((f64::from(*y) - want).abs() <= 3e-7 * want, "{x}: {y} {want}");
    }
}

#[test]
fn extreme_arguments_stay_finite_and_nan_stays_nan() {
    let x = [f32::NEG_INFINITY, -1e30, 1e30, f32::INFINITY, f32::NAN];
    let mut y = [0.0; 5];
    map_exp(&x, &mut y);
    assert!(y[..4].iter().all(|y| y.is_finite() && *y >= 0.0) && y[4].is_nan(), "{y:?}");
    map_sigmoid(&x, &mut y);
    assert!(y[0].abs() < 1e-30 && y[3] == 1.0 && y[4].is_nan(), "{y:?}");
}
