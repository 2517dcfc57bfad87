//! Steps out of minutes: how many fit, measured on the machine that will make them.
use super::health::Monitor;
use super::plan::MOST_STEPS;
use super::{DryRun, Plan, TrainError};
use crate::random::Seed;
use burn::tensor::Device;
use std::time::Instant;

/// Steps that allocate and are not timed.
const NOT_TIMED: usize = 3;
/// Steps that are timed, as far as they fit into [`LARGEST_PART`] of the time; one at least.
const TIMED: usize = 24;
/// The largest part of the time that steps are timed for, the untimed ones included.
const LARGEST_PART: f64 = 0.1;

impl Plan {
    /// The plan with `train.steps = 0` replaced by the number of steps that fit into `train.minutes` on `device`
    /// together with the looks at the representation's health.
    ///
    /// The number is a measurement: it differs from machine to machine and a little from call to call. Once counted it
    /// is a setting of the run like any other ([`Config::counted`](super::Config::counted)).
    ///
    /// # Errors
    /// Whatever stops the steps that are timed.
    pub fn counted(mut self, device: &Device) -> Result<Self, TrainError> {
        if let (0, Some(minutes)) = (self.config.train.steps, self.config.train.minutes) {
            self.config.train.steps = 1;
            let costs = Costs::measure(&self, 60.0 * minutes, device)?;
            let looks = [self.config.monitor.health_every, self.config.checkpoint.every];
            self.config.train.steps = 0;
            self.config = self.config.counted(costs.steps_within(60.0 * minutes, looks));
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
        let mut times: Vec<f64> = Vec::new();
        let begun = Instant::now();
        while times.len() < NOT_TIMED + TIMED
            && (times.is_empty() || begun.elapsed().as_secs_f64() < LARGEST_PART * seconds)
        {
            times.push(run.step()?.total().as_secs_f64());
        }
        drop(run);
        let measured = plan.record.model.init(Seed(plan.config.seed), device)?;
        let start = Instant::now();
        Monitor::new(plan, device.clone()).measure(plan, &measured, 0)?;
        let health = start.elapsed().as_secs_f64();
        Ok(Self { step: typical(times), health })
    }

    /// Steps that fit, with a look at the health at multiples of either of `every` steps and at the end; at least one step,
    /// and no more than a run may have.
    fn steps_within(&self, seconds: f64, every: [u64; 2]) -> u64 {
        let [a, b] = every.map(|every| 1.0 / every as f64);
        let both = 1.0 / least_common_multiple(every);
        let each = self.step + self.health * (a + b - both);
        (((seconds - self.health) / each.max(1e-9)) as u64).clamp(1, MOST_STEPS)
    }
}

/// The median of the times after the first ones, as far as there are others: what disturbs a step or two isn't typical.
fn typical(mut times: Vec<f64>) -> f64 {
    times.drain(..NOT_TIMED.min(times.len() - 1));
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn least_common_multiple([a, b]: [u64; 2]) -> f64 {
    let (mut divisor, mut rest) = (a, b);
    while rest > 0 {
        (divisor, rest) = (rest, divisor % rest);
    }
    a as f64 / divisor as f64 * b as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_the_health_take_their_part_of_the_time() {
        let costs = Costs { step: 0.5, health: 5.0 };
        for every in [[100, 100], [100, 50], [100, 40]] {
            let steps = costs.steps_within(900.0, every);
            let looks = |steps: u64| {
                1 + (1..=steps).filter(|step| every.iter().any(|every| step.is_multiple_of(*every))).count()
            };
            let spent = |steps: u64| 0.5 * steps as f64 + 5.0 * looks(steps) as f64;
            assert!((spent(steps) - 900.0).abs() < 12.0, "{every:?}: {steps}");
        }
        assert_eq!(costs.steps_within(0.1, [100, 100]), 1);
        assert_eq!(costs.steps_within(1e30, [100, 100]), MOST_STEPS);
    }

    #[test]
    fn a_typical_step_is_neither_one_of_the_first_nor_a_disturbed_one() {
        assert_eq!(typical(vec![9.0, 9.0, 9.0, 1.0, 1.1, 8.0, 1.2, 0.9]), 1.1);
        // Where a step takes very long, there is nothing else to go by.
        assert_eq!(typical(vec![9.0]), 9.0);
        assert_eq!(typical(vec![9.0, 3.0]), 3.0);
    }
}
