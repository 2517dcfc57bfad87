//! Which files of a folder are images, in the order of their relative paths.
use super::decode::{self, Header};
use crate::data::{DataError, OnBad, OpenOptions};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// File names end so; what a file is, its content tells.
const EXTENSIONS: [&str; 8] = ["png", "jpg", "jpeg", "jfif", "webp", "bmp", "tif", "tiff"];
/// Pictures that aren't read: somebody who has them will miss them.
const OTHER_PICTURES: [&str; 14] =
    ["avif", "cr2", "dng", "gif", "heic", "heif", "jp2", "jxl", "nef", "ppm", "psd", "svg", "tga", "arw"];
/// A folder that holds this file is a run's output, not data.
const RUN_FILE: &str = "run.json";
/// Bad images named in a message.
const MOST_NAMED: usize = 5;

/// An image whose header has been read.
pub(super) struct Found {
    /// Path relative to the data folder, with `/` between its parts.
    pub(super) name: String,
    pub(super) header: Header,
}

/// The images below `root`/`folder`; bad ones are an error or go to `skipped`, one message each.
pub(super) fn scan(
    root: &Path,
    folder: &str,
    options: &OpenOptions,
    skipped: &mut Vec<String>,
) -> Result<Vec<Found>, DataError> {
    // Joining nothing would add a slash.
    let start = if folder.is_empty() { root.to_owned() } else { root.join(folder) };
    let listing = list(root, &start, options);
    let checked: Vec<Result<Found, DataError>> = listing
        .names
        .into_par_iter()
        .map(|name| {
            // Who wants bad images skipped wants no reading of them later to fail.
            let whole = options.on_bad == OnBad::Skip;
            let header = decode::check(&root.join(&name), options.pixel_limit, whole)?;
            Ok(Found { name, header })
        })
        .collect();
    let total = checked.len() + listing.bad.len();
    let mut images = Vec::with_capacity(total);
    let mut bad: Vec<String> = listing.bad.iter().map(DataError::to_string).collect();
    for outcome in checked {
        match outcome {
            Ok(found) => images.push(found),
            Err(error) => bad.push(error.to_string()),
        }
    }
    if options.on_bad == OnBad::Fail && !bad.is_empty() {
        let more = if bad.len() > MOST_NAMED { "; …" } else { "" };
        let count = bad.len();
        bad.truncate(MOST_NAMED);
        return Err(DataError::BadImages { path: start, count, total, first: bad.join("; ") + more });
    }
    if images.is_empty() {
        let hint = match (bad.first(), listing.other) {
            (Some(first), _) => format!(" that can be read ({first})"),
            (None, Some(other)) => format!(" (PNG, JPEG, WebP, BMP, TIFF); `{other}` is none"),
            (None, None) => ": the folder is empty".to_owned(),
        };
        return Err(DataError::Empty { path: start, hint });
    }
    skipped.append(&mut bad);
    skipped.extend(listing.pictures.iter().map(|(extension, count)| {
        let files = if *count == 1 { "file" } else { "files" };
        format!("{}: {count} {files} .{extension}, a format that isn't read", start.display())
    }));
    Ok(images)
}

/// Checks a single file.
pub(super) fn check_one(path: &Path, pixel_limit: u64) -> Result<Found, DataError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Found { name, header: decode::check(path, pixel_limit, false)? })
}

/// What lies directly in `folder` and may be data.
fn directly_in(
    folder: &Path,
    options: &OpenOptions,
) -> impl Iterator<Item = Result<DirEntry, walkdir::Error>> + use<> {
    let excluded = canonical(&options.exclude);
    let walk = WalkDir::new(folder).follow_links(true).min_depth(1).max_depth(1).into_iter();
    walk.filter_entry(move |entry| is_data(entry, &excluded))
}

/// How many files directly in `folder` should be images.
pub(super) fn count_images(folder: &Path, options: &OpenOptions) -> usize {
    let entries = directly_in(folder, options).flatten();
    entries.filter(|entry| entry.file_type().is_file() && is_image(entry.path())).count()
}

