//! The supervised reference: what the same encoder learns from labels.
use super::{Needs, Spec};
use crate::nn::{Model, Pass};
use crate::objective::config::ObjectiveConfig;
use crate::objective::{Batch, Losses, Objective, ZGain, terms};
use crate::sde::Sde;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

pub(super) static SUPERVISED: Spec = Spec {
    name: "supervised",
    summary: "the reference: the same encoder trained with all labels",
    needs: Needs { labels: true, ..Needs::NONE },
    defaults: r#"
        objective.gamma = 0.0
        encoder.time_conditioned = false
        [augment]
        crop = [0.6, 1.0]
        flip = 0.5
    "#,
    build: |config, sde| Box::new(Supervised::new(config, sde)),
};

/// Cross-entropy of a linear classifier on the pooled features; images without a label don't count.
#[derive(Clone, Debug)]
pub struct Supervised {
    gamma: f64,
    sde: Sde,
}

impl Supervised {
    /// The objective of a configuration that [`crate::objective::build`] would accept.
    pub fn new(config: &ObjectiveConfig, sde: &Sde) -> Self {
        Self { gamma: config.gamma, sde: *sde }
    }
}

impl Objective for Supervised {
    fn loss(&self, model: &Model, batch: &Batch, pass: Pass) -> Losses {
        let labels = batch.labels.clone().expect("a supervised loss is documented to need Batch::labels");
        let t = vec![0.0; batch.images.dims()[0]];
        let code = model.encode(batch.images.clone(), &t, &self.sde, pass);
        let logits = model
            .encoder
            .classify(code.features.clone())
            .expect("the configuration was checked to have a class head");
        let mut parts = vec![("cross-entropy", cross_entropy(logits, labels))];
        parts.extend(terms::regulariser(self.gamma, &code, code.mean.clone()));
        Losses::sum(parts)
    }

    fn z_gain(&self, _: &Model, _: &Batch, _: Pass) -> Option<ZGain> {
        None
    }
}

/// Cross-entropy of `logits` `[N, classes]` against one-hot rows, the mean over rows that are not zero; 0 if all are.
pub fn cross_entropy(logits: Tensor<2>, one_hot: Tensor<2>) -> Tensor<1> {
    let labelled = one_hot.clone().sum().clamp_min(1.0);
    // Row by row: a sum of very many numbers at once would depend on the number of threads.
    (log_softmax(logits, 1) * one_hot).sum_dim(1).sum().neg() / labelled
}
