//! What a run tells its caller while it goes on; the library itself prints nothing.
use super::{Plan, Record, StepFigures};
use std::path::Path;

/// Something that happened.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// Training begins, after `step` steps done before.
    Started {
        /// What will run.
        plan: &'a Plan,
        /// Steps done before.
        step: u64,
        /// Steps to be done in all.
        total: u64,
    },
    /// A step is done.
    Step {
        /// Steps done.
        step: u64,
        /// Its figures.
        figures: &'a StepFigures,
        /// Images a second over the last steps.
        images_per_second: f64,
    },
    /// The speed is known well enough to say how long the rest takes.
    Estimate {
        /// Seconds for the remaining steps.
        seconds_left: f64,
    },
    /// A line of metrics was written.
    Recorded(&'a Record),
    /// A checkpoint was written.
    Saved {
        /// Steps done.
        step: u64,
        /// Its folder.
        folder: &'a Path,
    },
}

/// Somebody who wants to know.
pub trait Observer {
    /// Called on the training thread; what takes long here holds up training.
    fn notice(&mut self, event: Event<'_>);
}

impl<F: FnMut(Event<'_>)> Observer for F {
    fn notice(&mut self, event: Event<'_>) {
        self(event);
    }
}