/// Folders directly below `folder` that may hold images, by name.
pub(super) fn subfolders(folder: &Path, options: &OpenOptions) -> Result<Vec<String>, DataError> {
    let mut names = Vec::new();
    for entry in directly_in(folder, options) {
        let entry = match entry {
            Ok(entry) => entry,
            // Whether that is an error has been decided when the images were listed.
            Err(error) if error.depth() > 0 => continue,
            Err(error) => return Err(walk_error(folder, error)),
        };
        if entry.file_type().is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// Whether there are files below `root`/`folder` that should be images; what can't be looked at holds none.
pub(super) fn holds_images(root: &Path, folder: &str, options: &OpenOptions) -> bool {
    !list(root, &root.join(folder), options).names.is_empty()
}

/// What lies in a folder.
#[derive(Default)]
struct Listing {
    /// Names of the files that should be images, sorted.
    names: Vec<String>,
    /// One file that shouldn't.
    other: Option<String>,
    /// How many pictures there are in formats that aren't read, by the ending of their names.
    pictures: BTreeMap<String, usize>,
    /// What can't be looked at.
    bad: Vec<DataError>,
}

fn list(root: &Path, start: &Path, options: &OpenOptions) -> Listing {
    let excluded = canonical(&options.exclude);
    let walk = WalkDir::new(start).follow_links(true).into_iter();
    let mut found = Listing::default();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || is_data(entry, &excluded)) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                if !is_stray(&error) {
                    found.bad.push(walk_error(start, error));
                }
                continue;
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        if !is_image(entry.path()) {
            if let Some(extension) = other_picture(entry.path()) {
                *found.pictures.entry(extension).or_default() += 1;
            }
            found.other.get_or_insert_with(|| entry.file_name().to_string_lossy().into_owned());
            continue;
        }
        match relative_name(root, entry.path()) {
            Ok(name) => found.names.push(name),
            Err(error) => found.bad.push(error),
        }
    }
    found.names.sort_unstable();
    found
}

/// Whether a file's name says that it is an image.
fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    EXTENSIONS.iter().any(|&known| extension == known)
}

/// The ending of the name of a picture in a format that isn't read.
fn other_picture(path: &Path) -> Option<String> {
    let extension = path.extension()?.to_ascii_lowercase().into_string().ok()?;
    OTHER_PICTURES.contains(&extension.as_str()).then_some(extension)
}

/// Whether what can't be looked at would be no data anyway: it is hidden, or a link to nothing by the name of another
/// file. (A link to nothing without an extension may have been a folder of images.)
fn is_stray(error: &walkdir::Error) -> bool {
    error.path().is_some_and(|path| {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        hidden || (path.is_symlink() && path.extension().is_some() && !is_image(path))
    })
}

/// False for hidden files, the output of runs and what was excluded.
fn is_data(entry: &DirEntry, excluded: &[PathBuf]) -> bool {
    let name = entry.file_name().to_string_lossy();
    let is_output = || entry.file_type().is_dir() && entry.path().join(RUN_FILE).is_file();
    let is_excluded =
        || !excluded.is_empty() && entry.path().canonicalize().is_ok_and(|path| excluded.contains(&path));
    !(name.starts_with('.') || name == "__MACOSX" || is_output() || is_excluded())
}

/// Those of `paths` that exist.
fn canonical(paths: &[PathBuf]) -> Vec<PathBuf> {
    paths.iter().filter_map(|path| path.canonicalize().ok()).collect()
}

fn relative_name(root: &Path, path: &Path) -> Result<String, DataError> {
    let parts: Option<Vec<&str>> =
        path.strip_prefix(root).unwrap_or(path).iter().map(|part| part.to_str()).collect();
    parts
        .map(|parts| parts.join("/"))
        .ok_or_else(|| DataError::malformed(path, "the file's name is not UTF-8"))
}

fn walk_error(start: &Path, error: walkdir::Error) -> DataError {
    let path = error.path().unwrap_or(start).to_owned();
    match error.loop_ancestor() {
        Some(ancestor) => DataError::malformed(path, format!("a link back to {}", ancestor.display())),
        None => DataError::Io { path, reason: error.into() },
    }
}
