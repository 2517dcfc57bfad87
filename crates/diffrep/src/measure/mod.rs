//! Figures computed from codes alone: neighbours and their vote, silhouette, effective rank, spread, dimension, and how
//! much two codes of the same images have in common.
//!
//! Codes are row-major `[rows, dim]` slices, so that training, probes and reports can all measure with these
//! functions, whatever the codes come from.
mod cka;
mod eigen;
mod first_largest;
mod intrinsic_dimension;
mod knn;
mod mutual_information;
mod neighbours;
mod picture;
mod plane;
mod silhouette;
mod softmax;
mod spectrum;
mod whiten;

pub use cka::linear_cka;
pub(crate) use eigen::eigen;
pub(crate) use first_largest::first_largest;
pub use intrinsic_dimension::intrinsic_dimension;
pub use knn::{KNN_NEIGHBOURS, KNN_TEMPERATURE, knn_accuracy, knn_predict};
pub use mutual_information::{
    INFORMATION_COMPONENTS, INFORMATION_JITTER, KSG_NEIGHBOURS, mutual_information,
    normalised_mutual_information,
};
pub use neighbours::{Neighbour, nearest, nearest_whitened};
pub use picture::{mean_squared_error, psnr, ssim};
pub use plane::euclidean_knn_accuracy;
pub use silhouette::silhouette;
pub(crate) use softmax::softmax;
pub use spectrum::{effective_rank, spread};
pub use whiten::Whitening;
