//! Where a set's pixels come from.
use super::{DataError, ImageShape};

/// Rows of images of one shape, in memory or in files.
pub(crate) trait Source: Send + Sync {
    /// Images.
    fn len(&self) -> usize;
    /// The shape that all images have.
    fn shape(&self) -> ImageShape;
    /// Writes the pixels of a row, in [0, 1], [H, W, C]. `row` and the length of `out` have been checked.
    fn read(&self, row: usize, out: &mut [f32]) -> Result<(), DataError>;
    /// True if reading costs so much that rows are worth reading in parallel.
    fn decodes(&self) -> bool {
        false
    }
    /// Height and width of the smallest and the largest image file.
    fn file_sizes(&self) -> Option<[(usize, usize); 2]> {
        None
    }
    /// Name of a row.
    fn id(&self, row: usize) -> String {
        let digits = self.len().saturating_sub(1).to_string().len();
        format!("{row:0digits$}")
    }
}

/// Images kept as bytes, [N, H, W, C].
pub(crate) struct ByteImages {
    shape: ImageShape,
    bytes: Vec<u8>,
    /// The byte that stands for 1.
    white: f32,
}

impl ByteImages {
    /// `bytes` holds whole images.
    pub(crate) fn new(shape: ImageShape, bytes: Vec<u8>) -> Self {
        Self::with_white(shape, bytes, 255)
    }

    /// Images whose brightest value is `white`.
    pub(crate) fn with_white(shape: ImageShape, bytes: Vec<u8>, white: u8) -> Self {
        debug_assert_eq!(bytes.len() % shape.len().max(1), 0);
        Self { shape, bytes, white: white.into() }
    }
}

impl Source for ByteImages {
    fn len(&self) -> usize {
        self.bytes.len().checked_div(self.shape.len()).unwrap_or(0)
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    fn read(&self, row: usize, out: &mut [f32]) -> Result<(), DataError> {
        let image = &self.bytes[row * out.len()..][..out.len()];
        for (value, &byte) in out.iter_mut().zip(image) {
            *value = f32::from(byte) / self.white;
        }
        Ok(())
    }
}

/// Images kept as floats in [0, 1], [N, H, W, C].
pub(crate) struct FloatImages {
    shape: ImageShape,
    values: Vec<f32>,
}

impl FloatImages {
    /// `values` holds whole images.
    pub(crate) fn new(shape: ImageShape, values: Vec<f32>) -> Self {
        debug_assert_eq!(values.len() % shape.len().max(1), 0);
        Self { shape, values }
    }
}

impl Source for FloatImages {
    fn len(&self) -> usize {
        self.values.len().checked_div(self.shape.len()).unwrap_or(0)
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    fn read(&self, row: usize, out: &mut [f32]) -> Result<(), DataError> {
        out.copy_from_slice(&self.values[row * out.len()..][..out.len()]);
        Ok(())
    }
}
