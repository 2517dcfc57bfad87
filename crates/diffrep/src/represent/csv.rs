//! Comma-separated text: one line an image.
use super::file::{Outline, Writer};
use crate::files::PartFile;
use std::io;
use std::path::Path;

struct Csv {
    csv: ::csv::Writer<PartFile>,
    outline: Outline,
}

pub(super) fn create(path: &Path, outline: &Outline) -> io::Result<Box<dyn Writer>> {
    let mut csv = ::csv::Writer::from_writer(PartFile::create(path)?);
    let numbers = outline.t.iter().flat_map(|t| (0..outline.dim).map(move |i| format!("t{t}_{i}")));
    csv.write_record(["path".to_owned(), "label".to_owned()].into_iter().chain(numbers))?;
    Ok(Box::new(Csv { csv, outline: outline.clone() }))
}

impl Writer for Csv {
    fn write(&mut self, start: usize, codes: &[f32]) -> io::Result<()> {
        let width = self.outline.t.len() * self.outline.dim;
        for (offset, codes) in codes.chunks(width).enumerate() {
            let row = start + offset;
            let label = self.outline.class(row).unwrap_or_default();
            let numbers = codes.iter().map(f32::to_string);
            let fields = [self.outline.set.id(row), label.to_owned()].into_iter().chain(numbers);
            self.csv.write_record(fields)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.csv.into_inner().map_err(|error| error.into_error())?.finish()
    }
}
