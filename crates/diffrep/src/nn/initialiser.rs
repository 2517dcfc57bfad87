//! Initial weights, keyed by the parameter's place in the network instead of drawn from a global generator.
use crate::random::{Purpose, Seed};
use burn::module::{Param, ParamId, RunningState};
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, BatchNormConfig, GroupNorm, Linear, PaddingConfig2d};
use burn::tensor::{Device, Tensor, TensorData};

/// Numerical stabiliser of the score network's group norms (the research code's; Burn's and PyTorch's is 1e-5).
const GROUP_NORM_EPSILON: f64 = 1e-6;
/// The same of the encoder's batch norms.
pub(crate) const BATCH_NORM_EPSILON: f64 = 1e-5;

/// How the weights of a layer are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) enum Weights {
    /// PyTorch's default: weights and biases uniform in ±1/√fan_in.
    KaimingUniform,
    /// Uniform with variance `scale`/fan_average, biases 0.
    FanAverage {
        /// Factor of the variance.
        scale: f64,
    },
}

impl Weights {
    /// The score network's usual layer.
    pub(super) const UNIT: Self = Self::FanAverage { scale: 1.0 };
    /// The query, key and value projections of attention.
    pub(super) const TENTH: Self = Self::FanAverage { scale: 0.1 };
    /// The last layer of a residual branch: the block starts as the identity.
    pub(super) const NEAR_ZERO: Self = Self::FanAverage { scale: 1e-10 };

    fn bounds(self, fan_in: usize, fan_out: usize) -> (f64, f64) {
        match self {
            Self::KaimingUniform => {
                let bound = 1.0 / (fan_in as f64).sqrt();
                (bound, bound)
            }
            Self::FanAverage { scale } => ((6.0 * scale / (fan_in + fan_out) as f64).sqrt(), 0.0),
        }
    }
}

/// Builds layers; call it in the order of the fields, so that a parameter's index is its place in the visiting order.
pub(super) struct Initialiser<'a> {
    seed: Seed,
    device: &'a Device,
    next: u16,
    layers: usize,
}

impl<'a> Initialiser<'a> {
    pub(super) fn new(seed: Seed, device: &'a Device) -> Self {
        Self { seed, device, next: 0, layers: 0 }
    }

    /// The number of the next layer with dropout.
    pub(super) fn dropout_layer(&mut self) -> usize {
        self.layers += 1;
        self.layers - 1
    }

    /// `kernel`×`kernel` convolution; its padding is chosen where it is applied.
    pub(super) fn conv2d(
        &mut self,
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        weights: Weights,
    ) -> Conv2d {
        let [input, output] = channels;
        let area = kernel * kernel;
        let (weight, bias) = weights.bounds(input * area, output * area);
        Conv2d {
            weight: self.uniform([output, input, kernel, kernel], weight),
            bias: Some(self.uniform([output], bias)),
            stride: [stride; 2],
            kernel_size: [kernel; 2],
            dilation: [1; 2],
            groups: 1,
            padding: PaddingConfig2d::Valid,
        }
    }

    pub(super) fn linear(&mut self, input: usize, output: usize, weights: Weights) -> Linear {
        let (weight, bias) = weights.bounds(input, output);
        Linear { weight: self.uniform([input, output], weight), bias: Some(self.uniform([output], bias)) }
    }

    pub(super) fn batch_norm(&mut self, channels: usize, momentum: f64) -> BatchNorm {
        let gamma = self.constant([channels], 1.0);
        let beta = self.constant([channels], 0.0);
        let running_mean = RunningState::new(self.constant([channels], 0.0).val().set_require_grad(false));
        let running_var = RunningState::new(self.constant([channels], 1.0).val().set_require_grad(false));
        let layer = BatchNormConfig::new(channels)
            .with_epsilon(BATCH_NORM_EPSILON)
            .with_momentum(momentum)
            .init(self.device);
        BatchNorm { gamma, beta, running_mean, running_var, ..layer }
    }

    /// Group norm of `channels` in `min(channels/4, 32)` groups.
    pub(super) fn group_norm(&mut self, channels: usize) -> GroupNorm {
        GroupNorm {
            gamma: Some(self.constant([channels], 1.0)),
            beta: Some(self.constant([channels], 0.0)),
            num_groups: groups(channels),
            num_channels: channels,
            epsilon: GROUP_NORM_EPSILON,
            affine: true,
        }
    }

    /// Normal numbers that training doesn't change.
    pub(super) fn frozen_normal(&mut self, n: usize, std: f32) -> Param<Tensor<1>> {
        let index = self.index();
        let mut values = vec![0.0; n];
        self.seed.key(Purpose::Init, index, 0).fill_normal(0, &mut values);
        values.iter_mut().for_each(|v| *v *= std);
        self.parameter([n], values).set_require_grad(false)
    }

    pub(super) fn constant<const D: usize>(&mut self, shape: [usize; D], value: f32) -> Param<Tensor<D>> {
        self.index();
        self.parameter(shape, vec![value; shape.iter().product()])
    }

    fn uniform<const D: usize>(&mut self, shape: [usize; D], bound: f64) -> Param<Tensor<D>> {
        let index = self.index();
        let mut values = vec![0.0; shape.iter().product()];
        if bound > 0.0 {
            self.seed.key(Purpose::Init, index, 0).fill_uniform(0, &mut values);
            values.iter_mut().for_each(|v| *v = (2.0 * *v - 1.0) * bound as f32);
        }
        self.parameter(shape, values)
    }

    fn parameter<const D: usize>(&self, shape: [usize; D], values: Vec<f32>) -> Param<Tensor<D>> {
        let tensor = Tensor::from_data(TensorData::new(values, shape), self.device);
        Param::initialized(ParamId::new(), tensor).set_require_grad(true)
    }

    fn index(&mut self) -> u16 {
        let index = self.next;
        self.next = index
            .checked_add(1)
            .expect("the limits of configurations keep networks below 65,536 parameter tensors");
        index
    }
}

/// Groups of a group norm over `channels`.
pub(super) fn groups(channels: usize) -> usize {
    (channels / 4).clamp(1, 32)
}
