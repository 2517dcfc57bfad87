//! Whether an image file is whole, told from its structure without decoding it.
//!
//! Decoders fill the missing part of some truncated files silently; and to decode a large folder before training
//! would take as long as an epoch.
use image::ImageFormat;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Seek, SeekFrom},
    path::Path,
};

/// `Ok(())` or what is missing; `None` for formats whose structure doesn't tell.
pub(super) fn check(path: &Path, format: ImageFormat) -> io::Result<Option<Result<(), String>>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = BufReader::new(file);
    let outcome = match format {
        ImageFormat::Png => png(&mut reader, length),
        ImageFormat::Jpeg => jpeg(&mut reader),
        ImageFormat::WebP => webp(&mut reader, length),
        _ => return Ok(None),
    };
    match outcome {
        Ok(true) => Ok(Some(Ok(()))),
        Ok(false) => Ok(Some(Err(format!("truncated after {length} bytes")))),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Some(Err(format!("truncated after {length} bytes"))))
        }
        Err(error) => Err(error),
    }
}

/// Chunks of (length, type, data, checksum) follow the signature; the last is IEND.
fn png(reader: &mut (impl Read + Seek), length: u64) -> io::Result<bool> {
    let mut place = 8;
    while place < length {
        reader.seek(SeekFrom::Start(place))?;
        let mut head = [0; 8];
        reader.read_exact(&mut head)?;
        let [a, b, c, d, kind @ ..] = head;
        place += 12 + u64::from(u32::from_be_bytes([a, b, c, d]));
        if kind == *b"IEND" {
            return Ok(place <= length);
        }
    }
    Ok(false)
}

/// Segments of (0xFF, marker, length, data) up to the start of scan; somewhere after it lies the end of image, whose
/// marker can't occur in coded data.
fn jpeg(reader: &mut (impl BufRead + Seek)) -> io::Result<bool> {
    const START_OF_SCAN: u8 = 0xda;
    const END_OF_IMAGE: u8 = 0xd9;
    reader.seek(SeekFrom::Start(2))?;
    loop {
        let mut head = [0; 2];
        reader.read_exact(&mut head)?;
        // Fill bytes may stand before a marker.
        while head[1] == 0xff {
            reader.read_exact(&mut head[1..])?;
        }
        if head[1] == START_OF_SCAN {
            break;
        }
        let mut size = [0; 2];
        reader.read_exact(&mut size)?;
        reader.seek(SeekFrom::Current(i64::from(u16::from_be_bytes(size)) - 2))?;
    }
    let mut before = 0;
    loop {
        let part = reader.fill_buf()?;
        let (Some(&first), Some(&last)) = (part.first(), part.last()) else { return Ok(false) };
        let is_end = |pair: [u8; 2]| pair == [0xff, END_OF_IMAGE];
        if is_end([before, first]) || part.array_windows().any(|pair| is_end(*pair)) {
            return Ok(true);
        }
        before = last;
        let length = part.len();
        reader.consume(length);
    }
}

/// RIFF, the little-endian length of what follows, WEBP.
fn webp(reader: &mut impl Read, length: u64) -> io::Result<bool> {
    let mut head = [0; 8];
    reader.read_exact(&mut head)?;
    let [.., a, b, c, d] = head;
    Ok(u64::from(u32::from_le_bytes([a, b, c, d])) + 8 <= length)
}
