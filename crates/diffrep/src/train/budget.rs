//! Steps out of minutes: how many fit, measured on the machine that will make them.
use super::health::Monitor;
use super::{DryRun, Plan, TrainError};
use crate::random::Seed;
use burn::tensor::Device;
use std::time::{Duration, Instant};

/// Steps that allocate and are not timed.
const NOT_TIMED: usize = 3;
/// Steps that are timed; fewer where they would take more than [`LARGEST_PART`] of the time.
const TIMED: usize = 24;
/// The largest part of the time that timing takes.
const LARGEST_PART: f64 = 0.1;

impl Plan {
    /// The plan with `train.steps = 0` replaced by the number of steps that fit into `train.minutes` on `device`
    /// together with the looks at the representation's health.
    ///
    /// The number is a measurement: it differs from machine to machine and a little from call to call. Once counted it
    /// is a setting of the run like any other.
    ///
    /// # Errors
    /// Whatever stops the steps that are timed.
    pub fn counted(mut self, device: &Device) -> Result<Self, TrainError> {
        if let (0, Some(minutes)) = (self.config.train.steps, self.config.train.minutes) {
            self.config.train.steps = 1;
            let costs = Costs::measure(&self, 60.0 * minutes, device)?;
            self.config.train.steps = costs.steps_within(60.0 * minutes, self.config.monitor.health_every);
        }
        Ok(self)
    }
}

/// Seconds that parts of a run take.
struct Costs {
    step: f64,
    health: f64,
}

impl Costs {
    fn measure(plan: &Plan, seconds: f64, device: &Device) -> Result<Self, TrainError> {
        let mut run = DryRun::new(plan, device)?;
        for _ in 0..NOT_TIMED {
            run.step()?;
        }
        let (mut total, mut steps) = (Duration::ZERO, 0);
        while steps < TIMED && total.as_secs_f64() < LARGEST_PART * seconds {
            total += run.step()?.total();
            steps += 1;
        }
        drop(run);
        let measured = plan.record.model.init(Seed(plan.config.seed), device)?;
        let start = Instant::now();
        Monitor::new(plan, device.clone()).measure(plan, &measured, 0)?;
        let health = start.elapsed().as_secs_f64();
        Ok(Self { step: (total / steps.max(1) as u32).as_secs_f64(), health })
    }

    /// Steps that fit, with a look at the health every `every` steps and at the end; at least one step.
    fn steps_within(&self, seconds: f64, every: u64) -> u64 {
        let each = self.step + self.health / every as f64;
        (((seconds - self.health) / each.max(1e-9)) as u64).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_the_health_take_their_part_of_the_time() {
        let costs = Costs { step: 0.5, health: 5.0 };
        let steps = costs.steps_within(900.0, 100);
        let spent = |steps: u64| 0.5 * steps as f64 + 5.0 * (steps / 100 + 1) as f64;
        assert!(spent(steps) <= 900.0 && spent(steps + 12) > 900.0, "{steps}");
        assert_eq!(costs.steps_within(0.1, 100), 1);
    }
}
