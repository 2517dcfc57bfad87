//! The plan of score network and decoder: which block has which channels, checked.
use super::config::{BlockConditioning, ModelConfig, NcsnppConfig};
use super::error::NnError;
use super::initialiser::groups;
use super::residual_block::{BlockRule, BlockShape, Resample};
use super::time_embedding::TimeEmbedding;

/// Widest level and largest layer of the latent map that are accepted: beyond use, and still allocatable.
const MAX_CHANNELS: usize = 4096;
const MAX_MAP_WEIGHTS: usize = 1 << 28;

/// A level on the way down.
pub(super) struct DownShape {
    pub blocks: Vec<BlockShape>,
    pub attention: bool,
    /// The halving block and the channels of the input pyramid before it; none at the last level.
    pub halve: Option<(BlockShape, usize)>,
}

/// A level on the way up.
pub(super) struct UpShape {
    pub blocks: Vec<BlockShape>,
    pub attention: bool,
    /// The doubling block; none at the last (largest) level.
    pub double: Option<BlockShape>,
}

/// The checked shapes of all blocks.
pub(super) struct Architecture {
    pub features: usize,
    pub channels: usize,
    /// Whether the score network has an estimate of the image as a second input.
    pub self_conditioning: bool,
    pub dropout: f64,
    pub conditioning: BlockConditioning,
    /// Numbers in which the networks are told the latent.
    pub latent_features: usize,
    /// Rows and columns of the smallest feature map.
    pub bottleneck: (usize, usize),
    pub down: Vec<DownShape>,
    /// Channels of the score network's middle blocks.
    pub middle: usize,
    pub up: Vec<UpShape>,
    pub decoder_up: Vec<UpShape>,
    /// Channels before the output convolution.
    pub last: usize,
}

impl Architecture {
    /// Plans the networks of a configuration whose image shape has been checked.
    pub(super) fn new(model: &ModelConfig) -> Result<Self, NnError> {
        let config = &model.ncsnpp;
        check_values(config)?;
        let sides = level_sides(model)?;
        check_latent_map(config, sides[sides.len() - 1])?;
        let attention = attention_levels(config, &sides);
        let level_channels: Vec<usize> = config.multipliers.iter().map(|m| m * config.features).collect();
        let (down, skips) = plan_down(config, model.channels, &level_channels, &attention);
        let map_channels = 2 * config.features;
        let middle = skips[skips.len() - 1] + map_channels;
        let up = plan_up(config, middle, &level_channels, &attention, Some(skips));
        let decoder_up = plan_up(config, map_channels, &level_channels, &attention, None);
        let plan = Self {
            features: config.features,
            channels: model.channels,
            self_conditioning: config.self_conditioning,
            dropout: config.dropout,
            conditioning: config.conditioning,
            latent_features: config.latent_features.unwrap_or(TimeEmbedding::width(config.features)),
            bottleneck: sides[sides.len() - 1],
            down,
            middle,
            up,
            decoder_up,
            last: level_channels[0],
        };
        plan.check_groups()?;
        Ok(plan)
    }

    /// Channels that the score network reads.
    pub(super) fn input_channels(&self) -> usize {
        if self.self_conditioning { 2 * self.channels } else { self.channels }
    }

    /// Width of the joint embedding.
    pub(super) fn embedding(&self) -> usize {
        TimeEmbedding::width(self.features) + self.latent_features
    }

    /// Channels of the latent map.
    pub(super) fn map_channels(&self) -> usize {
        2 * self.features
    }

    /// What all residual blocks share.
    pub(super) fn block_rule(&self) -> BlockRule {
        let &Self { dropout, conditioning, .. } = self;
        BlockRule { embedding: self.embedding(), dropout, conditioning }
    }

    /// Every group norm's groups must divide its channels.
    fn check_groups(&self) -> Result<(), NnError> {
        let ups = self.up.iter().chain(&self.decoder_up).flat_map(|level| &level.blocks);
        let blocks = self.down.iter().flat_map(|level| &level.blocks).chain(ups);
        let normed =
            blocks.flat_map(|block| [block.input, block.output]).chain([self.middle, self.map_channels()]);
        match normed.into_iter().find(|channels| !channels.is_multiple_of(groups(*channels))) {
            None => Ok(()),
            Some(channels) => {
                let expected = format!(
                    "a multiple of 4 that makes every block's channels divisible by their group norm's groups; \
                     a block has {channels} channels in {} groups",
                    groups(channels)
                );
                Err(NnError::value("ncsnpp.features", self.features, expected))
            }
        }
    }
}

