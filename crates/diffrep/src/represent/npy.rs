//! NumPy's array format, version 1.0: a header that tells type and shape, then the numbers.
use super::file::{Outline, Writer};
use crate::files::PartFile;
use std::io::{self, Write};
use std::path::Path;

struct Npy {
    file: PartFile,
}

pub(super) fn create(path: &Path, outline: &Outline) -> io::Result<Box<dyn Writer>> {
    let mut file = PartFile::create(path)?;
    file.write_all(&header("<f4", &outline.shape()))?;
    Ok(Box::new(Npy { file }))
}

impl Writer for Npy {
    fn write(&mut self, _start: usize, codes: &[f32]) -> io::Result<()> {
        write_floats(&mut self.file, codes)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.file.finish()
    }
}

/// Magic, version, length and the dictionary, padded so that the data begin at a multiple of 64 bytes.
pub(super) fn header(kind: &str, shape: &[usize]) -> Vec<u8> {
    let sides: String = shape.iter().map(|side| format!("{side}, ")).collect();
    let mut text = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({sides}), }}");
    let unpadded = 10 + text.len() + 1;
    text.push_str(&" ".repeat(unpadded.next_multiple_of(64) - unpadded));
    text.push('\n');
    let length = u16::try_from(text.len()).expect("a type and a few sides take a few hundred bytes");
    [b"\x93NUMPY\x01\x00".as_slice(), &length.to_le_bytes(), text.as_bytes()].concat()
}

/// Little-endian.
pub(super) fn write_floats(file: &mut impl Write, values: &[f32]) -> io::Result<()> {
    values.iter().try_for_each(|value| file.write_all(&value.to_le_bytes()))
}
