//! The levels that score network and latent decoder are made of.
use super::Pass;
use super::architecture::{DownShape, UpShape};
use super::attention_block::AttentionBlock;
use super::blocks::Watch;
use super::initialiser::{Initialiser, Weights};
use super::residual_block::{BlockRule, BlockShape, Resample, ResidualBlock};
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use diffrep_backend::layers::{self, Padding, Precision};
use std::f64::consts::FRAC_1_SQRT_2;

/// Residual blocks of one side on the way down, then the halving.
#[derive(Module, Debug)]
pub(super) struct Down {
    blocks: Vec<AttendedBlock>,
    halve: Option<Halve>,
}

/// A residual block and the attention after it.
#[derive(Module, Debug)]
struct AttendedBlock {
    block: ResidualBlock,
    attention: Option<AttentionBlock>,
}

/// Halves the feature map and adds the input pyramid of that side to it.
#[derive(Module, Debug)]
struct Halve {
    block: ResidualBlock,
    pyramid: Conv2d,
}

impl Down {
    pub(super) fn new(shape: &DownShape, rule: BlockRule, init: &mut Initialiser) -> Self {
        let mut blocks = Vec::new();
        for block in &shape.blocks {
            blocks.push(AttendedBlock {
                block: ResidualBlock::new(*block, rule, init),
                attention: shape.attention.then(|| AttentionBlock::new(block.output, init)),
            });
        }
        let halve = shape.halve.map(|(block, pyramid)| Halve {
            block: ResidualBlock::new(block, rule, init),
            pyramid: init.conv2d([pyramid, block.output], 3, 2, Weights::UNIT),
        });
        Self { blocks, halve }
    }

    /// Appends the feature maps that the way up will want to `skips`, and carries the `pyramid` on. `watch` sees the
    /// output of each residual block, with its index in the level.
    pub(super) fn forward(
        &self,
        mut h: Tensor<4>,
        pyramid: &mut Tensor<4>,
        skips: &mut Vec<Tensor<4>>,
        embedding: &Tensor<2>,
        pass: Pass,
        watch: Watch<usize>,
    ) -> Tensor<4> {
        for (index, AttendedBlock { block, attention }) in self.blocks.iter().enumerate() {
            h = block.forward(h, embedding, pass);
            watch(index, &h);
            h = attend(h, attention.as_ref(), pass.precision);
            skips.push(h.clone());
        }
        if let Some(Halve { block, pyramid: conv }) = &self.halve {
            h = block.forward(h, embedding, pass);
            watch(self.blocks.len(), &h);
            let padding = Padding { before: 0, after: 1 };
            h = layers::conv2d_add(pyramid.clone(), conv, h, FRAC_1_SQRT_2, padding, pass.precision);
            *pyramid = h.clone();
            skips.push(h.clone());
        }
        h
    }
}

/// The blocks at the bottleneck, always with attention.
#[derive(Module, Debug)]
pub(super) struct Middle {
    first: ResidualBlock,
    attention: AttentionBlock,
    second: ResidualBlock,
}

impl Middle {
    pub(super) fn new(channels: usize, rule: BlockRule, init: &mut Initialiser) -> Self {
        let shape = BlockShape { input: channels, output: channels, resample: Resample::Keep };
        Self {
            first: ResidualBlock::new(shape, rule, init),
            attention: AttentionBlock::new(channels, init),
            second: ResidualBlock::new(shape, rule, init),
        }
    }

    /// `watch` sees the outputs of both blocks.
    pub(super) fn forward(
        &self,
        h: Tensor<4>,
        embedding: &Tensor<2>,
        pass: Pass,
        watch: Watch<usize>,
    ) -> Tensor<4> {
        let h = self.first.forward(h, embedding, pass);
        watch(0, &h);
        let h = self.attention.forward(h, pass.precision);
        let h = self.second.forward(h, embedding, pass);
        watch(1, &h);
        h
    }
}

/// Residual blocks of one side on the way up, attention after the last, then the doubling.
#[derive(Module, Debug)]
pub(super) struct Up {
    blocks: Vec<ResidualBlock>,
    attention: Option<AttentionBlock>,
    double: Option<ResidualBlock>,
}

impl Up {
    pub(super) fn new(shape: &UpShape, rule: BlockRule, init: &mut Initialiser) -> Self {
        let blocks: Vec<_> =
            shape.blocks.iter().map(|block| ResidualBlock::new(*block, rule, init)).collect();
        let channels = shape.blocks.last().map_or(0, |block| block.output);
        Self {
            blocks,
            attention: shape.attention.then(|| AttentionBlock::new(channels, init)),
            double: shape.double.map(|block| ResidualBlock::new(block, rule, init)),
        }
    }

    /// Each block sees the last of `skips` beside what comes from below; the decoder has none. `watch` sees the output
    /// of each residual block, with its index in the level.
    pub(super) fn forward(
        &self,
        mut h: Tensor<4>,
        skips: &mut Vec<Tensor<4>>,
        embedding: &Tensor<2>,
        pass: Pass,
        watch: Watch<usize>,
    ) -> Tensor<4> {
        for (index, block) in self.blocks.iter().enumerate() {
            if let Some(skip) = skips.pop() {
                h = Tensor::cat(vec![h, skip], 3);
            }
            h = block.forward(h, embedding, pass);
            watch(index, &h);
        }
        h = attend(h, self.attention.as_ref(), pass.precision);
        if let Some(block) = &self.double {
            h = block.forward(h, embedding, pass);
            watch(self.blocks.len(), &h);
        }
        h
    }
}

fn attend(h: Tensor<4>, attention: Option<&AttentionBlock>, precision: Precision) -> Tensor<4> {
    match attention {
        Some(attention) => attention.forward(h, precision),
        None => h,
    }
}
