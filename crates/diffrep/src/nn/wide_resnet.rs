//! The encoder: a pre-activation wide residual network with a time embedding in every block.
use super::Pass;
use super::config::EncoderConfig;
use super::initialiser::{Initialiser, Weights};
use super::time_embedding::TimeEmbedding;
use crate::sde::Sde;
use burn::module::Module;
use burn::nn::conv::Conv2d;
use burn::nn::{BatchNorm, Linear};
use burn::tensor::Tensor;
use burn::tensor::activation::silu;
use diffrep_backend::layers::{self, Activation, Mode, Padding};

/// Frequencies of the encoder's own time embedding.
pub(super) const TIME_FEATURES: usize = 16;
/// Weight of the new value in running statistics, PyTorch's default.
const MOMENTUM: f64 = 0.1;
/// The same for the norm before pooling, as published.
const LAST_MOMENTUM: f64 = 0.9;

/// What the encoder makes of a batch of images.
#[derive(Clone, Debug)]
pub struct Code {
    /// The embedding `[N, d]`: the latent, or its mean if the encoder is probabilistic.
    pub mean: Tensor<2>,
    /// ln σ² `[N, d]` of a probabilistic latent.
    pub log_variance: Option<Tensor<2>>,
    /// Pooled features `[N, 64k·pool²]` before the head.
    pub features: Tensor<2>,
}

impl Code {
    /// The latent that the decoder side sees: the mean, plus σ·`noise` (`[N, d]`, standard normal) if probabilistic.
    pub fn sample(&self, noise: Tensor<2>) -> Tensor<2> {
        match &self.log_variance {
            Some(log_variance) => self.mean.clone() + log_variance.clone().mul_scalar(0.5).exp() * noise,
            None => self.mean.clone(),
        }
    }
}

/// WideResNet (Zagoruyko and Komodakis, 2016), conditioned on time.
#[derive(Module, Debug)]
pub struct WideResNet {
    /// The embedding of ln σ(t) that enters every block.
    pub time_embedding: TimeEmbedding,
    stem: Conv2d,
    stages: Vec<Vec<Block>>,
    norm: BatchNorm,
    head: Option<Linear>,
    classifier: Option<Linear>,
    pool: usize,
    latent_dim: usize,
    probabilistic: bool,
    time_conditioned: bool,
}

impl WideResNet {
    /// `config` must have been checked.
    pub(super) fn new(config: &EncoderConfig, channels: usize, init: &mut Initialiser) -> Self {
        let time_embedding = TimeEmbedding::new(TIME_FEATURES, config.learned_time, init);
        let stem = init.conv2d([channels, 16], 3, 1, Weights::KaimingUniform);
        let features = config.feature_dim();
        let mut input = 16;
        let mut stages = Vec::new();
        for (stage, base) in [16, 32, 64].into_iter().enumerate() {
            let output = base * config.width;
            let mut blocks = Vec::new();
            for index in 0..config.blocks_per_stage() {
                let stride = if stage > 0 && index == 0 { 2 } else { 1 };
                blocks.push(Block::new(input, output, stride, init));
                input = output;
            }
            stages.push(blocks);
        }
        Self {
            time_embedding,
            stem,
            stages,
            norm: init.batch_norm(input, LAST_MOMENTUM),
            head: config
                .has_head()
                .then(|| init.linear(features, config.head_outputs(), Weights::KaimingUniform)),
            classifier: config.classes.map(|n| init.linear(features, n, Weights::KaimingUniform)),
            pool: config.pool,
            latent_dim: config.latent_dim(),
            probabilistic: config.probabilistic,
            time_conditioned: config.time_conditioned,
        }
    }

    /// Size of the embedding.
    pub fn latent_dim(&self) -> usize {
        self.latent_dim
    }

    /// Whether the code depends on t; a static encoder wants t = 0.
    pub fn is_time_conditioned(&self) -> bool {
        self.time_conditioned
    }

    /// Codes of `images` `[N, H, W, C]` at `log_sigma` `[N]`, ln σ(t).
    pub fn encode(&self, images: Tensor<4>, log_sigma: Tensor<1>, pass: Pass) -> Code {
        self.encode_embedded(images, self.time_embedding.forward(log_sigma), pass)
    }

    /// Codes of `images` `[N, H, W, C]` at the time that the network has learned, through which gradients flow to it.
    ///
    /// # Panics
    /// If the network was built without [`EncoderConfig::learned_time`].
    pub fn encode_at_learned_time(&self, images: Tensor<4>, sde: &Sde, pass: Pass) -> Code {
        let rows = images.dims()[0];
        let t = self.time_embedding.learned().expect("a network with a learned time");
        let [low, high] = [0.0, 1.0].map(|t| sde.log_sigma(t));
        let log_sigma = t.mul_scalar(high - low).add_scalar(low);
        self.encode(images, log_sigma.repeat_dim(0, rows), pass)
    }

