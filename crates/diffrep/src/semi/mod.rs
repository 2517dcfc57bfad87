//! Few labels: they spread over a graph of neighbours to all images.
//!
//! LaplaceNet (Sellars, Aviles-Rivero, Schönlieb, "LaplaceNet: a hybrid graph-energy neural network for deep
//! semi-supervised classification", 2021): [`Graph`] joins alike features, [`solve`] spreads labels over it,
//! [`align`] brings the classes' shares into line with those of the labels, [`propagate`] does all of it.
mod align;
mod error;
mod graph;
mod labels;
mod propagate;
mod solve;

pub use align::align;
pub use error::SemiError;
pub use graph::Graph;
pub use labels::PartialLabels;
pub use propagate::{Propagated, Propagation, propagate};
pub use solve::{Solution, Stop, solve};
