//! One split of images: rows in a stable order, pixels read on demand.
use super::{
    DataError, LabelColumn,
    source::{ByteImages, Source},
};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Size of every image of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ImageShape {
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Values a pixel: 1 (grey) or 3 (red, green, blue); arrays may have any number.
    pub channels: usize,
}

impl ImageShape {
    /// Values an image: height × width × channels.
    pub fn len(&self) -> usize {
        self.height * self.width * self.channels
    }

    /// True if an image has no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Display for ImageShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

/// One split: images of one shape, their ids and labels. Cheap to clone; rows keep their order.
#[derive(Clone)]
pub struct ImageSet {
    source: Arc<dyn Source>,
    /// The source's rows which this set holds, or all of them.
    rows: Option<Arc<[usize]>>,
    columns: Arc<[LabelColumn]>,
}

impl ImageSet {
    /// All rows of `source`; each column has one value a row.
    pub(crate) fn new(source: Arc<dyn Source>, columns: Vec<LabelColumn>) -> Self {
        debug_assert!(columns.iter().all(|column| column.values.len() == source.len()));
        Self { source, rows: None, columns: columns.into() }
    }

    /// A set of `bytes` in memory, image after image as [H, W, C], 255 standing for 1; each column has one value a
    /// row.
    ///
    /// # Errors
    /// Bytes that are no whole images, a column of another length.
    pub fn from_bytes(
        shape: ImageShape,
        bytes: Vec<u8>,
        columns: Vec<LabelColumn>,
    ) -> Result<Self, DataError> {
        let rows = bytes.len() / shape.len().max(1);
        if bytes.len() != rows * shape.len() {
            return Err(DataError::Buffer { found: bytes.len(), expected: rows * shape.len() });
        }
        Self::new(Arc::new(ByteImages::new(shape, bytes)), Vec::new()).with_columns(columns)
    }

    /// Images.
    pub fn len(&self) -> usize {
        self.rows.as_ref().map_or_else(|| self.source.len(), |rows| rows.len())
    }

    /// True if the set has no images.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The shape that all images have.
    pub fn shape(&self) -> ImageShape {
        self.source.shape()
    }

    /// Pixels of `rows` in [0, 1], image after image as [H, W, C].
    ///
    /// Images that lie in files are decoded here, in parallel; nothing more than `out` stays in memory but for a
    /// bounded cache. `out` has `rows.len() * shape().len()` values.
    ///
    /// # Errors
    /// A row outside the set, a buffer of another length, a file that has become unreadable.
    pub fn read(&self, rows: &[usize], out: &mut [f32]) -> Result<(), DataError> {
        let image = self.shape().len();
        if out.len() != rows.len() * image {
            return Err(DataError::Buffer { found: out.len(), expected: rows.len() * image });
        }
        if let Some(&row) = rows.iter().find(|&&row| row >= self.len()) {
            return Err(DataError::Row { row, len: self.len() });
        }
        if image == 0 {
            return Ok(());
        }
        if self.source.decodes() {
            let pairs = rows.par_iter().zip(out.par_chunks_mut(image));
            pairs.try_for_each(|(&row, pixels)| self.source.read(self.source_row(row), pixels))
        } else {
            let mut pairs = rows.iter().zip(out.chunks_mut(image));
            pairs.try_for_each(|(&row, pixels)| self.source.read(self.source_row(row), pixels))
        }
    }

    /// Name of an image: its path relative to the data folder with `/` between parts, or its zero-padded row number
    /// in the file it came from. It stays the same in a subset. Panics if the set has no such row.
    pub fn id(&self, row: usize) -> String {
        self.source.id(self.source_row(row))
    }

    /// Height and width in pixels of the smallest and the largest image file that the set was opened from; `None` if
    /// images don't lie in files.
    pub fn file_sizes(&self) -> Option<[(usize, usize); 2]> {
        self.source.file_sizes()
    }

    /// The primary column, the first one; `None` if the set is unlabelled.
    pub fn labels(&self) -> Option<&LabelColumn> {
        self.columns.first()
    }

    /// All label columns.
    pub fn columns(&self) -> &[LabelColumn] {
        &self.columns
    }

    /// The column called `name`.
    pub fn column(&self, name: &str) -> Option<&LabelColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The same images with other label columns; each has one value a row.
    ///
    /// # Errors
    /// A column of another length.
    pub fn with_columns(&self, columns: Vec<LabelColumn>) -> Result<Self, DataError> {
        if let Some(column) = columns.iter().find(|column| column.values.len() != self.len()) {
            return Err(DataError::Buffer { found: column.values.len(), expected: self.len() });
        }
        Ok(Self { columns: columns.into(), ..self.clone() })
    }

    /// The given rows, in the given order; the classes stay the same, also those left without an image.
    /// Panics if the set has no such row.
    pub fn subset(&self, rows: &[usize]) -> ImageSet {
        let columns = self.columns.iter().map(|column| column.subset(rows)).collect();
        let rows = rows.iter().map(|&row| self.source_row(row)).collect();
        Self { source: Arc::clone(&self.source), rows: Some(rows), columns }
    }

    /// The same rows seen through a source with as many rows.
    pub(crate) fn map_source(&self, wrap: impl FnOnce(Arc<dyn Source>) -> Arc<dyn Source>) -> Self {
        Self { source: wrap(Arc::clone(&self.source)), ..self.clone() }
    }

    /// The source's row that row `row` is.
    pub(crate) fn source_row(&self, row: usize) -> usize {
        self.rows.as_ref().map_or(row, |rows| rows[row])
    }
}

impl fmt::Debug for ImageSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        write!(f, "ImageSet {{ {} images of {}, columns {columns:?} }}", self.len(), self.shape())
    }
}
