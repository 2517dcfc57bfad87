//! SimCLR: the codes of two views of an image are alike, those of different images aren't.
use super::{Needs, Spec};
use crate::nn::{Model, Pass};
use crate::objective::config::ObjectiveConfig;
use crate::objective::{Batch, Losses, Objective, ZGain, terms};
use crate::sde::Sde;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Tensor, TensorData};

const NEEDS: Needs = Needs { projection: true, two_views: true, ..Needs::NONE };

pub(super) static SIMCLR: Spec = Spec {
    name: "simclr",
    summary: "contrastive learning: two augmented views of an image get like codes",
    needs: NEEDS,
    defaults: r#"
        objective.gamma = 0.0
        encoder.time_conditioned = false
        [augment]
        crop = [0.08, 1.0]
        flip = 0.5
        jitter = 0.8
        brightness = 0.8
        contrast = 0.8
        saturation = 0.8
        hue = 0.2
        grey = 0.2
        blur = 0.5
    "#,
    build: |config, sde| Box::new(Contrastive::new(config, sde)),
};

pub(super) static SIMCLR_GAUSS: Spec = Spec {
    name: "simclr-gauss",
    summary: "the same with Gaussian noise as the only augmentation",
    needs: NEEDS,
    defaults: "objective.gamma = 0.0\nencoder.time_conditioned = false\naugment.noise = 0.5",
    build: |config, sde| Box::new(Contrastive::new(config, sde)),
};

/// The contrastive loss of the projections of both views (Chen et al., "A simple framework for contrastive learning of
/// visual representations", 2020).
#[derive(Clone, Debug)]
pub struct Contrastive {
    temperature: f64,
    gamma: f64,
    sde: Sde,
}

impl Contrastive {
    /// The objective of a configuration that [`crate::objective::build`] would accept.
    pub fn new(config: &ObjectiveConfig, sde: &Sde) -> Self {
        Self { temperature: config.temperature, gamma: config.gamma, sde: *sde }
    }
}

impl Objective for Contrastive {
    fn loss(&self, model: &Model, batch: &Batch, pass: Pass) -> Losses {
        let second = batch.second.clone().expect("a contrastive loss is documented to need Batch::second");
        let rows = batch.images.dims()[0];
        // One pass for both, so that batch norms see all views and no view can be told by its statistics.
        let views = Tensor::cat(vec![batch.images.clone(), second], 0);
        let code = model.encode(views, &vec![0.0; 2 * rows], &self.sde, pass);
        let projection = model.projection.as_ref().expect("the configuration was checked to have it");
        let projected = projection.forward(code.mean.clone(), pass);
        let mut parts = vec![("contrastive", nt_xent(projected, self.temperature))];
        parts.extend(terms::regulariser(self.gamma, &code, code.mean.clone()));
        Losses::sum(parts)
    }

    fn z_gain(&self, _: &Model, _: &Batch, _: Pass) -> Option<ZGain> {
        None
    }
}

/// NT-Xent of `projected` `[2N, d]`, whose rows i and N + i are the views of one image: the mean over all views of
/// `−ln( exp(s_ij/τ) / Σ_{k≠i} exp(s_ik/τ) )`, with j the other view and s the cosine similarity (Chen et al., 2020,
/// equation 1).
pub fn nt_xent(projected: Tensor<2>, temperature: f64) -> Tensor<1> {
    let [views, _] = projected.dims();
    let device = projected.device();
    let length = projected.clone().square().sum_dim(1).add_scalar(LEAST_SQUARE).sqrt();
    let unit = projected / length;
    let similarity = unit.clone().matmul(unit.transpose()).div_scalar(temperature);
    let itself = mask(views, |row, column| row == column, &device);
    let other = mask(views, |row, column| (row + views / 2) % views == column, &device);
    // A view is no candidate for its own partner.
    let logits = similarity - itself.mul_scalar(EXCLUDED);
    // Row by row: a sum of that many numbers at once would depend on the number of threads.
    (log_softmax(logits, 1) * other).sum_dim(1).sum().div_scalar(views as f64).neg()
}

/// Keeps the direction of a projection of length zero defined.
const LEAST_SQUARE: f64 = 1e-12;
/// What leaves nothing of an exponential in f32, and still is a number.
const EXCLUDED: f64 = 1e9;

/// 1 where `chosen(row, column)`, else 0, `[n, n]`.
fn mask(n: usize, chosen: impl Fn(usize, usize) -> bool, device: &Device) -> Tensor<2> {
    let value = |i| if chosen(i / n, i % n) { 1.0 } else { 0.0 };
    let values: Vec<f32> = (0..n * n).map(value).collect();
    Tensor::from_data(TensorData::new(values, [n, n]), device)
}
