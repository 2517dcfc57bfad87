//! Steps of predictors and correctors against the research code's (`fixtures/sde_and_samplers.safetensors`, see
//! `shared/reference/README.md`): 16 times, images of 2×3×3, 1,000 steps, the analytic score of N(0, 1) data.
use super::analytic::sdes;
use super::shared::Reference;
use diffrep::sample::{Predictor, ReverseStep, alpha, langevin_step, langevin_step_size};
use diffrep::sde::Sde;
use std::path::Path;

const PIXELS: usize = 18;
const STEPS: usize = 1000;
const SNR: f64 = 0.16;

fn reference() -> Reference {
    Reference::read(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/sde_and_samplers.safetensors"),
    )
}

fn score(sde: &Sde, x: &[f32], t: f64) -> Vec<f32> {
    let marginal = sde.marginal(t);
    let variance = marginal.mean.powi(2) + marginal.std.powi(2);
    x.iter().map(|&x| (-f64::from(x) / variance) as f32).collect()
}

fn assert_near(what: &str, found: &[f64], expected: &[f32]) {
    for (found, &expected) in found.iter().zip(expected) {
        let error = (found - f64::from(expected)).abs();
        assert!(error <= 1e-4 * f64::from(expected).abs() + 1e-5, "{what}: {found}, {expected}");
    }
}

/// All images one step back.
fn check(name: &str, sde: &Sde, predictor: Predictor, stored: &str) {
    let reference = reference();
    let (x, noise) = (reference.values("x"), reference.values(&format!("{name}.{stored}.noise")));
    for (row, t) in reference.times("t").into_iter().enumerate() {
        let ReverseStep { keep, pull, noise: spread } = predictor.step(sde, t, STEPS);
        let image = row * PIXELS..(row + 1) * PIXELS;
        let x = &x[image.clone()];
        let mean: Vec<f64> = x
            .iter()
            .zip(score(sde, x, t))
            .map(|(x, score)| keep * f64::from(*x) + pull * f64::from(score))
            .collect();
        let noisy: Vec<f64> =
            mean.iter().zip(&noise[image.clone()]).map(|(mean, z)| mean + spread * f64::from(*z)).collect();
        let what = format!("{name}.{stored} at t = {t}");
        assert_near(&what, &mean, &reference.values(&format!("{name}.{stored}.x_mean"))[image.clone()]);
        assert_near(&what, &noisy, &reference.values(&format!("{name}.{stored}.x"))[image]);
    }
}

#[test]
fn predictor_steps_agree() {
    for (kind, sde) in sdes() {
        let name = kind.replace('-', "");
        check(&name, &sde, Predictor::EulerMaruyama, "euler_maruyama");
        check(&name, &sde, Predictor::ReverseDiffusion, "reverse_diffusion");
        check(&name, &sde, Predictor::ProbabilityFlow, "reverse_diffusion.probability_flow");
    }
    check("ve", &sdes()[0].1, Predictor::Ancestral, "ancestral_sampling");
}

#[test]
fn langevin_steps_agree() {
    let reference = reference();
    for (name, sde) in &sdes()[..2] {
        let mut x = reference.values("x").to_vec();
        let times = reference.times("t");
        let mut before_noise = Vec::new();
        for step in ["noise0", "noise1"] {
            let noise = reference.values(&format!("{name}.langevin.{step}"));
            let scores: Vec<f32> =
                x.chunks(PIXELS).zip(&times).flat_map(|(x, &t)| score(sde, x, t)).collect();
            // The research code's step size is that of the mean norms of a batch; ours is each image's own.
            let mean_norm = |values: &[f32]| {
                let norms =
                    values.chunks(PIXELS).map(|row| row.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>());
                norms.map(f64::sqrt).sum::<f64>() / times.len() as f64
            };
            let (noise_norm, score_norm) = (mean_norm(noise), mean_norm(&scores));
            before_noise.clear();
            for (row, &t) in times.iter().enumerate() {
                let image = row * PIXELS..(row + 1) * PIXELS;
                let size = langevin_step_size(SNR, noise_norm, score_norm, alpha(sde, t, STEPS));
                let mut mean = x[image.clone()].to_vec();
                langevin_step(&mut mean, &scores[image.clone()], &[0.0; PIXELS], size);
                before_noise.extend(mean);
                langevin_step(&mut x[image.clone()], &scores[image.clone()], &noise[image], size);
            }
        }
        let wide = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
        assert_near(name, &wide(&x), reference.values(&format!("{name}.langevin.x")));
        assert_near(name, &wide(&before_noise), reference.values(&format!("{name}.langevin.x_mean")));
    }
}
