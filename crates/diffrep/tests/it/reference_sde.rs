//! Forward processes against the research code's (`fixtures/sde_and_samplers.safetensors`, see
//! `shared/reference/README.md`): 16 times, images of 2×3×3, 1,000 steps.
use super::shared::Reference;
use diffrep::sde::{Sde, SubVp, Ve, Vp};
use std::path::Path;

const PIXELS: usize = 18;

fn check(name: &str, sde: Sde) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sde_and_samplers.safetensors");
    let reference = Reference::read(&path);
    let x = reference.values("x");
    for (row, t) in reference.times("t").into_iter().enumerate() {
        // Near 0 the reference, computed in f32 without expm1, lost digits for VP and sub-VP.
        let exact = matches!(sde, Sde::Ve(_)) || t > 0.05;
        let tolerance = if exact { 1e-4 } else { 1.2e-2 };
        let close = |what: &str, found: f64, expected: f32| {
            let expected = f64::from(expected);
            let error = (found - expected).abs();
            assert!(
                error <= tolerance * expected.abs() + 1e-9,
                "{name}.{what} at t = {t}: {found}, {expected}"
            );
        };
        let scalar =
            |what: &str, found: f64| close(what, found, reference.values(&format!("{name}.{what}"))[row]);
        let scaled = |what: &str, factor: f64| {
            let image = row * PIXELS..(row + 1) * PIXELS;
            let expected = &reference.values(&format!("{name}.{what}"))[image.clone()];
            for (x, expected) in x[image].iter().zip(expected) {
                close(what, factor * f64::from(*x), *expected);
            }
        };
        scaled("marginal.mean", sde.marginal(t).mean);
        scalar("marginal.std", sde.marginal(t).std);
        scaled("drift", sde.drift(t));
        scalar("diffusion", sde.diffusion(t));
        scaled("discretize.f", sde.discretise(t, 1000).drift);
        scalar("discretize.g", sde.discretise(t, 1000).noise);
        scalar("prior_logp", sde.prior_log_density(&x[row * PIXELS..(row + 1) * PIXELS]));
    }
}

#[test]
fn variance_exploding_agrees() {
    check("ve", Sde::Ve(Ve::default()));
}

#[test]
fn variance_preserving_agrees() {
    check("vp", Sde::Vp(Vp::default()));
}

#[test]
fn sub_variance_preserving_agrees() {
    check("subvp", Sde::SubVp(SubVp::default()));
}

#[test]
fn the_inverse_of_the_standard_deviation_is_its_inverse() {
    for sde in [Sde::Ve(Ve::default()), Sde::Vp(Vp::default()), Sde::SubVp(SubVp::default())] {
        for t in [sde.t_min(), 0.01, 0.1, 0.3, 0.5] {
            let back = sde.std_inverse(sde.marginal(t).std);
            assert!((back - t).abs() < 1e-9, "{sde:?}: {back} for {t}");
        }
        assert_eq!(sde.std_inverse(1e9_f64.min(sde.prior_std())), 1.0, "{sde:?}");
    }
    let flat = Sde::Vp(Vp { beta_min: 2.0, beta_max: 2.0 });
    assert!((flat.std_inverse(flat.marginal(0.7).std) - 0.7).abs() < 1e-9);
}

#[test]
fn small_times_keep_their_digits() {
    // 1 − exp(−x) computed naively would be 0 or 1% off here; to first order s² = β₀t, and s = β₀t for sub-VP.
    let (t, beta) = (1e-9, 0.1);
    let vp = Sde::Vp(Vp::default()).marginal(t).std;
    let sub_vp = Sde::SubVp(SubVp::default()).marginal(t).std;
    assert!((vp / (beta * t).sqrt() - 1.0).abs() < 1e-6);
    assert!((sub_vp / (beta * t) - 1.0).abs() < 1e-6);
}

#[test]
fn constants_out_of_range_are_named() {
    let message = |sde: Sde| sde.check().unwrap_err().to_string();
    let reversed = Sde::Ve(Ve { sigma_min: 1.0, sigma_max: 0.5 });
    assert_eq!(message(reversed), "sde: sigma_max is 0.5, expected a number above sigma_min");
    let negative = Sde::Vp(Vp { beta_min: -1.0, ..Vp::default() });
    assert_eq!(message(negative), "sde: beta_min is -1, expected a positive number");
    let infinite = Sde::SubVp(SubVp(Vp { beta_max: f64::INFINITY, ..Vp::default() }));
    assert_eq!(message(infinite), "sde: beta_max is inf, expected a number not below beta_min");
}

#[test]
fn processes_survive_toml_and_refuse_unknown_constants() {
    for sde in [Sde::Ve(Ve::default()), Sde::Vp(Vp::default()), Sde::SubVp(SubVp::default())] {
        assert_eq!(toml::from_str::<Sde>(&toml::to_string(&sde).unwrap()).unwrap(), sde);
    }
    assert_eq!(toml::from_str::<Sde>("kind = 've'").unwrap(), Sde::default());
    let error = toml::from_str::<Sde>("kind = 'sub-vp'\nsigma_max = 3.0").unwrap_err().to_string();
    assert!(error.contains("unknown field `sigma_max`"), "{error}");
}
