//! Fetching data sets from their publishers.
mod catalogue;
mod download;

use super::DataError;
pub use catalogue::{FETCHABLE, Fetchable, PublishedFile};
pub use download::Progress;
use std::path::{Path, PathBuf};

/// The fetchable data set called `name`.
pub fn find(name: &str) -> Option<&'static Fetchable> {
    FETCHABLE.iter().find(|set| set.name == name)
}

/// Fetches the files of `set` into `folder`, which [`super::open`] then takes. Files that are there and whole are kept;
/// a broken download goes on where it stopped.
///
/// `base` replaces the publisher's address (without the file's name). `progress` hears about every piece.
///
/// # Errors
/// No connection, a refusal of the server, a file whose checksum differs, a folder that can't be written.
pub fn fetch(
    set: &Fetchable,
    folder: &Path,
    base: Option<&str>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<PathBuf>, DataError> {
    std::fs::create_dir_all(folder).map_err(DataError::io(folder))?;
    let fetch_file = |file: &PublishedFile| {
        let url = format!("{}/{}", base.unwrap_or(set.base).trim_end_matches('/'), file.name);
        let path = folder.join(file.name);
        download::download(&url, &path, file.md5, progress)?;
        Ok(path)
    };
    set.files.iter().map(fetch_file).collect()
}
