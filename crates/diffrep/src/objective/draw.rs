//! The random numbers of one evaluation of a loss.
use super::time_sampling::TimeSampling;
use crate::random::{Purpose, Seed};
use crate::sde::Sde;
use burn::tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;

/// Times and noise of a batch.
#[derive(Clone, Debug)]
pub struct Draw {
    /// The time of each image, in [0, 1].
    pub t: Vec<f64>,
    /// The perturbation ε `[N, H, W, C]`, standard normal.
    pub noise: Tensor<4>,
    /// The noise of a probabilistic latent `[N, d]`, standard normal.
    pub latent_noise: Tensor<2>,
    /// `[N, 1]`: 1 where the score network is told the image's latent, 0 where it is told zeros. None: all ones.
    pub keep: Option<Tensor<2>>,
}

impl Draw {
    /// The numbers of `step` for a batch of images of `shape` `[N, H, W, C]` and latents of `latent_dim`.
    pub fn new(
        time: TimeSampling,
        sde: &Sde,
        shape: [usize; 4],
        latent_dim: usize,
        (seed, step): (Seed, u32),
        device: &Device,
    ) -> Self {
        let key = seed.key(Purpose::Time, 0, step);
        let t = (0..shape[0]).map(|row| time.quantile(key.uniform(row as u32), sde)).collect();
        Self {
            t,
            noise: normal(seed, Purpose::Noise, step, shape, device),
            latent_noise: latent_noise([shape[0], latent_dim], (seed, step), device),
            keep: None,
        }
    }

    /// The same with each latent withheld with this probability.
    pub fn dropping(self, probability: f64, (seed, step): (Seed, u32)) -> Self {
        if probability == 0.0 {
            return self;
        }
        let key = seed.key(Purpose::DropLatent, 0, step);
        let kept = |row| f32::from(key.uniform(row) >= probability);
        let keep: Vec<f32> = (0..self.t.len() as u32).map(kept).collect();
        let keep = TensorData::new(keep, [self.t.len(), 1]);
        Self { keep: Some(Tensor::from_data(keep, &self.noise.device())), ..self }
    }
}

/// The noise of a probabilistic latent at `step`, `[N, d]`.
pub(super) fn latent_noise(shape: [usize; 2], (seed, step): (Seed, u32), device: &Device) -> Tensor<2> {
    normal(seed, Purpose::Latent, step, shape, device)
}

/// Standard normal numbers; the first axis is the row of their address.
fn normal<const D: usize>(
    seed: Seed,
    purpose: Purpose,
    step: u32,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    let key = seed.key(purpose, 0, step);
    let mut values = vec![0.0; shape.iter().product()];
    let width = values.len() / shape[0].max(1);
    values.par_chunks_mut(width.max(1)).enumerate().for_each(|(row, part)| key.fill_normal(row as u32, part));
    Tensor::from_data(TensorData::new(values, shape), device)
}
