//! LaplaceNet: supervised start, then epochs of guesses; it can be stopped anywhere and goes on bit for bit.
use super::learner::Learner;
use super::settings::{SemiMethod, SemiSettings, TimeFed};
use super::start::Start;
use super::step_data::{Phase, Schedule};
use super::task::accuracy;
use super::{Outcome, Propagated, Propagation, SemiError, SemiTask, propagate};
use crate::data::ImageSet;
use crate::measure::first_largest;
use crate::train::checkpoint::{self, Progress, State, Which};
use crate::train::{self, Decay, Ending, Limits, LockedRun, RunError};
use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Steps between two checkpoints.
const CHECKPOINT_EVERY: u64 = 500;
/// Images evaluated at once.
const BLOCK: usize = 100;
/// File of the settings in the run folder.
const SETTINGS: &str = train::SEMI_SETTINGS;

/// Settings and known labels of a run: what must be the same to go on with it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct SemiRecord {
    settings: SemiSettings,
    classes: Vec<String>,
    labels: Vec<Option<u32>>,
}

/// The guesses of one epoch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// Number of the epoch, from 0.
    pub epoch: u64,
    /// Steps done before it.
    pub step: u64,
    /// Accuracy of its guesses on images without a known label, where the truth is known; nothing is chosen by it.
    pub unlabelled_accuracy: Option<f64>,
    /// Whether the solver met its tolerance.
    pub converged: bool,
    /// Its largest relative residual.
    pub residual: f64,
    /// Images that no label reaches.
    pub unreached: usize,
    /// The guesses, one an image.
    pub guesses: Vec<u32>,
}

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
}

/// A run being trained; it holds the lock of its folder.
pub struct SemiTrainer {
    task: SemiTask,
    settings: SemiSettings,
    run: LockedRun,
    learner: Learner,
    schedule: Schedule,
    rate: train::Schedule,
    step: u64,
    seconds: f64,
    /// The guesses of the current epoch.
    epoch: Option<EpochRecord>,
}

impl SemiTrainer {
    /// Starts in the locked folder, or goes on with the run that is there with the same settings and labels.
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
        let record = SemiRecord {
            settings: settings.clone(),
            classes: task.classes.clone(),
            labels: task.labels.values().to_vec(),
        };
        let file = run.path().join(SETTINGS);
        let before: Option<SemiRecord> = read_json(&file)?;
        if before.as_ref().is_some_and(|before| *before != record) {
            let changes = "its labels or settings differ".to_owned();
            return Err(RunError::OtherRun { path: run.path().to_owned(), changes }.into());
        }
        let network = start.network(&task, &settings, &device.clone().autodiff())?;
        match (&before, run.existing()) {
            // A run of another command.
            (None, Some(_)) => return Err(RunError::Foreign { path: run.path().to_owned() }.into()),
            (None, None) => write_json(&file, &record)?,
            (Some(_), _) => {}
        }
        if run.existing().is_none() {
            run.create(&network.config, &network.record)?;
        }
        let mut learner = Learner::new(&network.model, network.weights, network.config.sde, device);
        let (mut step, mut seconds) = (0, 0.0);
        match checkpoint::load_state(run.path(), Which::Latest, &learner.layout) {
            Ok(state) => {
                (step, seconds) = (state.progress.step, state.progress.seconds);
                learner.restore(state.weights, state.first_moment);
            }
            Err(RunError::NoCheckpoint { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        let (learning_rate, horizon) = (settings.learning_rate, settings.steps);
        let rate = train::Schedule { learning_rate, warm_up: 0, decay: Decay::Cosine, horizon };
        let schedule = Schedule::new(&task, &settings);
        Ok(Self { task, settings, run, learner, schedule, rate, step, seconds, epoch: None })
    }

    /// Steps done so far.
    pub fn step(&self) -> u64 {
        self.step
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
        let (start, before) = (Instant::now(), self.seconds);
        while self.step < self.settings.steps {
            if let Phase::Guesses { epoch, first } = self.schedule.phase(self.step) {
                self.guess(epoch, first, observe)?;
            }
            let guesses = self.epoch.as_ref().map_or(&[][..], |epoch| epoch.guesses.as_slice());
            let data = self.schedule.data(&self.task, &self.settings, guesses, self.step)?;
            let loss = self.learner.step(&data, &self.settings, self.step, self.rate.at(self.step));
            if !loss.is_finite() {
                return Err(SemiError::Diverged { step: self.step + 1 });
            }
            self.step += 1;
            self.seconds = before + start.elapsed().as_secs_f64();
            observe(SemiEvent::Step { step: self.step, loss });
            let stopped = limits.stop.load(Ordering::Relaxed);
            let late = limits.time.is_some_and(|time| start.elapsed() >= time);
            if stopped
                || late
                || self.step.is_multiple_of(CHECKPOINT_EVERY)
                || self.step == self.settings.steps
            {
                self.save()?;
            }
            if self.step < self.settings.steps && (stopped || late) {
                return Ok(if stopped { Ending::Stopped } else { Ending::TimeUp });
            }
        }
        Ok(Ending::Finished)
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
        let file = self.epoch_file(epoch);
        if !first {
            let known = read_json(&file)?.ok_or_else(|| RunError::damaged(&file, "it is missing"))?;
            self.epoch = Some(known);
            return Ok(());
        }
        let found = self.propagated()?;
        let guesses = found.guesses();
        let record = EpochRecord {
            epoch,
            step: self.step,
            unlabelled_accuracy: self.task.unlabelled_accuracy(&guesses),
            converged: found.converged,
            residual: found.residual,
            unreached: found.unreached.iter().filter(|unreached| **unreached).count(),
            guesses,
        };
        write_json(&file, &record)?;
        observe(SemiEvent::Epoch(&record));
        self.epoch = Some(record);
        Ok(())
    }

    fn epoch_file(&self, epoch: u64) -> PathBuf {
        self.run.path().join("guesses").join(format!("epoch-{epoch:05}.json"))
    }

    /// All guesses made so far, in order.
    ///
    /// # Errors
    /// A damaged file.
    pub fn epochs(&self) -> Result<Vec<EpochRecord>, SemiError> {
        (0..).map_while(|epoch| read_json(&self.epoch_file(epoch)).transpose()).collect()
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
        let (shape, padded) = (set.shape(), self.task.preprocess.shape());
        let (mut features, mut logits) = (Vec::new(), Vec::new());
        let rows: Vec<usize> = (0..set.len()).collect();
        for rows in rows.chunks(BLOCK) {
            let mut pixels = vec![0.0; rows.len() * shape.len()];
            set.read(rows, &mut pixels)?;
            let mut standardised = Vec::new();
            self.task.preprocess.apply(shape, &pixels, &mut standardised);
            let shape = [rows.len(), padded.height, padded.width, padded.channels];
            let (some_features, some_logits) = self.learner.evaluate(standardised, shape, self.settings.time);
            features.extend(some_features);
            logits.extend(some_logits);
        }
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
        let progress = Progress {
            step: self.step,
            schedule: self.rate,
            seconds: self.seconds,
            score: None,
            window: train::Window::default(),
        };
        let state = State {
            progress,
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

/// Reads a file of the run; `None` if there is none.
fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, SemiError> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(RunError::io("read", path)(error).into()),
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| RunError::damaged(path, error).into())
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), SemiError> {
    let text = serde_json::to_vec(value).expect("records hold strings and numbers");
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(RunError::io("create", folder))?;
    }
    train::write_atomically(path, &text).map_err(RunError::io("write", path)).map_err(SemiError::from)
}
