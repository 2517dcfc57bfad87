//! Images of a folder, decoded when they are read.
use super::{decode, scan::Found};
use crate::data::{DataError, ImageShape, source::Source};
use std::{
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Small images are kept once decoded, as long as they need no more than this in all: decoding a photograph takes a
/// thousand times longer than reading its thumbnail.
const CACHE_BYTES: usize = 256 << 20;
/// Pixels have 16 bits, kept or not, so that a cached image equals a decoded one.
const MOST: f32 = u16::MAX as f32;

pub(super) struct FolderImages {
    root: PathBuf,
    names: Vec<String>,
    shape: ImageShape,
    pixel_limit: u64,
    file_sizes: Option<[(usize, usize); 2]>,
    cache: Vec<OnceLock<Box<[u16]>>>,
    cached: AtomicUsize,
}

impl FolderImages {
    pub(super) fn new(root: &Path, images: Vec<Found>, shape: ImageShape, pixel_limit: u64) -> Self {
        let sizes = || images.iter().map(|image| (image.header.height as usize, image.header.width as usize));
        let area = |size: &(usize, usize)| size.0 * size.1;
        Self {
            file_sizes: sizes().min_by_key(area).zip(sizes().max_by_key(area)).map(<[_; 2]>::from),
            root: root.to_owned(),
            cache: images.iter().map(|_| OnceLock::new()).collect(),
            names: images.into_iter().map(|image| image.name).collect(),
            shape,
            pixel_limit,
            cached: AtomicUsize::new(0),
        }
    }

    fn decode(&self, row: usize, out: &mut [f32]) -> Result<Box<[u16]>, DataError> {
        decode::read(&self.root.join(&self.names[row]), self.pixel_limit, self.shape, out)?;
        Ok(out.iter().map(|value| (value.clamp(0.0, 1.0) * MOST).round() as u16).collect())
    }
}

impl Source for FolderImages {
    fn len(&self) -> usize {
        self.names.len()
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    fn read(&self, row: usize, out: &mut [f32]) -> Result<(), DataError> {
        let fill = |pixels: &[u16], out: &mut [f32]| {
            out.iter_mut().zip(pixels).for_each(|(value, &word)| *value = f32::from(word) / MOST);
        };
        if let Some(pixels) = self.cache[row].get() {
            fill(pixels, out);
            return Ok(());
        }
        let pixels = self.decode(row, out)?;
        fill(&pixels, out);
        let bytes = size_of_val(&*pixels);
        let fits = self.cached.fetch_add(bytes, Ordering::Relaxed) + bytes <= CACHE_BYTES;
        // Another thread may have been first with the same pixels.
        if !(fits && self.cache[row].set(pixels).is_ok()) {
            self.cached.fetch_sub(bytes, Ordering::Relaxed);
        }
        Ok(())
    }

    fn decodes(&self) -> bool {
        true
    }

    fn file_sizes(&self) -> Option<[(usize, usize); 2]> {
        self.file_sizes
    }

    fn id(&self, row: usize) -> String {
        self.names[row].clone()
    }
}
