//! Training that leaves nothing behind: the steps of a run, without its folder, metrics and checkpoints, timed.
use super::health::to_device;
use super::learner::{Learner, NotFinite};
use super::prefetch::Prefetch;
use super::trainer::new_learner;
use super::{Plan, TrainError};
use burn::tensor::Device;
use std::time::{Duration, Instant};

/// A part of a step, in the order in which they follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepPart {
    /// Waiting for the images, which another thread reads and standardises meanwhile, and taking them to the device.
    Batch,
    /// Times and noise, networks and loss, until the loss is a number.
    Forward,
    /// Gradients, until they are one flat buffer.
    Backward,
    /// Norms, Adam and the moving average, until the networks hold the new weights.
    Optimiser,
}

/// Where the time of one step went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StepTimes {
    /// [`StepPart::Batch`].
    pub batch: Duration,
    /// [`StepPart::Forward`].
    pub forward: Duration,
    /// [`StepPart::Backward`].
    pub backward: Duration,
    /// [`StepPart::Optimiser`].
    pub optimiser: Duration,
}

impl StepTimes {
    /// The whole step.
    pub fn total(self) -> Duration {
        self.batch + self.forward + self.backward + self.optimiser
    }

    fn part(&mut self, part: StepPart) -> &mut Duration {
        match part {
            StepPart::Batch => &mut self.batch,
            StepPart::Forward => &mut self.forward,
            StepPart::Backward => &mut self.backward,
            StepPart::Optimiser => &mut self.optimiser,
        }
    }
}

/// A plan whose steps are made like a trainer's, but written nowhere.
pub struct DryRun<'a> {
    plan: &'a Plan,
    learner: Learner,
    batches: Prefetch,
    device: Device,
    step: u64,
}

impl<'a> DryRun<'a> {
    /// Starts from the initial weights. `device` computes, without autodiff (which is added).
    ///
    /// # Errors
    /// The operating system gives no thread to read images.
    pub fn new(plan: &'a Plan, device: &Device) -> Result<Self, TrainError> {
        let learner = new_learner(plan, device)?;
        let batches = Prefetch::start(plan, 0).map_err(TrainError::Thread)?;
        Ok(Self { plan, learner, batches, device: device.clone().autodiff(), step: 0 })
    }

    /// Makes the next step and tells how long its parts took.
    ///
    /// # Errors
    /// A loss or gradient that is not finite, an image that can't be read.
    pub fn step(&mut self) -> Result<StepTimes, TrainError> {
        let (plan, step) = (self.plan, self.step);
        let mut times = StepTimes::default();
        let mut since = Instant::now();
        let mut done = |part| {
            let now = Instant::now();
            *times.part(part) += now - since;
            since = now;
        };
        let host = self.batches.next()?;
        let batch = to_device(plan, host, &self.device);
        done(StepPart::Batch);
        let rate = plan.schedule().at(step);
        self.learner
            .step(&*plan.objective, &batch, &plan.config, step, rate, &mut done)
            .map_err(|NotFinite(what)| TrainError::NotFinite { what, step: step + 1, last: None })?;
        self.step += 1;
        Ok(times)
    }
}
