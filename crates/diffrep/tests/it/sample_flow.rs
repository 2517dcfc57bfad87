//! The probability flow with exact scores: order of the second-order sampler, likelihoods.
use super::analytic::{Mixture, sdes};
use diffrep::random::Seed;
use diffrep::sample::{Algorithm, NoiseRows, Sampler, Trace, bits_per_dimension, log_likelihood};
use diffrep::sde::Sde;

/// Largest difference of two sets of images.
fn distance(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, f64::max)
}

fn run(data: &Mixture, algorithm: Algorithm) -> Vec<f32> {
    let sampler = Sampler { algorithm, denoise: false, ..Sampler::default() };
    sampler.sample(&data.sde, data, &NoiseRows::distinct(Seed(7), 50), &|_| ()).unwrap().x
}

#[test]
fn twice_the_steps_of_heuns_method_err_a_quarter() {
    for (name, sde) in sdes() {
        for data in [Mixture::gaussian(sde), Mixture::two_modes(sde)] {
            let exact = run(&data, Algorithm::Heun { steps: 1025 });
            let error = |steps| distance(&run(&data, Algorithm::Heun { steps }), &exact);
            let (coarse, fine) = (error(33), error(65));
            let order = (coarse / fine).log2();
            assert!((1.7..=2.5).contains(&order), "{name}: order {order}, errors {coarse:e} and {fine:e}");
        }
    }
}

#[test]
fn heuns_method_and_the_adaptive_flow_agree() {
    for (name, sde) in sdes() {
        let data = Mixture::two_modes(sde);
        let fine = run(&data, Algorithm::Heun { steps: 513 });
        let adaptive = run(&data, Algorithm::Ode { tolerance: 1e-6 });
        assert!(distance(&fine, &adaptive) < 2e-3, "{name}: {}", distance(&fine, &adaptive));
    }
}

#[test]
fn the_adaptive_flow_of_a_gaussian_is_the_exact_one() {
    // In x̂ = x/m each principal coordinate y moves as centre + (y₁ − centre)·√((c + r²)/(c + r₁²)).
    let sde = Sde::default();
    let data = Mixture { angle: 0.0, ..Mixture::gaussian(sde) };
    let start = vec![30.0f32, -20.0, 5.0, 60.0];
    let sampler =
        Sampler { algorithm: Algorithm::Ode { tolerance: 1e-6 }, denoise: false, ..Sampler::default() };
    let noise = NoiseRows::distinct(Seed(0), 2);
    let found = sampler.sample_from(start.clone(), &sde, &data, &noise, &|_| ()).unwrap().x;
    for (i, (start, found)) in start.iter().zip(found).enumerate() {
        let (centre, variance) = (data.modes[0].1[i % 2], data.variances[i % 2]);
        let (end, begin) = (sde.marginal(sde.t_min()).std.powi(2), sde.marginal(1.0).std.powi(2));
        let expected = centre + (f64::from(*start) - centre) * ((variance + end) / (variance + begin)).sqrt();
        assert!((f64::from(found) - expected).abs() < 1e-4, "{found}, exactly {expected}");
    }
}

/// Bits a dimension by the flow and exactly, of points where the data lie.
fn check_likelihood(data: &Mixture, trace: Trace) {
    let noise = NoiseRows::distinct(Seed(1), 20);
    let x = Sampler::default().sample(&data.sde, data, &noise, &|_| ()).unwrap().x;
    let found = log_likelihood(&data.sde, data, &x, trace, 1e-5, &noise, &|_| ()).unwrap();
    for (x, found) in x.chunks(2).zip(found.log_density) {
        let (found, exact) =
            (bits_per_dimension(found, 2, &[0.25]), bits_per_dimension(data.log_density(x), 2, &[0.25]));
        assert!((found - exact).abs() < 1e-2, "{:?}: {found} bits a dimension, exactly {exact}", data.sde);
    }
}

#[test]
fn the_likelihood_of_gaussian_data_is_the_exact_one() {
    for (_, sde) in sdes() {
        // Centred nearly as standardised images are: the prior of VE, N(0, 50²), doesn't know of a mean.
        let data = Mixture { modes: vec![(1.0, [0.1, -0.05])], ..Mixture::gaussian(sde) };
        check_likelihood(&data, Trace::Exact);
        // With independent coordinates the Jacobian is diagonal, and random signs give its trace without error.
        let independent = Mixture { angle: 0.0, ..data };
        check_likelihood(&independent, Trace::Hutchinson { probes: 1 });
    }
}

#[test]
fn the_likelihood_of_two_modes_is_the_exact_one() {
    for (_, sde) in sdes() {
        check_likelihood(&Mixture::two_modes(sde), Trace::Exact);
    }
}

#[test]
fn hutchinsons_estimate_is_right_on_average() {
    let data = Mixture::two_modes(Sde::default());
    let x = [0.9f32, -0.4].repeat(400);
    let noise = NoiseRows::distinct(Seed(3), 400);
    let found = log_likelihood(&data.sde, &data, &x, Trace::Hutchinson { probes: 1 }, 1e-3, &noise, &|_| ());
    let values = found.unwrap().log_density;
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / values.len() as f64;
    let error = (variance / values.len() as f64).sqrt();
    let exact = data.log_density(&x[..2]);
    assert!(variance > 0.0 && (mean - exact).abs() < 3.0 * error + 1e-3, "{mean} ± {error}, exactly {exact}");
}

#[test]
fn bits_per_dimension_are_those_of_a_uniform_density() {
    // Uniform over pixels [0, 1], which are standardised by 0.25 and 0.5: density 0.25 · 0.5 a pixel of two channels.
    let log_density = (0.25f64 * 0.5).ln();
    assert!((bits_per_dimension(log_density, 2, &[0.25, 0.5]) - 8.0).abs() < 1e-12);
}

#[test]
fn no_probes_and_no_tolerance_are_refused() {
    let data = Mixture::gaussian(Sde::default());
    let noise = NoiseRows::distinct(Seed(0), 1);
    let message = |trace, tolerance| {
        log_likelihood(&data.sde, &data, &[0.0, 0.0], trace, tolerance, &noise, &|_| ())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(message(Trace::Hutchinson { probes: 0 }, 1e-3), "--probes is 0, expected at least 1");
    assert_eq!(message(Trace::Exact, 0.0), "--tolerance is 0, expected a number above 0 and below 1");
}
