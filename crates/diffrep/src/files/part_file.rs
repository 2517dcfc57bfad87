//! A file that appears under its name only when it is complete.
use super::sync_parent;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file being written under a temporary name beside its own; [`PartFile::finish`] syncs it, renames it and syncs its
/// folder.
///
/// Dropped without `finish`, the temporary file is removed and an earlier file of that name is untouched.
#[derive(Debug)]
pub struct PartFile {
    path: PathBuf,
    part: PathBuf,
    /// `None` once finished.
    file: Option<BufWriter<File>>,
}

impl PartFile {
    /// Begins the file `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        let name =
            path.file_name().ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "not a file name"))?;
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
        }
        let part = path.with_file_name(part_name(name));
        let file = BufWriter::with_capacity(1 << 16, File::create(&part)?);
        Ok(Self { path: path.to_owned(), part, file: Some(file) })
    }

    /// Writes a file of which all is known.
    pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut part = Self::create(path)?;
        part.write_all(bytes)?;
        part.finish()
    }

    /// Puts the complete file in its place.
    pub fn finish(mut self) -> io::Result<()> {
        let mut file = self.file.take().expect("only `finish` takes it, and it consumes self");
        let result = file
            .flush()
            .and_then(|()| file.get_ref().sync_all())
            .and_then(|()| std::fs::rename(&self.part, &self.path));
        if result.is_err() {
            remove(&self.part);
        }
        result.and_then(|()| sync_parent(&self.path))
    }

    fn file(&mut self) -> &mut BufWriter<File> {
        self.file.as_mut().expect("only `finish` takes it, and it consumes self")
    }
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file().flush()
    }
}

impl Seek for PartFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file().seek(to)
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            remove(&self.part);
        }
    }
}

/// The temporary name; two processes that write the same file don't share it.
fn part_name(name: &OsStr) -> OsString {
    let mut part = name.to_owned();
    part.push(format!(".part-{}", std::process::id()));
    part
}

fn remove(part: &Path) {
    // Nothing more can be done about a file that can't be removed, and the error that led here is reported.
    let _ = std::fs::remove_file(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn an_unfinished_file_leaves_the_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, "old").unwrap();
        let mut part = PartFile::create(&path).unwrap();
        part.write_all(b"new").unwrap();
        drop(part);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[test]
    fn a_finished_file_replaces_the_earlier_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(&path, "old").unwrap();
        let mut part = PartFile::create(&path).unwrap();
        part.write_all(b"new").unwrap();
        part.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_the_earlier_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        PartFile::write_whole(&path, b"old").unwrap();
        let part = path.with_file_name(part_name(OsStr::new("a.txt")));
        std::os::unix::fs::symlink("/dev/full", part).unwrap();
        let error = PartFile::write_whole(&path, b"new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(PartFile::create(&folder.path().join("file/a.bin")).is_err());
        assert!(PartFile::create(folder.path()).is_err());
    }
}
