//! How much arithmetic the networks are, from their configuration alone.
//!
//! Counted are products with weights (convolutions, linear layers) and the two products of attention; a multiplication
//! and an addition are two operations. Norms, activations, resampling and sums wait for memory, not for arithmetic, and
//! aren't counted.
use super::architecture::{Architecture, UpShape};
use super::config::{EncoderConfig, ModelConfig};
use super::error::NnError;
use super::residual_block::{BlockShape, Resample};
use super::time_embedding::TimeEmbedding;
use super::wide_resnet;
use std::ops::Add;

/// Multiplications and additions for one image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operations {
    /// Of the forward pass.
    pub forward: u64,
    /// Of the gradients of all weights, and of each input that depends on a weight. What a backward pass computes
    /// again, because the forward pass didn't keep it, is not counted.
    pub backward: u64,
}

impl Operations {
    /// Of both passes.
    pub fn total(self) -> u64 {
        self.forward + self.backward
    }
}

impl Add for Operations {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { forward: self.forward + other.forward, backward: self.backward + other.backward }
    }
}

/// The [`Operations`] of the networks of a [`ModelConfig`]; zero for those that it leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModelOperations {
    /// The encoder: its forward pass is what encoding takes.
    pub encoder: Operations,
    /// The time embedding and the latent map of score network and decoder.
    pub conditioning: Operations,
    /// The score network.
    pub score: Operations,
    /// The latent decoder.
    pub decoder: Operations,
    /// The projection head of contrastive learning.
    pub projection: Operations,
}

impl ModelOperations {
    /// All networks together: what a training step takes for each image that is seen once.
    pub fn total(self) -> Operations {
        self.encoder + self.conditioning + self.score + self.decoder + self.projection
    }
}

impl ModelConfig {
    /// Counts the operations for one image.
    ///
    /// # Errors
    /// As [`ModelConfig::check`].
    pub fn operations(&self) -> Result<ModelOperations, NnError> {
        let sum = |products: Vec<Product>| {
            products.iter().fold(Operations::default(), |sum, product| sum + product.operations())
        };
        let networks = self.products()?;
        Ok(ModelOperations {
            encoder: sum(networks.encoder),
            conditioning: sum(networks.conditioning),
            score: sum(networks.score),
            decoder: sum(networks.decoder),
            projection: sum(networks.projection),
        })
    }

    /// Weights of all linear layers and convolutions, which are nearly all that there are.
    ///
    /// # Errors
    /// Sizes that don't fit each other.
    pub(super) fn weights(&self) -> Result<u64, NnError> {
        let Networks { encoder, conditioning, score, decoder, projection } = self.products()?;
        let products = [encoder, conditioning, score, decoder, projection].into_iter().flatten();
        let held = |product: Product| match product {
            Product::Layer { weights, .. } => weights as u64,
            Product::Attention { .. } => 0,
        };
        Ok(products.map(held).sum())
    }

    fn products(&self) -> Result<Networks, NnError> {
        let architecture = self.architecture()?;
        let side = (self.height, self.width);
        let encoder = encoder(&self.encoder, self.channels, side);
        let (latent, hidden) = (self.encoder.latent_dim(), self.encoder.feature_dim());
        let projection = self.projection.map(|outputs| [linear(latent, hidden), linear(hidden, outputs)]);
        let projection = projection.into_iter().flatten().collect();
        let Some(plan) = architecture else {
            return Ok(Networks { encoder, projection, ..Networks::default() });
        };
        Ok(Networks {
            encoder,
            projection,
            conditioning: conditioning(&plan, self.encoder.latent_dim()),
            score: if self.score_network { score(&plan, side) } else { Vec::new() },
            decoder: if self.decoder { decoder(&plan, side) } else { Vec::new() },
        })
    }
}

/// What each network computes for one image.
#[derive(Default)]
struct Networks {
    encoder: Vec<Product>,
    conditioning: Vec<Product>,
    score: Vec<Product>,
    decoder: Vec<Product>,
    projection: Vec<Product>,
}

