//! A data set and how it is opened.
use super::{
    COLOURED, DataError, ImageSet, adapt, builtin, coloured, fetch, folder,
    formats::{self, arrays, cifar, idx},
    label_file,
};
use serde::{Deserialize, Serialize};
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
    /// What was left out: one message for each bad image, folder beside a split, and format that isn't read.
    pub skipped: Vec<String>,
    /// Which data these are, however they are called: [`origin`] of what was opened; the name of data that weren't.
    pub origin: String,
}

/// What the data that [`open`] finds under `spec` have in common with the same data under another name: the path without
/// links and detours, or the name of a built-in set.
pub fn origin(spec: &str) -> String {
    let (kind, data) = match spec.strip_prefix(COLOURED) {
        Some(grey) => (COLOURED, grey),
        None => ("", spec),
    };
    let path = Path::new(data).canonicalize();
    match path {
        Ok(path) if !builtin::is_built_in(data) => format!("{kind}{}", path.display()),
        _ => spec.to_owned(),
    }
}

/// What to do with an image that can't be decoded or exceeds the pixel limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl From<&str> for Labels {
    /// `auto`, `ignore`, `folders`, or the path of a CSV file: how settings and arguments write it.
    fn from(name: &str) -> Self {
        match name {
            "auto" => Self::Auto,
            "ignore" => Self::Ignore,
            "folders" => Self::Folders,
            path => Self::File(path.into()),
        }
    }
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
    /// The class map of an earlier run, by which the class ids of folders and label files stay what they were; `None`:
    /// classes in sorted order.
    pub classes: Option<Vec<String>>,
    /// Largest number of pixels of an image file; more is taken as an attack or a mistake.
    pub pixel_limit: u64,
    /// Files and folders that are not data, such as the output folder.
    pub exclude: Vec<PathBuf>,
}

/// Longest side that images may be brought to, in pixels.
const MOST_SIDE: usize = 4096;

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
/// A built-in name prevails over a folder of that name, which is reached as `./name`. With [`COLOURED`] before name or
/// path the images are made grey and painted in random colours, which become further label columns.
///
/// # Errors
/// Neither a name nor a path, a broken file, no images, labels that don't fit.
pub fn open(spec: &str, options: &OpenOptions) -> Result<Dataset, DataError> {
    check(options)?;
    let dataset = Dataset { origin: origin(spec), ..adapt::adapt(open_raw(spec, options)?, options)? };
    let expected = dataset.train.shape();
    if let Some(found) = dataset.test.as_ref().map(ImageSet::shape).filter(|&shape| shape != expected) {
        return Err(DataError::ShapeMismatch { name: dataset.name, found, expected });
    }
    match &options.labels {
        Labels::Auto | Labels::Folders => Ok(dataset),
        Labels::Ignore => dataset.map_sets(|set| set.with_columns(Vec::new())),
        Labels::File(file) => {
            let root = Path::new(spec.strip_prefix(COLOURED).unwrap_or(spec));
            label_file::apply(dataset, root, file, options.classes.as_deref())
        }
    }
}

fn check(options: &OpenOptions) -> Result<(), DataError> {
    if let Some(channels) = options.channels.filter(|channels| !matches!(channels, 1 | 3)) {
        let value = channels.to_string();
        return Err(DataError::Argument { name: "channels", value, expected: "1 or 3" });
    }
    let sides = 1..=MOST_SIDE;
    match options.size.filter(|(height, width)| !(sides.contains(height) && sides.contains(width))) {
        Some((height, width)) => {
            let value = format!("{height}×{width}");
            Err(DataError::Argument { name: "size", value, expected: "sides of 1 to 4096 pixels" })
        }
        None => Ok(()),
    }
}

fn open_raw(spec: &str, options: &OpenOptions) -> Result<Dataset, DataError> {
    if let Some(grey) = spec.strip_prefix(COLOURED) {
        let options = OpenOptions { channels: Some(1), ..options.clone() };
        return Ok(coloured::paint(adapt::adapt(open_raw(grey, &options)?, &options)?));
    }
    if let Some(dataset) = builtin::open(spec) {
        return Ok(dataset);
    }
    let path = Path::new(spec);
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => open_folder(path, options),
        Ok(_) => open_file(path, options),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let builtin = builtin::BUILT_IN.map(|(name, _)| format!("`{name}`")).join(", ");
            let hint =
                fetch::find(spec).map(|set| format!("; `{}` can be fetched", set.name)).unwrap_or_default();
            Err(DataError::NotFound { spec: spec.to_owned(), builtin, hint })
        }
        Err(reason) => Err(DataError::Io { path: path.to_owned(), reason }),
    }
}

fn open_folder(path: &Path, options: &OpenOptions) -> Result<Dataset, DataError> {
    if let Some((train, test)) = idx::find_in(path) {
        return idx::open(&name_of(path), &train, test.as_deref());
    }
    if let Some(found) = cifar::find_in(path) {
        return cifar::open(&found);
    }
    folder::open(&name_of(path), path, options)
}

fn open_file(path: &Path, options: &OpenOptions) -> Result<Dataset, DataError> {
    let start = formats::prefix(path, 512)?;
    let name = name_of(path);
    match &start[..] {
        start if idx::recognise(start) => idx::open(&name, path, None),
        [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => arrays::open_npy(&name, path),
        [b'P', b'K', 3 | 5, ..] => arrays::open_npz(&name, path),
        start if start.get(257..262) == Some(b"ustar") => cifar::open(path),
        start if image::guess_format(start).is_ok() => folder::open_one(&name, path, options),
        _ => Err(DataError::malformed(
            path,
            "unknown format, expected IDX, CIFAR (.tar.gz), .npy, .npz or an image",
        )),
    }
}

impl Dataset {
    /// Images called `name`, of which nothing was left out.
    pub fn new(name: &str, train: ImageSet, test: Option<ImageSet>) -> Self {
        Self { name: name.to_owned(), train, test, skipped: Vec::new(), origin: name.to_owned() }
    }

    fn map_sets(mut self, map: impl Fn(&ImageSet) -> Result<ImageSet, DataError>) -> Result<Self, DataError> {
        self.train = map(&self.train)?;
        self.test = self.test.as_ref().map(map).transpose()?;
        Ok(self)
    }
}

/// The last part of a path, without anything after the first dot.
fn name_of(path: &Path) -> String {
    let name = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = name.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("data").to_owned()
}
