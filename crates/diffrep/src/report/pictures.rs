//! Pictures of embeddings from images: which images are shown, and what is drawn of them.
use super::ReportError;
use super::embedding::Embedded;
use super::figure::{Cell, CellMark, ImageGrid, Thumbnail};
use super::model::ReportData;
use crate::data::{Dataset, Fingerprint, ImageSet};
use crate::random::{Purpose, Seed, monitor};
use crate::semi::Doubtful;

/// Rows of the grid of neighbours.
const QUERIES: usize = 6;
/// Neighbours shown of each at each t.
const NEIGHBOURS: usize = 4;

/// Some images of a split, to be encoded and shown.
#[derive(Clone, Debug)]
pub struct Sample {
    images: ImageSet,
    of: usize,
    split: String,
}

impl Sample {
    /// At most `count` images of `set`, drawn at random, in the set's order; `split` is its name in titles.
    pub fn draw(set: &ImageSet, split: &str, count: usize, seed: Seed) -> Self {
        let mut rows = seed.key(Purpose::Monitor, monitor::SHOWN, 0).permutation(0, set.len());
        rows.truncate(count);
        rows.sort_unstable();
        Self { images: set.subset(&rows), of: set.len(), split: split.to_owned() }
    }

    /// The images, in the order in which their embeddings are expected.
    pub fn images(&self) -> &ImageSet {
        &self.images
    }

    /// Adds scatter plots and nearest neighbours to `data`, from embeddings `values` [N, T, C] at `t` (ascending),
    /// where C is `dim`.
    ///
    /// # Errors
    /// Sizes that disagree, no finite embedding at some t, an image that can't be read.
    pub fn show(
        &self,
        data: &mut ReportData,
        t: &[f64],
        dim: usize,
        values: &[f32],
    ) -> Result<(), ReportError> {
        let unlabelled = vec![None; self.images.len()];
        let (labels, classes) = match self.images.labels() {
            Some(column) => (&column.values, column.classes.as_slice()),
            None => (&unlabelled, [].as_slice()),
        };
        let embedded = Embedded { t, dim, values, labels, classes };
        let (shown, split) = (self.images.len(), &self.split);
        let which = if shown == self.of {
            format!("All {shown} {split} images")
        } else {
            format!("{shown} of {} {split} images", self.of)
        };
        data.scatter = Some(embedded.scatter(format!("{which}, first two principal components"))?);
        let title =
            format!("Nearest neighbours among {shown} {split} images (cosine similarity of whitened codes)");
        let picture = |row| self.thumbnail(row);
        data.neighbours = Some(embedded.neighbours(title, &queries(labels), NEIGHBOURS, picture)?);
        Ok(())
    }

    fn thumbnail(&self, row: usize) -> Result<Thumbnail, ReportError> {
        thumbnail(&self.images, row)
    }
}

/// Columns of the sheet of doubtful images.
const DOUBTFUL_COLUMNS: usize = 10;

/// Adds the pictures of the images that [`ReportData::semi`] names as doubtful, training images of `dataset`; none if these
/// are known to be others, and those that it hasn't there, under the same name, are left out.
///
/// # Errors
/// An image that can't be read.
pub fn show_doubtful(data: &mut ReportData, dataset: &Dataset) -> Result<(), ReportError> {
    let Some(semi) = &data.semi else { return Ok(()) };
    let set = &dataset.train;
    if semi.fingerprint().difference(Fingerprint::of(&dataset.origin, set)?).is_some() {
        return Ok(());
    }
    let mut cells = Vec::new();
    let there = |image: &&Doubtful| image.row < set.len() && set.id(image.row) == image.id;
    for image in semi.doubtful.iter().filter(there) {
        let caption = format!("{} {:.0} %", image.guess, 100.0 * image.probability);
        cells.push(Cell { thumbnail: thumbnail(set, image.row)?, caption, mark: CellMark::Plain });
    }
    if cells.is_empty() {
        return Ok(());
    }
    data.doubtful = Some(ImageGrid {
        title: "The most doubtful images, and what they were taken for".to_owned(),
        groups: vec![(String::new(), DOUBTFUL_COLUMNS.min(cells.len()))],
        rows: cells.chunks(DOUBTFUL_COLUMNS).map(<[Cell]>::to_vec).collect(),
    });
    Ok(())
}

fn thumbnail(set: &ImageSet, row: usize) -> Result<Thumbnail, ReportError> {
    let shape = set.shape();
    let mut pixels = vec![0.0; shape.len()];
    set.read(&[row], &mut pixels)?;
    Thumbnail::new([shape.height, shape.width, shape.channels], &pixels)
}

/// The first images of distinct labels, completed by the first images of all.
fn queries(labels: &[Option<u32>]) -> Vec<usize> {
    let mut seen = Vec::new();
    let new = |&row: &usize| match labels[row] {
        Some(label) if !seen.contains(&label) => {
            seen.push(label);
            true
        }
        _ => false,
    };
    let mut rows: Vec<usize> = (0..labels.len()).filter(new).take(QUERIES).collect();
    let others = (0..labels.len()).filter(|row| !rows.contains(row)).take(QUERIES - rows.len());
    let others: Vec<usize> = others.collect();
    rows.extend(others);
    rows
}
