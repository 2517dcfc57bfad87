//! NumPy arrays: `.npy` and `.npz`.
//!
//! Images are `u1`, `u2` or floats of [N, H, W], [N, H, W, C] or [N, C, H, W]; of four dimensions the last is C if it
//! is 1 or 3, otherwise the second has to be. Floats lie in [0, 1], or in [0, 255] and are divided by 255; what rounding
//! has brought a little beyond is clipped.
//! Labels are integers of [N] or [N, 1].
use super::stream;
use crate::data::{
    DataError, Dataset, ImageSet, ImageShape, LabelColumn,
    source::{ByteImages, FloatImages, Source},
};
use npyz::{DType, Endianness, NpyFile, NpyHeader, Order, TypeChar, npz::NpzArchive};
use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Names of arrays in an archive, of each the first found: images and labels.
const TRAIN: [&[&str]; 2] =
    [&["x", "images", "x_train", "train_images", "arr_0"], &["y", "labels", "y_train", "train_labels"]];
const TEST: [&[&str]; 2] = [&["x_test", "test_images"], &["y_test", "test_labels"]];

/// Floats above it are values of bytes: nobody has images as dark.
const LARGEST_PART: f32 = 2.0;
/// How far beyond [0, 1] rounding, as of an image that was scaled, may bring a value.
const ROUNDING: f32 = 1e-3;

/// Opens a `.npy` file of images.
pub(crate) fn open_npy(name: &str, path: &Path) -> Result<Dataset, DataError> {
    let array = read(path, stream::open(path)?)?;
    let of_bytes = is_of_bytes(&array);
    let train = ImageSet::new(images(path, array, of_bytes)?, Vec::new());
    Ok(Dataset::new(name, train, None))
}

