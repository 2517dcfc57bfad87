//! Optical recognition of handwritten digits (E. Alpaydin, C. Kaynak, UCI repository, 1998), its test part: 1,797
//! images of 8×8 pixels with values 0 to 16, as shipped by the crate `smartcore`.
use crate::{
    data::{Dataset, ImageSet, ImageShape, LabelColumn, source::ByteImages, split::stratified_split},
    random::Seed,
};
use std::sync::Arc;

const SHAPE: ImageShape = ImageShape { height: 8, width: 8, channels: 1 };
const WHITE: u8 = 16;
/// A fifth of the images, rounded up: 360. The split never changes.
const TEST_FRACTION: f64 = 0.2;
const SPLIT_SEED: Seed = Seed(0);

pub(super) fn open() -> Dataset {
    let raw = smartcore::dataset::digits::load_dataset();
    let bytes = raw.data.iter().map(|&value| value as u8).collect();
    let labels = LabelColumn::numbered("label", 10, raw.target.iter().map(|&class| class as u8));
    let split = stratified_split(&labels.values, TEST_FRACTION, SPLIT_SEED)
        .expect("the fraction is a constant inside its range");
    let all = ImageSet::new(Arc::new(ByteImages::with_white(SHAPE, bytes, WHITE)), vec![labels]);
    Dataset::new("digits", all.subset(&split.rest), Some(all.subset(&split.held_out)))
}
