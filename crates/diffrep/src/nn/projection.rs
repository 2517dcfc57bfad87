//! The projection head of contrastive learning.
use super::Pass;
use super::initialiser::{Initialiser, Weights};
use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::activation::relu;
use diffrep_backend::layers;

/// A network of one hidden layer between the code and the space in which views are compared; thrown away afterwards.
#[derive(Module, Debug)]
pub struct Projection {
    hidden: Linear,
    output: Linear,
}

impl Projection {
    /// `outputs` numbers out of a code of `latent` numbers, through `hidden` of them.
    pub(super) fn new([latent, hidden, outputs]: [usize; 3], init: &mut Initialiser) -> Self {
        let weights = Weights::KaimingUniform;
        Self { hidden: init.linear(latent, hidden, weights), output: init.linear(hidden, outputs, weights) }
    }

    /// Projections `[N, outputs]` of codes `[N, d]`.
    pub fn forward(&self, z: Tensor<2>, pass: Pass) -> Tensor<2> {
        let h = relu(layers::linear(z, &self.hidden, pass.precision));
        layers::linear(h, &self.output, pass.precision)
    }
}
