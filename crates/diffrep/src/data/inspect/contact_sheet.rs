//! A sheet of small pictures: one line a class, or the set from beginning to end.
use crate::data::resample::resample;
use crate::data::{DataError, ImageSet, ImageShape};
use crate::files::PartFile;
use image::{Rgb, RgbImage};
use rayon::prelude::*;
use std::io::Cursor;
use std::path::Path;

const COLUMNS: usize = 16;
const MOST_LINES: usize = 20;
/// Lines of a set without labels.
const PLAIN_LINES: usize = 8;
/// Small images are enlarged by a whole factor to about this side, in pixels.
const SIDE: usize = 48;
/// Larger images are reduced to this longest side.
const LARGEST_SIDE: usize = 128;
const GAP: usize = 4;
const GROUND: Rgb<u8> = Rgb([255; 3]);

/// Draws up to 16 images of each of the first 20 classes, a line each, or, without labels, 128 images evenly spaced
/// over the set; the file is a PNG whatever its name.
///
/// # Errors
/// An image that can't be read, a path that can't be written.
pub fn write_contact_sheet(path: &Path, set: &ImageSet) -> Result<(), DataError> {
    let lines = lines(set);
    let (whole, shape) = (set.shape(), shown(set.shape()));
    let scale = (SIDE / shape.height.max(shape.width)).max(1);
    let (height, width) = (shape.height * scale, shape.width * scale);
    let columns = lines.iter().map(Vec::len).max().unwrap_or(0);
    let extent = |count: usize, side: usize| (count * (side + GAP) + GAP) as u32;
    let mut sheet = RgbImage::from_pixel(extent(columns, width), extent(lines.len(), height), GROUND);
    for (line, rows) in lines.iter().enumerate() {
        // Image by image, so that few large ones are in memory at once.
        let small = |&row: &usize| {
            let mut image = vec![0.0; whole.len()];
            set.read(&[row], &mut image)?;
            Ok(reduced(image, whole, shape))
        };
        let images = rows.par_iter().map(small).collect::<Result<Vec<_>, DataError>>()?;
        for (column, image) in images.iter().enumerate() {
            let (top, left) = (line * (height + GAP) + GAP, column * (width + GAP) + GAP);
            for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
                let pixel =
                    &image[(y / scale * shape.width + x / scale) * shape.channels..][..shape.channels];
                // Grey is repeated; of more than three channels the first three are shown.
                let colour = [0, 1, 2].map(|channel| pixel[channel % pixel.len()]);
                let colour = colour.map(|value| (value * 255.0).round() as u8);
                sheet.put_pixel((left + x) as u32, (top + y) as u32, Rgb(colour));
            }
        }
    }
    let mut png = Cursor::new(Vec::new());
    let written = sheet.write_to(&mut png, image::ImageFormat::Png);
    written.map_err(|error| DataError::malformed(path, error.to_string()))?;
    PartFile::write_whole(path, png.get_ref()).map_err(DataError::io(path))
}

/// The shape that images of `shape` are reduced to.
fn shown(shape: ImageShape) -> ImageShape {
    let longest = shape.height.max(shape.width);
    if longest <= LARGEST_SIDE {
        return shape;
    }
    let side = |side: usize| (side * LARGEST_SIDE / longest).max(1);
    ImageShape { height: side(shape.height), width: side(shape.width), ..shape }
}

fn reduced(image: Vec<f32>, whole: ImageShape, shape: ImageShape) -> Vec<f32> {
    if whole == shape {
        return image;
    }
    let line = whole.width * whole.channels;
    let mut small = vec![0.0; shape.len()];
    resample(
        whole.height,
        whole.width,
        shape,
        |y, out| out.copy_from_slice(&image[y * line..][..line]),
        &mut small,
    );
    small
}

/// The rows on each line.
fn lines(set: &ImageSet) -> Vec<Vec<usize>> {
    if let Some(labels) = set.labels() {
        let of_class = |class: u32| -> Vec<usize> {
            let rows = (0..set.len()).filter(|&row| labels.values[row] == Some(class));
            rows.take(COLUMNS).collect()
        };
        let lines = (0..labels.classes.len() as u32).map(of_class).filter(|line| !line.is_empty());
        let lines: Vec<Vec<usize>> = lines.take(MOST_LINES).collect();
        if !lines.is_empty() {
            return lines;
        }
    }
    let count = set.len().min(COLUMNS * PLAIN_LINES);
    let rows: Vec<usize> = (0..count).map(|i| i * set.len() / count).collect();
    rows.chunks(COLUMNS).map(<[usize]>::to_vec).collect()
}
