//! Predictors: one step of the reverse process (Song et al., 2021, section 4 and appendices E, F).
use crate::sde::Sde;

/// A discretisation of the reverse-time SDE `dx = (f·x − g² score) dt + g dw`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Predictor {
    /// The method of Euler and Maruyama.
    EulerMaruyama,
    /// The forward process's own discretisation, reversed.
    ReverseDiffusion,
    /// The posterior of the previous level in the discrete-time model (SMLD for VE, DDPM for VP); for sub-VP that of the
    /// exact transition between two times.
    Ancestral,
    /// [`Predictor::ReverseDiffusion`] of the probability-flow ODE: half the pull, no noise.
    ProbabilityFlow,
}

/// A step of a predictor, which is linear: `mean = keep·x + pull·score`, then `x = mean + noise·z`, z standard normal.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReverseStep {
    /// Factor of the image.
    pub keep: f64,
    /// Factor of the score.
    pub pull: f64,
    /// Standard deviation of the fresh noise.
    pub noise: f64,
}

impl Predictor {
    /// One of `steps` (at least 2) steps from t = 1 to 0, the one that begins at `t`.
    pub fn step(self, sde: &Sde, t: f64, steps: usize) -> ReverseStep {
        let dt = 1.0 / steps as f64;
        match self {
            Self::EulerMaruyama => {
                let g = sde.diffusion(t);
                ReverseStep { keep: 1.0 - sde.drift(t) * dt, pull: g * g * dt, noise: g * dt.sqrt() }
            }
            Self::ReverseDiffusion => {
                let forward = sde.discretise(t, steps);
                let variance = forward.noise * forward.noise;
                ReverseStep { keep: 1.0 - forward.drift, pull: variance, noise: forward.noise }
            }
            Self::ProbabilityFlow => {
                let step = Self::ReverseDiffusion.step(sde, t, steps);
                ReverseStep { pull: 0.5 * step.pull, noise: 0.0, ..step }
            }
            Self::Ancestral => ancestral(sde, t, steps),
        }
    }
}

/// If `x_t = a·x_s + √v·n`, then `E[x_s | x_t] = (x_t + v·score)/a` (Tweedie's formula).
fn ancestral(sde: &Sde, t: f64, steps: usize) -> ReverseStep {
    let (a, v, noise) = match sde {
        Sde::Ve(_) => {
            let v = sde.discretise(t, steps).noise.powi(2);
            let last = (steps - 1) as f64;
            let level = sde.marginal((t * last).floor() / last).std.powi(2);
            (1.0, v, ((level - v).max(0.0) * v / level).sqrt())
        }
        Sde::Vp(_) => {
            let forward = sde.discretise(t, steps);
            (1.0 + forward.drift, forward.noise.powi(2), forward.noise)
        }
        Sde::SubVp(_) => {
            let (here, below) = (sde.marginal(t), sde.marginal((t - 1.0 / steps as f64).max(0.0)));
            let a = here.mean / below.mean;
            let v = here.std.powi(2) - (a * below.std).powi(2);
            (a, v, below.std / here.std * v.sqrt())
        }
    };
    ReverseStep { keep: 1.0 / a, pull: v / a, noise }
}
