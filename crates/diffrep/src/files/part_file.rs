//! A file that appears under its name only when it is complete.
use super::sync_parent;
use std::ffi::{OsStr, OsString};
use std::fs::{File, TryLockError};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file being written under a temporary name beside its own; [`PartFile::finish`] syncs it, renames it and syncs its
/// folder.
///
/// Dropped without `finish`, the temporary file is removed and an earlier file of that name is untouched. What a killed
/// process left is written over by the next one.
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
        if path.exists() && !path.is_file() {
            // Whoever may would put a file in the place of a device.
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "it is no file, but a device or the like",
            ));
        }
        let part = path.with_file_name(part_name(name));
        let file = BufWriter::with_capacity(1 << 16, claim(&part)?);
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
        // Before the file is closed, as until then nobody else writes it.
        if self.file.is_some() {
            remove(&self.part);
        }
    }
}

fn part_name(name: &OsStr) -> OsString {
    let mut part = name.to_owned();
    part.push(".part");
    part
}

/// Opens the temporary file, empty, with a lock that goes with it.
fn claim(part: &Path) -> io::Result<File> {
    loop {
        let file = File::options().write(true).create(true).truncate(false).open(part)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let message = "another process is writing it";
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Whoever had the lock may have put the file in its place since it was opened here.
        if is_named(&file, part)? {
            if file.metadata()?.len() > 0 {
                file.set_len(0)?;
            }
            return Ok(file);
        }
    }
}

/// Whether `path` is still the name of `file`.
#[cfg(unix)]
fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let open = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Elsewhere an open file can't be renamed.
#[cfg(not(unix))]
fn is_named(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
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

    #[test]
    fn what_a_killed_process_left_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        std::fs::write(folder.path().join("a.bin.part"), "longer than what comes").unwrap();
        PartFile::write_whole(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.bin"]);
    }

    #[test]
    fn only_one_writes_a_file_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.bin");
        let mut first = PartFile::create(&path).unwrap();
        first.write_all(b"first").unwrap();
        assert_eq!(PartFile::create(&path).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        first.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        PartFile::write_whole(&path, b"second").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"second");
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

    #[cfg(target_os = "linux")]
    #[test]
    fn a_device_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("null");
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        for path in [&path, Path::new("/dev/null")] {
            let error = PartFile::create(path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput, "{error}");
            assert!(!path.with_extension("part").exists());
        }
        assert_eq!(names(folder.path()), ["null"]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        assert!(PartFile::create(&folder.path().join("file/a.bin")).is_err());
        assert!(PartFile::create(folder.path()).is_err());
    }
}
