//! What can be wrong with data; every message names the file, row or value and says what was expected.
use std::path::PathBuf;

/// A fault in a data set or in how it is asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Neither a built-in name nor a path.
    #[error("no data set `{spec}`: expected {builtin}, or the path of a file or folder{hint}")]
    NotFound {
        /// What was asked for.
        spec: String,
        /// The names that would have been found.
        builtin: String,
        /// What to do where the name is that of a data set which can be fetched; otherwise empty.
        hint: String,
    },
    /// The operating system refused.
    #[error("{}: {reason}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why; part of the message, so not its source as well.
        reason: std::io::Error,
    },
    /// A file breaks its format.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file, or the member of an archive.
        path: PathBuf,
        /// What is wrong and what was expected.
        reason: String,
    },
    /// An image that can't be decoded.
    #[error("{}: damaged image: {reason}", path.display())]
    BadImage {
        /// The image.
        path: PathBuf,
        /// What the decoder said.
        reason: String,
    },
    /// Images of a folder that can't be used.
    #[error("{}: {count} of {total} images can't be read (left out by --on-bad skip where a command has it, in training by --set data.on_bad=skip): {first}", path.display())]
    BadImages {
        /// The folder.
        path: PathBuf,
        /// Bad images.
        count: usize,
        /// Images in all.
        total: usize,
        /// The first few, each with what is wrong.
        first: String,
    },
    /// An image larger than the limit; it is not decoded.
    #[error("{}: {width}×{height} pixels exceed the limit of {limit} pixels an image (a larger one: `data inspect` and `data split` --pixel-limit, in training --set data.pixel_limit)", path.display())]
    PixelLimit {
        /// The image.
        path: PathBuf,
        /// Its width in pixels.
        width: u32,
        /// Its height in pixels.
        height: u32,
        /// The largest allowed product of both.
        limit: u64,
    },
    /// No images.
    #[error("{}: no images found{hint}", path.display())]
    Empty {
        /// The folder or file.
        path: PathBuf,
        /// How many files were passed over and why; otherwise empty.
        hint: String,
    },
    /// Test images of another shape than the training images.
    #[error("{name}: test images are {found}, training images {expected}; expected one shape")]
    ShapeMismatch {
        /// The data set.
        name: String,
        /// Shape of the test images.
        found: super::ImageShape,
        /// Shape of the training images.
        expected: super::ImageShape,
    },
    /// A label file names an image that is not there.
    #[error("{}, line {line}: no image `{key}` in the data (keys are paths relative to the data folder; of data without file names, row numbers)", path.display())]
    UnknownKey {
        /// The label file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// The relative path it gives.
        key: String,
    },
    /// A label file names an image twice.
    #[error("{}, line {line}: `{key}` was labelled already in line {first}", path.display())]
    DuplicateKey {
        /// The label file.
        path: PathBuf,
        /// Line of the second entry, from 1.
        line: u64,
        /// Line of the first entry.
        first: u64,
        /// The relative path.
        key: String,
    },
    /// A class outside the class map.
    #[error("{}: class `{class}` is not in the class map ({known})", path.display())]
    UnknownClass {
        /// Where the class was found.
        path: PathBuf,
        /// Its name.
        class: String,
        /// The names in the map.
        known: String,
    },
    /// A class has too few images for a split.
    #[error("class `{class}` has {found} image(s), expected at least {needed}")]
    TooFewInClass {
        /// The class, by name or number.
        class: String,
        /// Labelled images in it.
        found: usize,
        /// How many the split needs.
        needed: usize,
    },
    /// An argument outside its range.
    #[error("{name} is {value}, expected {expected}")]
    Argument {
        /// The argument.
        name: &'static str,
        /// Its value.
        value: String,
        /// The range.
        expected: &'static str,
    },
    /// A row that the set doesn't have.
    #[error("row {row} does not exist: the set has {len} rows")]
    Row {
        /// The row asked for.
        row: usize,
        /// Rows in the set.
        len: usize,
    },
    /// A buffer of the wrong length.
    #[error("the buffer holds {found} values, expected {expected}")]
    Buffer {
        /// Its length.
        found: usize,
        /// The needed length.
        expected: usize,
    },
    /// A download failed; what arrived is kept and the next attempt goes on from there.
    #[error("{url}: {reason}")]
    Download {
        /// The address.
        url: String,
        /// What went wrong.
        reason: String,
    },
    /// A downloaded file is not what was published.
    #[error("{}: MD5 checksum {found}, expected {expected}", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Its checksum.
        found: String,
        /// The publisher's.
        expected: String,
    },
}

impl DataError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |reason| Self::Io { path, reason }
    }

    pub(crate) fn malformed(path: impl Into<PathBuf>, reason: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), reason: reason.into() }
    }
}
