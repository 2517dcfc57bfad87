//! Images to codes, block by block.
use super::{LoadedEncoder, RepresentError};
use crate::data::{ImageSet, Preprocess};

/// Images encoded at once, unless the caller chooses.
pub const BATCH: usize = 64;

/// Encodes `set` at the levels `t` in [0, 1], in the order of its rows.
///
/// `sink` gets the first row of each block and its codes `[n, T, dim]`. Memory is bounded by `batch` (at least 1),
/// however many images there are; the codes don't depend on it but for rounding (1e-6).
///
/// # Errors
/// Images of another shape than the encoder's, an image that can't be read, whatever `sink` returns.
pub fn encode<E: From<RepresentError>>(
    encoder: &LoadedEncoder,
    set: &ImageSet,
    t: &[f64],
    batch: usize,
    mut sink: impl FnMut(usize, &[f32]) -> Result<(), E>,
) -> Result<(), E> {
    encoder.check("the data", set)?;
    let (levels, dim) = (t.len(), encoder.dim());
    let mut block = Vec::new();
    batches(set, encoder.preprocess(), batch, |start, images| {
        let rows = images.len() / encoder.preprocess().shape().len();
        block.resize(rows * levels * dim, 0.0);
        let mut codes = Vec::new();
        for (column, &t) in t.iter().enumerate() {
            if column == 0 || encoder.is_time_conditioned() {
                codes = encoder.codes(images.clone(), t);
            }
            for (row, code) in codes.chunks(dim).enumerate() {
                block[(row * levels + column) * dim..][..dim].copy_from_slice(code);
            }
        }
        sink(start, &block)
    })
}

/// The pixels of every image of `set` as the encoder sees them, standardised: the baseline's features, `[N, H·W·C]`.
///
/// # Errors
/// An image that can't be read.
pub fn pixels(set: &ImageSet, preprocess: &Preprocess) -> Result<Vec<f32>, RepresentError> {
    let mut values = Vec::with_capacity(set.len() * preprocess.shape().len());
    batches(set, preprocess, BATCH, |_, images| {
        values.extend_from_slice(&images);
        Ok::<_, RepresentError>(())
    })?;
    Ok(values)
}

/// Standardised images of `set`, `batch` at a time, with the first one's row.
pub(crate) fn batches<E: From<RepresentError>>(
    set: &ImageSet,
    preprocess: &Preprocess,
    batch: usize,
    mut take: impl FnMut(usize, Vec<f32>) -> Result<(), E>,
) -> Result<(), E> {
    let shape = set.shape();
    let mut pixels = Vec::new();
    for start in (0..set.len()).step_by(batch.max(1)) {
        let rows: Vec<usize> = (start..set.len().min(start + batch.max(1))).collect();
        pixels.resize(rows.len() * shape.len(), 0.0);
        set.read(&rows, &mut pixels).map_err(RepresentError::from)?;
        let mut standardised = Vec::new();
        preprocess.apply(shape, &pixels, &mut standardised);
        take(start, standardised)?;
    }
    Ok(())
}

/// The codes of a set of images in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    /// Name of each image: relative path, or row number.
    pub ids: Vec<String>,
    /// Levels of detail, T of them.
    pub t: Vec<f64>,
    /// Size of a code, C.
    pub dim: usize,
    /// Codes `[N, T, C]`.
    pub values: Vec<f32>,
    /// Class id of each image, where the set has labels.
    pub labels: Option<Vec<Option<u32>>>,
}

impl Embeddings {
    /// Encodes all of `set`. `progress` is told how many images are done.
    ///
    /// # Errors
    /// As [`encode`].
    pub fn of(
        encoder: &LoadedEncoder,
        set: &ImageSet,
        t: &[f64],
        progress: &dyn Fn(usize),
    ) -> Result<Self, RepresentError> {
        let dim = encoder.dim();
        let mut values = Vec::with_capacity(set.len() * t.len() * dim);
        encode(encoder, set, t, BATCH, |start, block| {
            values.extend_from_slice(block);
            progress(start + block.len() / (t.len() * dim));
            Ok::<_, RepresentError>(())
        })?;
        Ok(Self {
            ids: (0..set.len()).map(|row| set.id(row)).collect(),
            t: t.to_vec(),
            dim,
            values,
            labels: set.labels().map(|column| column.values.clone()),
        })
    }
}
