//! The loop: from a plan, or from where a run stopped, to its last step.
use super::checkpoint::{self, Progress, Which};
use super::health::{Monitor, to_device};
use super::learner::{Learner, NotFinite};
use super::prefetch::Prefetch;
use super::{
    Event, InitRecord, LockedRun, MachineRecord, MetricsLog, Observer, Plan, Record, RunError, StepFigures,
    TrainError, unix_time,
};
use crate::nn::parameters::{self, Layout};
use crate::nn::{self, Model};
use crate::random::Seed;
use burn::tensor::Device;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Steps after which the time that remains is estimated.
const ESTIMATE_AFTER: u64 = 20;
/// The first of them, which also allocate, are not timed.
const NOT_TIMED: u64 = 5;

/// When a call of [`Trainer::run`] ends.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// Steps in all, those done before included.
    pub steps: u64,
    /// Longest time of this call.
    pub time: Option<Duration>,
    /// Set by somebody who wants training to stop after the current step.
    pub stop: &'a AtomicBool,
}

/// Why a call of [`Trainer::run`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All steps are done.
    Finished,
    /// The time was up; the run can go on.
    TimeUp,
    /// Somebody set [`Limits::stop`]; the run can go on.
    Stopped,
}

/// A run being trained; it holds the lock of its folder.
pub struct Trainer {
    plan: Plan,
    run: LockedRun,
    learner: Learner,
    /// Where the learner computes, with autodiff.
    device: Device,
    /// The networks for measuring, on a device without autodiff.
    measured: Model,
    monitor: Monitor,
    progress: Progress,
    log: MetricsLog,
}

impl Trainer {
    /// Starts a new run in the locked folder: writes its settings and record.
    ///
    /// `init` is a run whose averaged weights to start from; its networks must be the same. `device` computes, without
    /// autodiff (the trainer adds it); one that can't compute in the settings' precision is refused before anything is
    /// written.
    pub fn create(
        mut plan: Plan,
        run: LockedRun,
        init: Option<&Path>,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let mut learner = new_learner(&plan, device)?;
        if let Some(init) = init {
            let (record, weights) = InitRecord::of(init, learner.layout())?;
            learner.start_from(weights);
            plan.record.inherited_labels = record.learned_labels()?;
            plan.record.init = Some(record);
        }
        run.create(&plan.config, &plan.record)?;
        let progress = Progress::fresh(plan.schedule());
        Self::with(plan, run, learner, progress, device)
    }

    /// Goes on with the run in the locked folder from its latest checkpoint, or from the start if it has none.
    pub fn resume(plan: Plan, run: LockedRun, device: &Device) -> Result<Self, TrainError> {
        let mut learner = new_learner(&plan, device)?;
        let progress = match checkpoint::load_state(run.path(), Which::Latest, learner.layout()) {
            Ok(state) => {
                let progress = state.progress.clone();
                learner.restore(state);
                progress
            }
            Err(RunError::NoCheckpoint { .. }) => {
                if let Some(init) = &plan.record.init {
                    learner.start_from(init.load(learner.layout())?);
                }
                Progress::fresh(plan.schedule())
            }
            Err(error) => return Err(error.into()),
        };
        Self::with(plan, run, learner, progress, device)
    }

    /// Everything else, from the step that `progress` tells.
    fn with(
        plan: Plan,
        run: LockedRun,
        learner: Learner,
        progress: Progress,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let measured = plan.record.model.init(Seed(plan.config.seed), device)?;
        let monitor = Monitor::new(&plan, device.clone());
        let log = MetricsLog::open(run.path(), progress.step)?;
        let device = device.clone().autodiff();
        Ok(Self { plan, run, learner, device, measured, monitor, progress, log })
    }

    /// What runs.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The run folder.
    pub fn path(&self) -> &Path {
        self.run.path()
    }

    /// Names and shapes of all tensors.
    pub fn layout(&self) -> &Layout {
        self.learner.layout()
    }

    /// Steps done so far.
    pub fn step(&self) -> u64 {
        self.progress.step
    }

    /// Steps that the run was created with or, where that are more, that whoever trained it last was going to do in all.
    pub fn planned(&self) -> u64 {
        self.plan.config.train.steps.max(self.progress.total.unwrap_or(0))
    }

    /// Trains until a limit is met, then writes a checkpoint.
    ///
    /// # Errors
    /// A loss or gradient that is not finite, an image that can't be read, a disk that refuses. Checkpoints written
    /// before stay as they are.
    pub fn run(&mut self, limits: Limits<'_>, observer: &mut dyn Observer) -> Result<Ending, TrainError> {
        let (first, start, seconds_before) = (self.progress.step, Instant::now(), self.progress.seconds);
        observer.notice(Event::Started { plan: &self.plan, step: first, total: limits.steps });
        if first >= limits.steps {
            return Ok(Ending::Finished);
        }
        let created = self.plan.config.train.steps;
        self.progress.total = (limits.steps > created).then_some(limits.steps);
        let (batch, precision) = (self.plan.config.train.batch, self.plan.config.train.precision);
        if let Some(record) = self.log.begin(MachineRecord::here(&self.device, precision, first))? {
            observer.notice(Event::Recorded(&record));
        }
        let mut batches = Prefetch::start(&self.plan, first).map_err(TrainError::Thread)?;
        let mut clock = Clock::new(batch);
        while self.progress.step < limits.steps {
            clock.start();
            let figures = self.advance(&mut batches)?;
            clock.stop();
            self.progress.seconds = seconds_before + start.elapsed().as_secs_f64();
            let step = self.progress.step;
            let images_per_second = clock.last_rate();
            observer.notice(Event::Step { step, figures: &figures, images_per_second });
            if let Some(seconds) = clock.seconds_a_step(step - first) {
                let time_left = limits.time.map(|time| time.saturating_sub(start.elapsed()).as_secs_f64());
                let seconds_left =
                    (seconds * (limits.steps - step) as f64).min(time_left.unwrap_or(f64::INFINITY));
                observer.notice(Event::Estimate { seconds_left });
            }
            self.after_step(limits.steps, &mut clock, observer)?;
            if step == limits.steps {
                break;
            }
            let ending = if limits.stop.load(Ordering::Relaxed) {
                Ending::Stopped
            } else if limits.time.is_some_and(|time| start.elapsed() >= time) {
                Ending::TimeUp
            } else {
                continue;
            };
            if !step.is_multiple_of(self.plan.config.checkpoint.every) {
                // Without the stop there would be no checkpoint here, so that this one must not be the best.
                self.progress.score = None;
                self.save(observer)?;
            }
            return Ok(ending);
        }
        Ok(Ending::Finished)
    }

