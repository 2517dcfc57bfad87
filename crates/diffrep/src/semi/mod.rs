//! Few labels: they spread over a graph of neighbours to all images.
//!
//! LaplaceNet (Sellars, Aviles-Rivero, Schönlieb, "LaplaceNet: a hybrid graph-energy neural network for deep
//! semi-supervised classification", 2021): [`Graph`] joins alike features, [`solve`] spreads labels over it,
//! [`align`] brings the classes' shares into line with those of the labels, [`propagate`] does all of it. [`SemiTrainer`]
//! alternates it with training.
mod align;
mod epoch;
mod error;
mod graph;
mod known;
mod labels;
mod learner;
mod outcome;
mod outcome_file;
mod propagate;
mod record;
mod settings;
mod solve;
mod start;
mod step_data;
mod task;
mod trainer;

pub use align::align;
pub use epoch::EpochRecord;
pub use error::SemiError;
pub use graph::Graph;
pub use known::KnownLabels;
pub use labels::PartialLabels;
pub use outcome::{Doubtful, Outcome, Protocol, Summary};
pub use propagate::{Propagated, Propagation, propagate};
pub use settings::{SemiMethod, SemiSettings, TimeFed};
pub use solve::{Solution, Stop, solve};
pub use start::Start;
pub use task::SemiTask;
pub use trainer::{SemiEvent, SemiTrainer};
