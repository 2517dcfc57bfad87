//! Where the network of a few-label run comes from.
use super::settings::{SemiSettings, TimeFed};
use super::{SemiError, SemiTask};
use crate::data::{Fingerprint, LearnedLabels};
use crate::nn::parameters::{self, Layout};
use crate::nn::{Model, ModelConfig};
use crate::objective::Method;
use crate::random::Seed;
use crate::represent::LoadedEncoder;
use crate::train::{Config, DataConfig, RunRecord};
use burn::tensor::Device;

/// End of the name of the time that a network learns to be fed.
const LEARNED_TIME: &str = "learned_time";

/// Random weights, or those of a pre-trained encoder.
#[derive(Debug)]
pub enum Start {
    /// The encoder of these settings with random weights; it is static.
    Random(Box<Config>),
    /// A trained encoder, and where the new images lie; its class head is random.
    Trained(Box<LoadedEncoder>, DataConfig),
}

/// A network with a class head, ready to be trained.
pub(super) struct Network {
    pub(super) config: Config,
    pub(super) record: RunRecord,
    pub(super) model: Model,
    pub(super) weights: Vec<f32>,
}

impl Start {
    /// Builds the network for `task` on `device`, which has autodiff.
    pub(super) fn network(
        &self,
        task: &SemiTask,
        settings: &SemiSettings,
        device: &Device,
    ) -> Result<Network, SemiError> {
        let mut config = match self {
            Self::Random(config) => (**config).clone(),
            Self::Trained(encoder, data) => Config { data: data.clone(), ..encoder.config().clone() },
        };
        config.seed = settings.seed;
        config.objective.method = Method::SUPERVISED;
        config.train.steps = settings.steps;
        let shape = task.preprocess.shape();
        let mut encoder = match self {
            Self::Random(config) => config.encoder.fitted(shape.height, shape.width),
            Self::Trained(encoder, _) => encoder.record().model.encoder.clone(),
        };
        encoder.classes = Some(task.classes.len());
        if settings.time == TimeFed::Learned {
            if !encoder.time_conditioned {
                let (name, value) = ("time", "learned".to_owned());
                let expected = "a fixed t, as this encoder doesn't depend on t";
                return Err(SemiError::Setting { name, value, expected });
            }
            encoder.learned_time = true;
        }
        config.encoder = encoder.clone();
        let model_config = ModelConfig {
            height: shape.height,
            width: shape.width,
            channels: shape.channels,
            encoder,
            ncsnpp: config.ncsnpp.clone(),
            score_network: false,
            decoder: false,
            projection: None,
        };
        let model = model_config.init(Seed(settings.seed), device)?;
        let mut weights = parameters::gather(&model);
        if let Self::Trained(trained, _) = self {
            adopt(&mut weights, &Layout::of(&model), trained)?;
        }
        let known = Fingerprint::of(&config.data.source, &task.images)?;
        let record = RunRecord {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: settings.seed,
            dataset: task.dataset.clone(),
            train_images: task.images.len(),
            held_out_rows: Vec::new(),
            shape: task.images.shape(),
            classes: Some(task.classes.clone()),
            preprocess: task.preprocess.clone(),
            model: model_config,
            images_checksum: known.rows,
            pixels_checksum: known.pixels,
            labels_checksum: None,
            init: None,
            inherited_labels: self.learned_labels(),
        };
        Ok(Network { config, record, model, weights })
    }

    /// The labels that the weights of a trained encoder have seen.
    pub fn learned_labels(&self) -> Vec<LearnedLabels> {
        match self {
            Self::Trained(encoder, _) => encoder.learned_labels(),
            Self::Random(_) => Vec::new(),
        }
    }
}

/// Whether a tensor belongs to what every run begins anew: its class head.
pub(super) fn is_head(name: &str) -> bool {
    name.starts_with("encoder.classifier.")
}

/// Copies all tensors of the trained encoder but a class head; the network's only other one of its own is the time that it
/// learns.
fn adopt(weights: &mut [f32], layout: &Layout, trained: &LoadedEncoder) -> Result<(), SemiError> {
    let (values, theirs) = (trained.parameters(), trained.layout());
    for ours in layout.entries().iter().filter(|entry| !is_head(&entry.name)) {
        match theirs.find(&ours.name).filter(|theirs| theirs.shape == ours.shape) {
            Some(theirs) => weights[ours.range.clone()].copy_from_slice(&values[theirs.range.clone()]),
            None if ours.name.ends_with(LEARNED_TIME) => {}
            None => return Err(SemiError::Adopt { name: ours.name.clone(), shape: ours.shape.clone() }),
        }
    }
    Ok(())
}
