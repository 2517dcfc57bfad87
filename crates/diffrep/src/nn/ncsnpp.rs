//! The score network.
use super::Pass;
use super::architecture::Architecture;
use super::blocks::{BlockName, Watch};
use super::conditioning::Condition;
use super::initialiser::{Initialiser, Weights};
use super::levels::{Down, Middle, Up};
use super::residual_block::group_norm;
use burn::module::Module;
use burn::nn::GroupNorm;
use burn::nn::conv::Conv2d;
use burn::tensor::Tensor;
use burn::tensor::activation::silu;
use diffrep_backend::layers::{self, Activation, Padding};

/// NCSN++ with a residual input pyramid, told the latent (Song et al., 2021, appendix H; Mittal et al., 2023).
#[derive(Module, Debug)]
pub struct Ncsnpp {
    input: Conv2d,
    down: Vec<Down>,
    middle: Middle,
    up: Vec<Up>,
    norm: GroupNorm,
    output: Conv2d,
    self_conditioning: bool,
}

impl Ncsnpp {
    pub(super) fn new(architecture: &Architecture, init: &mut Initialiser) -> Self {
        let &Architecture { features, channels, last, self_conditioning, .. } = architecture;
        let rule = architecture.block_rule();
        Self {
            input: init.conv2d([architecture.input_channels(), features], 3, 1, Weights::UNIT),
            down: architecture.down.iter().map(|shape| Down::new(shape, rule, init)).collect(),
            middle: Middle::new(architecture.middle, rule, init),
            up: architecture.up.iter().map(|shape| Up::new(shape, rule, init)).collect(),
            norm: init.group_norm(last),
            output: init.conv2d([last, channels], 3, 1, Weights::NEAR_ZERO),
            self_conditioning,
        }
    }

    /// The raw output h `[N, H, W, C]` for noisy images `x` of the same shape; the score is `h / s(t)`. A network with a
    /// second input is given zeros there.
    pub fn forward(&self, x: Tensor<4>, condition: &Condition, pass: Pass) -> Tensor<4> {
        self.forward_watched(x, condition, pass, &mut |_, _| {})
    }

    /// Whether the network has a second input, an estimate of the image.
    pub fn is_self_conditioned(&self) -> bool {
        self.self_conditioning
    }

    /// The same as [`Ncsnpp::forward`] with an `estimate` of the images `[N, H, W, C]`, which a network without a second
    /// input ignores.
    pub fn forward_estimated(
        &self,
        x: Tensor<4>,
        estimate: Tensor<4>,
        condition: &Condition,
        pass: Pass,
    ) -> Tensor<4> {
        self.forward_all(x, Some(estimate), condition, pass, &mut |_, _| {})
    }

    /// The same as [`Ncsnpp::forward`]; `watch` sees the output of every residual block, `[N, h, w, channels]` after its
    /// rescaling and before what follows it (attention, the input pyramid), in the order in which they are computed.
    pub fn forward_watched(
        &self,
        x: Tensor<4>,
        condition: &Condition,
        pass: Pass,
        watch: Watch<BlockName>,
    ) -> Tensor<4> {
        self.forward_all(x, None, condition, pass, watch)
    }

    fn forward_all(
        &self,
        x: Tensor<4>,
        estimate: Option<Tensor<4>>,
        condition: &Condition,
        pass: Pass,
        watch: Watch<BlockName>,
    ) -> Tensor<4> {
        let embedding = silu(condition.embedding.clone());
        let mut pyramid = x.clone();
        let x = match self.self_conditioning {
            true => Tensor::cat(vec![x.clone(), estimate.unwrap_or_else(|| x.zeros_like())], 3),
            false => x,
        };
        let mut h = layers::conv2d(x, &self.input, Padding::same(1), pass.precision);
        let mut skips = vec![h.clone()];
        for (level, down) in self.down.iter().enumerate() {
            let watch: Watch<usize> = &mut |block, h| watch(BlockName::Down(level, block), h);
            h = down.forward(h, &mut pyramid, &mut skips, &embedding, pass, watch);
        }
        h = Tensor::cat(vec![h, condition.map.clone()], 3);
        h = self.middle.forward(h, &embedding, pass, &mut |block, h| watch(BlockName::Mid(block), h));
        for (level, up) in self.up.iter().enumerate() {
            let watch: Watch<usize> = &mut |block, h| watch(BlockName::Up(level, block), h);
            h = up.forward(h, &mut skips, &embedding, pass, watch);
        }
        let h = group_norm(h, &self.norm, Activation::Silu);
        layers::conv2d(h, &self.output, Padding::same(1), pass.precision)
    }
}
