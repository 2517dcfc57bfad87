//! Small pictures inside figures and pages.
use crate::report::ReportError;
use base64::Engine;
use image::{ExtendedColorType, ImageEncoder, codecs::png};

/// A picture encoded as PNG.
#[derive(Clone, Debug)]
pub struct Thumbnail {
    width: usize,
    height: usize,
    png: Vec<u8>,
}

impl Thumbnail {
    /// Encodes pixels in [0, 1], laid out [height, width, channels] with 1 (grey) or 3 (RGB) channels. Values
    /// outside are clipped, NaN becomes 0. Pictures above 64 pixels are reduced to 64 by averaging blocks.
    ///
    /// # Errors
    /// The number of channels or of pixels doesn't fit.
    pub fn new([height, width, channels]: [usize; 3], pixels: &[f32]) -> Result<Self, ReportError> {
        let block = height.max(width).div_ceil(LARGEST).max(1);
        encode([height, width, channels], pixels, block)
    }

    /// Width and height in pixels.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The PNG file.
    pub fn png(&self) -> &[u8] {
        &self.png
    }

    /// The PNG as a `data:` URI.
    pub fn data_uri(&self) -> String {
        format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(&self.png))
    }
}

const LARGEST: usize = 64;

/// The PNG file of a picture in its full size; pixels and errors as for [`Thumbnail::new`].
///
/// # Errors
/// The number of channels or of pixels doesn't fit.
pub fn picture(shape: [usize; 3], pixels: &[f32]) -> Result<Vec<u8>, ReportError> {
    encode(shape, pixels, 1).map(|picture| picture.png)
}

/// Encodes the means of squares of `block` × `block` pixels.
fn encode(
    [height, width, channels]: [usize; 3],
    pixels: &[f32],
    block: usize,
) -> Result<Thumbnail, ReportError> {
    let shape = |what: &str, got, expected| ReportError::Shape { what: what.into(), got, expected };
    let colour = match channels {
        1 => ExtendedColorType::L8,
        3 => ExtendedColorType::Rgb8,
        _ => return Err(shape("channels of a thumbnail", channels, 3)),
    };
    if pixels.is_empty() || pixels.len() != height * width * channels {
        return Err(shape("values of a thumbnail", pixels.len(), height * width * channels));
    }
    let (width, height, bytes) = reduce([height, width, channels], pixels, block);
    let mut png = Vec::new();
    let encoder =
        png::PngEncoder::new_with_quality(&mut png, png::CompressionType::Best, png::FilterType::Adaptive);
    encoder
        .write_image(&bytes, width as u32, height as u32, colour)
        .map_err(|e| ReportError::Raster { figure: "thumbnail".into(), reason: e.to_string() })?;
    Ok(Thumbnail { width, height, png })
}

fn reduce([height, width, channels]: [usize; 3], pixels: &[f32], block: usize) -> (usize, usize, Vec<u8>) {
    let (rows, columns) = (height.div_ceil(block), width.div_ceil(block));
    let mut bytes = Vec::with_capacity(rows * columns * channels);
    for row in 0..rows {
        for column in 0..columns {
            for channel in 0..channels {
                let (mut sum, mut count) = (0.0, 0.0);
                for y in row * block..((row + 1) * block).min(height) {
                    for x in column * block..((column + 1) * block).min(width) {
                        sum += pixels[(y * width + x) * channels + channel];
                        count += 1.0;
                    }
                }
                bytes.push((255.0 * (sum / count).clamp(0.0, 1.0)).round() as u8);
            }
        }
    }
    (columns, rows, bytes)
}
