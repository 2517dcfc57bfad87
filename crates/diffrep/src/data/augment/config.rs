//! Settings of augmentation, and what can be wrong with them.
use serde::{Deserialize, Serialize};

/// Which random changes make a view of an image. By default none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AugmentConfig {
    /// Smallest and largest part of the image's area that a random crop, resized to the image's size, shows; within
    /// (0, 1]. Absent: no crop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<[f64; 2]>,
    /// Probability that left and right are exchanged.
    pub flip: f64,
    /// Probability that colours are changed as much as the next four say.
    pub jitter: f64,
    /// Brightness is multiplied by up to 1 ± this.
    pub brightness: f64,
    /// Distances from the mean grey are multiplied by up to 1 ± this.
    pub contrast: f64,
    /// Distances of colours from their grey are multiplied by up to 1 ± this.
    pub saturation: f64,
    /// Hues turn by up to this part of the colour circle, at most 0.5.
    pub hue: f64,
    /// Probability that colours become grey.
    pub grey: f64,
    /// Probability of a Gaussian blur, whose kernel is about a tenth of the image's side.
    pub blur: f64,
    /// Smallest and largest standard deviation of the blur, in pixels, positive.
    pub blur_sigma: [f64; 2],
    /// Standard deviation of Gaussian noise, in units of standardised pixels.
    pub noise: f64,
}

impl Default for AugmentConfig {
    fn default() -> Self {
        Self {
            crop: None,
            flip: 0.0,
            jitter: 0.0,
            brightness: 0.0,
            contrast: 0.0,
            saturation: 0.0,
            hue: 0.0,
            grey: 0.0,
            blur: 0.0,
            blur_sigma: [0.1, 2.0],
            noise: 0.0,
        }
    }
}

impl AugmentConfig {
    /// True if views are the images themselves.
    pub fn is_off(&self) -> bool {
        self.keeps_pixels() && self.noise == 0.0
    }

    /// True if nothing but noise changes pixels.
    pub(super) fn keeps_pixels(&self) -> bool {
        self.crop.is_none() && [self.flip, self.jitter, self.grey, self.blur].iter().all(|p| *p == 0.0)
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// Names the setting, its value and its range.
    pub fn check(&self) -> Result<(), AugmentError> {
        let unit = 0.0..=1.0;
        let amount = 0.0..=10.0;
        let numbers = [
            ("flip", self.flip, unit.contains(&self.flip), "a probability"),
            ("jitter", self.jitter, unit.contains(&self.jitter), "a probability"),
            ("grey", self.grey, unit.contains(&self.grey), "a probability"),
            ("blur", self.blur, unit.contains(&self.blur), "a probability"),
            ("brightness", self.brightness, amount.contains(&self.brightness), "0 to 10"),
            ("contrast", self.contrast, amount.contains(&self.contrast), "0 to 10"),
            ("saturation", self.saturation, amount.contains(&self.saturation), "0 to 10"),
            ("hue", self.hue, (0.0..=0.5).contains(&self.hue), "0 to 0.5"),
            ("noise", self.noise, (0.0..=1000.0).contains(&self.noise), "0 to 1,000"),
        ];
        if let Some((name, value, _, expected)) = numbers.into_iter().find(|(_, _, fits, _)| !fits) {
            return Err(AugmentError { name, value: value.to_string(), expected });
        }
        let [low, high] = self.blur_sigma;
        if !(low > 0.0 && low <= high && high <= 1000.0) {
            let value = format!("{:?}", self.blur_sigma);
            return Err(AugmentError {
                name: "blur_sigma",
                value,
                expected: "two positive numbers, the smaller first",
            });
        }
        match self.crop {
            Some([low, high]) if !(low > 0.0 && low <= high && high <= 1.0) => Err(AugmentError {
                name: "crop",
                value: format!("{:?}", [low, high]),
                expected: "two parts of the area in (0, 1], the smaller first",
            }),
            _ => Ok(()),
        }
    }
}

/// A setting out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("augment.{name} is {value}, expected {expected}")]
pub struct AugmentError {
    /// The setting.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Its range.
    pub expected: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_out_of_range_are_named() {
        let off = AugmentConfig::default();
        assert_eq!(off.check(), Ok(()));
        let wrong = [
            (AugmentConfig { flip: 1.5, ..off.clone() }, "augment.flip is 1.5, expected a probability"),
            (AugmentConfig { hue: f64::NAN, ..off.clone() }, "augment.hue is NaN, expected 0 to 0.5"),
            (
                AugmentConfig { crop: Some([0.0, 1.0]), ..off.clone() },
                "augment.crop is [0.0, 1.0], expected two parts of the area in (0, 1], the smaller first",
            ),
            (
                AugmentConfig { blur_sigma: [2.0, 1.0], ..off },
                "augment.blur_sigma is [2.0, 1.0], expected two positive numbers, the smaller first",
            ),
        ];
        for (config, message) in wrong {
            assert_eq!(config.check().unwrap_err().to_string(), message);
        }
    }
}
