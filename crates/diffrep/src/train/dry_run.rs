//! Training that leaves nothing behind: the steps of a run, without its folder, metrics and checkpoints, timed.
use super::health::to_device;
use super::learner::{Learner, NotFinite};
use super::prefetch::Prefetch;
use super::step_times::{StepPart, StepTimes};
use super::trainer::new_learner;
use super::{Plan, TrainError};
use burn::tensor::Device;
use std::time::Instant;

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
