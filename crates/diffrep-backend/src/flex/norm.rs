//! Batch norm and group norm, each with its activation.
use super::Gradient;
use super::storage::{Contiguous, dims, output, vector};
use crate::settings::GroupNorm;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;
use diffrep_kernels::Activation;
use diffrep_kernels::norm::affine;
use diffrep_kernels::norm::batch::{self, Parameters};
use diffrep_kernels::norm::group::{self, Shape, Statistics};
use std::sync::Arc;

/// `(y, mean, biased variance)` of a batch norm with the batch's statistics; the last axis holds the channels.
pub(crate) fn batch_norm_train(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    epsilon: f64,
    activation: Activation,
) -> (FlexTensor, FlexTensor, FlexTensor) {
    let channels = dims::<1>(gamma)[0];
    let values = Contiguous::new(x);
    let (mean, variance) = batch::statistics(values.data(), channels);
    let (mean, variance) = (vector(mean), vector(variance));
    let [gamma, beta, mean_values, variance_values] = [gamma, beta, &mean, &variance].map(Contiguous::new);
    let parameters = Parameters {
        gamma: gamma.data(),
        beta: beta.data(),
        mean: mean_values.data(),
        variance: variance_values.data(),
        epsilon,
    };
    let (scale, shift) = parameters.fold();
    let y = output(x.shape(), |y| affine::forward(values.data(), &scale, &shift, activation, y));
    (y, mean, variance)
}

/// For the gradients of x, γ and β of [`batch_norm_train`].
#[derive(Clone, Debug)]
pub(crate) struct BatchNormGradient {
    pub(crate) x: FlexTensor,
    pub(crate) gamma: FlexTensor,
    pub(crate) beta: FlexTensor,
    pub(crate) mean: FlexTensor,
    pub(crate) variance: FlexTensor,
    pub(crate) epsilon: f64,
    pub(crate) activation: Activation,
}

impl Gradient<3> for BatchNormGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let [gamma, beta, mean, variance] =
            [&self.gamma, &self.beta, &self.mean, &self.variance].map(Contiguous::new);
        let parameters = Parameters {
            gamma: gamma.data(),
            beta: beta.data(),
            mean: mean.data(),
            variance: variance.data(),
            epsilon: self.epsilon,
        };
        let (x, gy) = (Contiguous::new(&self.x), Contiguous::new(&gy));
        let mut rest = Default::default();
        let dx = output(self.x.shape(), |dx| {
            rest = batch::backward(x.data(), gy.data(), &parameters, self.activation, dx);
        });
        [Some(dx), Some(vector(rest.0)), Some(vector(rest.1))]
    }
}

/// `activation(x · scale + shift)`; the last axis holds the channels.
pub(crate) fn affine(
    x: &FlexTensor,
    scale: &FlexTensor,
    shift: &FlexTensor,
    activation: Activation,
) -> FlexTensor {
    let [values, scale, shift] = [x, scale, shift].map(Contiguous::new);
    output(x.shape(), |y| affine::forward(values.data(), scale.data(), shift.data(), activation, y))
}

/// For the gradients of x, scale and shift.
#[derive(Clone, Debug)]
pub(crate) struct AffineGradient {
    pub(crate) x: FlexTensor,
    pub(crate) scale: FlexTensor,
    pub(crate) shift: FlexTensor,
    pub(crate) activation: Activation,
}

impl Gradient<3> for AffineGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let [x, scale, shift, gy] = [&self.x, &self.scale, &self.shift, &gy].map(Contiguous::new);
        let mut rest = Default::default();
        let dx = output(self.x.shape(), |dx| {
            rest = affine::backward(x.data(), gy.data(), scale.data(), shift.data(), self.activation, dx);
        });
        [Some(dx), Some(vector(rest.0)), Some(vector(rest.1))]
    }
}

fn shape(x: &FlexTensor, norm: GroupNorm) -> Shape {
    let [images, .., channels] = dims::<4>(x);
    Shape { images, channels, groups: norm.groups, epsilon: norm.epsilon }
}

/// Group norm of `x`, `[N, H, W, C]`, and what its backward pass needs; γ and β are `[C]` or `[N, C]`.
pub(crate) fn group_norm(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: &FlexTensor,
    norm: GroupNorm,
) -> (FlexTensor, Statistics) {
    let [values, gamma, beta] = [x, gamma, beta].map(Contiguous::new);
    let mut statistics = Statistics { mean: Vec::new(), inverse_root: Vec::new() };
    let y = output(x.shape(), |y| {
        let shape = shape(x, norm);
        statistics = group::forward(&shape, values.data(), gamma.data(), beta.data(), norm.activation, y);
    });
    (y, statistics)
}

/// For the gradients of x, γ and β.
#[derive(Clone, Debug)]
pub(crate) struct GroupNormGradient {
    pub(crate) x: FlexTensor,
    pub(crate) gamma: FlexTensor,
    pub(crate) beta: FlexTensor,
    pub(crate) statistics: Arc<Statistics>,
    pub(crate) norm: GroupNorm,
}

impl Gradient<3> for GroupNormGradient {
    fn gradients(self, gy: FlexTensor, _: [bool; 3]) -> [Option<FlexTensor>; 3] {
        let [x, gamma, beta, gy] = [&self.x, &self.gamma, &self.beta, &gy].map(Contiguous::new);
        let mut rest = Default::default();
        let dx = output(self.x.shape(), |dx| {
            let (shape, activation) = (shape(&self.x, self.norm), self.norm.activation);
            let (x, gy, gamma, beta) = (x.data(), gy.data(), gamma.data(), beta.data());
            rest = group::backward(&shape, x, gy, gamma, beta, &self.statistics, activation, dx);
        });
        let like_gamma = |values: Vec<f32>| output(self.gamma.shape(), |to| to.copy_from_slice(&values));
        [Some(dx), Some(like_gamma(rest.0)), Some(like_gamma(rest.1))]
    }
}
