//! Any set in grey, painted: known factors beside its own labels (a coloured MNIST, for one).
//!
//! White becomes the image's foreground colour, black its background colour, grey what lies between. Both colours are
//! drawn for each row independently and uniformly, six each as in `shapes`, and are label columns after the set's own.
use super::builtin::{BACKGROUND, FOREGROUND};
use super::{Dataset, ImageSet, ImageShape, LabelColumn, source::Source};
use crate::random::{Purpose, Seed};
use std::sync::Arc;

/// What a data set's name or path begins with if it is to be painted: `coloured:digits`.
pub const COLOURED: &str = "coloured:";

const SEED: Seed = Seed(0);
/// Index of the random stream of colours.
const COLOURS: u16 = 1;

/// Paints a data set of one channel.
pub(crate) fn paint(dataset: Dataset) -> Dataset {
    Dataset {
        name: format!("coloured {}", dataset.name),
        train: paint_set(&dataset.train, 0),
        test: dataset.test.as_ref().map(|test| paint_set(test, 1)),
        ..dataset
    }
}

fn paint_set(set: &ImageSet, split: u32) -> ImageSet {
    let painted = set.map_source(|source| Arc::new(Painted { source, split }));
    let column = |name: &str, names: Vec<&str>, choose: fn((usize, usize)) -> usize| LabelColumn {
        name: name.to_owned(),
        classes: names.into_iter().map(str::to_owned).collect(),
        values: (0..set.len()).map(|row| Some(choose(colours(split, set.source_row(row))) as u32)).collect(),
    };
    // Colours that the grey images once had can't be seen any more.
    let mut columns = set.columns().to_vec();
    columns.retain(|column| !["foreground", "background"].contains(&column.name.as_str()));
    columns.push(column("foreground", FOREGROUND.map(|(name, _)| name).to_vec(), |(front, _)| front));
    columns.push(column("background", BACKGROUND.map(|(name, _)| name).to_vec(), |(_, back)| back));
    painted.with_columns(columns).expect("a value for each row of the set")
}

/// Foreground and background of a row of the source.
fn colours(split: u32, row: usize) -> (usize, usize) {
    let mut uniform = [0f32; 2];
    SEED.key(Purpose::Generate, COLOURS, split).fill_uniform(row as u32, &mut uniform);
    let choose = |u: f32, colours: usize| (u * colours as f32) as usize;
    (choose(uniform[0], FOREGROUND.len()), choose(uniform[1], BACKGROUND.len()))
}

struct Painted {
    source: Arc<dyn Source>,
    split: u32,
}

impl Source for Painted {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn shape(&self) -> ImageShape {
        ImageShape { channels: 3, ..self.source.shape() }
    }

    fn read(&self, row: usize, out: &mut [f32]) -> Result<(), super::DataError> {
        let mut grey = vec![0.0; self.source.shape().len()];
        self.source.read(row, &mut grey)?;
        let (front, back) = colours(self.split, row);
        let (front, back) = (FOREGROUND[front].1, BACKGROUND[back].1);
        for (pixel, value) in out.chunks_exact_mut(3).zip(grey) {
            for (channel, out) in pixel.iter_mut().enumerate() {
                *out = value * front[channel] + (1.0 - value) * back[channel];
            }
        }
        Ok(())
    }

    fn decodes(&self) -> bool {
        self.source.decodes()
    }

    fn file_sizes(&self) -> Option<[(usize, usize); 2]> {
        self.source.file_sizes()
    }

    fn id(&self, row: usize) -> String {
        self.source.id(row)
    }
}
