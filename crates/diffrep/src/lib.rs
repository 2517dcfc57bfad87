//! Image representations by diffusion: train an encoder by denoising, encode at a chosen level of detail, probe.
//!
//! Modules import only from those before them in this list:
//! [`random`], [`files`], [`data`], [`sde`], [`nn`], [`measure`], [`objective`], [`train`], [`represent`], [`mod@bench`], [`probe`],
//! [`analyse`], [`semi`], [`predict`], [`export`], [`sample`], [`report`], [`study`].
pub mod analyse;
pub mod bench;
pub mod data;
pub mod export;
pub mod files;
pub mod measure;
pub mod nn;
pub mod objective;
pub mod predict;
pub mod probe;
pub mod random;
pub mod report;
pub mod represent;
pub mod sample;
pub mod sde;
pub mod semi;
pub mod study;
pub mod train;
