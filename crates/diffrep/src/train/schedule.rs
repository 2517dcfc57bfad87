//! The learning rate as a function of the step.
use serde::{Deserialize, Serialize};

/// What the learning rate does after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decay {
    /// Stays.
    Constant,
    /// Falls to zero along half a cosine, at the run's last planned step.
    Cosine,
}

/// A learning rate for every step, fixed when the run is created.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// The rate after the warm-up, > 0.
    pub learning_rate: f64,
    /// Steps over which the rate rises linearly from zero; 0 is none.
    pub warm_up: u64,
    /// What follows.
    pub decay: Decay,
    /// The step at which [`Decay::Cosine`] arrives at zero.
    pub horizon: u64,
}

impl Schedule {
    /// The first step without a rate, from which on nothing is learned; `None` if the rate stays.
    pub fn end(&self) -> Option<u64> {
        // A warm-up longer than the run has its full rate for one step.
        (self.decay == Decay::Cosine).then_some(self.horizon.max(self.warm_up + 1))
    }

    /// The rate of step `step`, counted from 0. The first step of a warm-up over n steps has 1/n of the rate.
    pub fn at(&self, step: u64) -> f64 {
        if step < self.warm_up {
            return self.learning_rate * (step + 1) as f64 / self.warm_up as f64;
        }
        match self.decay {
            Decay::Constant => self.learning_rate,
            Decay::Cosine => {
                let length = self.horizon.saturating_sub(self.warm_up).max(1);
                let part = ((step - self.warm_up) as f64 / length as f64).min(1.0);
                self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * part).cos())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_over_the_warm_up_and_stays() {
        let schedule = Schedule { learning_rate: 2.0, warm_up: 4, decay: Decay::Constant, horizon: 10 };
        let rates: Vec<f64> = (0..6).map(|step| schedule.at(step)).collect();
        assert_eq!(rates, [0.5, 1.0, 1.5, 2.0, 2.0, 2.0]);
    }

    #[test]
    fn a_cosine_is_half_way_down_in_the_middle_and_zero_from_the_horizon_on() {
        let schedule = Schedule { learning_rate: 1.0, warm_up: 0, decay: Decay::Cosine, horizon: 10 };
        assert_eq!(schedule.at(0), 1.0);
        assert!((schedule.at(5) - 0.5).abs() < 1e-15);
        assert_eq!(schedule.at(10), 0.0);
        assert_eq!(schedule.at(1_000), 0.0);
    }

    #[test]
    fn a_warm_up_longer_than_the_run_never_divides_by_zero() {
        let schedule = Schedule { learning_rate: 1.0, warm_up: 20, decay: Decay::Cosine, horizon: 10 };
        assert!((0..40).all(|step| schedule.at(step).is_finite()));
    }

    #[test]
    fn a_falling_rate_is_zero_from_its_end_on_and_not_before() {
        for (warm_up, horizon) in [(0, 10), (3, 10), (9, 10), (10, 10), (20, 10)] {
            let schedule = Schedule { learning_rate: 1.0, warm_up, decay: Decay::Cosine, horizon };
            let end = schedule.end().unwrap();
            assert!((0..end).all(|step| schedule.at(step) > 0.0), "{schedule:?}");
            assert!((end..50).all(|step| schedule.at(step) == 0.0), "{schedule:?}");
            assert_eq!(Schedule { decay: Decay::Constant, ..schedule }.end(), None);
        }
    }
}
