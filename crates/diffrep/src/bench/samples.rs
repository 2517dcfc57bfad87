//! Repetitions of a measurement.
use std::time::{Duration, Instant};

/// Fewest repetitions when time decides.
const LEAST: usize = 3;

/// How long to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effort {
    /// So many repetitions, at least 1.
    Repetitions(usize),
    /// As many repetitions as begin within this time, and at least three.
    Time(Duration),
}

impl Effort {
    /// Repeats `once` until the effort is made; `total` is what samples are ordered by.
    pub(super) fn repeat<T: Copy, E>(
        self,
        total: impl Fn(T) -> Duration,
        mut once: impl FnMut() -> Result<T, E>,
    ) -> Result<Samples<T>, E> {
        let start = Instant::now();
        let mut samples = vec![once()?];
        while match self {
            Self::Repetitions(count) => samples.len() < count,
            Self::Time(time) => samples.len() < LEAST || start.elapsed() < time,
        } {
            samples.push(once()?);
        }
        samples.sort_by_key(|sample| total(*sample));
        Ok(Samples(samples))
    }
}

/// Times of all repetitions, the shortest first; never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples<T>(Vec<T>);

impl<T: Copy> Samples<T> {
    /// Repetitions.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// The repetition in the middle, of two the shorter one.
    pub fn median(&self) -> T {
        self.0[(self.0.len() - 1) / 2]
    }

    /// The shortest repetition.
    pub fn best(&self) -> T {
        self.0[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeat(effort: Effort, times: &[u64]) -> Samples<Duration> {
        let mut times = times.iter().map(|&ms| Duration::from_millis(ms));
        effort.repeat(|time| time, || times.next().ok_or("asked for more")).unwrap()
    }

    #[test]
    fn the_median_lies_in_the_middle_whatever_the_order() {
        let samples = repeat(Effort::Repetitions(5), &[9, 1, 8, 2, 7]);
        assert_eq!((samples.len(), samples.best().as_millis(), samples.median().as_millis()), (5, 1, 7));
        assert_eq!(repeat(Effort::Repetitions(4), &[4, 3, 1, 2]).median().as_millis(), 2);
        assert_eq!(repeat(Effort::Repetitions(1), &[4]).median().as_millis(), 4);
    }

    #[test]
    fn no_time_is_time_enough_for_three() {
        assert_eq!(repeat(Effort::Time(Duration::ZERO), &[1, 2, 3]).len(), 3);
    }
}
