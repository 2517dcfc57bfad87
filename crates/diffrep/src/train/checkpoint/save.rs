//! Writing checkpoints so that a kill at any moment leaves a loadable latest one.
use super::manifest::{self, Manifest};
use super::tensors::{Outline, encode};
use super::{EMA, FOLDER, MODEL, OPTIMISER, State, TEMPORARY, best, folder_of, moments, outline, steps};
use crate::files::{sync_folder, write_synced};
use crate::nn::parameters::Layout;
use crate::train::RunError;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// Writes the checkpoint of `state` into the run folder `run` and returns its folder.
///
/// A checkpoint of this step that exists already is the same one (a run is a function of its settings) and stays.
/// Errors if a weight is not finite, or if the disk refuses; then nothing that existed is lost.
pub fn save(run: &Path, layout: &Layout, state: &State) -> Result<PathBuf, RunError> {
    let step = state.progress.step;
    let target = folder_of(run, step);
    if target.exists() {
        return Ok(target);
    }
    for values in [&state.weights, &state.ema] {
        require_finite(step, &outline(layout), values)?;
    }
    let temporary = run.join(FOLDER).join(format!("{TEMPORARY}step-{step:08}"));
    if let Err(error) = write_files(&temporary, layout, state) {
        // The first error is the one worth telling; a left-over is removed when the run is opened again.
        let _ = fs::remove_dir_all(&temporary);
        return Err(error);
    }
    fs::rename(&temporary, &target).map_err(RunError::io("rename", &temporary))?;
    let parent = run.join(FOLDER);
    sync_folder(&parent).map_err(RunError::io("sync", &parent))?;
    Ok(target)
}

/// Removes the checkpoint of `step` in `run`, which is no run: whoever wrote it was stopped before the folder became one.
///
/// # Errors
/// The disk refuses.
pub fn discard(run: &Path, step: u64) -> Result<(), RunError> {
    let folder = folder_of(run, step);
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(RunError::io("remove", &folder)(error)),
        _ => Ok(()),
    }
}

fn write_files(folder: &Path, layout: &Layout, state: &State) -> Result<(), RunError> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(RunError::io("remove", folder))?;
    }
    fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
    let (model, moments) = (outline(layout), moments(layout));
    let moments: Vec<(&str, &[usize])> =
        moments.iter().map(|(name, shape)| (name.as_str(), *shape)).collect();
    let optimiser = [state.first_moment.as_slice(), &state.second_moment].concat();
    let mut manifest = Manifest::new(state.progress.clone());
    for (name, outline, values) in
        [(MODEL, &model, &state.weights), (EMA, &model, &state.ema), (OPTIMISER, &moments, &optimiser)]
    {
        let bytes = encode(outline, values);
        manifest.add(name, &bytes);
        write(&folder.join(name), &bytes)?;
    }
    write(&folder.join(manifest::FILE), manifest.seal().as_bytes())?;
    sync_folder(folder).map_err(RunError::io("sync", folder))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), RunError> {
    write_synced(path, bytes).map_err(RunError::io("write", path))
}

fn require_finite(step: u64, outline: &Outline, values: &[f32]) -> Result<(), RunError> {
    let mut rest = values;
    for &(name, shape) in outline {
        let (part, after) = rest.split_at(shape.iter().product());
        if part.iter().any(|value| !value.is_finite()) {
            return Err(RunError::NotFinite { step, tensor: name.to_owned() });
        }
        rest = after;
    }
    Ok(())
}

/// Removes all checkpoints but the last `keep` (at least one) and the best.
pub fn prune(run: &Path, keep: usize) -> Result<(), RunError> {
    let steps = steps(run)?;
    let best = best(run, &steps)?;
    let old = steps.len().saturating_sub(keep.max(1));
    for &step in steps[..old].iter().filter(|&&step| Some(step) != best) {
        // Renamed first: a kill amid the removal leaves no half checkpoint under a valid name.
        let (folder, doomed) =
            (folder_of(run, step), run.join(FOLDER).join(format!("{TEMPORARY}old-{step:08}")));
        fs::rename(&folder, &doomed).map_err(RunError::io("rename", &folder))?;
        fs::remove_dir_all(&doomed).map_err(RunError::io("remove", &doomed))?;
    }
    Ok(())
}

/// Removes what a killed process left unfinished.
pub(crate) fn sweep(run: &Path) -> Result<(), RunError> {
    let folder = run.join(FOLDER);
    let sweep = || -> std::io::Result<()> {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(TEMPORARY) {
                fs::remove_dir_all(entry.path())?;
            }
        }
        Ok(())
    };
    sweep().map_err(RunError::io("tidy", &folder))
}
