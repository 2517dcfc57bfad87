//! Telling images apart however their data are called, so that nobody is tested on what was learned.
use super::fingerprint::names_checksum;
use super::formats::{cifar, idx};
use super::{COLOURED, Dataset, ImageSet, origin};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Where the rows of a split come from.
#[derive(Clone, Debug)]
pub struct Provenance {
    /// Path of the data without links and detours, or their name.
    data: PathBuf,
    /// Whether it is the test split of data that have one.
    test: bool,
    /// CRC-32C of the split's names if its images lie in files, whose names tell something.
    files: Option<u32>,
}

impl Provenance {
    /// Of `dataset`'s training split or all of it.
    pub fn of_train(dataset: &Dataset) -> Self {
        Self::of(dataset, &dataset.train, false)
    }

    /// Of `dataset`'s test split, `None` without one.
    pub fn of_test(dataset: &Dataset) -> Option<Self> {
        dataset.test.as_ref().map(|set| Self::of(dataset, set, true))
    }

    fn of(dataset: &Dataset, set: &ImageSet, test: bool) -> Self {
        let files = set.file_sizes().map(|_| names_checksum(set));
        Self { data: place(&dataset.origin), test, files }
    }

    /// Whether any of `images`, rows of this split, is among the training images of the data at `source`, whose names
    /// have the checksum `names` if it is known. Files are known by their path, or by their names if there is nothing at
    /// `source` any more: the data were moved. Other images are known by the file that holds them.
    pub fn overlaps(&self, images: &ImageSet, source: &str, names: Option<u32>) -> bool {
        let theirs = place(&origin(source));
        let Some(files) = self.files else {
            // Of the other formats one file holds both splits.
            let apart = idx::find_in(&self.data).is_some();
            return (apart || !self.test) && holder(&self.data, self.test) == holder(&theirs, false);
        };
        if !theirs.exists() {
            return !self.test && Some(files) == names;
        }
        let inner = theirs.join("train");
        let learned = if inner.is_dir() { inner } else { theirs };
        self.paths(images).any(|path| path.starts_with(&learned))
    }

    /// Whether `images`, rows of this split, and `others`, of the split that comes from `theirs`, have any in common. Files
    /// are known by their paths, other images by the file that holds all of them.
    pub fn shares(&self, images: &ImageSet, (theirs, others): (&Self, &ImageSet)) -> bool {
        if self.files.is_none() || theirs.files.is_none() {
            return self.overlaps(images, &theirs.data.to_string_lossy(), None);
        }
        let learned: HashSet<PathBuf> = theirs.paths(others).collect();
        self.paths(images).any(|path| learned.contains(&path))
    }

    /// Paths of `images` that lie in files of their own.
    fn paths(&self, images: &ImageSet) -> impl Iterator<Item = PathBuf> {
        (0..images.len()).map(|row| self.data.join(images.id(row)))
    }
}

/// Training images whose labels a network has learned, all or some.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LearnedLabels {
    /// Path or name of the data.
    pub source: String,
    /// The method that learned them.
    pub method: String,
    /// CRC-32C of the images' names, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images_checksum: Option<u32>,
}

impl LearnedLabels {
    /// Whether any of `images`, rows of the split that comes from `provenance`, is among them.
    pub fn are_of(&self, images: &ImageSet, provenance: &Provenance) -> bool {
        provenance.overlaps(images, &self.source, self.images_checksum)
    }
}

/// The place of grey data that were painted is that of the grey ones.
fn place(origin: &str) -> PathBuf {
    Path::new(origin.strip_prefix(COLOURED).unwrap_or(origin)).to_owned()
}

/// What holds the training or the test images of the data at `path`, if not files of their own.
fn holder(path: &Path, test: bool) -> PathBuf {
    match idx::find_in(path) {
        Some((train, tested)) => tested.filter(|_| test).unwrap_or(train),
        None => cifar::find_in(path).unwrap_or_else(|| path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{OpenOptions, open};
    use image::RgbImage;

    /// A folder of pictures at these relative paths.
    fn pictures(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in paths {
            let file = folder.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            RgbImage::new(4, 4).save(file).unwrap();
        }
        folder
    }

    fn opened(path: &Path) -> Dataset {
        open(&path.display().to_string(), &OpenOptions::default()).unwrap()
    }

    #[test]
    fn images_are_known_under_other_names_of_their_data() {
        let folder = pictures(&["train/a/1.png", "train/b/2.png", "test/a/3.png", "test/b/4.png"]);
        let whole = opened(folder.path());
        let source = folder.path().display().to_string();
        let train = Provenance::of_train(&whole);
        let names = [
            source.clone(),
            format!("{COLOURED}{source}"),
            format!("{source}/train"),
            format!("{source}/train/../."),
        ];
        assert!(names.iter().all(|name| train.overlaps(&whole.train, name, None)));
        let test = whole.test.as_ref().unwrap();
        assert!(!Provenance::of_test(&whole).unwrap().overlaps(test, &source, None));
        // Either part, opened as data of its own.
        let part = opened(&folder.path().join("train"));
        assert!(Provenance::of_train(&part).overlaps(&part.train, &source, None));
        let part = opened(&folder.path().join("test"));
        assert!(!Provenance::of_train(&part).overlaps(&part.train, &source, None));
    }

    #[test]
    fn moved_images_are_known_by_their_names_but_namesakes_are_others() {
        let paths = ["a/1.png", "b/2.png"];
        let (before, after) = (pictures(&paths), pictures(&paths));
        let (data, source) = (opened(after.path()), before.path().display().to_string());
        let names = Some(names_checksum(&data.train));
        let overlaps = || Provenance::of_train(&data).overlaps(&data.train, &source, names);
        assert!(!overlaps());
        drop(before);
        assert!(overlaps());
    }

    #[test]
    fn images_outside_of_files_are_known_by_their_data() {
        let digits = open("digits", &OpenOptions::default()).unwrap();
        let (train, test) = (Provenance::of_train(&digits), Provenance::of_test(&digits).unwrap());
        assert!(train.overlaps(&digits.train, "digits", None));
        assert!(train.overlaps(&digits.train, "coloured:digits", None));
        assert!(!train.overlaps(&digits.train, "shapes", Some(0)));
        assert!(!test.overlaps(digits.test.as_ref().unwrap(), "digits", None));
    }

    #[test]
    fn either_split_is_known_in_the_folder_and_by_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |split: &str| folder.path().join(format!("{split}-images-idx3-ubyte"));
        for split in ["train", "t10k"] {
            std::fs::write(file(split), [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7]).unwrap();
        }
        let [train, tested] = ["train", "t10k"].map(|split| file(split).display().to_string());
        let whole = opened(folder.path());
        let source = folder.path().display().to_string();
        let alone = opened(&file("t10k"));
        let (of_train, of_test) = (Provenance::of_train(&whole), Provenance::of_test(&whole).unwrap());
        assert!(
            of_train.overlaps(&whole.train, &train, None) && !of_train.overlaps(&whole.train, &tested, None)
        );
        assert!(
            of_test.overlaps(&whole.train, &tested, None) && !of_test.overlaps(&whole.train, &source, None)
        );
        assert!(!Provenance::of_train(&alone).overlaps(&alone.train, &source, None));
    }
}
