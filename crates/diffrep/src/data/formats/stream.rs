//! Reading of files that may be compressed and may lie about their size.
use crate::data::DataError;
use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::Path,
};

/// Data kept in memory may not be larger, whatever a header or an archive says.
pub(crate) const MOST_BYTES: u64 = 16 << 30;

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The file's content; decompressed if it begins as gzip does.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>, DataError> {
    let mut file = File::open(path).map_err(DataError::io(path))?;
    let mut start = [0; 2];
    let found = read_up_to(&mut file, &mut start).map_err(DataError::io(path))?;
    file.rewind().map_err(DataError::io(path))?;
    let file = BufReader::new(file);
    if found == 2 && start == GZIP {
        Ok(Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(file))))
    } else {
        Ok(Box::new(file))
    }
}

/// The first bytes of the content, at most `count`; fewer where it ends or can't be decompressed.
pub(crate) fn prefix(path: &Path, count: usize) -> Result<Vec<u8>, DataError> {
    let mut bytes = vec![0; count];
    // A damaged stream is reported by whoever reads on; here it just ends.
    let found = read_up_to(open(path)?.as_mut(), &mut bytes).unwrap_or(0);
    bytes.truncate(found);
    Ok(bytes)
}

/// Reads `expected` bytes and checks that the content ends there.
pub(crate) fn exactly(reader: &mut dyn Read, expected: u64, path: &Path) -> Result<Vec<u8>, DataError> {
    if expected > MOST_BYTES {
        let reason = format!("the header promises {expected} bytes, more than the limit of {MOST_BYTES}");
        return Err(DataError::malformed(path, reason));
    }
    let mut bytes = Vec::new();
    if let Err(error) = reader.take(expected + 1).read_to_end(&mut bytes) {
        let reason = format!("damaged after {} of {expected} bytes of data: {error}", bytes.len());
        return Err(DataError::malformed(path, reason));
    }
    match (bytes.len() as u64).cmp(&expected) {
        std::cmp::Ordering::Equal => Ok(bytes),
        std::cmp::Ordering::Less => {
            let reason = format!("truncated: {} bytes of data, the header promises {expected}", bytes.len());
            Err(DataError::malformed(path, reason))
        }
        std::cmp::Ordering::Greater => {
            let reason = format!("more data than the {expected} bytes that the header promises");
            Err(DataError::malformed(path, reason))
        }
    }
}

fn read_up_to(reader: &mut dyn Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
