//! Which level of detail holds what: factors against t, and how codes at different t are related.
//!
//! [`analyse`] takes the codes of a trained encoder, and of a random one as the baseline, at several t, with labels in
//! several columns, and returns an [`Analysis`]: accuracy of every factor against t, attention over t, similarity of the
//! codes at every two t, their dimension, and the criteria that choose t without labels ([`criterion`]).
pub mod criterion;
mod error;
mod factors;
mod record;
mod similarity;

pub use error::AnalyseError;
pub use factors::{Codes, FactorData, factor_data};
pub use record::{Analysis, CriterionCurve, Factor, Level};

use crate::probe::{Origin, Settings};
use crate::random::Seed;
use crate::represent::LevelGain;
use factors::Task;

/// What to analyse.
#[derive(Debug)]
pub struct Request<'a> {
    /// Factors with their labelled rows.
    pub factors: &'a [FactorData],
    /// Codes of the trained encoder.
    pub codes: &'a Codes,
    /// Codes of the encoder with random weights, at the same t.
    pub random: &'a Codes,
    /// Standardised pixels of the images, the baseline's features: one level, whatever its t.
    pub pixels: &'a Codes,
    /// What the codes are worth to the score network at each t; empty without one.
    pub gains: Vec<LevelGain>,
    /// The network behind the codes.
    pub origin: Origin,
    /// Probes of a single t, of which the first counts, recipe and seeds.
    pub settings: Settings,
    /// Whether a head with attention is trained for each factor, to see where it looks (the slowest part).
    pub attention: bool,
    /// Images, at most, whose codes are compared and measured.
    pub images: usize,
    /// Draws these images, and jitter.
    pub seed: Seed,
}

/// What is going on, for a progress bar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnalyseEvent {
    /// Probes of this factor: done, of all.
    Factor(String, usize, usize),
    /// Codes are compared and measured.
    Comparing,
}

/// Analyses codes at several t.
///
/// # Errors
/// As [`crate::probe::run`].
pub fn analyse(request: &Request, observe: &(dyn Fn(AnalyseEvent) + Sync)) -> Result<Analysis, AnalyseError> {
    let task = Task { request, observe };
    let factors = request.factors.iter().map(|factor| task.factor(factor)).collect::<Result<Vec<_>, _>>()?;
    observe(AnalyseEvent::Comparing);
    let rows = similarity::sample(request);
    let columns = similarity::columns(request.codes, &rows);
    let dim = request.codes.dim;
    let levels = similarity::levels(&columns, dim, &request.codes.t);
    let criteria = criterion::curves(&columns, dim, &request.codes.t, &factors);
    Ok(Analysis {
        t: request.codes.t.clone(),
        origin: request.origin.clone(),
        data: request.factors.first().map(|factor| factor.labelled.data.clone()),
        images: rows.len(),
        cka: similarity::cka(&columns, dim),
        information: similarity::information(&columns, dim, request.seed),
        factors,
        levels,
        gains: request.gains.clone(),
        criteria,
        arguments: Vec::new(),
    })
}
