//! Files of embeddings: what they have in common.
use super::{RepresentError, csv, npy, npz, parquet, safetensors};
use crate::data::ImageSet;
use std::io;
use std::path::{Path, PathBuf};

/// What a file will hold: the rows of `set`, in its order, with codes `[N, T, dim]`.
#[derive(Clone, Debug)]
pub struct Outline {
    /// The images, for their names and labels.
    pub set: ImageSet,
    /// Levels of detail, T of them.
    pub t: Vec<f64>,
    /// Size of a code.
    pub dim: usize,
}

impl Outline {
    pub(super) fn shape(&self) -> [usize; 3] {
        [self.set.len(), self.t.len(), self.dim]
    }

    /// Class ids, −1 where a row has none.
    pub(super) fn label_ids(&self) -> impl Iterator<Item = i64> + '_ {
        let values = self.set.labels().map(|column| &column.values);
        (0..self.set.len()).map(move |row| values.and_then(|values| values[row]).map_or(-1, i64::from))
    }

    /// Class names.
    pub(super) fn classes(&self) -> &[String] {
        self.set.labels().map_or(&[], |column| &column.classes)
    }

    /// Name of the class of `row`.
    pub(super) fn class(&self, row: usize) -> Option<&str> {
        self.set.labels().and_then(|column| column.class(row))
    }
}

/// File formats, told apart by the end of the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.npz`: arrays `codes` `[N, T, C]`, `t` `[T]`, `ids` `[N]`, `labels` `[N]` (−1: none), `classes`.
    Npz,
    /// `.npy`: the array [N, T, C] alone.
    Npy,
    /// `.safetensors`: tensors `codes` `[N, T, C]`, `t` `[T]`, `labels` `[N]`; names as `id_bytes` cut at `id_ends` `[N]`.
    Safetensors,
    /// `.parquet`: columns `path`, `label` and a list of floats for each t.
    Parquet,
    /// `.csv`: `path`, `label` and a column for each number of each code.
    Csv,
}

impl Format {
    /// The format that the name of `path` tells.
    ///
    /// # Errors
    /// Another ending.
    pub fn of(path: &Path) -> Result<Self, RepresentError> {
        match path.extension().and_then(|end| end.to_str()) {
            Some("npz") => Ok(Self::Npz),
            Some("npy") => Ok(Self::Npy),
            Some("safetensors") => Ok(Self::Safetensors),
            Some("parquet") => Ok(Self::Parquet),
            Some("csv") => Ok(Self::Csv),
            _ => Err(RepresentError::Format { path: path.to_owned() }),
        }
    }
}

/// A format's writer: blocks of whole rows in order, then `finish`.
pub(super) trait Writer {
    fn write(&mut self, start: usize, codes: &[f32]) -> io::Result<()>;
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// A file of embeddings in the making; it appears under its name when [`EmbeddingFile::finish`] succeeds.
pub struct EmbeddingFile {
    path: PathBuf,
    row: usize,
    width: usize,
    rows: usize,
    writer: Box<dyn Writer>,
}

impl EmbeddingFile {
    /// Begins a file; memory stays bounded however many rows come, as their number is known beforehand.
    ///
    /// # Errors
    /// A name of no known format, a place that can't be written.
    pub fn create(path: &Path, outline: &Outline) -> Result<Self, RepresentError> {
        let writer: io::Result<Box<dyn Writer>> = match Format::of(path)? {
            Format::Npz => npz::create(path, outline),
            Format::Npy => npy::create(path, outline),
            Format::Safetensors => safetensors::create(path, outline),
            Format::Parquet => parquet::create(path, outline),
            Format::Csv => csv::create(path, outline),
        };
        let [rows, levels, dim] = outline.shape();
        let writer = writer.map_err(|error| RepresentError::Write { path: path.to_owned(), error })?;
        Ok(Self { path: path.to_owned(), row: 0, width: levels * dim, rows, writer })
    }

    /// Appends the codes `[n, T, C]` of the next n rows.
    ///
    /// # Errors
    /// A full disk and the like.
    pub fn write(&mut self, codes: &[f32]) -> Result<(), RepresentError> {
        self.writer.write(self.row, codes).map_err(|error| self.error(error))?;
        self.row += codes.len() / self.width;
        Ok(())
    }

    /// Completes the file. Before this an earlier file of the name is untouched.
    ///
    /// # Errors
    /// A full disk and the like, fewer rows than the outline has.
    pub fn finish(self) -> Result<(), RepresentError> {
        let Self { path, row, rows, writer, .. } = self;
        let result = if row == rows {
            writer.finish()
        } else {
            Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{row} of {rows} rows were given")))
        };
        result.map_err(|error| RepresentError::Write { path, error })
    }

    fn error(&self, error: io::Error) -> RepresentError {
        RepresentError::Write { path: self.path.clone(), error }
    }
}
