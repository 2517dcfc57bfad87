//! The parts of a training step, and where its time went.
use std::time::Duration;

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

    pub(super) fn part(&mut self, part: StepPart) -> &mut Duration {
        match part {
            StepPart::Batch => &mut self.batch,
            StepPart::Forward => &mut self.forward,
            StepPart::Backward => &mut self.backward,
            StepPart::Optimiser => &mut self.optimiser,
        }
    }
}
