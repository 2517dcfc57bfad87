//! The score network of a run as a score function.
use super::codes::{Codes, on_curves};
use super::score::{DifferentiableScore, ScoreFunction};
use crate::nn::{Condition, Conditioning, Model, Ncsnpp};
use crate::represent::LoadedEncoder;
use burn::tensor::{Tensor, TensorData};
use std::cell::RefCell;

/// `s_θ(x, t, z(t))` of a whole model, for one batch of codes.
pub(super) struct ModelScore<'a> {
    loaded: &'a LoadedEncoder,
    codes: Codes,
    rows: usize,
    /// The condition of the last t: a corrector and the predictor after it share one.
    last: RefCell<Option<(f64, Condition)>>,
}

impl<'a> ModelScore<'a> {
    /// `codes` are of `rows` images and have been checked; the model has a score network.
    pub(super) fn new(loaded: &'a LoadedEncoder, codes: Codes, rows: usize) -> Self {
        Self { loaded, codes, rows, last: RefCell::new(None) }
    }

    fn networks(&self) -> (&'a Model, &'a Ncsnpp, &'a Conditioning) {
        let model = self.loaded.model();
        match (&model.score, &model.conditioning) {
            (Some(score), Some(conditioning)) => (model, score, conditioning),
            _ => unreachable!("a generator is only made of models with a score network"),
        }
    }

    /// What the network is told at `t`.
    fn condition(&self, t: f64) -> Condition {
        let known = self.last.borrow().as_ref().filter(|(at, _)| *at == t).map(|(_, known)| known.clone());
        known.unwrap_or_else(|| {
            let (model, _, conditioning) = self.networks();
            let (loaded, rows, z) = (self.loaded, self.rows, self.latents(t));
            let condition = loaded.team().run(|| {
                let times = model.embed_times(&vec![t; rows], loaded.sde(), loaded.device());
                let time = times.conditioning.expect("a model with a score network embeds its times");
                conditioning.join(time, z, loaded.precision())
            });
            *self.last.borrow_mut() = Some((t, condition.clone()));
            condition
        })
    }

    /// z(t), `[N, d]`.
    fn latents(&self, t: f64) -> Tensor<2> {
        let dim = self.loaded.dim();
        let values = match &self.codes {
            Codes::Curves { levels, values } => on_curves(levels, values, dim, t),
            Codes::Images { images, mixing, at } => {
                let codes = self.loaded.codes(images.clone(), at.unwrap_or(t));
                mix(mixing, &codes, dim)
            }
        };
        Tensor::from_data(TensorData::new(values, [self.rows, dim]), self.loaded.device())
    }

    fn images(&self, x: &[f32]) -> Tensor<4> {
        let shape = self.loaded.preprocess().shape();
        let shape = [self.rows, shape.height, shape.width, shape.channels];
        Tensor::from_data(TensorData::new(x.to_vec(), shape), self.loaded.device())
    }

    fn std(&self, t: f64) -> f64 {
        self.loaded.sde().marginal(t).std
    }
}

impl ScoreFunction for ModelScore<'_> {
    fn dim(&self) -> usize {
        self.loaded.preprocess().shape().len()
    }

    fn score(&self, x: &[f32], t: f64) -> Vec<f32> {
        let (condition, images, std) = (self.condition(t), self.images(x), self.std(t));
        let (_, score, _) = self.networks();
        let pass = self.loaded.pass();
        let scores =
            self.loaded.team().run(|| score.forward(images, &condition, pass).div_scalar(std).into_data());
        scores.try_into_vec().expect("scores are f32")
    }
}

impl DifferentiableScore for ModelScore<'_> {
    /// # Panics
    /// If the model isn't on a device with autodiff.
    fn pull_back(&self, x: &[f32], t: f64, v: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let (condition, images, v) = (self.condition(t), self.images(x).require_grad(), self.images(v));
        let (_, score, _) = self.networks();
        let (pass, std) = (self.loaded.pass(), self.std(t));
        let (scores, products) = self.loaded.team().run(|| {
            let scores = score.forward(images.clone(), &condition, pass).div_scalar(std);
            let gradients = (scores.clone() * v).sum().backward();
            let products = images.grad(&gradients).expect("the score depends on the image");
            (scores.into_data(), products.into_data())
        });
        let values = |data: TensorData| data.try_into_vec().expect("scores are f32");
        (values(scores), values(products))
    }
}

/// `mixing` `[N, M]` times `codes` `[M, d]`.
fn mix(mixing: &[f32], codes: &[f32], dim: usize) -> Vec<f32> {
    let count = codes.len() / dim;
    let row = |weights: &[f32]| {
        let mut z = vec![0.0; dim];
        for (&weight, code) in weights.iter().zip(codes.chunks(dim)).filter(|(weight, _)| **weight != 0.0) {
            z.iter_mut().zip(code).for_each(|(z, c)| *z += weight * c);
        }
        z
    };
    mixing.chunks(count).flat_map(row).collect()
}
