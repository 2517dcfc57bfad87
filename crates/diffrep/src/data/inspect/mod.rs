//! What a data set holds: counts, sizes, classes, statistics, duplicates, a picture of it.
mod contact_sheet;
mod fingerprint;

use super::{DataError, Dataset, ImageSet, ImageShape};
pub use contact_sheet::write_contact_sheet;
use fingerprint::{Fingerprint, Index, Kind};
use serde::Serialize;

/// Images read at a time.
const CHUNK: usize = 256;

/// What [`inspect`] found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Inspection {
    /// Name of the data set.
    pub name: String,
    /// Shape that the images are brought to.
    pub shape: ImageShape,
    /// The training split and, where there is one, the test split.
    pub splits: Vec<SplitInspection>,
    /// Test images with an identical image in the training split.
    pub exact_across: usize,
    /// Test images with a nearly identical (not identical) image in the training split.
    pub near_across: usize,
    /// Each duplicate with one image before it that it is like, within and across splits.
    pub duplicates: Vec<DuplicatePair>,
    /// What was left out, as in [`Dataset::skipped`].
    pub skipped: Vec<String>,
}

/// One split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitInspection {
    /// `train` or `test`.
    pub split: &'static str,
    /// Images.
    pub images: usize,
    /// Height and width in pixels of the smallest and the largest image file; `None` if images don't lie in files.
    pub file_sizes: Option<[(usize, usize); 2]>,
    /// Mean of each channel over all pixels, in [0, 1].
    pub mean: Vec<f64>,
    /// Standard deviation of each channel over all pixels.
    pub std: Vec<f64>,
    /// The label columns, the primary one first.
    pub columns: Vec<ColumnInspection>,
    /// Images identical to an earlier one of the split.
    pub exact_duplicates: usize,
    /// Images nearly identical (not identical) to an earlier one of the split.
    pub near_duplicates: usize,
}

/// One label column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnInspection {
    /// Its name.
    pub name: String,
    /// Rows without a label.
    pub unlabelled: usize,
    /// Each class and its number of images.
    pub classes: Vec<(String, usize)>,
}

/// Two images that are the same or nearly so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DuplicatePair {
    /// The later image, as split and id.
    pub image: (&'static str, String),
    /// The earlier image.
    pub like: (&'static str, String),
    /// True if no pixel differs.
    pub exact: bool,
}

/// Reads every image once.
///
/// Nearly identical images have difference hashes of 128 bits that differ in at most three, and grey 16×16 thumbnails
/// that differ by at most 0.02 (root mean square).
///
/// # Errors
/// An image that can't be read.
pub fn inspect(dataset: &Dataset) -> Result<Inspection, DataError> {
    let mut inspection = Inspection {
        name: dataset.name.clone(),
        shape: dataset.train.shape(),
        splits: Vec::new(),
        exact_across: 0,
        near_across: 0,
        duplicates: Vec::new(),
        skipped: dataset.skipped.clone(),
    };
    let train = inspection.add("train", &dataset.train, None)?;
    if let Some(test) = &dataset.test {
        inspection.add("test", test, Some((&dataset.train, &train)))?;
    }
    Ok(inspection)
}

impl Inspection {
    /// Adds a split; its images are also sought in `other`.
    fn add(
        &mut self,
        split: &'static str,
        set: &ImageSet,
        other: Option<(&ImageSet, &Index)>,
    ) -> Result<Index, DataError> {
        let shape = set.shape();
        let mut statistics = Statistics::new(shape.channels);
        let mut index = Index::default();
        let (mut exact_duplicates, mut near_duplicates) = (0, 0);
        let rows: Vec<usize> = (0..set.len()).collect();
        let mut pixels = Vec::new();
        for chunk in rows.chunks(CHUNK) {
            pixels.resize(chunk.len() * shape.len(), 0.0);
            set.read(chunk, &mut pixels)?;
            statistics.add(&pixels);
            for (&row, image) in chunk.iter().zip(pixels.chunks(shape.len())) {
                let print = Fingerprint::new(shape, image);
                if let Some((kind, like)) = index.find(&print) {
                    *kind.pick(&mut exact_duplicates, &mut near_duplicates) += 1;
                    self.duplicate((split, set.id(row)), (split, set.id(like)), kind);
                }
                if let Some((train, index)) = other
                    && let Some((kind, like)) = index.find(&print)
                {
                    *kind.pick(&mut self.exact_across, &mut self.near_across) += 1;
                    self.duplicate((split, set.id(row)), ("train", train.id(like)), kind);
                }
                index.insert(print);
            }
        }
        let columns = set.columns().iter().map(|column| ColumnInspection {
            name: column.name.clone(),
            unlabelled: column.values.iter().filter(|value| value.is_none()).count(),
            classes: column.classes.iter().cloned().zip(column.counts()).collect(),
        });
        let (mean, std) = statistics.finish();
        self.splits.push(SplitInspection {
            split,
            images: set.len(),
            file_sizes: set.file_sizes(),
            mean,
            std,
            columns: columns.collect(),
            exact_duplicates,
            near_duplicates,
        });
        Ok(index)
    }

    fn duplicate(&mut self, image: (&'static str, String), like: (&'static str, String), kind: Kind) {
        self.duplicates.push(DuplicatePair { image, like, exact: kind == Kind::Exact });
    }
}

/// Running sums of each channel.
struct Statistics {
    count: u64,
    sum: Vec<f64>,
    squares: Vec<f64>,
}

impl Statistics {
    fn new(channels: usize) -> Self {
        Self { count: 0, sum: vec![0.0; channels], squares: vec![0.0; channels] }
    }

    fn add(&mut self, pixels: &[f32]) {
        for pixel in pixels.chunks(self.sum.len().max(1)) {
            self.count += 1;
            for ((&value, sum), squares) in pixel.iter().zip(&mut self.sum).zip(&mut self.squares) {
                *sum += f64::from(value);
                *squares += f64::from(value).powi(2);
            }
        }
    }

    /// Mean and standard deviation of each channel.
    fn finish(self) -> (Vec<f64>, Vec<f64>) {
        let count = self.count.max(1) as f64;
        let mean: Vec<f64> = self.sum.iter().map(|sum| sum / count).collect();
        let variance = self.squares.iter().zip(&mean).map(|(squares, mean)| squares / count - mean * mean);
        let std = variance.map(|variance| variance.max(0.0).sqrt()).collect();
        (mean, std)
    }
}
