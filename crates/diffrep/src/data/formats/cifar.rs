//! The binary versions of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009), as published (`.tar.gz`) or extracted.
//!
//! A record is one label byte (CIFAR-10) or a coarse and a fine one (CIFAR-100), then three planes of 32×32 bytes.
use super::stream;
use crate::data::{DataError, Dataset, ImageSet, ImageShape, LabelColumn, source::ByteImages};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

const SIDE: usize = 32;
const SHAPE: ImageShape = ImageShape { height: SIDE, width: SIDE, channels: 3 };
const PLANE: usize = SIDE * SIDE;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Version {
    Ten,
    Hundred,
}

impl Version {
    fn name(self) -> &'static str {
        match self {
            Self::Ten => "cifar10",
            Self::Hundred => "cifar100",
        }
    }

    /// The label bytes of a record, in their order: column, classes, file of their names.
    fn columns(self) -> &'static [(&'static str, usize, &'static str)] {
        match self {
            Self::Ten => &[("label", 10, "batches.meta.txt")],
            Self::Hundred => {
                &[("coarse", 20, "coarse_label_names.txt"), ("label", 100, "fine_label_names.txt")]
            }
        }
    }

    fn record(self) -> usize {
        self.columns().len() + SHAPE.len()
    }
}

/// What a file of a data set holds, by its name.
fn role(name: &str) -> Option<Role> {
    use Version::{Hundred, Ten};
    match name {
        "test_batch.bin" => Some(Role::Images { version: Ten, test: true }),
        "train.bin" => Some(Role::Images { version: Hundred, test: false }),
        "test.bin" => Some(Role::Images { version: Hundred, test: true }),
        "batches.meta.txt" | "fine_label_names.txt" | "coarse_label_names.txt" => Some(Role::Names),
        _ => {
            let batch = name.strip_prefix("data_batch_")?.strip_suffix(".bin")?;
            batch.parse::<u32>().is_ok().then_some(Role::Images { version: Ten, test: false })
        }
    }
}

enum Role {
    Images { version: Version, test: bool },
    Names,
}

/// The folder with the extracted files, or the archive: `path` itself or what lies in it.
pub(crate) fn find_in(folder: &Path) -> Option<PathBuf> {
    let extracted = ["", "cifar-10-batches-bin", "cifar-100-binary"].map(|name| folder.join(name));
    let holds_images =
        |folder: &&PathBuf| ["data_batch_1.bin", "train.bin"].iter().any(|name| folder.join(name).is_file());
    let archives = ["cifar-10-binary.tar.gz", "cifar-100-binary.tar.gz"].map(|name| folder.join(name));
    extracted.iter().find(holds_images).or_else(|| archives.iter().find(|path| path.is_file())).cloned()
}

/// Opens a folder of extracted files or an archive, compressed or not.
pub(crate) fn open(path: &Path) -> Result<Dataset, DataError> {
    let mut files = Files::default();
    if path.is_dir() {
        for entry in std::fs::read_dir(path).map_err(DataError::io(path))? {
            let entry = entry.map_err(DataError::io(path))?.path();
            let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if role(&name).is_some() {
                let mut file = File::open(&entry).map_err(DataError::io(&entry))?;
                files.add(&name, &entry, &mut file)?;
            }
        }
    } else {
        let broken = |error| DataError::malformed(path, format!("damaged archive: {error}"));
        let mut archive = tar::Archive::new(stream::open(path)?);
        // Members with long names, which these aren't, would be read whole, however long.
        for entry in archive.entries().map_err(broken)?.raw(true) {
            let mut entry = entry.map_err(broken)?;
            let member = entry.path().map_err(broken)?.into_owned();
            let name = member.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if entry.header().entry_type().is_file() {
                files.add(&name, &path.join(&member), &mut entry)?;
            }
        }
    }
    files.into_dataset(path)
}

/// Everything that was found, by file name: the order of an archive or folder doesn't matter.
#[derive(Default)]
struct Files {
    images: BTreeMap<String, Images>,
    names: BTreeMap<String, Vec<String>>,
}

/// The records of one file: pixels as [N, H, W, C], label bytes one vector a column.
struct Images {
    version: Version,
    test: bool,
    pixels: Vec<u8>,
    labels: Vec<Vec<u8>>,
}

