//! One persistent thread that reads and preprocesses the next batches while the current one trains.
use super::Plan;
use crate::data::{AugmentConfig, BatchOrder, DataError, ImageSet, Preprocess};
use crate::objective::EncoderView;
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
    /// Another view, padded and standardised: a contrastive method's, or what the encoder sees.
    pub second: Option<Vec<f32>>,
    /// Class of each image.
    pub labels: Vec<Option<u32>>,
}

/// What a method sees of an image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Views {
    /// One view, which is the image itself where augmentation is off.
    One,
    /// Two views, made alike.
    Two,
    /// The image itself, and a view.
    ImageAndView,
}

/// How images become what a method sees of them.
#[derive(Clone)]
pub(super) struct Reader {
    preprocess: Preprocess,
    augment: AugmentConfig,
    views: Views,
    seed: Seed,
}

impl Reader {
    /// How the plan's images are trained with.
    pub fn of_training(plan: &Plan) -> Self {
        let objective = &plan.config.objective;
        let views = match objective.encoder_view {
            EncoderView::Same if objective.method.needs().two_views => Views::Two,
            EncoderView::Same => Views::One,
            EncoderView::Other => Views::Two,
            EncoderView::Augmented => Views::ImageAndView,
        };
        Self {
            preprocess: plan.record.preprocess.clone(),
            augment: plan.config.augment.clone(),
            views,
            seed: Seed(plan.config.seed),
        }
    }

    /// How the plan's images are measured: as they are, unless the method can't do without views.
    pub fn of_measuring(plan: &Plan) -> Self {
        let reader = Self::of_training(plan);
        match plan.config.objective.method.needs().two_views {
            true => reader,
            false => Self { augment: AugmentConfig::default(), views: Views::One, ..reader },
        }
    }

    /// Images `rows`, with the views of `step`.
    pub fn read(&self, images: &ImageSet, rows: &[usize], step: u32) -> Result<HostBatch, DataError> {
        let mut pixels = vec![0.0; rows.len() * images.shape().len()];
        images.read(rows, &mut pixels)?;
        let second = match self.views {
            Views::One => None,
            Views::Two | Views::ImageAndView => {
                Some(self.view(images, &self.augment, pixels.clone(), (self.seed, step, 1)).0)
            }
        };
        let unchanged = AugmentConfig::default();
        let augment = if self.views == Views::ImageAndView { &unchanged } else { &self.augment };
        let (standardised, unit) = self.view(images, augment, pixels, (self.seed, step, 0));
        let known = images.labels();
        let labels = rows.iter().map(|&row| known.and_then(|column| column.values[row])).collect();
        Ok(HostBatch { standardised, unit, second, labels })
    }

    /// A view, standardised and in [0, 1].
    fn view(
        &self,
        images: &ImageSet,
        augment: &AugmentConfig,
        mut pixels: Vec<f32>,
        address: (Seed, u32, u16),
    ) -> (Vec<f32>, Vec<f32>) {
        let shape = images.shape();
        augment.apply(&mut pixels, shape, address);
        let (mut standardised, mut unit) = (Vec::new(), Vec::new());
        self.preprocess.apply(shape, &pixels, &mut standardised);
        self.preprocess.pad(shape, &pixels, &mut unit);
        augment.add_noise(&mut standardised, self.preprocess.shape().len(), address);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::{Config, Sources};
    use std::path::Path;

    fn read(view: &str) -> (HostBatch, Vec<f32>) {
        let set = [format!("objective.encoder_view={view}"), "augment.crop=[0.3, 0.9]".to_owned()];
        let sources = Sources { preset: Some("digits".to_owned()), set: set.into(), ..Sources::default() };
        let config = Config::resolve(&sources).expect("settings that exist");
        let plan = Plan::new(config, Path::new("nowhere")).expect("built-in data");
        let rows = [3, 1, 4];
        let batch = |reader: Reader| reader.read(&plan.trained, &rows, 5).expect("images in memory");
        (batch(Reader::of_training(&plan)), batch(Reader::of_measuring(&plan)).standardised)
    }

    #[test]
    fn the_encoder_sees_what_its_setting_says() {
        let (same, image) = read("same");
        assert!(same.second.is_none() && same.standardised != image);
        let (other, image) = read("other");
        let second = other.second.expect("another view");
        assert!(other.standardised != image && second != image && second != other.standardised);
        let (augmented, image) = read("augmented");
        assert!(augmented.standardised == image && augmented.second.is_some_and(|view| view != image));
    }
}
