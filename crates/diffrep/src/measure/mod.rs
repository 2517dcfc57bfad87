//! Figures computed from codes alone: neighbours and their vote, silhouette, effective rank, spread.
//!
//! Codes are row-major `[rows, dim]` slices, so that training, probes and reports can all measure with these
//! functions, whatever the codes come from.
mod knn;
mod neighbours;
mod picture;
mod plane;
mod silhouette;
mod spectrum;

pub use knn::{KNN_NEIGHBOURS, KNN_TEMPERATURE, knn_accuracy, knn_predict};
pub use neighbours::{Neighbour, nearest};
pub use picture::{mean_squared_error, psnr, ssim};
pub use plane::euclidean_knn_accuracy;
pub use silhouette::silhouette;
pub use spectrum::{effective_rank, spread};