#[derive(Clone, Copy)]
enum Product {
    /// `positions` vectors times `weights` numbers.
    Layer { weights: usize, positions: usize, input: Input },
    /// `softmax(q kᵀ) v`, with `pixels` vectors of `channels` numbers each.
    Attention { pixels: usize, channels: usize },
}

/// What a layer is applied to.
#[derive(Clone, Copy, PartialEq)]
enum Input {
    /// Something that no weight has changed: its gradient is needed by nobody.
    Data,
    Hidden,
}

impl Product {
    fn operations(self) -> Operations {
        let (forward, gradients) = match self {
            Self::Layer { weights, positions, input } => {
                (2 * weights * positions, if input == Input::Data { 1 } else { 2 })
            }
            // Two products, each with two gradients of its size.
            Self::Attention { pixels, channels } => (2 * 2 * pixels * pixels * channels, 2),
        };
        Operations { forward: forward as u64, backward: gradients * forward as u64 }
    }
}

type Side = (usize, usize);

fn convolution([inputs, outputs]: [usize; 2], kernel: usize, side: Side, input: Input) -> Product {
    Product::Layer { weights: inputs * outputs * kernel * kernel, positions: side.0 * side.1, input }
}

fn linear(inputs: usize, outputs: usize) -> Product {
    convolution([inputs, outputs], 1, (1, 1), Input::Hidden)
}

fn time_embedding(features: usize) -> [Product; 2] {
    let width = TimeEmbedding::width(features);
    [convolution([2 * features, width], 1, (1, 1), Input::Data), linear(width, width)]
}

fn encoder(config: &EncoderConfig, channels: usize, mut side: Side) -> Vec<Product> {
    let mut products = time_embedding(wide_resnet::TIME_FEATURES).to_vec();
    let time = TimeEmbedding::width(wide_resnet::TIME_FEATURES);
    let mut input = 16;
    products.push(convolution([channels, input], 3, side, Input::Data));
    for (stage, base) in [16, 32, 64].into_iter().enumerate() {
        let output = base * config.width;
        for index in 0..config.blocks_per_stage() {
            products.extend([convolution([input, output], 3, side, Input::Hidden), linear(time, output)]);
            let halves = stage > 0 && index == 0;
            if halves {
                side = (side.0.div_ceil(2), side.1.div_ceil(2));
            }
            products.push(convolution([output, output], 3, side, Input::Hidden));
            if halves || input != output {
                products.push(convolution([input, output], 1, side, Input::Hidden));
            }
            input = output;
        }
    }
    if config.has_head() {
        products.push(linear(config.feature_dim(), config.head_outputs()));
    }
    products
}

fn conditioning(plan: &Architecture, latent_dim: usize) -> Vec<Product> {
    let mut products = time_embedding(plan.features).to_vec();
    let hidden = plan.map_channels() * plan.bottleneck.0;
    products.extend([
        linear(latent_dim, plan.latent_features),
        linear(plan.embedding(), hidden),
        linear(hidden, hidden),
        linear(hidden, hidden * plan.bottleneck.1),
    ]);
    products
}

fn score(plan: &Architecture, side: Side) -> Vec<Product> {
    let mut products = vec![convolution([plan.input_channels(), plan.features], 3, side, Input::Data)];
    for (level, down) in plan.down.iter().enumerate() {
        let side = (side.0 >> level, side.1 >> level);
        for block in &down.blocks {
            residual(&mut products, plan, *block, side);
            if down.attention {
                attention(&mut products, block.output, side);
            }
        }
        if let Some((block, pyramid)) = down.halve {
            residual(&mut products, plan, block, side);
            // The first input pyramid is the noisy image.
            let input = if level == 0 { Input::Data } else { Input::Hidden };
            products.push(convolution([pyramid, block.output], 3, (side.0 / 2, side.1 / 2), input));
        }
    }
    middle(&mut products, plan, plan.middle);
    up(&mut products, plan, &plan.up, side);
    products
}

