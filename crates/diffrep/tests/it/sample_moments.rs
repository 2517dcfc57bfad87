//! Every sampler recovers the data's mean and covariance, given their exact score: within three standard errors of
//! 10,000 samples, with a fixed seed.
use super::analytic::{Mixture, assert_moments, sdes};
use diffrep::random::{Purpose, Seed};
use diffrep::sample::{
    Algorithm, Corrector, CorrectorKind, NoiseRows, Predictor, Prior, Sampler, ScoreFunction,
};
use diffrep::sde::{Marginal, Sde};

const SAMPLES: usize = 10_000;

fn check(what: &str, data: &Mixture, algorithm: Algorithm) {
    let sampler = Sampler { algorithm, ..Sampler::default() };
    let noise = NoiseRows::distinct(Seed(1), SAMPLES / data.copies);
    let sampled = sampler.sample(&data.sde, data, &noise, &|_| ()).unwrap();
    if let Some(expected) = sampler.evaluations(&data.sde) {
        assert_eq!(sampled.evaluations, expected, "{what}");
    }
    assert_moments(what, data, &sampled.x);
}

/// On Gaussian and on two-mode data, `copies` points an image, of every process.
fn check_all(copies: usize, algorithm: Algorithm) {
    for (name, sde) in sdes() {
        for (kind, data) in [("Gaussian", Mixture::gaussian(sde)), ("two modes", Mixture::two_modes(sde))] {
            check(&format!("{name}, {kind}"), &Mixture { copies, ..data }, algorithm);
        }
    }
}

fn predictor(predictor: Predictor, steps: usize) -> Algorithm {
    Algorithm::PredictorCorrector { predictor, corrector: None, steps }
}

#[test]
fn euler_and_maruyama_recover_the_moments() {
    check_all(4, predictor(Predictor::EulerMaruyama, 500));
}

#[test]
fn reverse_diffusion_recovers_the_moments() {
    check_all(4, predictor(Predictor::ReverseDiffusion, 500));
}

#[test]
fn ancestral_sampling_recovers_the_moments() {
    check_all(4, predictor(Predictor::Ancestral, 500));
}

#[test]
fn the_discretised_flow_recovers_the_moments() {
    // Without noise its errors, of first order, add up.
    check_all(1, predictor(Predictor::ProbabilityFlow, 2000));
}

#[test]
fn heuns_method_recovers_the_moments() {
    check_all(1, Algorithm::Heun { steps: 40 });
}

#[test]
fn the_adaptive_flow_recovers_the_moments() {
    check_all(1, Algorithm::Ode { tolerance: 1e-4 });
}

#[test]
fn langevin_correctors_keep_the_moments() {
    // Step sizes by the norms of images need images of many numbers: they inflate the variance by (D + 2)/(D − 2).
    let corrector = Some(Corrector { kind: CorrectorKind::Langevin, snr: 0.1, steps: 1 });
    check_all(1000, Algorithm::PredictorCorrector { predictor: Predictor::Ancestral, corrector, steps: 300 });
}

#[test]
fn annealed_langevin_correctors_keep_the_moments() {
    let corrector = Some(Corrector { kind: CorrectorKind::AnnealedLangevin, snr: 0.1, steps: 1 });
    check_all(4, Algorithm::PredictorCorrector { predictor: Predictor::Ancestral, corrector, steps: 300 });
}

#[test]
fn correctors_bring_samples_of_another_distribution_to_the_right_one() {
    let (_, sde) = sdes()[1];
    let data = Mixture { copies: 1000, ..Mixture::standard(sde) };
    // At this start all points should be standard normal; they are twice as far out.
    let start = [2.0f32, -2.0].repeat(2000);
    let second_moment = |x: &[f32]| x.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>() / x.len() as f64;
    for kind in [CorrectorKind::Langevin, CorrectorKind::AnnealedLangevin] {
        let run = |corrector| {
            let algorithm = Algorithm::PredictorCorrector {
                predictor: Predictor::ProbabilityFlow,
                corrector,
                steps: 100,
            };
            let sampler = Sampler { algorithm, t_start: 0.3, ..Sampler::default() };
            let noise = NoiseRows::distinct(Seed(2), 2);
            let sampled = sampler.sample_from(start.clone(), &sde, &data, &noise, &|_| ()).unwrap();
            (second_moment(&sampled.x) - 1.0).abs()
        };
        let (with, without) = (run(Some(Corrector { kind, snr: 0.16, steps: 10 })), run(None));
        assert!(without > 2.0 && with < 0.1, "{kind:?}: {with} with, {without} without");
    }
}

