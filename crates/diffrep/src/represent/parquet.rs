//! Parquet: a row an image with its path, its label, and a list of floats for each t.
use super::file::{Outline, Writer};
use crate::files::PartFile;
use ::parquet::basic::Compression;
use ::parquet::data_type::{ByteArray, ByteArrayType, FloatType};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Numbers in a row group, which is held in memory: 16 MiB.
const GROUP: usize = 4 << 20;

struct Parquet {
    file: SerializedFileWriter<PartFile>,
    outline: Outline,
    /// Row of the first code in `held`.
    start: usize,
    held: Vec<f32>,
}

pub(super) fn create(path: &Path, outline: &Outline) -> io::Result<Box<dyn Writer>> {
    let list = |t: &f64| {
        format!("required group t_{t} (LIST) {{ repeated group list {{ required float element; }} }}")
    };
    let lists: String = outline.t.iter().map(list).collect();
    let schema = format!(
        "message embeddings {{ required binary path (STRING); optional binary label (STRING); {lists} }}"
    );
    let schema = Arc::new(parse_message_type(&schema).map_err(io_error)?);
    // Codes hardly repeat: a dictionary of them would only cost.
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .build();
    let file =
        SerializedFileWriter::new(PartFile::create(path)?, schema, Arc::new(properties)).map_err(io_error)?;
    Ok(Box::new(Parquet { file, outline: outline.clone(), start: 0, held: Vec::new() }))
}

impl Writer for Parquet {
    fn write(&mut self, _start: usize, codes: &[f32]) -> io::Result<()> {
        self.held.extend_from_slice(codes);
        if self.held.len() >= GROUP { self.write_group() } else { Ok(()) }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.write_group()?;
        self.file.into_inner().map_err(io_error)?.finish()
    }
}

impl Parquet {
    fn write_group(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.columns().map_err(io_error)?;
        self.start += self.held.len() / (self.outline.t.len() * self.outline.dim);
        self.held.clear();
        Ok(())
    }

    fn columns(&mut self) -> Result<(), ParquetError> {
        let Outline { set, t, dim } = &self.outline;
        let (levels, dim) = (t.len(), *dim);
        let rows = self.held.len() / (levels * dim);
        let range = self.start..self.start + rows;
        let mut group = self.file.next_row_group()?;
        let mut column = |write: &mut dyn FnMut(&mut ColumnWriter) -> Result<usize, ParquetError>| {
            let mut column = group.next_column()?.expect("as many columns as the schema has");
            write(&mut column)?;
            column.close()
        };

        let ids: Vec<ByteArray> = range.clone().map(|row| set.id(row).into_bytes().into()).collect();
        column(&mut |column| column.typed::<ByteArrayType>().write_batch(&ids, None, None))?;

        let labels: Vec<Option<&str>> = range.map(|row| self.outline.class(row)).collect();
        let present: Vec<i16> = labels.iter().map(|label| i16::from(label.is_some())).collect();
        let labels: Vec<ByteArray> = labels.into_iter().flatten().map(ByteArray::from).collect();
        column(&mut |column| column.typed::<ByteArrayType>().write_batch(&labels, Some(&present), None))?;

        // Every list is present and full: definition 1 throughout; repetition 0 where a list begins.
        let defined = vec![1; rows * dim];
        let repeated: Vec<i16> = (0..rows * dim).map(|i| i16::from(i % dim != 0)).collect();
        for level in 0..levels {
            let codes: Vec<f32> =
                self.held.chunks(dim).skip(level).step_by(levels).flatten().copied().collect();
            column(&mut |column| {
                column.typed::<FloatType>().write_batch(&codes, Some(&defined), Some(&repeated))
            })?;
        }
        group.close()?;
        Ok(())
    }
}

type ColumnWriter<'a> = ::parquet::file::writer::SerializedColumnWriter<'a>;

/// The error of the disk, where that is what it was.
pub(crate) fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
