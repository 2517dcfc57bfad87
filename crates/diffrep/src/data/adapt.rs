//! A set in memory seen with another size or other channels.
use super::{DataError, Dataset, ImageSet, ImageShape, OpenOptions, resample, source::Source};
use std::sync::Arc;

/// Brings a data set to the channels and size asked for; does nothing where it has them.
pub(crate) fn adapt(mut dataset: Dataset, options: &OpenOptions) -> Result<Dataset, DataError> {
    dataset.train = adapt_set(&dataset.train, options)?;
    dataset.test = dataset.test.map(|test| adapt_set(&test, options)).transpose()?;
    Ok(dataset)
}

fn adapt_set(set: &ImageSet, options: &OpenOptions) -> Result<ImageSet, DataError> {
    let from = set.shape();
    let (height, width) = options.size.unwrap_or((from.height, from.width));
    let to = ImageShape { height, width, channels: options.channels.unwrap_or(from.channels) };
    if to == from {
        return Ok(set.clone());
    }
    if to.channels != from.channels && !matches!((from.channels, to.channels), (1, 3) | (3, 1)) {
        let value = format!("{} for images of {} channels", to.channels, from.channels);
        return Err(DataError::Argument {
            name: "channels",
            value,
            expected: "the same number, or 1 for 3, or 3 for 1",
        });
    }
    Ok(set.map_source(|source| Arc::new(Adapted { source, shape: to })))
}

struct Adapted {
    source: Arc<dyn Source>,
    shape: ImageShape,
}

impl Source for Adapted {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn shape(&self) -> ImageShape {
        self.shape
    }

    fn read(&self, row: usize, out: &mut [f32]) -> Result<(), DataError> {
        let from = self.source.shape();
        let mut pixels = vec![0.0; from.len()];
        self.source.read(row, &mut pixels)?;
        let line = |y: usize, line: &mut [f32]| {
            let source = &pixels[y * from.width * from.channels..][..from.width * from.channels];
            resample::convert(source, from.channels, self.shape.channels, line);
        };
        resample::resample(from.height, from.width, self.shape, line, out);
        Ok(())
    }

    fn decodes(&self) -> bool {
        true
    }

    fn id(&self, row: usize) -> String {
        self.source.id(row)
    }
}
