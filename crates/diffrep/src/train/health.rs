//! Health of the representation: is the code used, how many directions has it, does it sort images?
use super::prefetch::{HostBatch, Reader};
use super::{Config, HealthRecord, Plan, Spread, TrainError, learner};
use crate::data::ImageSet;
use crate::measure;
use crate::nn::{self, Mode, Model, Pass};
use crate::objective::{Batch, ZGain};
use crate::random::{Purpose, Seed, monitor};
use burn::tensor::{Device, Tensor, TensorData};

/// z-gain is a mean over at least so many images; fewer held-out ones are taken again with other times and noise.
const LEAST_IMAGES: usize = 256;
/// A gain below this part of the loss is no gain.
const LEAST_GAIN: f64 = 1e-3;
/// Codes that vary less than this in every dimension are all the same.
const LEAST_SPREAD: f64 = 1e-4;
/// Codes that use fewer directions than this have collapsed.
const LEAST_RANK: f64 = 1.5;

/// Everything that measuring needs besides the weights.
pub(super) struct Monitor {
    /// Rows of the trained images that are the neighbours to be found.
    reference: Vec<usize>,
    device: Device,
}

impl Monitor {
    /// Chooses the reference images.
    pub fn new(plan: &Plan, device: Device) -> Self {
        let key = Seed(plan.config.seed).key(Purpose::Monitor, monitor::NEIGHBOURS, 0);
        let mut reference = key.permutation(0, plan.trained.len());
        reference.truncate(plan.config.monitor.reference);
        Self { reference, device }
    }

    /// Measures `model`, which lies on the monitor's device, after `step` steps.
    pub fn measure(&self, plan: &Plan, model: &Model, step: u64) -> Result<HealthRecord, TrainError> {
        let (held_out_loss, gain) = (self.loss(plan, model)?, self.gain(plan, model)?);
        let rows: Vec<usize> = (0..plan.held_out.len()).collect();
        let (codes, dim) = self.codes(plan, model, &plan.held_out, &rows)?;
        let spread: Vec<f64> = measure::spread(&codes, dim).into_iter().map(f64::from).collect();
        Ok(HealthRecord {
            step,
            held_out_loss,
            z_gain: gain.map(|(right, shuffled)| shuffled - right),
            z_gain_relative: gain
                .map(|(right, shuffled)| (shuffled - right) / right.abs().max(f64::MIN_POSITIVE)),
            effective_rank: measure::effective_rank(&codes, dim),
            spread: Spread {
                mean: spread.iter().sum::<f64>() / dim as f64,
                min: spread.iter().copied().fold(f64::INFINITY, f64::min),
                max: spread.iter().copied().fold(0.0, f64::max),
            },
            knn_accuracy: self.neighbours(plan, model, &codes, dim)?,
            unix_time: super::unix_time(),
        })
    }

    /// Mean loss of the held-out images.
    ///
    /// Times and noise are the same at every look, and unlike those of any training step.
    fn loss(&self, plan: &Plan, model: &Model) -> Result<f64, TrainError> {
        let rows = plan.held_out.len();
        let order: Vec<usize> = (0..LEAST_IMAGES.max(rows)).map(|i| i % rows).collect();
        let mut loss = 0.0;
        for (index, rows) in order.chunks(plan.config.train.batch).enumerate() {
            let (batch, pass) = self.batch(plan, index, rows)?;
            let weight = rows.len() as f64 / order.len() as f64;
            loss += weight * learner::read(&plan.objective.loss(model, &batch, pass)).0;
        }
        Ok(loss)
    }

    /// Mean denoising loss with right and exchanged codes; `None` without a score network.
    fn gain(&self, plan: &Plan, model: &Model) -> Result<Option<(f64, f64)>, TrainError> {
        let batches = exchanges(Seed(plan.config.seed), plan.held_out.len(), plan.config.train.batch);
        let count = batches.iter().map(Vec::len).sum::<usize>() as f64;
        let mut gain = None;
        for (index, rows) in batches.iter().enumerate() {
            let (batch, pass) = self.batch(plan, index, rows)?;
            let Some(ZGain { right, shuffled }) = plan.objective.z_gain(model, &batch, pass) else {
                return Ok(None);
            };
            let weight = rows.len() as f64 / count;
            let (all_right, all_shuffled) = gain.unwrap_or((0.0, 0.0));
            gain = Some((all_right + weight * f64::from(right), all_shuffled + weight * f64::from(shuffled)));
        }
        Ok(gain)
    }

    /// Held-out images, and how they are measured as the batch of number `index`.
    fn batch(&self, plan: &Plan, index: usize, rows: &[usize]) -> Result<(Batch, Pass), TrainError> {
        let step = u32::MAX - index as u32;
        let host = Reader::of_measuring(plan).read(&plan.held_out, rows, step)?;
        Ok((to_device(plan, host, &self.device), pass(plan, step)))
    }

