//! Gradients of every block against finite differences.
use super::architecture::Architecture;
use super::attention_block::AttentionBlock;
use super::initialiser::Initialiser;
use super::levels::Middle;
use super::parameters::{self, Kind, Layout};
use super::residual_block::{BlockRule, BlockShape, Resample, ResidualBlock};
use super::time_embedding::TimeEmbedding;
use super::{
    BlockConditioning, Conditioning, EncoderConfig, LatentDecoder, Mode, ModelConfig, Ncsnpp, NcsnppConfig,
    Pass, Precision, WideResNet, wide_resnet,
};
use crate::random::{Purpose, Seed};
use burn::module::{Module, ModuleDisplay, Param, ParamId};
use burn::tensor::{Device, Tensor, TensorData};

const SEED: Seed = Seed(11);
const RULE: BlockRule = BlockRule { embedding: 6, dropout: 0.25, conditioning: BlockConditioning::Shift };
const TRAIN: Pass = Pass { mode: Mode::Train, seed: SEED, ..Pass::EVAL };
/// Agreement relative to the norm of a tensor's gradient.
const TOLERANCE: f64 = 1e-2;
/// What f32 rounding of the outputs may add, relative to the norm of the whole gradient.
const ROUNDING: f64 = 5e-4;
/// Steps to try: long ones drown rounding, short ones cross no kink of a ReLU.
const STEPS: [f32; 3] = [1e-4, 3e-4, 1e-3];
/// How far from the initial weights, of which many are nearly 0, gradients are checked.
const SHIFT: f32 = 0.1;

/// A module and its input, so that both get their gradient checked in the same way.
#[derive(Module, Debug)]
struct Fed<M: Module, const D: usize> {
    input: Param<Tensor<D>>,
    module: M,
}

fn normal<const D: usize>(index: u16, shape: [usize; D]) -> TensorData {
    let mut values = vec![0.0; shape.iter().product()];
    SEED.key(Purpose::Generate, index, 0).fill_normal(0, &mut values);
    TensorData::new(values, shape)
}

/// Checks the gradients of a random projection of `forward`'s output, one tensor after the other, each along a random
/// direction.
fn check<M: Module + ModuleDisplay, const D: usize, const E: usize>(
    build: impl Fn(&mut Initialiser) -> M,
    shape: [usize; D],
    forward: impl Fn(&M, Tensor<D>) -> Tensor<E>,
) {
    let fed = |device: &Device| Fed {
        input: Param::initialized(ParamId::new(), Tensor::from_data(normal(0, shape), device))
            .set_require_grad(true),
        module: build(&mut Initialiser::new(SEED, device)),
    };
    let plain = fed(&Device::default());
    let layout = Layout::of(&plain);
    let mut values = parameters::gather(&plain);
    let mut shifts = vec![0.0; values.len()];
    SEED.key(Purpose::Generate, 1, 0).fill_normal(0, &mut shifts);
    for entry in
        layout.entries().iter().filter(|entry| entry.kind == Kind::Trainable && entry.name != "input")
    {
        entry.range.clone().for_each(|i| values[i] += SHIFT * shifts[i]);
    }
    let project = |module: &Fed<M, D>| {
        let output = forward(&module.module, module.input.val());
        let weights = Tensor::<E>::from_data(normal(2, output.dims()), &output.device());
        output * weights
    };
    let evaluate = |values: &[f32]| {
        let products = project(&parameters::scatter(&plain, values)).into_data();
        products.iter::<f32>().map(f64::from).sum::<f64>()
    };
    let tracked = parameters::scatter(&fed(&Device::default().autodiff()), &values);
    let gradients = parameters::gather_gradients(&tracked, &project(&tracked).sum().backward());
    let norm = |part: &[f32]| part.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
    let mut directions = vec![0.0; values.len()];
    SEED.key(Purpose::Generate, 3, 0).fill_normal(0, &mut directions);
    for entry in layout.entries().iter().filter(|entry| entry.kind == Kind::Trainable) {
        let moved = |step: f32| {
            let mut values = values.clone();
            entry.range.clone().for_each(|i| values[i] += step * directions[i]);
            evaluate(&values)
        };
        let found: f64 =
            entry.range.clone().map(|i| f64::from(gradients[i]) * f64::from(directions[i])).sum();
        let allowed = TOLERANCE * norm(&gradients[entry.range.clone()]) + ROUNDING * norm(&gradients);
        let mut differences = Vec::new();
        let agrees = STEPS.iter().any(|&step| {
            let difference = (moved(step) - moved(-step)) / (2.0 * f64::from(step));
            differences.push(difference);
            (found - difference).abs() <= allowed
        });
        assert!(agrees, "{}: {found}, by differences {differences:?}, within {allowed}", entry.name);
    }
}

fn embedding(n: usize, width: usize, device: &Device) -> Tensor<2> {
    Tensor::from_data(normal(4, [n, width]), device)
}

fn residual(shape: BlockShape) {
    for conditioning in [BlockConditioning::Shift, BlockConditioning::ScaleShift] {
        check(
            |init| ResidualBlock::new(shape, BlockRule { conditioning, ..RULE }, init),
            [2, 4, 4, shape.input],
            |block, x| {
                let embedding = embedding(2, RULE.embedding, &x.device());
                block.forward(x, &embedding, TRAIN)
            },
        );
    }
}