impl Files {
    fn add(&mut self, name: &str, path: &Path, reader: &mut dyn Read) -> Result<(), DataError> {
        match role(name) {
            Some(Role::Images { version, test }) => {
                let images = read_records(version, test, path, reader)?;
                self.images.insert(name.to_owned(), images);
            }
            Some(Role::Names) => {
                let mut text = String::new();
                reader.take(1 << 20).read_to_string(&mut text).map_err(DataError::io(path))?;
                let names = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned);
                self.names.insert(name.to_owned(), names.collect());
            }
            None => {}
        }
        Ok(())
    }

    fn into_dataset(self, path: &Path) -> Result<Dataset, DataError> {
        let expected = "data_batch_1.bin … (CIFAR-10) or train.bin (CIFAR-100)";
        let (test, train): (Vec<Images>, Vec<Images>) = self.images.into_values().partition(|file| file.test);
        let Some(version) = train.first().map(|file| file.version) else {
            return Err(DataError::malformed(path, format!("no training images, expected {expected}")));
        };
        if train.iter().chain(&test).any(|file| file.version != version) {
            return Err(DataError::malformed(
                path,
                "files of CIFAR-10 and of CIFAR-100 lie together, expected one",
            ));
        }
        let classes = class_names(version, &self.names, path)?;
        let test = if test.is_empty() { None } else { Some(join(version, test, &classes)) };
        Ok(Dataset::new(version.name(), join(version, train, &classes), test))
    }
}

fn read_records(
    version: Version,
    test: bool,
    path: &Path,
    reader: &mut dyn Read,
) -> Result<Images, DataError> {
    let columns = version.columns();
    let mut images = Images { version, test, pixels: Vec::new(), labels: vec![Vec::new(); columns.len()] };
    let mut record = Vec::with_capacity(version.record());
    for number in 0.. {
        record.clear();
        let damaged = |error| DataError::malformed(path, format!("damaged in record {number}: {error}"));
        let found = reader.take(version.record() as u64).read_to_end(&mut record).map_err(damaged)?;
        if found == 0 {
            break;
        }
        if found < version.record() {
            let reason =
                format!("truncated: record {number} has {found} bytes, expected {}", version.record());
            return Err(DataError::malformed(path, reason));
        }
        if images.pixels.len() as u64 > stream::MOST_BYTES {
            return Err(DataError::malformed(path, "more data than the limit of 16 GiB"));
        }
        let (labels, planes) = record.split_at(columns.len());
        for ((&label, (name, classes, _)), values) in labels.iter().zip(columns).zip(&mut images.labels) {
            if usize::from(label) >= *classes {
                let reason = format!("record {number}: {name} is {label}, expected 0 to {}", classes - 1);
                return Err(DataError::malformed(path, reason));
            }
            values.push(label);
        }
        for place in 0..PLANE {
            images.pixels.extend([planes[place], planes[PLANE + place], planes[2 * PLANE + place]]);
        }
    }
    if images.pixels.is_empty() {
        return Err(DataError::Empty { path: path.to_owned(), hint: String::new() });
    }
    Ok(images)
}

/// Class names of each column: the published ones, or numbers where their file is missing.
fn class_names(
    version: Version,
    names: &BTreeMap<String, Vec<String>>,
    path: &Path,
) -> Result<Vec<Vec<String>>, DataError> {
    let of_column = |&(_, classes, file): &(&str, usize, &str)| match names.get(file) {
        Some(names) if names.len() == classes => Ok(names.clone()),
        Some(names) => {
            let reason = format!("{} class names, expected {classes}", names.len());
            Err(DataError::malformed(path.join(file), reason))
        }
        None => Ok((0..classes).map(|class| class.to_string()).collect()),
    };
    version.columns().iter().map(of_column).collect()
}

fn join(version: Version, files: Vec<Images>, classes: &[Vec<String>]) -> ImageSet {
    let mut pixels = Vec::with_capacity(files.iter().map(|file| file.pixels.len()).sum());
    let mut labels = vec![Vec::new(); classes.len()];
    for file in files {
        pixels.extend_from_slice(&file.pixels);
        for (all, some) in labels.iter_mut().zip(&file.labels) {
            all.extend(some.iter().map(|&label| Some(u32::from(label))));
        }
    }
    let columns = version.columns().iter().zip(classes).zip(labels);
    let mut columns: Vec<LabelColumn> = columns
        .map(|(((name, ..), classes), values)| LabelColumn {
            name: (*name).to_owned(),
            classes: classes.clone(),
            values,
        })
        .collect();
    // The fine label stands last in a record and first in the set: it is the primary one.
    columns.reverse();
    ImageSet::new(Arc::new(ByteImages::new(SHAPE, pixels)), columns)
}
