//! Checking and decoding of one image file.
use super::complete;
use crate::data::{DataError, ImageShape, resample};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};
use std::{fs::File, io::BufReader, path::Path};

/// Bytes a pixel of the largest format, RGBA of 16 bits, and what decoders need besides.
const BYTES_A_PIXEL: u64 = 8;
const DECODER_BYTES: u64 = 64 << 20;

/// What the header of an image says.
pub(super) struct Header {
    /// Rows of pixels, as shown (after the EXIF orientation).
    pub(super) height: u32,
    /// Pixels in a row, as shown.
    pub(super) width: u32,
    /// True if the file has colours; a palette counts as colour.
    pub(super) coloured: bool,
}

/// Reads the header and makes sure that the file is complete, and, if `whole`, that its pixels can be decoded.
pub(super) fn check(path: &Path, pixel_limit: u64, whole: bool) -> Result<Header, DataError> {
    let (mut decoder, format) = decoder(path, pixel_limit)?;
    let (width, height) = decoder.dimensions();
    // A damaged EXIF block doesn't spoil the image.
    let turned = decoder.orientation().is_ok_and(|orientation| orientation.to_exif() >= 5);
    let header = Header {
        height: if turned { width } else { height },
        width: if turned { height } else { width },
        coloured: decoder.color_type().has_color(),
    };
    match complete::check(path, format).map_err(DataError::io(path))? {
        Some(Ok(())) if !whole => {}
        Some(Err(reason)) => return Err(DataError::BadImage { path: path.to_owned(), reason }),
        // Where asked for, or if there is no cheap check for this format.
        _ => drop(decode(path, pixel_limit)?),
    }
    Ok(header)
}

/// Decodes an image and brings it to `shape`.
pub(super) fn read(
    path: &Path,
    pixel_limit: u64,
    shape: ImageShape,
    out: &mut [f32],
) -> Result<(), DataError> {
    let image = decode(path, pixel_limit)?;
    let (height, width) = (image.height() as usize, image.width() as usize);
    let samples = image.color().channel_count() as usize;
    let mut floats = vec![0.0; width * samples];
    let line = |y: usize, line: &mut [f32]| {
        values(&image, y * width * samples, &mut floats);
        resample::convert(&floats, samples, shape.channels, line);
    };
    resample::resample(height, width, shape, line, out);
    Ok(())
}

/// Values from place `first` on, in [0, 1]; [`decode`] lets only integers through.
fn values(image: &DynamicImage, first: usize, out: &mut [f32]) {
    fn scale<T: Copy + Into<f32>>(values: &[T], first: usize, most: f32, out: &mut [f32]) {
        out.iter_mut().zip(&values[first..]).for_each(|(out, &value)| *out = value.into() / most);
    }
    let (byte, word) = (f32::from(u8::MAX), f32::from(u16::MAX));
    match image {
        DynamicImage::ImageLuma8(image) => scale(image, first, byte, out),
        DynamicImage::ImageLumaA8(image) => scale(image, first, byte, out),
        DynamicImage::ImageRgb8(image) => scale(image, first, byte, out),
        DynamicImage::ImageRgba8(image) => scale(image, first, byte, out),
        DynamicImage::ImageLuma16(image) => scale(image, first, word, out),
        DynamicImage::ImageLumaA16(image) => scale(image, first, word, out),
        DynamicImage::ImageRgb16(image) => scale(image, first, word, out),
        DynamicImage::ImageRgba16(image) => scale(image, first, word, out),
        _ => out.fill(0.0),
    }
}

fn decode(path: &Path, pixel_limit: u64) -> Result<DynamicImage, DataError> {
    let (mut decoder, _) = decoder(path, pixel_limit)?;
    let orientation = decoder.orientation().ok();
    let mut image = DynamicImage::from_decoder(decoder).map_err(|error| bad(path, error))?;
    if matches!(image, DynamicImage::ImageRgb32F(_) | DynamicImage::ImageRgba32F(_)) {
        return Err(bad(path, "floating-point pixels, expected 8 or 16 bits a value"));
    }
    if let Some(orientation) = orientation {
        image.apply_orientation(orientation);
    }
    Ok(image)
}

/// A decoder for an image within the limit, whatever the file's name says about its format.
fn decoder(path: &Path, pixel_limit: u64) -> Result<(impl ImageDecoder + use<>, ImageFormat), DataError> {
    let file = File::open(path).map_err(DataError::io(path))?;
    let most = pixel_limit.saturating_mul(BYTES_A_PIXEL).saturating_add(DECODER_BYTES);
    let length = file.metadata().map_err(DataError::io(path))?.len();
    if length > most {
        // Some decoders read it whole before they look at anything.
        return Err(bad(path, format!("{length} bytes, more than any image of {pixel_limit} pixels has")));
    }
    let mut reader =
        ImageReader::new(BufReader::new(file)).with_guessed_format().map_err(DataError::io(path))?;
    let format =
        reader.format().ok_or_else(|| bad(path, "not an image, its content is of no known format"))?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(most);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| bad(path, error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > pixel_limit {
        return Err(DataError::PixelLimit { path: path.to_owned(), width, height, limit: pixel_limit });
    }
    if width == 0 || height == 0 {
        return Err(bad(path, "an image without pixels"));
    }
    Ok((decoder, format))
}

fn bad(path: &Path, reason: impl ToString) -> DataError {
    DataError::BadImage { path: path.to_owned(), reason: reason.to_string() }
}
