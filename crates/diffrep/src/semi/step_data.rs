//! The images and targets of one step: a pure function of its number, the labels and the guesses.
use super::settings::{SemiMethod, SemiSettings};
use super::{EpochRecord, SemiError, SemiTask};
use crate::data::{BatchOrder, StrongAugment};
use crate::random::{Purpose, Seed};

/// RandAugment's operations for labelled and for unlabelled images.
const OPERATIONS: [usize; 2] = [1, 2];
/// The reflect-padded crop moves images by up to this part of their side (4 of 32 pixels).
const PADDING: usize = 8;
/// Learning from labels alone takes one step in so many at most: published are 4,000 of 250,000 steps with 4,000 labels,
/// which would leave nothing of a short training.
const SUPERVISED_PART: u64 = 10;
/// Streams of row orders: labelled ones alone, labelled ones beside guesses, guesses.
const ORDERS: [u16; 3] = [10, 11, 12];

/// What a step learns from.
pub(super) struct StepData {
    /// Mixed, standardised views `[N, H, W, C]`, one vector a view.
    pub views: Vec<Vec<f32>>,
    /// Shape of each of them.
    pub shape: [usize; 4],
    /// Mixed targets `[N, classes]`, one-hot before; uniform where nothing is known.
    pub targets: Vec<f32>,
    /// Classes.
    pub classes: usize,
}

/// Where in training a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Labels alone.
    Supervised,
    /// Labels and the guesses of this epoch (from 0); `first` if they are to be made before this step.
    Guesses { epoch: u64, first: bool },
}

/// Chooses the rows of each step.
pub(super) struct Schedule {
    supervised: BatchOrder,
    labelled: BatchOrder,
    guessed: BatchOrder,
    labelled_rows: Vec<usize>,
    guessed_rows: Vec<usize>,
    /// Steps before the first guesses.
    supervised_steps: u64,
    /// Steps of an epoch of guesses.
    epoch_steps: u64,
}

impl Schedule {
    pub fn new(task: &SemiTask, settings: &SemiSettings) -> Self {
        let (labelled_rows, guessed_rows) = (task.labels.labelled(), task.unlabelled());
        let order = |rows: usize, batch: usize, stream: u16| {
            BatchOrder::with_stream(rows, batch, Seed(settings.seed), stream)
        };
        let guessed_batch = settings.batch - settings.labelled_batch;
        let pass = (labelled_rows.len() / settings.batch).max(1) as u64;
        let guesses = settings.method == SemiMethod::LaplaceNet && !guessed_rows.is_empty();
        let alone = pass.saturating_mul(settings.supervised_passes).min(settings.steps / SUPERVISED_PART);
        Self {
            supervised: order(labelled_rows.len(), settings.batch, ORDERS[0]),
            labelled: order(labelled_rows.len(), settings.labelled_batch, ORDERS[1]),
            guessed: order(guessed_rows.len(), guessed_batch, ORDERS[2]),
            supervised_steps: if guesses { alone } else { u64::MAX },
            epoch_steps: (guessed_rows.len() / guessed_batch).max(1) as u64,
            labelled_rows,
            guessed_rows,
        }
    }

    /// The phase of step `step`, counted from 0.
    pub fn phase(&self, step: u64) -> Phase {
        match step.checked_sub(self.supervised_steps) {
            None => Phase::Supervised,
            Some(since) => {
                Phase::Guesses { epoch: since / self.epoch_steps, first: since % self.epoch_steps == 0 }
            }
        }
    }

    /// Images of step `step` and whether each is a labelled one.
    fn rows(&mut self, step: u64) -> Vec<(usize, bool)> {
        match step.checked_sub(self.supervised_steps) {
            None => {
                self.supervised.rows_at(step).into_iter().map(|i| (self.labelled_rows[i], true)).collect()
            }
            Some(since) => {
                let labelled =
                    self.labelled.rows_at(since).into_iter().map(|i| (self.labelled_rows[i], true));
                let guessed = self.guessed.rows_at(since).into_iter().map(|i| (self.guessed_rows[i], false));
                labelled.chain(guessed).collect()
            }
        }
    }

