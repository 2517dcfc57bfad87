//! One persistent thread that reads and preprocesses the next batches while the current one trains.
use super::Plan;
use crate::data::{AugmentConfig, BatchOrder, DataError, ImageSet, Preprocess};
use crate::random::Seed;
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Batches ready before they are asked for.
const AHEAD: usize = 2;

/// Images of one step, in host memory.
pub(super) struct HostBatch {
    /// Padded and standardised, `[N, H, W, C]`.
    pub standardised: Vec<f32>,
    /// Padded, in [0, 1], `[N, H, W, C]`.
    pub unit: Vec<f32>,
    /// Another view, padded and standardised.
    pub second: Option<Vec<f32>>,
    /// Class of each image.
    pub labels: Vec<Option<u32>>,
}

/// What a method sees of an image: the image itself, a view, two views.
#[derive(Clone)]
pub(super) struct Reader {
    preprocess: Preprocess,
    augment: AugmentConfig,
    two_views: bool,
    seed: Seed,
}

impl Reader {
    /// How the plan's images are trained with.
    pub fn of_training(plan: &Plan) -> Self {
        Self {
            preprocess: plan.record.preprocess.clone(),
            augment: plan.config.augment.clone(),
            two_views: plan.config.objective.method.needs().two_views,
            seed: Seed(plan.config.seed),
        }
    }

    /// How the plan's images are measured: as they are, unless the method can't do without views.
    pub fn of_measuring(plan: &Plan) -> Self {
        let reader = Self::of_training(plan);
        if reader.two_views { reader } else { Self { augment: AugmentConfig::default(), ..reader } }
    }

    /// Images `rows`, with the views of `step`.
    pub fn read(&self, images: &ImageSet, rows: &[usize], step: u32) -> Result<HostBatch, DataError> {
        let mut pixels = vec![0.0; rows.len() * images.shape().len()];
        images.read(rows, &mut pixels)?;
        let second = self.two_views.then(|| self.view(images, pixels.clone(), (self.seed, step, 1)).0);
        let (standardised, unit) = self.view(images, pixels, (self.seed, step, 0));
        let known = images.labels();
        let labels = rows.iter().map(|&row| known.and_then(|column| column.values[row])).collect();
        Ok(HostBatch { standardised, unit, second, labels })
    }

    /// A view, standardised and in [0, 1].
    fn view(
        &self,
        images: &ImageSet,
        mut pixels: Vec<f32>,
        address: (Seed, u32, u16),
    ) -> (Vec<f32>, Vec<f32>) {
        let shape = images.shape();
        self.augment.apply(&mut pixels, shape, address);
        let (mut standardised, mut unit) = (Vec::new(), Vec::new());
        self.preprocess.apply(shape, &pixels, &mut standardised);
        self.preprocess.pad(shape, &pixels, &mut unit);
        self.augment.add_noise(&mut standardised, self.preprocess.shape().len(), address);
        (standardised, unit)
    }
}

/// The batches of a run from some step on, in order: a pure function of the order and the data.
pub(super) struct Prefetch {
    receiver: Option<Receiver<Result<HostBatch, DataError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Prefetch {
    /// Starts reading the batches of the plan from step `first` on.
    pub fn start(plan: &Plan, first: u64) -> io::Result<Self> {
        let mut order = BatchOrder::new(plan.trained.len(), plan.config.train.batch, Seed(plan.config.seed));
        let (images, reader) = (plan.trained.clone(), Reader::of_training(plan));
        let (sender, receiver) = sync_channel(AHEAD);
        let work = move || {
            for step in first.. {
                let batch = reader.read(&images, &order.rows_at(step), step as u32);
                let failed = batch.is_err();
                // The receiver is gone when training is over.
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
        };
        let thread = Builder::new().name("batches".to_owned()).spawn(work)?;
        Ok(Self { receiver: Some(receiver), thread: Some(thread) })
    }

    /// The next batch. Errors if an image can't be read.
    pub fn next(&mut self) -> Result<HostBatch, DataError> {
        match self.receiver.as_ref().and_then(|receiver| receiver.recv().ok()) {
            Some(batch) => batch,
            None => self.rethrow(),
        }
    }

    /// The thread ends without a batch only by a panic: it goes on here.
    fn rethrow(&mut self) -> ! {
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => unreachable!("no batch is asked for after an error"),
        }
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // Without a receiver the thread's next send fails, and it returns.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            // Whatever it ended with, nobody waits for its batches any more.
            let _ = thread.join();
        }
    }
}