fn decoder(plan: &Architecture, side: Side) -> Vec<Product> {
    let mut products = Vec::new();
    middle(&mut products, plan, plan.map_channels());
    up(&mut products, plan, &plan.decoder_up, side);
    products
}

fn middle(products: &mut Vec<Product>, plan: &Architecture, channels: usize) {
    let block = BlockShape { input: channels, output: channels, resample: Resample::Keep };
    residual(products, plan, block, plan.bottleneck);
    attention(products, channels, plan.bottleneck);
    residual(products, plan, block, plan.bottleneck);
}

/// The way up to images of `side`, and the output convolution.
fn up(products: &mut Vec<Product>, plan: &Architecture, levels: &[UpShape], side: Side) {
    for (level, shape) in (0..levels.len()).rev().zip(levels) {
        let side = (side.0 >> level, side.1 >> level);
        for block in shape.blocks.iter().chain(&shape.double) {
            residual(products, plan, *block, side);
        }
        if let Some(block) = shape.blocks.last().filter(|_| shape.attention) {
            attention(products, block.output, side);
        }
    }
    products.push(convolution([plan.last, plan.channels], 3, side, Input::Hidden));
}

fn residual(products: &mut Vec<Product>, plan: &Architecture, block: BlockShape, (height, width): Side) {
    let BlockShape { input, output, resample } = block;
    let side = match resample {
        Resample::Keep => (height, width),
        Resample::Double => (2 * height, 2 * width),
        Resample::Halve => (height / 2, width / 2),
    };
    products.extend([
        convolution([input, output], 3, side, Input::Hidden),
        linear(plan.embedding(), plan.block_rule().told(output)),
        convolution([output, output], 3, side, Input::Hidden),
    ]);
    if block.projects() {
        products.push(convolution([input, output], 1, side, Input::Hidden));
    }
}

fn attention(products: &mut Vec<Product>, channels: usize, side: Side) {
    products.extend([convolution([channels, channels], 1, side, Input::Hidden); 4]);
    products.push(Product::Attention { pixels: side.0 * side.1, channels });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::parameters::{Kind, Layout};
    use crate::nn::{BlockConditioning, NcsnppConfig};
    use crate::random::Seed;

    fn config(side: Side, ncsnpp: NcsnppConfig) -> ModelConfig {
        let (height, width) = side;
        let encoder = EncoderConfig { latent: Some(10), probabilistic: true, ..EncoderConfig::default() };
        ModelConfig {
            height,
            width,
            channels: 3,
            encoder,
            ncsnpp,
            score_network: true,
            decoder: true,
            projection: Some(24),
        }
    }

    #[test]
    fn every_weight_of_the_real_networks_is_counted_once() {
        let attention = Some(vec![8, 4]);
        let small = NcsnppConfig {
            features: 8,
            multipliers: vec![1, 3],
            blocks: 1,
            attention,
            dropout: 0.0,
            conditioning: BlockConditioning::ScaleShift,
            latent_features: Some(12),
            self_conditioning: true,
        };
        for config in [config((32, 32), NcsnppConfig::default()), config((4, 8), small)] {
            let Networks { encoder, conditioning, score, decoder, projection } = config.products().unwrap();
            let layout = Layout::of(&config.init(Seed(0), &Default::default()).unwrap());
            for (network, products) in [
                ("encoder.", encoder),
                ("conditioning.", conditioning),
                ("score.", score),
                ("decoder.", decoder),
                ("projection.", projection),
            ] {
                let matrices =
                    layout.entries().iter().filter(|e| e.kind == Kind::Trainable && e.shape.len() > 1);
                let held: usize =
                    matrices.filter(|e| e.name.starts_with(network)).map(|e| e.range.len()).sum();
                let counted = products.iter().map(|product| match product {
                    Product::Layer { weights, .. } => *weights,
                    Product::Attention { .. } => 0,
                });
                assert_eq!(counted.sum::<usize>(), held, "{network} of {config:?}");
            }
        }
    }
}