#[test]
fn a_later_start_takes_its_share_of_the_steps_and_goes_on_from_there() {
    for (name, sde) in sdes() {
        let data = Mixture::standard(sde);
        let algorithm = predictor(Predictor::Ancestral, 500);
        let sampler = Sampler { algorithm, t_start: 0.5, ..Sampler::default() };
        let evaluations = sampler.evaluations(&sde).unwrap();
        assert!((248..=252).contains(&evaluations), "{name}: {evaluations}");
        // Standard normal data at that time are normal too, with this standard deviation.
        let Marginal { mean, std } = sde.marginal(0.5);
        let mut start = vec![0.0; 2 * SAMPLES];
        Seed(3).key(Purpose::Monitor, 0, 0).fill_normal(0, &mut start);
        start.iter_mut().for_each(|x| *x *= mean.hypot(std) as f32);
        let noise = NoiseRows::distinct(Seed(3), SAMPLES);
        let sampled = sampler.sample_from(start, &sde, &data, &noise, &|_| ()).unwrap();
        assert_moments(name, &data, &sampled.x);
    }
}

#[test]
fn samples_depend_on_seed_and_row_but_not_on_the_batch() {
    let data = Mixture::two_modes(Sde::default());
    let corrector = Some(Corrector { kind: CorrectorKind::Langevin, snr: 0.05, steps: 2 });
    let algorithm =
        Algorithm::PredictorCorrector { predictor: Predictor::EulerMaruyama, corrector, steps: 50 };
    let sampler = Sampler { algorithm, ..Sampler::default() };
    let run = |seed, rows: Vec<u32>| {
        sampler.sample(&data.sde, &data, &NoiseRows { seed: Seed(seed), rows }, &|_| ()).unwrap().x
    };
    let all = run(0, vec![0, 1, 2]);
    assert_eq!(run(0, vec![1, 2]), all[2..]);
    assert_eq!(run(0, vec![2, 2]), [&all[4..], &all[4..]].concat());
    assert_ne!(run(1, vec![0, 1, 2]), all);
}

#[test]
fn the_uniform_prior_stays_within_its_limits_but_for_the_noise() {
    let data = Mixture::gaussian(Sde::default());
    let prior = Prior::Uniform(vec![(-1.0, 0.0), (2.0, 3.0)]);
    let algorithm = Algorithm::Heun { steps: 2 };
    // At the smallest noise, without denoising, a step of the flow hardly moves what it starts from.
    let sampler = Sampler { algorithm, t_start: 2e-5, prior, denoise: false };
    let noise = NoiseRows::distinct(Seed(0), 200);
    let x = sampler.sample(&data.sde, &data, &noise, &|_| ()).unwrap().x;
    for row in x.chunks(2) {
        assert!((-1.1..=0.1).contains(&row[0]) && (1.9..=3.1).contains(&row[1]), "{row:?}");
    }
    let spread = x.iter().step_by(2).fold((0f32, -1f32), |(low, high), &v| (low.min(v), high.max(v)));
    assert!(spread.0 < -0.9 && spread.1 > -0.1, "{spread:?}");
}

#[test]
fn arguments_out_of_range_are_named() {
    let sde = Sde::default();
    let message = |sampler: Sampler| sampler.check(&sde).unwrap_err().to_string();
    let with = |algorithm| Sampler { algorithm, ..Sampler::default() };
    assert_eq!(
        message(Sampler { t_start: 0.0, ..Sampler::default() }),
        "--t-start is 0, expected a number above 0.00001 and at most 1"
    );
    assert_eq!(message(with(Algorithm::Heun { steps: 1 })), "--steps is 1, expected 2 to 100000");
    let tolerance = Algorithm::Ode { tolerance: f64::NAN };
    assert_eq!(message(with(tolerance)), "--tolerance is NaN, expected a number above 0 and below 1");
    let corrector = Some(Corrector { kind: CorrectorKind::Langevin, snr: 0.0, steps: 1 });
    let predictor = Predictor::EulerMaruyama;
    let silent = Algorithm::PredictorCorrector { predictor, corrector, steps: 10 };
    assert_eq!(message(with(silent)), "--snr is 0, expected a number above 0 and at most 1");
}

/// A score that is no number.
struct Broken;

impl ScoreFunction for Broken {
    fn dim(&self) -> usize {
        2
    }

    fn score(&self, x: &[f32], _: f64) -> Vec<f32> {
        vec![f32::NAN; x.len()]
    }
}

#[test]
fn a_score_that_is_no_number_is_an_error() {
    let noise = NoiseRows::distinct(Seed(0), 2);
    for algorithm in [
        Algorithm::Heun { steps: 4 },
        Algorithm::Ode { tolerance: 1e-3 },
        predictor(Predictor::EulerMaruyama, 10),
    ] {
        let sampler = Sampler { algorithm, ..Sampler::default() };
        let error = sampler.sample(&Sde::default(), &Broken, &noise, &|_| ()).unwrap_err().to_string();
        assert!(error.contains("not finite"), "{error}");
    }
}
