//! What can go wrong between a run and its pictures.
use crate::data::DataError;
use crate::represent::RepresentError;
use std::path::PathBuf;

/// Errors of samplers and of what feeds them.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// The run, its checkpoint, or images of another shape.
    #[error(transparent)]
    Represent(#[from] RepresentError),
    /// The images.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A run of a method that trains none.
    #[error("{}: the run has no score network, so there is nothing to sample with (its method is {method}; drl and vdrl train one, imported encoders come without)", run.display())]
    NoScoreNetwork {
        /// The run folder.
        run: PathBuf,
        /// Its method.
        method: &'static str,
    },
    /// Codes that the run's networks can't read.
    #[error("{origin}: a code has {found} numbers, but those of this run have {expected}")]
    CodeSize {
        /// Where the codes come from.
        origin: String,
        /// Numbers of a code there.
        found: usize,
        /// What the score network was trained with.
        expected: usize,
    },
    /// A grid over codes that don't lie in a plane.
    #[error(
        "a latent grid needs codes of 2 numbers, but those of this run have {dim}; train with --set encoder.latent=2"
    )]
    NotPlanar {
        /// Numbers of a code.
        dim: usize,
    },
    /// A grid over codes that move with t.
    #[error(
        "a latent grid needs a static encoder, but this run's codes depend on t; \
         train with --set encoder.time_conditioned=false"
    )]
    NotStatic,
    /// `--z prior` without a prior.
    #[error(
        "`{method}` trains no Gaussian codes, so they have no prior to draw from; use --z mixture, or train with --method vdrl"
    )]
    NoPrior {
        /// The run's method.
        method: &'static str,
    },
    /// An argument that can't be used.
    #[error("{name} is {value}, expected {expected}")]
    Argument {
        /// The argument's name on the command line.
        name: &'static str,
        /// Its value.
        value: String,
        /// Its range.
        expected: String,
    },
    /// A file of codes that can't be read as such.
    #[error("{}: {problem}", path.display())]
    CodeFile {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Numbers that aren't.
    #[error(
        "sampling diverged: {what} not finite at t = {t:.4}; train longer, or use another sampler or more steps"
    )]
    NotFinite {
        /// "the image is", …
        what: &'static str,
        /// When it was noticed.
        t: f64,
    },
    /// The differential equation can't be followed to its end.
    #[error(
        "the probability-flow ODE gets no further than t = {t:.4} in {evaluations} evaluations; use a larger --tolerance"
    )]
    Stuck {
        /// How far it came.
        t: f64,
        /// Evaluations of the score until then.
        evaluations: usize,
    },
}

impl SampleError {
    /// An argument out of its range.
    pub(super) fn argument(name: &'static str, value: impl ToString, expected: impl Into<String>) -> Self {
        Self::Argument { name, value: value.to_string(), expected: expected.into() }
    }
}
