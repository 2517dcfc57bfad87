//! What can be wrong with the configuration of networks.

/// What can be wrong with a network's configuration.
#[derive(Debug, thiserror::Error)]
pub enum NnError {
    /// A value out of its range.
    #[error("{name} is {value}, expected {expected}")]
    Value {
        /// The field.
        name: &'static str,
        /// Its value.
        value: String,
        /// Its range.
        expected: String,
    },
    /// A precision that the device's layers can't compute in.
    #[error("precision {precision} needs `--device cpu`: other devices compute in f32 only")]
    Precision {
        /// Its name.
        precision: &'static str,
    },
    /// Networks that no machine could train.
    #[error("networks of {weights} weights, expected at most {most}: smaller encoder.* or ncsnpp.* do")]
    Weights {
        /// How many they would have.
        weights: u64,
        /// How many they may have.
        most: u64,
    },
    /// Image sides that the levels can't halve.
    #[error(
        "images of {height}×{width} can't be halved {halvings} times (ncsnpp.multipliers has {levels} levels); \
         pad to a multiple of {multiple} or use fewer levels"
    )]
    Sides {
        /// Rows.
        height: usize,
        /// Columns.
        width: usize,
        /// Levels less one.
        halvings: usize,
        /// Levels.
        levels: usize,
        /// 2^halvings.
        multiple: usize,
    },
}

impl NnError {
    pub(super) fn value(
        name: &'static str,
        value: impl std::fmt::Debug,
        expected: impl Into<String>,
    ) -> Self {
        Self::Value { name, value: format!("{value:?}"), expected: expected.into() }
    }
}
