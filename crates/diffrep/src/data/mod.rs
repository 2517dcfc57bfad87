//! Image sets: formats, built-in data, splits, label files, normalisation and batches.
//!
//! [`open`] takes the name of a built-in set or a path and gives a [`Dataset`]: one or two [`ImageSet`]s, whose rows
//! keep a stable order and whose pixels are read on demand as [H, W, C] in [0, 1]. [`Preprocess`] brings them to what
//! the networks see.
mod adapt;
mod augment;
mod batch_order;
mod builtin;
mod coloured;
mod dataset;
mod error;
pub mod fetch;
mod fingerprint;
mod folder;
mod formats;
mod image_set;
pub mod inspect;
mod label_file;
mod labels;
mod preprocess;
mod provenance;
mod resample;
mod source;
mod split;

pub use augment::{AugmentConfig, AugmentError, StrongAugment};
pub use batch_order::BatchOrder;
pub use builtin::BUILT_IN;
pub(crate) use builtin::is_built_in;
pub use coloured::COLOURED;
pub use dataset::{Dataset, Labels, OnBad, OpenOptions, open, origin};
pub use error::DataError;
pub(crate) use fingerprint::{Difference, Fingerprint};
pub use image_set::{ImageSet, ImageShape};
pub use label_file::write_label_file;
pub use labels::LabelColumn;
pub use preprocess::Preprocess;
pub use provenance::{LearnedLabels, Provenance};
pub(crate) use split::few_label_split;
pub use split::{Split, per_class, stratified_split, tested_split};
