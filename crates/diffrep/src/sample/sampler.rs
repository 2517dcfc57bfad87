//! From noise to images: which algorithm, from where, how many steps.
use super::SampleError;
use super::corrector::Corrector;
use super::noise::{NoiseRows, Stream};
use super::predictor::Predictor;
use super::prior::Prior;
use super::score::{Counted, ScoreFunction};
use super::{heun, ode};
use crate::sde::Sde;
use rayon::prelude::*;

/// How time is run backwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Algorithm {
    /// The probability flow by the method of Heun, second order, with the time steps of Karras et al. (2022).
    Heun {
        /// Noise levels, at least 2; two evaluations a level but for the last.
        steps: usize,
    },
    /// The probability flow by an adaptive Runge–Kutta method of order 5.
    Ode {
        /// Relative and absolute error allowed a step, in standardised pixels.
        tolerance: f64,
    },
    /// The reverse-time SDE by a predictor, and a corrector before each of its steps if there is one.
    PredictorCorrector {
        /// The predictor.
        predictor: Predictor,
        /// The corrector.
        corrector: Option<Corrector>,
        /// Steps from t = 1 to ε, at least 2; a later start takes its share of them.
        steps: usize,
    },
}

/// A sampler: everything but the score and the random numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    /// How.
    pub algorithm: Algorithm,
    /// Time from which to go back, in (ε, 1].
    pub t_start: f64,
    /// What to start from there.
    pub prior: Prior,
    /// Whether the last step takes away what noise is left at ε: `x ← (x + s² score)/m`, the expected image.
    pub denoise: bool,
}

/// Levels of the default sampler: 39 evaluations.
pub const HEUN_STEPS: usize = 20;

impl Default for Sampler {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::Heun { steps: HEUN_STEPS },
            t_start: 1.0,
            prior: Prior::Gaussian,
            denoise: true,
        }
    }
}

/// What a sampler made.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampled {
    /// Images `[N, D]` in the score's units.
    pub x: Vec<f32>,
    /// How often the score of the batch was evaluated.
    pub evaluations: usize,
}

impl Sampler {
    /// Checks numbers against their ranges.
    ///
    /// # Errors
    /// Names the argument, its value and its range.
    pub fn check(&self, sde: &Sde) -> Result<(), SampleError> {
        let epsilon = sde.t_min();
        if !(self.t_start > epsilon && self.t_start <= 1.0) {
            let expected = format!("a number above {epsilon} and at most 1");
            return Err(SampleError::argument("--t-start", self.t_start, expected));
        }
        let steps = match self.algorithm {
            Algorithm::Heun { steps } | Algorithm::PredictorCorrector { steps, .. } => steps,
            Algorithm::Ode { tolerance } if tolerance > 0.0 && tolerance < 1.0 => return Ok(()),
            Algorithm::Ode { tolerance } => {
                return Err(SampleError::argument("--tolerance", tolerance, "a number above 0 and below 1"));
            }
        };
        if !(2..=100_000).contains(&steps) {
            return Err(SampleError::argument("--steps", steps, "2 to 100000"));
        }
        match self.algorithm {
            Algorithm::PredictorCorrector { corrector: Some(corrector), .. }
                if !(corrector.snr > 0.0 && corrector.snr <= 1.0) =>
            {
                Err(SampleError::argument("--snr", corrector.snr, "a number above 0 and at most 1"))
            }
            _ => Ok(()),
        }
    }

    /// Evaluations of the score that one batch will take; `None` where the step is adaptive.
    pub fn evaluations(&self, sde: &Sde) -> Option<usize> {
        let last = usize::from(self.denoise);
        match self.algorithm {
            Algorithm::Heun { steps } => Some(2 * (steps - 1) + last),
            Algorithm::Ode { .. } => None,
            Algorithm::PredictorCorrector { corrector, steps, .. } => {
                let each = 1 + corrector.map_or(0, |corrector| corrector.steps);
                Some(each * self.times(sde, steps).len() + last)
            }
        }
    }

    /// Samples an image for each row of `noise`. `progress` is told the number of evaluations after each.
    ///
    /// # Errors
    /// As [`Sampler::check`]; numbers that aren't finite; an adaptive step that vanishes.
    pub fn sample(
        &self,
        sde: &Sde,
        score: &dyn ScoreFunction,
        noise: &NoiseRows,
        progress: &dyn Fn(usize),
    ) -> Result<Sampled, SampleError> {
        self.check(sde)?;
        let x = self.prior.draw(sde, self.t_start, score.dim(), noise);
        self.sample_from(x, sde, score, noise, progress)
    }