    /// Codes of `images` `[N, H, W, C]` with their time embedding `[N, 64]` given.
    pub fn encode_embedded(&self, images: Tensor<4>, time: Tensor<2>, pass: Pass) -> Code {
        let time = silu(time);
        let mut h = layers::conv2d(images, &self.stem, Padding::same(1), pass.precision);
        for block in self.stages.iter().flatten() {
            h = block.forward(h, &time, pass);
        }
        let h = layers::batch_norm(h, &self.norm, Activation::Relu, pass.mode);
        let features = if self.pool == 1 { layers::global_mean(h) } else { self.pooled(h) };
        let latent = match &self.head {
            Some(head) => layers::linear(features.clone(), head, pass.precision),
            None => features.clone(),
        };
        if self.probabilistic {
            let halves = latent.chunk(2, 1);
            Code { mean: halves[0].clone(), log_variance: Some(halves[1].clone()), features }
        } else {
            Code { mean: latent, log_variance: None, features }
        }
    }

    /// Means over the cells of `h`, `[N, H, W, C]` to `[N, pool²·C]`, cells row by row.
    fn pooled(&self, h: Tensor<4>) -> Tensor<2> {
        let ([images, rows, columns, channels], cells) = (h.dims(), self.pool);
        // First over the rows of a cell, then over its columns.
        let h = cell_means(h.reshape([images, rows, 1, columns * channels]), cells);
        let h = cell_means(h.reshape([images * cells, columns, 1, channels]), cells);
        h.reshape([images, cells * cells * channels])
    }

    /// Class logits `[N, classes]` of pooled `features`, if the network has a classifier ([`EncoderConfig::classes`]).
    pub fn classify(&self, features: Tensor<2>) -> Option<Tensor<2>> {
        self.classifier.as_ref().map(|classifier| classifier.forward(features))
    }
}

/// Means of `h` `[N, side, 1, C]` over `cells` neighbouring parts of its side, whose lengths differ by at most one:
/// `[N, cells, C]`.
fn cell_means(h: Tensor<4>, cells: usize) -> Tensor<3> {
    let [n, side, _, channels] = h.dims();
    if side.is_multiple_of(cells) {
        let means = layers::global_mean(h.reshape([n * cells, side / cells, 1, channels]));
        return means.reshape([n, cells, channels]);
    }
    let bound = |cell: usize| cell * side / cells;
    let cell = |i: usize| layers::global_mean(h.clone().narrow(1, bound(i), bound(i + 1) - bound(i)));
    Tensor::stack((0..cells).map(cell).collect(), 1)
}

/// A pre-activation block with a time embedding.
#[derive(Module, Debug)]
pub(super) struct Block {
    norm1: BatchNorm,
    conv1: Conv2d,
    time: Linear,
    norm2: BatchNorm,
    conv2: Conv2d,
    shortcut: Option<Conv2d>,
}

impl Block {
    pub(super) fn new(input: usize, output: usize, stride: usize, init: &mut Initialiser) -> Self {
        let weights = Weights::KaimingUniform;
        let projects = stride != 1 || input != output;
        Self {
            norm1: init.batch_norm(input, MOMENTUM),
            conv1: init.conv2d([input, output], 3, 1, weights),
            time: init.linear(TimeEmbedding::width(TIME_FEATURES), output, Weights::UNIT),
            norm2: init.batch_norm(output, MOMENTUM),
            conv2: init.conv2d([output, output], 3, stride, weights),
            shortcut: projects.then(|| init.conv2d([input, output], 1, stride, weights)),
        }
    }

    /// `time` is the time embedding after SiLU, the same for all blocks.
    pub(super) fn forward(&self, x: Tensor<4>, time: &Tensor<2>, pass: Pass) -> Tensor<4> {
        let Pass { mode, precision, .. } = pass;
        let bias = layers::linear(time.clone(), &self.time, precision);
        let (norm1, norm2) = (&self.norm1, &self.norm2);
        let (relu, padding) = (Activation::Relu, Padding::same(1));
        let h = match mode {
            Mode::Train => {
                let h = layers::batch_norm(x.clone(), norm1, relu, mode);
                let h = layers::conv2d(h, &self.conv1, padding, precision);
                layers::batch_norm(layers::add_bias_per_image(h, bias), norm2, relu, mode)
            }
            Mode::Eval => {
                layers::normed_conv2d(x.clone(), norm1, &self.conv1, bias, norm2, relu, padding, precision)
            }
        };
        let x = match &self.shortcut {
            Some(shortcut) => layers::conv2d(x, shortcut, Padding::same(0), precision),
            None => x,
        };
        layers::conv2d_add(h, &self.conv2, x, 1.0, padding, precision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    #[test]
    fn every_pixel_of_an_uneven_cell_gets_its_part_of_the_gradient() {
        let device = Device::default().autodiff();
        let h = Tensor::<4>::ones([1, 5, 1, 1], &device).require_grad();
        // Cells of two and of three.
        let weights = Tensor::<3>::from_floats([[[6.0], [12.0]]], &device);
        let gradients = (cell_means(h.clone(), 2) * weights).sum().backward();
        let gradient = h.grad(&gradients).expect("a tracked tensor");
        assert_eq!(gradient.into_data().iter::<f32>().collect::<Vec<_>>(), [3.0, 3.0, 4.0, 4.0, 4.0]);
    }
}
