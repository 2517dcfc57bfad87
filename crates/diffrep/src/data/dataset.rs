//! A data set and how it is opened.
use super::{
    DataError, ImageSet, builtin,
    formats::{self, cifar, idx},
};
use std::path::{Path, PathBuf};

/// Images to train with and, where the data come with them, images to test with.
#[derive(Clone, Debug)]
pub struct Dataset {
    /// Name of the built-in set, the format or the folder.
    pub name: String,
    /// Training images, or all of them.
    pub train: ImageSet,
    /// Test images.
    pub test: Option<ImageSet>,
}

/// What to do with an image that can't be decoded or exceeds the pixel limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnBad {
    /// Report it as an error.
    #[default]
    Fail,
    /// Leave it out.
    Skip,
}

/// Where labels come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Labels {
    /// What the format offers; in a folder, one folder a class if every image lies in one of at least two folders.
    #[default]
    Auto,
    /// The images are taken as unlabelled.
    Ignore,
    /// Each folder directly below the root (or `train`, `test`) is a class, whatever lies deeper.
    Folders,
    /// A CSV file: relative path, label, further columns.
    File(PathBuf),
}

/// How to read a data set; the default reads everything as it is.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// 1 (grey) or 3 (colour); `None`: what the data have, in a folder 3 if any image is coloured.
    pub channels: Option<usize>,
    /// Height and width in pixels to which images are brought; `None`: what the data have, in a folder of mixed or
    /// large images 32×32.
    pub size: Option<(usize, usize)>,
    /// What to do with bad images.
    pub on_bad: OnBad,
    /// Where labels come from.
    pub labels: Labels,
    /// The class map of an earlier run, by which class ids stay what they were; `None`: classes in sorted order.
    pub classes: Option<Vec<String>>,
    /// Largest number of pixels of an image file; more is taken as an attack or a mistake.
    pub pixel_limit: u64,
    /// Files and folders that are not data, such as the output folder.
    pub exclude: Vec<PathBuf>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self {
            channels: None,
            size: None,
            on_bad: OnBad::Fail,
            labels: Labels::Auto,
            classes: None,
            pixel_limit: 100_000_000,
            exclude: Vec::new(),
        }
    }
}

/// Opens a built-in data set by its name, or a file or folder, whose format is recognised by its content.
/// A built-in name prevails over a folder of that name, which is reached as `./name`.
///
/// # Errors
/// Neither a name nor a path, a broken file, no images, labels that don't fit.
pub fn open(spec: &str, options: &OpenOptions) -> Result<Dataset, DataError> {
    if let Some(dataset) = builtin::open(spec) {
        return Ok(dataset);
    }
    let path = Path::new(spec);
    if !path.exists() {
        let builtin = builtin::BUILT_IN.map(|(name, _)| format!("`{name}`")).join(", ");
        return Err(DataError::NotFound { spec: spec.to_owned(), builtin, hint: String::new() });
    }
    if path.is_dir() { open_folder(path, options) } else { open_file(path, options) }
}

fn open_folder(path: &Path, _options: &OpenOptions) -> Result<Dataset, DataError> {
    if let Some((train, test)) = idx::find_in(path) {
        return idx::open(&name_of(path), &train, test.as_deref());
    }
    if let Some(found) = cifar::find_in(path) {
        return cifar::open(&found);
    }
    Err(DataError::Empty { path: path.to_owned(), hint: String::new() })
}

fn open_file(path: &Path, _options: &OpenOptions) -> Result<Dataset, DataError> {
    let start = formats::prefix(path, 512)?;
    if idx::recognise(&start) {
        return idx::open(&name_of(path), path, None);
    }
    if start.get(257..262) == Some(b"ustar") {
        return cifar::open(path);
    }
    Err(DataError::malformed(path, "unknown format, expected IDX, CIFAR (.tar.gz), .npy, .npz or an image"))
}

/// The last part of a path, without anything after the first dot.
fn name_of(path: &Path) -> String {
    let name = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("data").to_owned()
}
