//! How long methods are trained that are to be compared.
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;

/// The same for all methods: either images seen, or time on the machine at hand.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Budget {
    /// Images seen in training, each view of a batch's images counted once. One run is measured as it passes several.
    Images(u64),
    /// Minutes of training on the machine that begins it.
    Minutes(f64),
}

impl Budget {
    /// The number alone.
    pub fn amount(self) -> f64 {
        match self {
            Self::Images(images) => images as f64,
            Self::Minutes(minutes) => minutes,
        }
    }

    /// What an axis over several budgets is called.
    pub(super) fn axis(self) -> &'static str {
        match self {
            Self::Images(_) => "images seen",
            Self::Minutes(_) => "minutes of training",
        }
    }

    /// For names of files.
    pub(super) fn stem(self) -> String {
        match self {
            Self::Images(images) => images.to_string(),
            Self::Minutes(minutes) => format!("{minutes}min"),
        }
    }

    /// Ascending.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.amount().total_cmp(&other.amount())
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Images(images) => write!(f, "{images} images"),
            Self::Minutes(minutes) => write!(f, "{minutes} minutes"),
        }
    }
}
