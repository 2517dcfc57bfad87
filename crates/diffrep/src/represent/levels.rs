//! Levels of detail and shards, as the command line names them.
use super::RepresentError;
use std::ops::Range;
use std::str::FromStr;

/// Most levels that are accepted.
const MOST_LEVELS: usize = 1000;

/// The levels in a list such as `0,0.1,0.5`, in the given order.
///
/// # Errors
/// An empty list, something that is no number in [0, 1], the same level twice; names the value.
pub fn parse_levels(list: &str) -> Result<Vec<f64>, RepresentError> {
    let mut levels: Vec<f64> = Vec::new();
    for part in list.split(',') {
        let level = part.trim().parse::<f64>().ok().filter(|t| (0.0..=1.0).contains(t));
        let Some(level) = level else {
            return Err(RepresentError::argument("--t", part.trim(), "numbers in [0, 1] such as 0,0.1,0.5"));
        };
        if levels.contains(&level) {
            return Err(RepresentError::argument("--t", list, "different levels"));
        }
        levels.push(level);
    }
    Ok(levels)
}

/// `count` evenly spaced levels from 0 to 1; one level is 0.
///
/// # Errors
/// A count of 0 or above 1,000.
pub fn level_grid(count: usize) -> Result<Vec<f64>, RepresentError> {
    if !(1..=MOST_LEVELS).contains(&count) {
        return Err(RepresentError::argument("--t-grid", count, "1 to 1000"));
    }
    Ok((0..count).map(|i| i as f64 / (count - 1).max(1) as f64).collect())
}

/// One part of several: `2/8` is the second of eight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: usize,
    count: usize,
}

impl Shard {
    /// Its part of `rows` rows. The shards' rows, one after another, are all rows.
    pub fn rows(self, rows: usize) -> Range<usize> {
        let border = |i: usize| (rows as u128 * i as u128 / self.count as u128) as usize;
        border(self.index - 1)..border(self.index)
    }
}

impl FromStr for Shard {
    type Err = RepresentError;

    fn from_str(text: &str) -> Result<Self, RepresentError> {
        let parts = text.split_once('/').and_then(|(i, n)| Some((i.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, count)) if 1 <= index && index <= count => Ok(Self { index, count }),
            _ => Err(RepresentError::argument("--shard", text, "i/n with 1 ≤ i ≤ n, such as 1/4")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_keep_their_order() {
        assert_eq!(parse_levels("0.5, 0,1").unwrap(), [0.5, 0.0, 1.0]);
        assert_eq!(level_grid(11).unwrap()[3], 0.3);
        assert_eq!(level_grid(1).unwrap(), [0.0]);
    }

    #[test]
    fn bad_levels_are_named() {
        for (list, named) in [
            ("", "--t is ``"),
            ("0,1.5", "`1.5`"),
            ("-0.1", "`-0.1`"),
            ("0,nan", "`nan`"),
            ("0,,1", "``"),
            ("a", "`a`"),
            ("0,0.0", "`0,0.0`"),
        ] {
            let error = parse_levels(list).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
        assert_eq!(level_grid(0).unwrap_err().to_string(), "--t-grid is `0`, expected 1 to 1000");
    }

    #[test]
    fn shards_are_all_rows_in_order() {
        let rows: Vec<usize> =
            (1..=4).flat_map(|i| format!("{i}/4").parse::<Shard>().unwrap().rows(10)).collect();
        assert_eq!(rows, (0..10).collect::<Vec<_>>());
        for bad in ["0/4", "5/4", "1", "a/b", "1/0"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