    /// The same, starting from images `x` `[N, D]` at [`Sampler::t_start`] instead of the prior.
    ///
    /// # Errors
    /// As [`Sampler::sample`].
    pub fn sample_from(
        &self,
        mut x: Vec<f32>,
        sde: &Sde,
        score: &dyn ScoreFunction,
        noise: &NoiseRows,
        progress: &dyn Fn(usize),
    ) -> Result<Sampled, SampleError> {
        self.check(sde)?;
        let score = Counted::new(score, progress);
        let epsilon = sde.t_min();
        x = match self.algorithm {
            Algorithm::Heun { steps } => {
                heun::follow(sde, &score, x, &heun::ratios(sde, self.t_start, epsilon, steps))
            }
            Algorithm::Ode { tolerance } => follow(sde, &score, x, (self.t_start, epsilon), tolerance)?,
            Algorithm::PredictorCorrector { predictor, corrector, steps } => {
                for (number, t) in self.times(sde, steps).into_iter().enumerate() {
                    if let Some(corrector) = corrector {
                        corrector.correct(&mut x, (&score, sde), t, steps, noise, number);
                    }
                    step_back(&mut x, predictor, (&score, sde), t, steps, noise, number);
                }
                x
            }
        };
        if self.denoise {
            x = denoise(sde, &score, x, epsilon);
        }
        if !x.iter().all(|v| v.is_finite()) {
            return Err(SampleError::NotFinite { what: "an image is", t: epsilon });
        }
        Ok(Sampled { x, evaluations: score.count() })
    }

    /// Times at which a predictor steps: of `steps` evenly spaced ones from 1 to ε, those up to the start, without ε.
    fn times(&self, sde: &Sde, steps: usize) -> Vec<f64> {
        let (epsilon, last) = (sde.t_min(), (steps - 1) as f64);
        let time = |i: usize| 1.0 + i as f64 / last * (epsilon - 1.0);
        // The first step is that of the time nearest to the start.
        (0..steps - 1).map(time).filter(|&t| t <= self.t_start + 0.5 / last).collect()
    }
}

/// Follows the probability flow of images `x` `[N, D]` from one time to another, in either direction.
pub(super) fn follow(
    sde: &Sde,
    score: &dyn ScoreFunction,
    x: Vec<f32>,
    ends: (f64, f64),
    tolerance: f64,
) -> Result<Vec<f32>, SampleError> {
    let slope = |t: f64, y: &[f64]| {
        let x: Vec<f32> = y.iter().map(|&y| y as f32).collect();
        let (drift, half) = (sde.drift(t), 0.5 * sde.diffusion(t).powi(2));
        let score = score.score(&x, t);
        y.iter().zip(score).map(|(y, score)| drift * y - half * f64::from(score)).collect()
    };
    let start = x.into_iter().map(f64::from).collect();
    let (end, _) = ode::integrate(slope, start, ends, score.dim(), tolerance)?;
    Ok(end.into_iter().map(|v| v as f32).collect())
}

fn step_back(
    x: &mut [f32],
    predictor: Predictor,
    (score, sde): (&dyn ScoreFunction, &Sde),
    t: f64,
    steps: usize,
    noise: &NoiseRows,
    number: usize,
) {
    let step = predictor.step(sde, t, steps);
    let scores = score.score(x, t);
    let mut z = vec![0.0; x.len()];
    if step.noise > 0.0 {
        noise.normal(Stream::Predictor, number as u32, score.dim(), &mut z);
    }
    x.par_iter_mut().zip(scores).zip(z).for_each(|((x, score), z)| {
        let mean = step.keep * f64::from(*x) + step.pull * f64::from(score);
        *x = (mean + step.noise * f64::from(z)) as f32;
    });
}

/// The expected image given `x` at `t` (Tweedie's formula).
fn denoise(sde: &Sde, score: &dyn ScoreFunction, mut x: Vec<f32>, t: f64) -> Vec<f32> {
    let marginal = sde.marginal(t);
    let scores = score.score(&x, t);
    x.par_iter_mut().zip(scores).for_each(|(x, score)| {
        *x = ((f64::from(*x) + marginal.std.powi(2) * f64::from(score)) / marginal.mean) as f32;
    });
    x
}
