//! How much memory training takes: an estimate beforehand, the truth while it runs.
use crate::nn::ModelConfig;

/// Flat and module copies of the weights, gradients twice, two moments, the average.
const COPIES_OF_PARAMETERS: u64 = 7;
/// Feature maps that the backward pass needs, per residual block of the encoder: norms, convolutions, sum.
const MAPS_PER_ENCODER_BLOCK: usize = 6;
/// The same for the score network and the decoder, whose blocks also drop out and rescale.
const MAPS_PER_BLOCK: usize = 9;
/// What the process takes besides.
const BASE_BYTES: u64 = 60 << 20;

/// Estimated peak memory in bytes of training `model` with `parameters` numbers, where a step passes `images` through it.
///
/// It counts parameters, optimiser and the feature maps kept for the backward pass; images that lie in memory come
/// on top. Expect it within a factor of two.
pub(super) fn estimate(model: &ModelConfig, images: usize, parameters: usize) -> u64 {
    let mut maps = encoder_maps(model);
    if model.score_network {
        maps += unet_maps(model, true);
    }
    if model.decoder {
        maps += unet_maps(model, false);
    }
    BASE_BYTES + 4 * (COPIES_OF_PARAMETERS * parameters as u64 + images as u64 * maps)
}

/// Numbers an image in the feature maps that the encoder keeps.
fn encoder_maps(model: &ModelConfig) -> u64 {
    let blocks = (model.encoder.depth.saturating_sub(4)) / 6;
    let stage = |level: usize| {
        let (channels, pixels) =
            ((16 << level) * model.encoder.width, (model.height * model.width) >> (2 * level));
        (blocks * MAPS_PER_ENCODER_BLOCK * channels * pixels) as u64
    };
    (0..3).map(stage).sum()
}

/// The same of the score network (both ways) or the decoder (up only).
fn unet_maps(model: &ModelConfig, both_ways: bool) -> u64 {
    let config = &model.ncsnpp;
    let blocks = config.blocks + 1 + if both_ways { config.blocks + 1 } else { 0 };
    let level = |(level, multiplier): (usize, &usize)| {
        let pixels = (model.height * model.width) >> (2 * level);
        (blocks * MAPS_PER_BLOCK * config.features * multiplier * pixels) as u64
    };
    config.multipliers.iter().enumerate().map(level).sum()
}

/// Resident memory of this process in bytes, where the system tells (Linux).
pub(super) fn resident() -> Option<u64> {
    status("VmRSS:")
}

/// The most memory in bytes that was resident in this process at any moment so far, where the system tells (Linux).
pub fn peak() -> Option<u64> {
    status("VmHWM:")
}

/// A line of the process's status.
fn status(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