    /// Codes `[rows, dim]` at the monitor's t, and dim.
    fn codes(
        &self,
        plan: &Plan,
        model: &Model,
        images: &ImageSet,
        rows: &[usize],
    ) -> Result<(Vec<f32>, usize), TrainError> {
        let (mut codes, mut dim) = (Vec::new(), 1);
        for rows in rows.chunks(plan.config.train.batch) {
            let batch = self.images(plan, images, rows)?;
            let t = vec![plan.config.monitor.t; rows.len()];
            let code = model.encode(batch, &t, &plan.config.sde, pass(plan, 0)).mean;
            dim = code.dims()[1];
            let data = code.into_data();
            codes.extend_from_slice(data.as_slice::<f32>().expect("codes are f32"));
        }
        Ok((codes, dim))
    }

    /// Accuracy of the neighbours' vote on the labelled held-out images.
    fn neighbours(
        &self,
        plan: &Plan,
        model: &Model,
        codes: &[f32],
        dim: usize,
    ) -> Result<Option<f64>, TrainError> {
        let Some(column) = plan.held_out.labels() else { return Ok(None) };
        let mut queries: (Vec<f32>, Vec<u32>) = Default::default();
        for (row, code) in codes.chunks(dim).enumerate() {
            if let Some(label) = label(plan, &plan.held_out, row) {
                queries.0.extend_from_slice(code);
                queries.1.push(label);
            }
        }
        let reference = self.reference.iter();
        let labelled: Vec<(usize, u32)> =
            reference.filter_map(|&row| Some((row, label(plan, &plan.trained, row)?))).collect();
        if queries.1.is_empty() || labelled.is_empty() || plan.record.held_out_rows.is_empty() {
            return Ok(None);
        }
        let (rows, labels): (Vec<usize>, Vec<u32>) = labelled.into_iter().unzip();
        let (reference, _) = self.codes(plan, model, &plan.trained, &rows)?;
        let (k, classes) = (measure::KNN_NEIGHBOURS, column.classes.len());
        let accuracy =
            measure::knn_accuracy((&reference, &labels), (&queries.0, &queries.1), dim, k, classes);
        Ok(Some(accuracy))
    }

    /// Images as they are, standardised.
    fn images(&self, plan: &Plan, images: &ImageSet, rows: &[usize]) -> Result<Tensor<4>, TrainError> {
        let mut pixels = vec![0.0; rows.len() * images.shape().len()];
        images.read(rows, &mut pixels)?;
        let mut standardised = Vec::new();
        plan.record.preprocess.apply(images.shape(), &pixels, &mut standardised);
        Ok(nn::images(standardised, plan.record.preprocess.shape(), &self.device))
    }
}

/// Held-out rows in batches in which codes are exchanged between neighbours, the first and the last among them. In random
/// order, as folders come sorted by class; few rows are taken again, but never an image beside itself.
fn exchanges(seed: Seed, rows: usize, batch: usize) -> Vec<Vec<usize>> {
    let shuffled = seed.key(Purpose::Monitor, monitor::ORDER, 0).permutation(0, rows);
    let (size, count) = if rows > batch {
        (batch, LEAST_IMAGES.max(rows))
    } else {
        // Whole rounds, so that the first and the last are different ones.
        let size = (batch.min(LEAST_IMAGES) / rows).max(1) * rows;
        (size, LEAST_IMAGES.div_ceil(size) * size)
    };
    let order: Vec<usize> = (0..count).map(|i| shuffled[i % rows]).collect();
    // An image alone in its batch has no other's code.
    order.chunks(size).filter(|rows| rows.len() > 1).map(<[usize]>::to_vec).collect()
}

/// The label of a row of a subset of the training split. The neighbours' vote chooses the best checkpoint, so that rows
/// that probes will be tested on count as unlabelled.
fn label(plan: &Plan, set: &ImageSet, row: usize) -> Option<u32> {
    let untouched = plan.tested.contains(&set.source_row(row));
    set.labels()?.values[row].filter(|_| !untouched)
}

/// How a run is measured.
fn pass(plan: &Plan, step: u32) -> Pass {
    let Config { seed, train, .. } = &plan.config;
    Pass { mode: Mode::Eval, precision: train.precision, seed: Seed(*seed), step }
}

/// A batch on `device`.
pub(super) fn to_device(plan: &Plan, host: HostBatch, device: &Device) -> Batch {
    let shape = plan.record.preprocess.shape();
    let images = |values| nn::images(values, shape, device);
    Batch {
        images: images(host.standardised),
        unit: Some(images(host.unit)),
        second: host.second.map(images),
        labels: plan.record.model.encoder.classes.map(|classes| one_hot(&host.labels, classes, device)),
    }
}