#[test]
fn residual_blocks_that_keep_the_side() {
    residual(BlockShape { input: 8, output: 8, resample: Resample::Keep });
    residual(BlockShape { input: 12, output: 8, resample: Resample::Keep });
}

#[test]
fn residual_blocks_that_change_the_side() {
    residual(BlockShape { input: 8, output: 8, resample: Resample::Halve });
    residual(BlockShape { input: 8, output: 8, resample: Resample::Double });
}

#[test]
fn the_joint_embedding_of_a_residual_block() {
    let shape = BlockShape { input: 8, output: 8, resample: Resample::Keep };
    check(
        |init| ResidualBlock::new(shape, RULE, init),
        [2, RULE.embedding],
        |block, embedding| {
            let x = Tensor::from_data(normal(4, [2, 4, 4, 8]), &embedding.device());
            block.forward(x, &embedding, TRAIN)
        },
    );
}

#[test]
fn attention_blocks() {
    check(|init| AttentionBlock::new(8, init), [2, 3, 4, 8], |block, x| block.forward(x, Precision::F32));
}

#[test]
fn the_middle_of_score_network_and_decoder() {
    check(
        |init| Middle::new(8, RULE, init),
        [2, 2, 2, 8],
        |middle, x| {
            let embedding = embedding(2, RULE.embedding, &x.device());
            middle.forward(x, &embedding, TRAIN, &mut |_, _| {})
        },
    );
}

#[test]
fn time_embeddings() {
    // At |ln σ| below 0.01 the features vary slowly enough for finite differences.
    check(|init| TimeEmbedding::new(4, false, init), [3], |time, x| time.forward(x.mul_scalar(1e-3)));
}

/// The block's batch norms see 48 values a channel (12 after a stride of 2): with fewer the statistics would be so
/// sensitive that ReLUs change sides within a step.
fn wide(channels: [usize; 2], stride: usize, mode: Mode) {
    check(
        |init| wide_resnet::Block::new(channels[0], channels[1], stride, init),
        [3, 4, 4, channels[0]],
        |block, x| {
            let time = embedding(3, 64, &x.device());
            block.forward(x, &time, Pass { mode, ..Pass::EVAL })
        },
    );
}

#[test]
fn wide_residual_blocks() {
    for mode in [Mode::Train, Mode::Eval] {
        wide([6, 6], 1, mode);
        wide([4, 6], 2, mode);
    }
}

#[test]
fn encoders() {
    let config =
        EncoderConfig { depth: 10, width: 1, latent: Some(3), probabilistic: true, ..Default::default() };
    check(
        |init| WideResNet::new(&config, 2, init),
        [2, 4, 4, 2],
        |encoder, x| {
            let time = embedding(2, 64, &x.device());
            let code = encoder.encode_embedded(x, time, Pass::EVAL);
            code.sample(Tensor::ones([2, 3], &code.mean.device()))
        },
    );
}

#[test]
fn encoders_that_pool_cells() {
    let config = EncoderConfig { depth: 10, width: 1, pool: 2, ..Default::default() };
    check(
        |init| WideResNet::new(&config, 1, init),
        [2, 8, 8, 1],
        |encoder, x| {
            let time = embedding(2, 64, &x.device());
            encoder.encode_embedded(x, time, Pass::EVAL).mean
        },
    );
}

fn tiny() -> Architecture {
    tiny_with(false)
}

fn tiny_with(self_conditioning: bool) -> Architecture {
    let config = ModelConfig {
        height: 4,
        width: 4,
        channels: 1,
        encoder: EncoderConfig::default(),
        ncsnpp: NcsnppConfig {
            features: 4,
            multipliers: vec![1, 2],
            blocks: 1,
            attention: Some(vec![4]),
            dropout: 0.0,
            self_conditioning,
            latent_features: Some(6),
            ..NcsnppConfig::default()
        },
        score_network: true,
        decoder: true,
        projection: None,
    };
    Architecture::new(&config).expect("a valid configuration")
}

#[test]
fn score_networks_given_their_own_guess() {
    check(
        |init| (Conditioning::new(&tiny_with(true), 2, init), Ncsnpp::new(&tiny_with(true), init)),
        [2, 4, 4, 1],
        |(conditioning, score), guess| {
            let device = guess.device();
            let z = Tensor::from_data(normal(6, [2, 2]), &device);
            let condition = conditioning.join(embedding(2, 16, &device), z, Precision::F32);
            let x = Tensor::from_data(normal(5, [2, 4, 4, 1]), &device);
            score.forward_estimated(x, guess, &condition, Pass::EVAL)
        },
    );
}

#[test]
fn score_networks_told_the_latent() {
    check(
        |init| (Conditioning::new(&tiny(), 2, init), Ncsnpp::new(&tiny(), init)),
        [2, 2],
        |(conditioning, score), z| {
            let device = z.device();
            let condition = conditioning.join(embedding(2, 16, &device), z, Precision::F32);
            score.forward(Tensor::from_data(normal(5, [2, 4, 4, 1]), &device), &condition, Pass::EVAL)
        },
    );
}

#[test]
fn latent_decoders() {
    check(
        |init| (Conditioning::new(&tiny(), 2, init), LatentDecoder::new(&tiny(), init)),
        [2, 2],
        |(conditioning, decoder), z| {
            let condition = conditioning.join(embedding(2, 16, &z.device()), z, Precision::F32);
            decoder.forward(&condition, Pass::EVAL)
        },
    );
}
