//! NumPy's archive: a zip of .npy files, stored uncompressed since codes don't compress.
use super::file::{Outline, Writer};
use super::npy::{header, write_floats};
use crate::files::PartFile;
use npyz::zip::ZipWriter;
use npyz::zip::write::FileOptions;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

struct Npz {
    zip: ZipWriter<FailOnce>,
    outline: Outline,
}

pub(super) fn create(path: &Path, outline: &Outline) -> io::Result<Box<dyn Writer>> {
    let mut zip = ZipWriter::new(FailOnce { file: PartFile::create(path)?, failed: false });
    begin(&mut zip, "codes", "<f4", &outline.shape())?;
    Ok(Box::new(Npz { zip, outline: outline.clone() }))
}

impl Writer for Npz {
    fn write(&mut self, _start: usize, codes: &[f32]) -> io::Result<()> {
        write_floats(&mut self.zip, codes)
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        let Self { zip, outline } = &mut *self;
        let rows = outline.set.len();
        begin(zip, "t", "<f8", &[outline.t.len()])?;
        outline.t.iter().try_for_each(|t| zip.write_all(&t.to_le_bytes()))?;
        begin(zip, "labels", "<i8", &[rows])?;
        outline.label_ids().try_for_each(|label| zip.write_all(&label.to_le_bytes()))?;
        write_strings(zip, "classes", || outline.classes().iter().cloned())?;
        write_strings(zip, "ids", || (0..rows).map(|row| outline.set.id(row)))?;
        self.zip.finish()?.file.finish()
    }
}

fn begin(zip: &mut ZipWriter<FailOnce>, name: &str, kind: &str, shape: &[usize]) -> io::Result<()> {
    // Zip64, as the codes may exceed 4 GiB; no time, so that equal codes give equal files.
    let options = FileOptions::default()
        .compression_method(npyz::zip::CompressionMethod::Stored)
        .last_modified_time(npyz::zip::DateTime::default())
        .large_file(true);
    zip.start_file(format!("{name}.npy"), options)?;
    zip.write_all(&header(kind, shape))
}

/// An array of strings: UTF-32, all as long as the longest. `strings` is gone through twice, so that none are kept.
fn write_strings<I: Iterator<Item = String>>(
    zip: &mut ZipWriter<FailOnce>,
    name: &str,
    strings: impl Fn() -> I,
) -> io::Result<()> {
    let (count, longest) =
        strings().fold((0, 1), |(count, longest), s| (count + 1, s.chars().count().max(longest)));
    begin(zip, name, &format!("<U{longest}"), &[count])?;
    for string in strings() {
        let units = string.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
        units.map(u32::to_le_bytes).try_for_each(|unit| zip.write_all(&unit))?;
    }
    Ok(())
}

/// A file that, once it has failed, swallows what follows: a dropped `ZipWriter` still tries to write its directory,
/// and would print a second error about that.
struct FailOnce {
    file: PartFile,
    failed: bool,
}

impl FailOnce {
    fn attempt<T>(
        &mut self,
        swallowed: T,
        action: impl FnOnce(&mut PartFile) -> io::Result<T>,
    ) -> io::Result<T> {
        if self.failed {
            return Ok(swallowed);
        }
        let result = action(&mut self.file);
        self.failed = result.is_err();
        result
    }
}

impl Write for FailOnce {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.attempt(bytes.len(), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.attempt((), |file| file.flush())
    }
}

impl Seek for FailOnce {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.attempt(0, |file| file.seek(to))
    }
}
