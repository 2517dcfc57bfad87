//! LaplaceNet: supervised start, then epochs of guesses; it can be stopped anywhere and goes on bit for bit.
use super::learner::Learner;
use super::record::SemiRecord;
use super::settings::{SemiMethod, SemiSettings, TimeFed};
use super::start::Start;
use super::step_data::{Phase, Schedule};
use super::task::accuracy;
use super::{EpochRecord, Outcome, Propagated, Propagation, SemiError, SemiTask, propagate};
use crate::data::ImageSet;
use crate::measure::first_largest;
use crate::nn::Precision;
use crate::represent::{RepresentError, batches};
use crate::train::checkpoint::{self, Progress, State, Which};
use crate::train::{self, Decay, Ending, Limits, LockedRun, MachineRecord, MetricsLog, Record, RunError};
use burn::tensor::Device;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Steps between two checkpoints.
const CHECKPOINT_EVERY: u64 = 500;
/// Steps between two lines of metrics.
const RECORD_EVERY: u64 = 10;
/// Images evaluated at once.
const BLOCK: usize = 100;

/// What is going on.
#[derive(Debug)]
pub enum SemiEvent<'a> {
    /// A step is done.
    Step {
        /// Steps done.
        step: u64,
        /// Its loss.
        loss: f64,
    },
    /// Guesses were made.
    Epoch(&'a EpochRecord),
    /// Something that a person should know.
    Warning(&'a str),
}

/// A run being trained; it holds the lock of its folder.
pub struct SemiTrainer {
    task: SemiTask,
    settings: SemiSettings,
    run: LockedRun,
    learner: Learner,
    schedule: Schedule,
    progress: Progress,
    /// The guesses of the current epoch.
    epoch: Option<EpochRecord>,
    log: MetricsLog,
}

impl SemiTrainer {
    /// Starts in the locked folder, or goes on with the run that is there with the same settings, labels and start.
    ///
    /// # Errors
    /// Settings out of range, a folder with another run, a disk that refuses.
    pub fn open(
        task: SemiTask,
        settings: SemiSettings,
        start: &Start,
        run: LockedRun,
        device: &Device,
    ) -> Result<Self, SemiError> {
        settings.check()?;
        let network = start.network(&task, &settings, &device.clone().autodiff())?;
        SemiRecord::new(&task, &settings, &network).claim(&run, &network)?;
        let mut learner = Learner::new(&network.model, network.weights, network.config.sde, device);
        let (learning_rate, horizon) = (settings.learning_rate, settings.steps);
        let schedule = train::Schedule { learning_rate, warm_up: 0, decay: Decay::Cosine, horizon };
        let progress = match checkpoint::load_state(run.path(), Which::Latest, &learner.layout) {
            Ok(state) => {
                learner.restore(state.weights, state.first_moment);
                state.progress
            }
            Err(RunError::NoCheckpoint { .. }) => Progress::fresh(schedule),
            Err(error) => return Err(error.into()),
        };
        let log = MetricsLog::open(run.path(), progress.step)?;
        let schedule = Schedule::new(&task, &settings);
        Ok(Self { task, settings, run, learner, schedule, progress, epoch: None, log })
    }

    /// Steps done so far.
    pub fn step(&self) -> u64 {
        self.progress.step
    }

    /// What is learned from.
    pub fn task(&self) -> &SemiTask {
        &self.task
    }

    /// The run folder.
    pub fn path(&self) -> &Path {
        self.run.path()
    }

    /// Trains to the last step of the settings (whatever `limits.steps` says) or until another limit is met, then
    /// writes a checkpoint.
    ///
    /// # Errors
    /// A loss that is not finite, an image that can't be read, a disk that refuses.
    pub fn run(
        &mut self,
        limits: Limits<'_>,
        observe: &mut dyn FnMut(SemiEvent<'_>),
    ) -> Result<Ending, SemiError> {
        let (start, before) = (Instant::now(), self.progress.seconds);
        let (mut line, mut first) = (Instant::now(), self.progress.step);
        if first < self.settings.steps {
            self.begin(observe)?;
        }
        while self.progress.step < self.settings.steps {
            let step = self.progress.step;
            if let Phase::Guesses { epoch, first } = self.schedule.phase(step) {
                self.guess(epoch, first, observe)?;
            }
            let data = self.schedule.data(&self.task, &self.settings, self.epoch.as_ref(), step)?;
            let rate = self.progress.schedule.at(step);
            let figures = self
                .learner
                .step(&data, &self.settings, step, rate)
                .map_err(|what| SemiError::Diverged { what, step: step + 1 })?;
            let step = step + 1;
            self.progress.step = step;
            self.progress.seconds = before + start.elapsed().as_secs_f64();
            self.progress.window.add(&figures);
            observe(SemiEvent::Step { step, loss: figures.loss });
            let finished = step == self.settings.steps;
            if step.is_multiple_of(RECORD_EVERY) || finished {
                let images = (step - first) * self.settings.batch as u64;
                let images_per_second = images as f64 / line.elapsed().as_secs_f64().max(1e-9);
                self.log.append(&Record::Train(self.progress.close_window(images_per_second)))?;
                (line, first) = (Instant::now(), step);
            }
            let stopped = limits.stop.load(Ordering::Relaxed);
            let late = limits.time.is_some_and(|time| start.elapsed() >= time);
            if stopped || late || finished || step.is_multiple_of(CHECKPOINT_EVERY) {
                self.save()?;
            }
            if !finished && (stopped || late) {
                return Ok(if stopped { Ending::Stopped } else { Ending::TimeUp });
            }
        }
        Ok(Ending::Finished)
    }

    /// Tells what computes from here on.
    fn begin(&mut self, observe: &mut dyn FnMut(SemiEvent<'_>)) -> Result<(), SemiError> {
        let here = MachineRecord::here(&self.learner.device, Precision::F32, self.progress.step);
        if let Some(message) = self.log.begin(here)?.as_ref().and_then(Record::warning) {
            observe(SemiEvent::Warning(message));
        }
        Ok(())
    }

    /// The guesses of `epoch`: made anew at its first step, read again where an earlier call made them.
    fn guess(
        &mut self,
        epoch: u64,
        first: bool,
        observe: &mut dyn FnMut(SemiEvent<'_>),
    ) -> Result<(), SemiError> {
        if self.epoch.as_ref().is_some_and(|known| known.epoch == epoch) {
            return Ok(());
        }
        if !first {
            self.epoch = Some(EpochRecord::read_again(self.run.path(), epoch, &self.task)?);
            return Ok(());
        }
        let record = EpochRecord::new(epoch, self.progress.step, &self.propagated()?, &self.task);
        record.write(self.run.path())?;
        self.log.append(&Record::Guesses(record.summary()))?;
        observe(SemiEvent::Epoch(&record));
        self.epoch = Some(record);
        Ok(())
    }

    /// All guesses made so far, in order.
    ///
    /// # Errors
    /// A damaged file.
    pub fn epochs(&self) -> Result<Vec<EpochRecord>, SemiError> {
        (0..).map_while(|epoch| EpochRecord::read(self.run.path(), epoch).transpose()).collect()
    }

    /// Propagation over the network's present features.
    fn propagated(&self) -> Result<Propagated, SemiError> {
        let (features, _) = self.evaluate(&self.task.images)?;
        let settings =
            Propagation { k: self.settings.neighbours, alpha: self.settings.alpha, ..Propagation::default() };
        propagate(&features, features.len() / self.task.images.len().max(1), &self.task.labels, &settings)
    }

    /// What the trained network makes of all images: by propagation over its features (LaplaceNet), or its own
    /// probabilities (supervised); and its accuracy on the test images, which are looked at here for the first time.
    ///
    /// # Errors
    /// An image that can't be read.
    pub fn outcome(&self) -> Result<Outcome, SemiError> {
        let outcome = match self.settings.method {
            SemiMethod::LaplaceNet => Outcome::of_propagation(&self.task, self.propagated()?),
            SemiMethod::Supervised => {
                let (_, logits) = self.evaluate(&self.task.images)?;
                Outcome::of_network(&self.task, softmax(&logits, self.task.classes.len()))
            }
        };
        let test_accuracy = match &self.task.test {
            Some((images, truth)) => {
                let (_, logits) = self.evaluate(images)?;
                let guesses = logits.chunks(self.task.classes.len()).map(|row| first_largest(row) as u32);
                accuracy(guesses.zip(truth).filter_map(|(guess, truth)| Some((guess, (*truth)?))))
            }
            None => None,
        };
        Ok(Outcome { test_accuracy, ..outcome })
    }

    /// Pooled features and logits of all images of `set`.
    fn evaluate(&self, set: &ImageSet) -> Result<(Vec<f32>, Vec<f32>), SemiError> {
        let padded = self.task.preprocess.shape();
        let (mut features, mut logits) = (Vec::new(), Vec::new());
        batches(set, &self.task.preprocess, BLOCK, |_, images| {
            let rows = images.len() / padded.len();
            let shape = [rows, padded.height, padded.width, padded.channels];
            let (some_features, some_logits) = self.learner.evaluate(images, shape, self.settings.time);
            features.extend(some_features);
            logits.extend(some_logits);
            Ok::<_, RepresentError>(())
        })?;
        Ok((features, logits))
    }

    /// The time that the network has learned to be fed.
    pub fn learned_time(&self) -> Option<f32> {
        match self.settings.time {
            TimeFed::Learned => self.learner.model.encoder.time_embedding.learned_time(),
            TimeFed::Fixed(_) => None,
        }
    }

    fn save(&self) -> Result<(), SemiError> {
        // The metrics of all steps up to the checkpoint come before it on the disk.
        self.log.sync()?;
        let state = State {
            progress: self.progress.clone(),
            weights: self.learner.weights.clone(),
            // There is no average: whoever reads the run gets the weights themselves.
            ema: self.learner.weights.clone(),
            first_moment: self.learner.momentum.clone(),
            second_moment: vec![0.0; self.learner.momentum.len()],
        };
        checkpoint::save(self.run.path(), &self.learner.layout, &state)?;
        Ok(checkpoint::prune(self.run.path(), 2)?)
    }
}

fn softmax(logits: &[f32], classes: usize) -> Vec<f64> {
    let row = |row: &[f32]| {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let powers: Vec<f64> = row.iter().map(|v| f64::from(v - largest).exp()).collect();
        let sum: f64 = powers.iter().sum();
        powers.into_iter().map(move |power| power / sum)
    };
    logits.chunks(classes).flat_map(row).collect()
}
