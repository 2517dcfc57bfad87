//! Seeing what codes hold: samplers, likelihoods, reconstruction and interpolation.
//!
//! Samplers ([`Sampler`], [`log_likelihood`]) know a model only as a [`ScoreFunction`]; [`Generator`] loads a run whose
//! score network is one, conditional on [`Codes`]. [`CodeMixture`] draws codes like those of training images.
mod code_file;
mod code_mixture;
mod codes;
mod corrector;
mod error;
mod generator;
mod heun;
mod interpolate;
mod likelihood;
mod mixture;
mod model_score;
mod noise;
mod ode;
mod predictor;
mod principal;
mod prior;
mod sampler;
mod score;

pub use code_file::read_codes;
pub use code_mixture::CodeMixture;
pub use codes::Codes;
pub use corrector::{Corrector, CorrectorKind, alpha, annealed_step_size, langevin_step, langevin_step_size};
pub use error::SampleError;
pub use generator::{Generator, Pictures};
pub use interpolate::{Interpolation, slerp};
pub use likelihood::{Likelihood, Trace, bits_per_dimension, log_likelihood};
pub use mixture::GaussianMixture;
pub use noise::NoiseRows;
pub use predictor::{Predictor, ReverseStep};
pub use prior::Prior;
pub use sampler::{Algorithm, HEUN_STEPS, Sampled, Sampler};
pub use score::{DifferentiableScore, ScoreFunction};