    /// One optimiser step.
    fn advance(&mut self, batches: &mut Prefetch) -> Result<StepFigures, TrainError> {
        let (config, step) = (&self.plan.config, self.progress.step);
        let host = batches.next()?;
        let batch = to_device(&self.plan, host, &self.device);
        let rate = self.progress.schedule.at(step);
        let figures = self
            .learner
            .step(&*self.plan.objective, &batch, config, step, rate, &mut |_| ())
            .map_err(|NotFinite(what)| TrainError::NotFinite {
                what,
                step: step + 1,
                last: checkpoint::find(self.run.path(), Which::Latest).ok(),
            })?;
        self.progress.step += 1;
        self.progress.score = None;
        self.progress.window.add(&figures);
        Ok(figures)
    }

    /// Writes what is due after a step: metrics, health, a checkpoint.
    fn after_step(
        &mut self,
        total: u64,
        clock: &mut Clock,
        observer: &mut dyn Observer,
    ) -> Result<(), TrainError> {
        let (config, step) = (&self.plan.config, self.progress.step);
        let is_due = |every: u64| step.is_multiple_of(every) || step == total;
        let (metrics, save) = (is_due(config.monitor.every), is_due(config.checkpoint.every));
        // A checkpoint is measured, so that the best one is known.
        let health = is_due(config.monitor.health_every) || save;
        if metrics {
            self.record_training(clock, observer)?;
        }
        if health {
            self.record_health(observer)?;
        }
        if save {
            self.save(observer)?;
        }
        Ok(())
    }

    fn record_training(&mut self, clock: &mut Clock, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let record = Record::Train(self.progress.close_window(clock.close()));
        self.record(record, observer)
    }

    fn record_health(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        let step = self.progress.step;
        self.measured = parameters::scatter(&self.measured, self.learner.ema());
        let health = self.monitor.measure(&self.plan, &self.measured, step)?;
        self.progress.score = health.score();
        let warnings = if step > self.progress.schedule.warm_up { health.warnings() } else { Vec::new() };
        self.record(Record::Health(health), observer)?;
        for message in warnings {
            self.record(Record::Warning { step, message, unix_time: unix_time() }, observer)?;
        }
        Ok(())
    }

    fn record(&mut self, record: Record, observer: &mut dyn Observer) -> Result<(), TrainError> {
        self.log.append(&record)?;
        observer.notice(Event::Recorded(&record));
        Ok(())
    }

    fn save(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        // The metrics of all steps up to the checkpoint come before it on the disk.
        self.log.sync()?;
        let state = self.learner.state(self.progress.clone());
        let folder = checkpoint::save(self.run.path(), self.learner.layout(), &state)?;
        checkpoint::prune(self.run.path(), self.plan.config.checkpoint.keep)?;
        observer.notice(Event::Saved { step: self.progress.step, folder: &folder });
        Ok(())
    }
}

/// The networks with their initial weights, on a device that can compute what is planned.
pub(super) fn new_learner(plan: &Plan, device: &Device) -> Result<Learner, TrainError> {
    nn::check_precision(device, plan.config.train.precision)?;
    Ok(Learner::new(plan.record.model.init(Seed(plan.config.seed), &device.clone().autodiff())?))
}

/// Wall-clock time of the steps alone, without measuring and saving.
struct Clock {
    batch: usize,
    started: Instant,
    last: Duration,
    /// Steps and time since the last line of metrics.
    open: (u32, Duration),
    /// Time of the steps that the estimate is made of.
    timed: Duration,
    steps: u64,
}

impl Clock {
    fn new(batch: usize) -> Self {
        let none = Duration::ZERO;
        Self { batch, started: Instant::now(), last: none, open: (0, none), timed: none, steps: 0 }
    }

    fn start(&mut self) {
        self.started = Instant::now();
    }

    fn stop(&mut self) {
        self.last = self.started.elapsed();
        self.open = (self.open.0 + 1, self.open.1 + self.last);
        self.steps += 1;
        if self.steps > NOT_TIMED {
            self.timed += self.last;
        }
    }

    /// Images a second of the last step.
    fn last_rate(&self) -> f64 {
        self.batch as f64 / self.last.as_secs_f64().max(1e-9)
    }

    /// Images a second since the last call.
    fn close(&mut self) -> f64 {
        let (steps, time) = std::mem::take(&mut self.open);
        self.batch as f64 * f64::from(steps) / time.as_secs_f64().max(1e-9)
    }

    /// Seconds a step, once: when enough steps are done.
    fn seconds_a_step(&self, steps: u64) -> Option<f64> {
        (steps == ESTIMATE_AFTER).then(|| self.timed.as_secs_f64() / (ESTIMATE_AFTER - NOT_TIMED) as f64)
    }
}