    /// The data of step `step`; `guesses` are those of its epoch, which the supervised start hasn't.
    ///
    /// # Errors
    /// An image that can't be read.
    pub fn data(
        &mut self,
        task: &SemiTask,
        settings: &SemiSettings,
        guesses: Option<&EpochRecord>,
        step: u64,
    ) -> Result<StepData, SemiError> {
        let rows = self.rows(step);
        let (count, classes) = (rows.len(), task.classes.len());
        let (lambda, partner) = mixing(settings, step, count);
        let mut targets = vec![0.0; count * classes];
        for (target, (row, _)) in targets.chunks_mut(classes).zip(&rows) {
            match (task.labels.values()[*row], guesses) {
                (Some(label), _) => target[label as usize] = 1.0,
                (None, Some(guesses)) => guesses.target(*row, target),
                (None, None) => unreachable!("the supervised start reads labelled images"),
            }
        }
        let shape = task.images.shape();
        let mut pixels = vec![0.0; count * shape.len()];
        let numbers: Vec<usize> = rows.iter().map(|(row, _)| *row).collect();
        task.images.read(&numbers, &mut pixels)?;
        let mut views = Vec::new();
        for view in 0..settings.views {
            let mut augmented = pixels.clone();
            for (place, (image, (_, labelled))) in augmented.chunks_mut(shape.len()).zip(&rows).enumerate() {
                let augment = StrongAugment {
                    flip: settings.flip,
                    padding: shape.height.min(shape.width) / PADDING,
                    operations: OPERATIONS[usize::from(!labelled)],
                };
                augment.apply(image, shape, (Seed(settings.seed), step as u32, place as u32, view));
            }
            let mut standardised = Vec::new();
            task.preprocess.apply(shape, &augmented, &mut standardised);
            views.push(mix(&standardised, &partner, lambda));
        }
        let padded = task.preprocess.shape();
        let shape = [count, padded.height, padded.width, padded.channels];
        Ok(StepData { views, shape, targets: mix(&targets, &partner, lambda), classes })
    }
}

/// The weight of each image's own part, and whose the rest is.
fn mixing(settings: &SemiSettings, step: u64, count: usize) -> (f32, Vec<usize>) {
    if !settings.mixup {
        return (1.0, (0..count).collect());
    }
    let key = Seed(settings.seed).key(Purpose::Mixup, 0, step as u32);
    (key.uniform(u32::MAX) as f32, key.permutation(0, count))
}

/// `λ·row + (1 − λ)·partner's row`.
fn mix(rows: &[f32], partner: &[usize], lambda: f32) -> Vec<f32> {
    let width = rows.len() / partner.len().max(1);
    let row = |i: usize| &rows[i * width..][..width];
    let mixed = |i: usize| row(i).iter().zip(row(partner[i])).map(|(a, b)| lambda * a + (1.0 - lambda) * b);
    (0..partner.len()).flat_map(mixed).collect()
}

#[cfg(test)]
mod tests {
    use super::super::KnownLabels;
    use super::*;
    use crate::data::{OpenOptions, Preprocess};

    fn digits(known: &KnownLabels) -> SemiTask {
        let dataset = crate::data::open("digits", &OpenOptions::default()).unwrap();
        let preprocess = Preprocess::fit(&dataset.train, 1).unwrap();
        SemiTask::new(&dataset, known, preprocess).unwrap()
    }

    fn few(count: usize) -> SemiTask {
        digits(&KnownLabels::PerClass { count, seed: Seed(0) })
    }

