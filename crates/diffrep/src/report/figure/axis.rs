//! Axes: limits, ticks at round numbers and their labels.

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Equal distances for equal differences.
    Linear,
    /// Equal distances for equal ratios; only positive values can be drawn.
    Log,
}

/// What an axis shows.
#[derive(Clone, Debug)]
pub struct Axis {
    /// Quantity and unit, e.g. "test accuracy, %".
    pub label: String,
    /// Linear or logarithmic.
    pub scale: Scale,
    /// Limits, or `None` to fit the data.
    pub limits: Option<(f64, f64)>,
}

impl Axis {
    /// A linear axis that fits its data.
    pub fn linear(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Linear, limits: None }
    }

    /// A logarithmic axis that fits its data.
    pub fn log(label: impl Into<String>) -> Self {
        Self { label: label.into(), scale: Scale::Log, limits: None }
    }

    /// The same axis with fixed limits.
    pub fn within(self, low: f64, high: f64) -> Self {
        Self { limits: Some((low, high)), ..self }
    }

    /// True if `value` has a place on the axis.
    pub fn accepts(&self, value: f64) -> bool {
        value.is_finite() && (self.scale == Scale::Linear || value > 0.0)
    }
}

/// An axis with its limits settled.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    low: f64,
    high: f64,
    scale: Scale,
}

impl Range {
    /// Limits of `axis` around `values` (those that it accepts), with a margin of 4% at both ends.
    ///
    /// A constant gets room on both sides, so that its line lies in the middle.
    pub fn fit(axis: &Axis, values: impl Iterator<Item = f64>) -> Self {
        let scale = axis.scale;
        if let Some((low, high)) = axis.limits {
            return Self { low, high, scale };
        }
        let to = |v: f64| if scale == Scale::Log { v.log10() } else { v };
        let from = |v: f64| if scale == Scale::Log { 10f64.powf(v) } else { v };
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|&v| axis.accepts(v)).map(to) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        let margin = if high - low > 1e-9 * high.abs().max(low.abs()) {
            0.04 * (high - low)
        } else if scale == Scale::Log || low == 0.0 {
            0.5
        } else {
            0.1 * low.abs()
        };
        Self { low: from(low - margin), high: from(high + margin), scale }
    }

    /// Place of `value`: 0 at the lower limit, 1 at the upper one.
    pub fn place(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value / self.low).ln() / (self.high / self.low).ln(),
        }
    }

    /// At most about `count` ticks at round numbers inside the limits, with their labels.
    pub fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        match self.scale {
            Scale::Linear => self.linear_ticks(count),
            Scale::Log => self.log_ticks(count),
        }
    }

    fn linear_ticks(&self, count: usize) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / count.max(1) as f64;
        let power = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= rough * 0.999);
        let step = step.unwrap_or(10.0 * power);
        // Rounding of the limits must not lose a tick that lies on one of them.
        let (first, last) =
            ((self.low / step - 1e-6).ceil() as i64, (self.high / step + 1e-6).floor() as i64);
        let values: Vec<f64> = (first..=last).map(|i| i as f64 * step).collect();
        let labels = linear_labels(&values, step);
        values.into_iter().zip(labels).collect()
    }

    fn log_ticks(&self, count: usize) -> Vec<(f64, String)> {
        let (low, high) = (self.low.log10(), self.high.log10());
        let decades = (low.floor() as i32..=high.ceil() as i32).collect::<Vec<_>>();
        let within = |v: &f64| *v >= self.low * 0.999_999 && *v <= self.high * 1.000_001;
        let at = |multiples: &[f64]| {
            let all = decades.iter().flat_map(|d| multiples.iter().map(|m| m * 10f64.powi(*d)));
            all.filter(within).collect::<Vec<_>>()
        };
        // The most subdivided choice that isn't too dense; below one decade, evenly spaced numbers read better.
        let sets: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
        let chosen = sets.iter().map(|set| at(set)).find(|ticks| ticks.len() <= count + 1);
        let ticks = match chosen {
            Some(ticks) if ticks.len() >= 3 => ticks,
            Some(_) => return self.linear_ticks(count),
            None => {
                let every = decades.len().div_ceil(count.max(1));
                at(&[1.0]).into_iter().filter(|v| v.log10().round() as i32 % every as i32 == 0).collect()
            }
        };
        ticks.into_iter().map(|v| (v, linear_labels(&[v], v).remove(0))).collect()
    }
}