/// Opens a `.npz` archive of images and labels.
pub(crate) fn open_npz(name: &str, path: &Path) -> Result<Dataset, DataError> {
    let broken = |error: std::io::Error| DataError::malformed(path, format!("damaged archive: {error}"));
    let mut archive = NpzArchive::open(path).map_err(broken)?;
    let names: Vec<String> = archive.array_names().map(str::to_owned).collect();
    let find =
        |wanted: &[&'static str]| wanted.iter().copied().find(|name| names.iter().any(|found| found == name));
    let mut array = |name: &str| -> Result<(PathBuf, Array), DataError> {
        let member = path.join(format!("{name}.npy"));
        let entry = format!("{name}.npy");
        let file = archive.zip_archive().by_name(&entry);
        let file =
            file.map_err(|error| DataError::malformed(&member, format!("damaged archive: {error}")))?;
        let array = read(&member, file)?;
        Ok((member, array))
    };
    let mut split = |[images_name, labels_name]: [&[&'static str]; 2]| {
        let Some(found) = find(images_name) else { return Ok(None) };
        let pixels = array(found)?;
        let labels =
            find(labels_name).map(|name| array(name).and_then(|(member, array)| labels(&member, &array)));
        Ok(Some((pixels, labels.transpose()?)))
    };
    let splits = [split(TRAIN)?, split(TEST)?];
    // One scale for both splits: in a dark one nothing may be above 1.
    let of_bytes = splits.iter().flatten().any(|((_, pixels), _)| is_of_bytes(pixels));
    let labels = splits.each_ref().map(|split| split.as_ref().and_then(|(_, labels)| labels.as_deref()));
    let [train_column, test_column] = LabelColumn::of_numbers(labels);
    let set = |split: Option<((PathBuf, Array), _)>, column: Option<LabelColumn>| {
        let Some(((member, pixels), _)) = split else { return Ok(None) };
        let source = images(&member, pixels, of_bytes)?;
        if let Some(column) = column.as_ref().filter(|column| column.values.len() != source.len()) {
            let reason = format!("{} labels for {} images", column.values.len(), source.len());
            return Err(DataError::malformed(path, reason));
        }
        Ok(Some(ImageSet::new(source, column.into_iter().collect())))
    };
    let [train, test] = splits;
    let Some(train) = set(train, train_column)? else {
        let expected = "images in an array named x, images, x_train, train_images or arr_0";
        return Err(DataError::malformed(path, format!("holds {}; expected {expected}", names.join(", "))));
    };
    Ok(Dataset::new(name, train, set(test, test_column)?))
}

/// The raw content of an array.
struct Array {
    sizes: Vec<usize>,
    kind: TypeChar,
    /// Bytes a value.
    width: usize,
    bytes: Vec<u8>,
}

fn read(path: &Path, mut reader: impl Read) -> Result<Array, DataError> {
    let bad = |reason: String| DataError::malformed(path, reason);
    let header: NpyHeader =
        NpyFile::new(&mut reader).map_err(|error| bad(format!("damaged header: {error}")))?.header().clone();
    let descr = header.dtype().descr();
    let DType::Plain(dtype) = header.dtype() else {
        return Err(bad(format!("values of type {descr}, expected numbers")));
    };
    let width = dtype.num_bytes().filter(|width| (1..=8).contains(width));
    let width = width.ok_or_else(|| bad(format!("values of type {descr}, expected numbers")))?;
    if dtype.endianness() == Endianness::Big {
        return Err(bad(format!("big-endian values ({descr}), expected little-endian")));
    }
    if header.order() == Order::Fortran && header.shape().len() > 1 {
        return Err(bad("stored in Fortran order, expected C order (numpy.ascontiguousarray)".to_owned()));
    }
    let total = header.shape().iter().try_fold(width as u64, |total, &size| total.checked_mul(size));
    let bytes = stream::exactly(&mut reader, total.unwrap_or(u64::MAX), path)?;
    let sizes = header.shape().iter().map(|&size| size as usize).collect();
    Ok(Array { sizes, kind: dtype.type_char(), width, bytes })
}

/// Images whose floats are values of bytes, 0 to 255, or lie in [0, 1].
fn images(path: &Path, array: Array, of_bytes: bool) -> Result<Arc<dyn Source>, DataError> {
    let (shape, channels_first) = match array.sizes[..] {
        [_, height, width] => (ImageShape { height, width, channels: 1 }, false),
        [_, height, width, channels @ (1 | 3)] => (ImageShape { height, width, channels }, false),
        [_, channels @ (1 | 3), height, width] => (ImageShape { height, width, channels }, true),
        ref sizes => {
            let reason =
                format!("shape {sizes:?}, expected [N, H, W], [N, H, W, C] or [N, C, H, W] with C 1 or 3");
            return Err(DataError::malformed(path, reason));
        }
    };
    if array.bytes.is_empty() {
        return Err(DataError::Empty { path: path.to_owned(), hint: String::new() });
    }
    if let (TypeChar::Uint, 1) = (array.kind, array.width) {
        let bytes = if channels_first { channels_last(&array.bytes, shape) } else { array.bytes };
        return Ok(Arc::new(ByteImages::new(shape, bytes)));
    }
    let values = floats(path, &array, of_bytes)?;
    let values = if channels_first { channels_last(&values, shape) } else { values };
    Ok(Arc::new(FloatImages::new(shape, values)))
}

/// Whether floats are values of bytes, 0 to 255.
fn is_of_bytes(array: &Array) -> bool {
    let (bytes, large) = (&array.bytes, |value: f32| value > LARGEST_PART);
    match (array.kind, array.width) {
        (TypeChar::Float, 4) => bytes.as_chunks().0.iter().any(|&value| large(f32::from_le_bytes(value))),
        (TypeChar::Float, 8) => {
            bytes.as_chunks().0.iter().any(|&value| large(f64::from_le_bytes(value) as f32))
        }
        _ => false,
    }
}

/// Values in [0, 1].
fn floats(path: &Path, array: &Array, of_bytes: bool) -> Result<Vec<f32>, DataError> {
    let bytes = &array.bytes;
    let mut values: Vec<f32> = match (array.kind, array.width) {
        (TypeChar::Float, 4) => bytes.as_chunks().0.iter().map(|&value| f32::from_le_bytes(value)).collect(),
        (TypeChar::Float, 8) => {
            bytes.as_chunks().0.iter().map(|&value| f64::from_le_bytes(value) as f32).collect()
        }
        (TypeChar::Uint, 2) => {
            let words = bytes.as_chunks().0.iter().map(|&value| u16::from_le_bytes(value));
            words.map(|word| f32::from(word) / f32::from(u16::MAX)).collect()
        }
        (kind, width) => {
            let reason = format!("images of type {}{width}, expected u1, u2, f4 or f8", kind.to_str());
            return Err(DataError::malformed(path, reason));
        }
    };
    if let Some(place) = values.iter().position(|value| !value.is_finite()) {
        let image = place / array.sizes[1..].iter().product::<usize>();
        let reason = format!("image {image} holds {}, expected finite values", values[place]);
        return Err(DataError::malformed(path, reason));
    }
    let white = if of_bytes && array.kind == TypeChar::Float { 255.0 } else { 1.0 };
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let most = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    if least < -ROUNDING * white || most > (1.0 + ROUNDING) * white {
        let reason = format!("values from {least} to {most}, expected [0, 1] or [0, 255]");
        return Err(DataError::malformed(path, reason));
    }
    values.iter_mut().for_each(|value| *value = (*value / white).clamp(0.0, 1.0));
    Ok(values)
}

fn channels_last<T: Copy>(values: &[T], shape: ImageShape) -> Vec<T> {
    let plane = shape.height * shape.width;
    let image = |image: &[T]| -> Vec<T> {
        (0..plane)
            .flat_map(|place| (0..shape.channels).map(move |channel| channel * plane + place))
            .map(|from| image[from])
            .collect()
    };
    values.chunks(shape.len()).flat_map(image).collect()
}

fn labels(path: &Path, array: &Array) -> Result<Vec<u32>, DataError> {
    /// A class map of more classes would be a mistake, such as labels that are ids.
    const MOST: i64 = 100_000;
    if !matches!(array.sizes[..], [_] | [_, 1]) {
        let reason = format!("labels of shape {:?}, expected [N] or [N, 1]", array.sizes);
        return Err(DataError::malformed(path, reason));
    }
    let signed = match array.kind {
        TypeChar::Int => true,
        TypeChar::Uint => false,
        kind => {
            let reason = format!("labels of type {}{}, expected integers", kind.to_str(), array.width);
            return Err(DataError::malformed(path, reason));
        }
    };
    let label = |(row, bytes): (usize, &[u8])| {
        let negative = signed && bytes.last().is_some_and(|&byte| byte >= 0x80);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide[..bytes.len()].copy_from_slice(bytes);
        let value = i64::from_le_bytes(wide);
        if (0..MOST).contains(&value) {
            Ok(value as u32)
        } else {
            let reason = format!("label {value} in row {row}, expected 0 to {}", MOST - 1);
            Err(DataError::malformed(path, reason))
        }
    };
    array.bytes.chunks(array.width).enumerate().map(label).collect()
}