fn one_hot(labels: &[Option<u32>], classes: usize, device: &Device) -> Tensor<2> {
    let mut rows = vec![0.0f32; labels.len() * classes];
    for (row, label) in rows.chunks_mut(classes).zip(labels) {
        if let Some(place) = label.and_then(|label| row.get_mut(label as usize)) {
            *place = 1.0;
        }
    }
    Tensor::from_data(TensorData::new(rows, [labels.len(), classes]), device)
}

impl HealthRecord {
    /// Higher is better: kNN accuracy where there are labels, otherwise minus the held-out loss; `None` if that is not
    /// finite.
    pub fn score(&self) -> Option<f64> {
        Some(self.knn_accuracy.unwrap_or(-self.held_out_loss)).filter(|score| score.is_finite())
    }

    /// What is wrong with a representation that has left the warm-up.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if !self.held_out_loss.is_finite() {
            warnings.push(
                "the loss of the held-out images is not finite; lower optimiser.learning_rate".to_owned(),
            );
        }
        if let (Some(gain), Some(part)) = (self.z_gain, self.z_gain_relative)
            && part < LEAST_GAIN
        {
            warnings.push(format!(
                "the score network ignores the code: exchanging codes between images changes the loss by only \
                 {gain:.3} ({:.2} %); train longer, lower objective.gamma, or raise the noise levels",
                100.0 * part
            ));
        }
        if self.spread.max < LEAST_SPREAD {
            warnings.push("the code has collapsed: it is the same for all images".to_owned());
        } else if self.effective_rank < LEAST_RANK {
            warnings.push(format!(
                "the code has collapsed: it uses {:.1} of its directions; lower objective.gamma if it isn't 0",
                self.effective_rank
            ));
        }
        warnings
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::{Dataset, ImageShape, LabelColumn, tested_split};
    use crate::train::Sources;
    use std::collections::BTreeSet;

    fn plan(test: bool) -> (Plan, Vec<usize>) {
        let labels = LabelColumn {
            name: "label".to_owned(),
            classes: vec!["a".to_owned(), "b".to_owned()],
            values: (0..50).map(|row| Some(row % 2)).collect(),
        };
        let tested = tested_split(&labels.values).held_out;
        let shape = ImageShape { height: 8, width: 8, channels: 1 };
        let train = ImageSet::from_bytes(shape, vec![7; 50 * 64], vec![labels]).unwrap();
        let test = test.then(|| train.clone());
        let dataset = Dataset::new("few", train, test);
        let set = vec!["monitor.held_out=20".to_owned()];
        let sources = Sources { preset: Some("digits".to_owned()), set, ..Sources::default() };
        (Plan::on(Config::resolve(&sources).unwrap(), &dataset).unwrap(), tested)
    }

    #[test]
    fn no_checkpoint_is_chosen_by_labels_of_rows_that_probes_are_tested_on() {
        let (plan, tested) = plan(false);
        assert_eq!(tested.len(), 10);
        for set in [&plan.held_out, &plan.trained] {
            let untouched = (0..set.len()).filter(|&row| label(&plan, set, row).is_none());
            let untouched: Vec<usize> = untouched.map(|row| set.source_row(row)).collect();
            let expected = (0..set.len()).map(|row| set.source_row(row)).filter(|row| tested.contains(row));
            assert_eq!(untouched, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn codes_are_exchanged_across_classes_and_never_with_oneself() {
        let pairs = |rows: usize, batch: usize| -> Vec<(usize, usize)> {
            let next = |rows: &[usize], i: usize| (rows[i], rows[(i + 1) % rows.len()]);
            let of_batch = |rows: &Vec<usize>| (0..rows.len()).map(|i| next(rows, i)).collect::<Vec<_>>();
            exchanges(Seed(0), rows, batch).iter().flat_map(of_batch).collect()
        };
        // A folder of three classes comes sorted by class.
        let of_300 = pairs(300, 64);
        assert_eq!(of_300.iter().map(|pair| pair.0).collect::<BTreeSet<_>>().len(), 300);
        let same_class = of_300.iter().filter(|(own, other)| own / 100 == other / 100).count();
        assert!((70..130).contains(&same_class), "{same_class}");
        for rows in 2..80 {
            for batch in [2, 3, 7, 64, 65, 255, 256] {
                let pairs = pairs(rows, batch);
                assert!(pairs.len() >= LEAST_IMAGES - 1, "{rows} {batch}");
                assert!(pairs.iter().all(|(own, other)| own != other), "{rows} {batch}");
            }
        }
    }

    #[test]
    fn beside_a_test_split_all_labels_count() {
        let (plan, _) = plan(true);
        assert!((0..plan.held_out.len()).all(|row| label(&plan, &plan.held_out, row).is_some()));
    }
}