fn check_values(config: &NcsnppConfig) -> Result<(), NnError> {
    if config.features == 0 || !config.features.is_multiple_of(4) || config.features > 1024 {
        return Err(NnError::value("ncsnpp.features", config.features, "a multiple of 4 up to 1,024"));
    }
    if config.multipliers.is_empty() || config.multipliers.len() > 10 {
        return Err(NnError::value(
            "ncsnpp.multipliers",
            &config.multipliers,
            "one number a level, 1 to 10 levels",
        ));
    }
    if config.multipliers.iter().any(|&m| m == 0 || m > 64) {
        return Err(NnError::value("ncsnpp.multipliers", &config.multipliers, "numbers from 1 to 64"));
    }
    if config.multipliers.iter().any(|m| m * config.features > MAX_CHANNELS) {
        let expected =
            format!("at most {MAX_CHANNELS} channels a level; ncsnpp.features is {}", config.features);
        return Err(NnError::value("ncsnpp.multipliers", &config.multipliers, expected));
    }
    if let Some(given) = config.latent_features.filter(|n| *n == 0 || *n > MAX_CHANNELS) {
        return Err(NnError::value("ncsnpp.latent_features", given, "1 to 4,096"));
    }
    if config.blocks == 0 || config.blocks > 64 {
        return Err(NnError::value("ncsnpp.blocks", config.blocks, "1 to 64"));
    }
    if !(0.0..1.0).contains(&config.dropout) {
        return Err(NnError::value("ncsnpp.dropout", config.dropout, "a rate in [0, 1)"));
    }
    Ok(())
}

/// Height and width of every level.
fn level_sides(model: &ModelConfig) -> Result<Vec<(usize, usize)>, NnError> {
    let levels = model.ncsnpp.multipliers.len();
    let (height, width) = (model.height, model.width);
    let multiple = 1 << (levels - 1);
    if !height.is_multiple_of(multiple) || !width.is_multiple_of(multiple) {
        return Err(NnError::Sides { height, width, halvings: levels - 1, levels, multiple });
    }
    Ok((0..levels).map(|level| (height >> level, width >> level)).collect())
}

/// The latent map's last layer grows with the fourth power of the bottleneck's side.
fn check_latent_map(config: &NcsnppConfig, (height, width): (usize, usize)) -> Result<(), NnError> {
    let hidden = 2 * config.features * height;
    if hidden.saturating_mul(hidden).saturating_mul(width) > MAX_MAP_WEIGHTS {
        let expected = format!(
            "more levels: at a bottleneck of {height}×{width} the latent map would have more than {MAX_MAP_WEIGHTS} weights"
        );
        return Err(NnError::value("ncsnpp.multipliers", &config.multipliers, expected));
    }
    Ok(())
}

/// Whether attention follows the blocks of each level; its side is the larger one.
fn attention_levels(config: &NcsnppConfig, sides: &[(usize, usize)]) -> Vec<bool> {
    let wanted = config.attention.as_deref().unwrap_or(&[16]);
    sides.iter().map(|&(height, width)| wanted.contains(&height.max(width))).collect()
}

/// The way down, and the channels of the feature maps that the way up concatenates, in the order they arise.
fn plan_down(
    config: &NcsnppConfig,
    channels: usize,
    level_channels: &[usize],
    attention: &[bool],
) -> (Vec<DownShape>, Vec<usize>) {
    let (mut current, mut pyramid) = (config.features, channels);
    let mut skips = vec![current];
    let mut down = Vec::new();
    for (level, &output) in level_channels.iter().enumerate() {
        let mut blocks = Vec::new();
        for _ in 0..config.blocks {
            blocks.push(BlockShape { input: current, output, resample: Resample::Keep });
            current = output;
            skips.push(current);
        }
        let halve = (level + 1 < level_channels.len()).then(|| {
            skips.push(current);
            let before = std::mem::replace(&mut pyramid, current);
            (BlockShape { input: current, output: current, resample: Resample::Halve }, before)
        });
        down.push(DownShape { blocks, attention: attention[level], halve });
    }
    (down, skips)
}

/// The way up from `current` channels, each block taking the last of `skips` beside what it is given.
fn plan_up(
    config: &NcsnppConfig,
    mut current: usize,
    level_channels: &[usize],
    attention: &[bool],
    mut skips: Option<Vec<usize>>,
) -> Vec<UpShape> {
    let mut up = Vec::new();
    for (level, &output) in level_channels.iter().enumerate().rev() {
        let mut blocks = Vec::new();
        for _ in 0..config.blocks + 1 {
            let skip = skips.as_mut().and_then(Vec::pop).unwrap_or(0);
            blocks.push(BlockShape { input: current + skip, output, resample: Resample::Keep });
            current = output;
        }
        let double =
            (level > 0).then_some(BlockShape { input: current, output: current, resample: Resample::Double });
        up.push(UpShape { blocks, attention: attention[level], double });
    }
    up
}
