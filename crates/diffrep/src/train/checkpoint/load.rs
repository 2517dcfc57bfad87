//! Reading checkpoints: checksums first, then every tensor by name and shape.
use super::manifest::{self, Manifest};
use super::tensors::decode;
use super::{EMA, MODEL, OPTIMISER, Progress, State, Weights, Which, find, folder_of, moments, outline};
use crate::nn::parameters::Layout;
use crate::train::RunError;
use std::fs;
use std::path::Path;

/// The step and the flat weights, in the layout's order, of a checkpoint of the run folder `run`.
///
/// Errors if there is none, a file is damaged, or it holds the tensors of another network.
pub fn load_weights(
    run: &Path,
    which: Which,
    weights: Weights,
    layout: &Layout,
) -> Result<(u64, Vec<f32>), RunError> {
    let step = find(run, which)?;
    let folder = folder_of(run, step);
    let name = match weights {
        Weights::Ema => EMA,
        Weights::Raw => MODEL,
    };
    let manifest = read_manifest(&folder)?;
    let bytes = read_checked(&folder, &manifest, name)?;
    Ok((step, decode(&folder.join(name), &bytes, &outline(layout))?))
}

/// Everything to continue from. Errors as [`load_weights`].
pub fn load_state(run: &Path, which: Which, layout: &Layout) -> Result<State, RunError> {
    let folder = folder_of(run, find(run, which)?);
    let manifest = read_manifest(&folder)?;
    let (model, moments) = (outline(layout), moments(layout));
    let moments: Vec<(&str, &[usize])> =
        moments.iter().map(|(name, shape)| (name.as_str(), *shape)).collect();
    let read = |name: &str, outline: &[(&str, &[usize])]| {
        let bytes = read_checked(&folder, &manifest, name)?;
        decode(&folder.join(name), &bytes, outline)
    };
    let (weights, ema) = (read(MODEL, &model)?, read(EMA, &model)?);
    let mut first_moment = read(OPTIMISER, &moments)?;
    let second_moment = first_moment.split_off(first_moment.len() / 2);
    Ok(State { progress: manifest.progress, weights, ema, first_moment, second_moment })
}

/// What the checkpoint of `step` says about itself.
pub(super) fn progress(run: &Path, step: u64) -> Result<Progress, RunError> {
    Ok(read_manifest(&folder_of(run, step))?.progress)
}

fn read_manifest(folder: &Path) -> Result<Manifest, RunError> {
    let path = folder.join(manifest::FILE);
    let text = fs::read(&path).map_err(RunError::io("read", &path))?;
    Manifest::open(&path, &text)
}

fn read_checked(folder: &Path, manifest: &Manifest, name: &str) -> Result<Vec<u8>, RunError> {
    let path = folder.join(name);
    let bytes = fs::read(&path).map_err(RunError::io("read", &path))?;
    manifest.check(name, &path, &bytes)?;
    Ok(bytes)
}
