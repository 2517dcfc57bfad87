//! The score network of a run as a score function.
use super::codes::{Codes, on_curves};
use super::score::{DifferentiableScore, ScoreFunction};
use crate::nn::{self, Condition, Conditioning, Model, Ncsnpp};
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
        nn::images(x.to_vec(), self.loaded.preprocess().shape(), self.loaded.device())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use crate::sample::{Generator, NoiseRows};
    use crate::train::checkpoint::{Weights, Which};
    use crate::train::{Config, Event, Limits, LockedRun, Plan, Sources, Trainer};
    use burn::tensor::Device;
    use std::path::Path;
    use std::sync::atomic::AtomicBool;

    /// A few long steps of tiny networks on the digits, so that no weight is zero any more.
    fn train(run: &Path) {
        let set = ["ncsnpp.features=4", "ncsnpp.multipliers=[1]", "train.batch=8", "optimiser.warm_up=0"];
        let set = set.iter().chain(&["optimiser.learning_rate=1e-2"]).map(|s| s.to_string()).collect();
        let sources = Sources { preset: Some("digits".to_owned()), set, ..Sources::default() };
        let plan = Plan::new(Config::resolve(&sources).unwrap(), run).unwrap();
        let lock = LockedRun::acquire(run).unwrap();
        let mut trainer = Trainer::create(plan, lock, None, &Device::default()).unwrap();
        let limits = Limits { steps: 8, time: None, stop: &AtomicBool::new(false) };
        trainer.run(limits, &mut |_: Event<'_>| ()).unwrap();
    }

    fn open(run: &Path, device: &Device) -> Generator {
        let precision = crate::nn::Precision::F32;
        Generator::open(run, Which::Latest, Weights::Raw, precision, device).unwrap()
    }

    fn images(rows: usize, dim: usize, seed: u64) -> Vec<f32> {
        let mut x = vec![0.0; rows * dim];
        NoiseRows::distinct(Seed(seed), rows).normal(crate::sample::noise::Stream::Start, 0, dim, &mut x);
        x
    }

    fn relative(a: &[f32], b: &[f32]) -> f32 {
        let largest = b.iter().fold(0f32, |max, v| max.max(v.abs()));
        a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max) / largest
    }

    #[test]
    fn the_score_is_the_networks_and_so_is_its_gradient() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        train(&run);
        let (plain, autodiff) = (open(&run, &Device::default()), open(&run, &Device::default().autodiff()));
        let dim = 64;
        let (x, v, clean) = (images(3, dim, 0), images(3, dim, 1), images(3, dim, 2));
        let t = 0.35;
        let codes = Codes::of_images(clean.clone(), 3, 1, None);
        let score = ModelScore::new(plain.encoder(), codes.clone(), 3);
        let values = score.score(&x, t);
        assert!(values.iter().any(|v| v.abs() > 1e-3), "{values:?}");

        // Alone or with others, with autodiff or without.
        let alone = ModelScore::new(plain.encoder(), codes.part(1..2, 3), 1).score(&x[dim..2 * dim], t);
        assert!(relative(&alone, &values[dim..2 * dim]) < 1e-5);
        let tracked = ModelScore::new(autodiff.encoder(), codes, 3);
        let (same, product) = tracked.pull_back(&x, t, &v);
        assert!(relative(&same, &values) < 1e-5);

        // vᵀJ u by both.
        let (u, h) = (images(3, dim, 3), 1e-2);
        let moved = |by: f32| -> Vec<f32> { x.iter().zip(&u).map(|(x, u)| x + by * u).collect() };
        let (above, below) = (score.score(&moved(h), t), score.score(&moved(-h), t));
        for row in 0..3 {
            let range = row * dim..(row + 1) * dim;
            let difference: f32 = range.clone().map(|i| v[i] * (above[i] - below[i]) / (2.0 * h)).sum();
            let product: f32 = range.map(|i| product[i] * u[i]).sum();
            assert!((difference - product).abs() < 0.01 * product.abs().max(0.1), "{difference} {product}");
        }
    }

    #[test]
    fn codes_of_images_are_taken_at_the_t_of_the_score_unless_it_is_fixed() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("run");
        train(&run);
        let generator = open(&run, &Device::default());
        let (encoder, t) = (generator.encoder(), 0.6);
        let (x, clean) = (images(2, 64, 0), images(2, 64, 1));
        let score = |codes: Codes| ModelScore::new(encoder, codes, 2).score(&x, t);
        let constant = |t: f64| score(Codes::constant(encoder.codes(clean.clone(), t)));
        let anew = score(Codes::of_images(clean.clone(), 2, 1, None));
        let fixed = score(Codes::of_images(clean.clone(), 2, 1, Some(0.1)));
        assert_eq!(anew, constant(t));
        assert_eq!(fixed, constant(0.1));
        assert_ne!(anew, fixed);
        // Mixing exchanges the images' codes.
        let exchanged = Codes::Images { images: clean.clone(), mixing: vec![0.0, 1.0, 1.0, 0.0], at: None };
        let swapped = Codes::of_images([&clean[64..], &clean[..64]].concat(), 2, 1, None);
        assert!(relative(&score(exchanged), &score(swapped)) < 1e-5);
    }
}
