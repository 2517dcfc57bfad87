//! The residual blocks of the score network by name, for whoever looks at its feature maps.
use super::architecture::{Architecture, UpShape};
use super::config::ModelConfig;
use super::error::NnError;
use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Told about feature maps `[N, h, w, channels]` in the order in which they are computed.
pub type Watch<'a, B> = &'a mut dyn FnMut(B, &Tensor<4>);

/// A residual block of the score network: `down.i.j`, `mid.j` or `up.i.j`.
///
/// Levels i count from 0 in the order of computation, so `down.0` and the last `up` are of the images' size, `up.0` is
/// of the bottleneck's. Blocks j count from 0 within their level; the last of a level is the one that halves or doubles
/// the feature map, but for the last level of either way, which has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum BlockName {
    /// Level and block on the way down.
    Down(usize, usize),
    /// One of the two at the bottleneck.
    Mid(usize),
    /// Level and block on the way up.
    Up(usize, usize),
}

impl fmt::Display for BlockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down(level, block) => write!(f, "down.{level}.{block}"),
            Self::Mid(block) => write!(f, "mid.{block}"),
            Self::Up(level, block) => write!(f, "up.{level}.{block}"),
        }
    }
}

impl From<BlockName> for String {
    fn from(name: BlockName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for BlockName {
    type Error = NnError;

    fn try_from(text: String) -> Result<Self, NnError> {
        text.parse()
    }
}

impl FromStr for BlockName {
    type Err = NnError;

    fn from_str(text: &str) -> Result<Self, NnError> {
        let parts: Vec<&str> = text.split('.').collect();
        let number = |part: &str| part.parse::<usize>().ok();
        let name = match parts[..] {
            ["down", level, block] => number(level).zip(number(block)).map(|(l, b)| Self::Down(l, b)),
            ["mid", block] => number(block).map(Self::Mid),
            ["up", level, block] => number(level).zip(number(block)).map(|(l, b)| Self::Up(l, b)),
            _ => None,
        };
        name.ok_or_else(|| NnError::value("block", text, "a name such as down.1.0, mid.0 or up.2.1"))
    }
}

impl ModelConfig {
    /// The residual blocks of the score network with their channels, in the order of computation; none if the model has
    /// no score network.
    ///
    /// # Errors
    /// As [`ModelConfig::check`].
    pub fn score_blocks(&self) -> Result<Vec<(BlockName, usize)>, NnError> {
        let plan = self.architecture()?;
        Ok(plan.filter(|_| self.score_network).map_or_else(Vec::new, |plan| blocks(&plan)))
    }
}

fn blocks(plan: &Architecture) -> Vec<(BlockName, usize)> {
    let down = plan.down.iter().enumerate().flat_map(|(level, shape)| {
        let halve = shape.halve.map(|(block, _)| block);
        let outputs = shape.blocks.iter().copied().chain(halve).map(|block| block.output);
        outputs.enumerate().map(move |(block, channels)| (BlockName::Down(level, block), channels))
    });
    let middle = [0, 1].map(|block| (BlockName::Mid(block), plan.middle));
    let up = plan.up.iter().enumerate().flat_map(|(level, shape): (usize, &UpShape)| {
        let outputs = shape.blocks.iter().copied().chain(shape.double).map(|block| block.output);
        outputs.enumerate().map(move |(block, channels)| (BlockName::Up(level, block), channels))
    });
    down.chain(middle).chain(up).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_it_was_read_from() {
        for name in ["down.0.2", "mid.1", "up.3.0"] {
            assert_eq!(name.parse::<BlockName>().unwrap().to_string(), name);
        }
        for bad in ["", "down", "down.1", "mid.0.1", "up.1.x", "left.0.0", "up.-1.0"] {
            let message = bad.parse::<BlockName>().unwrap_err().to_string();
            assert!(message.contains("down.1.0, mid.0 or up.2.1"), "{message}");
        }
    }
}