/// Labels of ticks that lie `step` apart: with k or M where numbers are large, scientific where all are tiny, always
/// with the digits that tell them apart and a true minus sign.
fn linear_labels(values: &[f64], step: f64) -> Vec<String> {
    let largest = values.iter().fold(0.0, |a: f64, v| a.max(v.abs()));
    let (unit, suffix) = match largest {
        l if l >= 1e6 => (1e6, "M"),
        l if l >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    let write = |value: f64| {
        // Half a step below the smallest tick is zero that rounding has moved.
        if value.abs() < 0.5 * step {
            format!("{:.*}", if unit == 1.0 && largest >= 1e-3 { decimals_of(step) } else { 0 }, 0.0)
        } else if !(1e-3..1e9).contains(&largest) {
            scientific(value, step)
        } else {
            format!("{:.*}{suffix}", decimals_of(step / unit), value / unit)
        }
    };
    values.iter().map(|&value| write(value).replace('-', "\u{2212}")).collect()
}

fn scientific(value: f64, step: f64) -> String {
    let exponent = value.abs().log10().floor();
    let size = 10f64.powf(exponent);
    format!("{:.*}e{exponent}", decimals_of(step / size), value / size)
}

/// Decimals that write multiples of `step` exactly, at most 9.
fn decimals_of(step: f64) -> usize {
    let exact = |d: &i32| ((step * 10f64.powi(*d)).round() / 10f64.powi(*d) - step).abs() < step * 1e-6;
    (0..9).find(exact).unwrap_or(9) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: Axis, values: &[f64], count: usize) -> Vec<String> {
        Range::fit(&axis, values.iter().copied()).ticks(count).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_round_numbers_inside_the_limits() {
        assert_eq!(
            labels(Axis::linear("t").within(0.0, 1.0), &[], 5),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]
        );
        assert_eq!(
            labels(Axis::linear("step"), &[0.0, 2500.0], 6),
            ["0", "500", "1000", "1500", "2000", "2500"]
        );
        assert_eq!(labels(Axis::linear("%"), &[-0.3, 0.3], 3), ["−0.25", "0.00", "0.25"]);
        assert_eq!(labels(Axis::linear("step"), &[0.0, 70_000.0], 4), ["0", "20k", "40k", "60k"]);
    }

    #[test]
    fn a_logarithmic_axis_has_decades_or_round_parts_of_them() {
        assert_eq!(labels(Axis::log("norm"), &[0.01, 100.0], 5), ["0.01", "0.1", "1", "10", "100"]);
        assert_eq!(labels(Axis::log("loss"), &[300.0, 1600.0], 5), ["500", "1000", "1500"]);
        assert!(labels(Axis::log("norm"), &[1e-12, 1e12], 5).len() <= 7);
    }

    #[test]
    fn a_constant_lies_in_the_middle() {
        for value in [0.0, 5.0, -5.0] {
            let range = Range::fit(&Axis::linear("y"), [value].into_iter());
            assert!((range.place(value) - 0.5).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn labels_are_short_and_tell_ticks_apart() {
        assert_eq!(linear_labels(&[-1e-5, 0.0, 1e-5], 1e-5), ["−1e−5", "0", "1e−5"]);
        assert_eq!(linear_labels(&[1_000_000.0, 1_000_000.5], 0.5), ["1.0000000M", "1.0000005M"]);
        assert_eq!(linear_labels(&[5_000.0, 10_000.0], 5_000.0), ["5k", "10k"]);
    }
}