    #[test]
    fn learning_from_labels_alone_takes_its_passes_but_a_tenth_of_the_steps_at_most() {
        let alone = |task: &SemiTask, settings: &SemiSettings| {
            let schedule = Schedule::new(task, settings);
            (0..=settings.steps).find(|step| schedule.phase(*step) != Phase::Supervised)
        };
        // 40 labels: a pass is a step. 1,300: 13 steps.
        let settings = SemiSettings::default();
        assert_eq!(alone(&few(4), &settings), Some(100));
        assert_eq!(alone(&few(4), &SemiSettings { steps: 500, ..settings.clone() }), Some(50));
        assert_eq!(alone(&few(130), &settings), Some(300));
        assert_eq!(alone(&few(130), &SemiSettings { steps: 30_000, ..settings.clone() }), Some(1300));
        // Where there is nothing to guess, or nobody wants to.
        assert_eq!(alone(&digits(&KnownLabels::All), &settings), None);
        assert_eq!(alone(&few(4), &SemiSettings { method: SemiMethod::Supervised, ..settings }), None);
    }

    #[test]
    fn an_epoch_shows_every_guess_and_begins_with_new_ones() {
        let (task, settings) =
            (few(4), SemiSettings { batch: 60, labelled_batch: 10, ..SemiSettings::default() });
        let mut schedule = Schedule::new(&task, &settings);
        // 1,397 images without a label, 50 a step.
        let first = |step| matches!(schedule.phase(step), Phase::Guesses { first: true, .. });
        let firsts: Vec<u64> = (0..200).filter(|step| first(*step)).collect();
        assert_eq!(firsts, [100, 127, 154, 181]);
        assert_eq!(schedule.phase(153), Phase::Guesses { epoch: 1, first: false });
        let mut seen = std::collections::BTreeSet::new();
        for step in 100..127 {
            let rows = schedule.rows(step);
            let (labelled, guessed): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, labelled)| *labelled);
            assert_eq!((labelled.len(), guessed.len()), (10, 50));
            assert!(labelled.iter().all(|(row, _)| task.labels.values()[*row].is_some()));
            seen.extend(guessed.into_iter().map(|(row, _)| row));
        }
        assert_eq!(seen.len(), 27 * 50);
        assert!(seen.iter().all(|row| task.labels.values()[*row].is_none()));
    }

    #[test]
    fn targets_are_labels_guesses_and_where_nothing_is_known_all_classes_alike() {
        let (task, settings) = (few(4), SemiSettings { mixup: false, ..SemiSettings::default() });
        let unlabelled = task.unlabelled();
        let guesses = EpochRecord {
            epoch: 0,
            step: 100,
            unlabelled_accuracy: None,
            converged: true,
            residual: 0.0,
            guesses: vec![7; task.images.len()],
            unreached: unlabelled.iter().copied().step_by(2).collect(),
        };
        let mut schedule = Schedule::new(&task, &settings);
        let rows = schedule.rows(100);
        let data = schedule.data(&task, &settings, Some(&guesses), 100).unwrap();
        for (target, (row, labelled)) in data.targets.chunks(10).zip(rows) {
            let class = match labelled {
                true => task.labels.values()[row].unwrap() as usize,
                false => 7,
            };
            let mut expected = [0.0; 10];
            match guesses.unreached.contains(&row) {
                true => expected.fill(0.1),
                false => expected[class] = 1.0,
            }
            assert_eq!(target, expected, "{row}");
        }
    }

    #[test]
    fn mixing_weighs_a_row_with_its_partner_s() {
        assert_eq!(mix(&[1.0, 0.0, 0.0, 1.0], &[1, 0], 0.75), [0.75, 0.25, 0.25, 0.75]);
        let plain = SemiSettings { mixup: false, ..SemiSettings::default() };
        let (lambda, partner) = mixing(&plain, 3, 2);
        assert_eq!(mix(&[1.0, 0.0, 0.0, 1.0], &partner, lambda), [1.0, 0.0, 0.0, 1.0]);
    }

    #[test]
    fn a_step_mixes_by_one_weight_that_changes_from_step_to_step() {
        let settings = SemiSettings::default();
        assert_eq!(mixing(&settings, 3, 10), mixing(&settings, 3, 10));
        assert_ne!(mixing(&settings, 3, 10).0, mixing(&settings, 4, 10).0);
    }
}
