//! Log-likelihoods by the probability-flow ODE (Song et al., 2021, section 4.3).
use super::noise::{NoiseRows, Stream};
use super::score::DifferentiableScore;
use super::{SampleError, ode};
use crate::sde::Sde;

/// How the trace of the score's Jacobian is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Exactly, by D products with unit vectors: for few dimensions.
    Exact,
    /// Estimated without bias as the mean of `vᵀJv` over random signs v (Hutchinson), which are kept along the path.
    Hutchinson {
        /// Vectors v, at least 1.
        probes: usize,
    },
}

/// Log-likelihoods of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Likelihood {
    /// ln p of each image, in nats, as a density over the score's units.
    pub log_density: Vec<f64>,
    /// Slopes that the integration took; each evaluates the score once a probe.
    pub evaluations: usize,
}

/// `ln p(x) = ln p_1(x_1) + ∫ ∇·f̃ dt` from ε to 1 along the flow `f̃ = f·x − ½g² score` of images `x` `[N, D]`.
///
/// `tolerance` bounds the estimated error of a step: its root mean square over an image's numbers (in the units of x) and the
/// integral (in nats), each divided by 1 + its own size. The integral is one number among them, so that its error may be
/// larger than the tolerance says.
///
/// # Errors
/// A tolerance outside (0, 1), no probes, numbers that aren't finite.
pub fn log_likelihood(
    sde: &Sde,
    score: &dyn DifferentiableScore,
    x: &[f32],
    trace: Trace,
    tolerance: f64,
    noise: &NoiseRows,
    progress: &dyn Fn(usize),
) -> Result<Likelihood, SampleError> {
    if !(tolerance > 0.0 && tolerance < 1.0) {
        return Err(SampleError::argument("--tolerance", tolerance, "a number above 0 and below 1"));
    }
    let dim = score.dim();
    let directions = directions(trace, dim, x.len() / dim, noise)?;
    // A row of the state: an image, then the integral of the divergence.
    let width = dim + 1;
    let start = x.chunks(dim).flat_map(|x| x.iter().map(|&v| f64::from(v)).chain([0.0])).collect();
    let mut count = 0;
    let slope = |t: f64, y: &[f64]| {
        let x: Vec<f32> = y.chunks(width).flat_map(|row| row[..dim].iter().map(|&v| v as f32)).collect();
        let (scores, traces) = score_and_trace(score, &x, t, trace, &directions);
        count += 1;
        progress(count);
        let (drift, half) = (sde.drift(t), 0.5 * sde.diffusion(t).powi(2));
        let rows = y.chunks(width).zip(scores.chunks(dim)).zip(traces);
        rows.flat_map(|((y, score), trace)| {
            let flow = y[..dim].iter().zip(score).map(move |(y, s)| drift * y - half * f64::from(*s));
            flow.chain([dim as f64 * drift - half * trace])
        })
        .collect()
    };
    let (end, evaluations) = ode::integrate(slope, start, (sde.t_min(), 1.0), width, tolerance)?;
    let density = |row: &[f64]| {
        let x: Vec<f32> = row[..dim].iter().map(|&v| v as f32).collect();
        sde.prior_log_density(&x) + row[dim]
    };
    Ok(Likelihood { log_density: end.chunks(width).map(density).collect(), evaluations })
}

/// Bits a dimension of a density over standardised pixels, for pixels of 256 values in [0, 1] made continuous by
/// uniform noise: `−log₂ p / D + mean log₂ std + 8`, where `std` are the channels' standard deviations.
pub fn bits_per_dimension(log_density: f64, dim: usize, std: &[f32]) -> f64 {
    let log_std: f64 = std.iter().map(|&s| f64::from(s).log2()).sum::<f64>() / std.len() as f64;
    -log_density / std::f64::consts::LN_2 / dim as f64 + log_std + 8.0
}

/// The vectors v, each for the whole batch.
fn directions(
    trace: Trace,
    dim: usize,
    rows: usize,
    noise: &NoiseRows,
) -> Result<Vec<Vec<f32>>, SampleError> {
    match trace {
        Trace::Exact => {
            let unit = |axis: usize| (0..rows * dim).map(|i| f32::from(i % dim == axis)).collect();
            Ok((0..dim).map(unit).collect())
        }
        Trace::Hutchinson { probes: 0 } => Err(SampleError::argument("--probes", 0, "at least 1")),
        Trace::Hutchinson { probes } => {
            let signs = |probe: usize| {
                let mut v = vec![0.0; rows * dim];
                noise.uniform(Stream::Direction, probe as u32, dim, &mut v);
                v.iter_mut().for_each(|v| *v = if *v < 0.5 { -1.0 } else { 1.0 });
                v
            };
            Ok((0..probes).map(signs).collect())
        }
    }
}

/// Scores, and the trace of each image's Jacobian.
fn score_and_trace(
    score: &dyn DifferentiableScore,
    x: &[f32],
    t: f64,
    trace: Trace,
    directions: &[Vec<f32>],
) -> (Vec<f32>, Vec<f64>) {
    let dim = score.dim();
    let mut traces = vec![0.0; x.len() / dim];
    let mut scores = Vec::new();
    for v in directions {
        let (values, products) = score.pull_back(x, t, v);
        for ((trace, products), v) in traces.iter_mut().zip(products.chunks(dim)).zip(v.chunks(dim)) {
            *trace += products.iter().zip(v).map(|(p, v)| f64::from(*p) * f64::from(*v)).sum::<f64>();
        }
        scores = values;
    }
    if let Trace::Hutchinson { probes } = trace {
        traces.iter_mut().for_each(|trace| *trace /= probes as f64);
    }
    (scores, traces)
}
