//! The frozen encoder of a run.
use super::RepresentError;
use crate::data::{ImageSet, ImageShape, LearnedLabels, OpenOptions, Preprocess};
use crate::nn::parameters::{Layout, gather, scatter};
use crate::nn::{self, Code, Model, ModelConfig, Pass, Precision};
use crate::random::Seed;
use crate::sde::Sde;
use crate::train::checkpoint::{self, Weights, Which};
use crate::train::{Config, Plan, RunFolder, RunRecord, learned_labels};
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use diffrep_kernels::Team;
use std::path::Path;

/// An encoder that only reads: nothing here changes its weights.
#[derive(Debug)]
pub struct LoadedEncoder {
    model: Model,
    sde: Sde,
    device: Device,
    team: Team,
    precision: Precision,
    config: Config,
    record: RunRecord,
    weights: &'static str,
    step: Option<u64>,
}

impl LoadedEncoder {
    /// The encoder of a checkpoint of the run folder `run`, to compute on `device`.
    ///
    /// # Errors
    /// No run or no checkpoint there, a damaged file, another architecture.
    pub fn open(run: &Path, which: Which, weights: Weights, device: &Device) -> Result<Self, RepresentError> {
        let whole = Self::open_whole(run, which, weights, device)?;
        Ok(Self { model: encoder_only(whole.model), ..whole })
    }

    /// The same with everything that was trained beside the encoder; nothing of it needs gradients.
    pub(crate) fn open_whole(
        run: &Path,
        which: Which,
        weights: Weights,
        device: &Device,
    ) -> Result<Self, RepresentError> {
        let folder = RunFolder::open(run)?;
        let mut whole = Self::untrained(&folder, Seed(0), device)?;
        let layout = Layout::of(&whole.model);
        let (step, values) = checkpoint::load_weights(run, which, weights, &layout)?;
        whole.model = scatter(&whole.model, &values).no_grad();
        whole.weights = weights.name();
        whole.step = Some(step);
        Ok(whole)
    }

    /// The baseline: the run's architecture and preprocessing with the initial weights of `seed`, never trained.
    ///
    /// # Errors
    /// No run there.
    pub fn random(run: &Path, seed: Seed, device: &Device) -> Result<Self, RepresentError> {
        let mut encoder = Self::untrained(&RunFolder::open(run)?, seed, device)?;
        encoder.model = encoder_only(encoder.model);
        Ok(encoder)
    }

    /// The encoder of `plan` with the initial weights of its seed: before there is a run.
    ///
    /// # Errors
    /// None for a plan, whose networks have been checked.
    pub fn planned(plan: &Plan, device: &Device) -> Result<Self, RepresentError> {
        let (config, record) = (plan.config().clone(), plan.record().clone());
        let seed = Seed(config.seed);
        let encoder = Self::initial(config, record, seed, device)?;
        Ok(Self { model: encoder_only(encoder.model), ..encoder })
    }

    fn untrained(run: &RunFolder, seed: Seed, device: &Device) -> Result<Self, RepresentError> {
        Self::initial(run.config()?, run.record()?, seed, device)
    }

    fn initial(
        config: Config,
        record: RunRecord,
        seed: Seed,
        device: &Device,
    ) -> Result<Self, RepresentError> {
        let model = record.model.init(seed, device)?;
        Ok(Self {
            model,
            sde: config.sde,
            device: device.clone(),
            team: Team::new(),
            precision: Precision::F32,
            config,
            record,
            weights: "random",
            step: None,
        })
    }

    /// The same encoder computing in `precision`; until told otherwise, it is f32, however the run was trained.
    ///
    /// # Errors
    /// A precision that the device doesn't have.
    pub fn with_precision(self, precision: Precision) -> Result<Self, RepresentError> {
        nn::check_precision(&self.device, precision)?;
        Ok(Self { precision, ..self })
    }

    /// How it multiplies.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Where it computes.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Size of the codes.
    pub fn dim(&self) -> usize {
        self.model_config().encoder.latent_dim()
    }

    /// `ema`, `raw` or `random`.
    pub fn weights(&self) -> &'static str {
        self.weights
    }

    /// Training step of the checkpoint; `None` for random weights.
    pub fn step(&self) -> Option<u64> {
        self.step
    }

    /// The labels that its weights have seen: none if they are random.
    pub fn learned_labels(&self) -> Vec<LearnedLabels> {
        match self.step {
            Some(_) => learned_labels(&self.config, &self.record),
            None => Vec::new(),
        }
    }

    /// False if the codes are the same for every t.
    pub fn is_time_conditioned(&self) -> bool {
        self.model.encoder.is_time_conditioned()
    }

    /// The t that training has learned to feed it, where it was a parameter.
    pub fn learned_time(&self) -> Option<f64> {
        self.model.encoder.time_embedding.learned_time().map(f64::from)
    }

    /// The run's settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the run was trained on.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// What brings an image into the form that the encoder sees.
    pub fn preprocess(&self) -> &Preprocess {
        &self.record.preprocess
    }

    /// Size and channels of the images that it reads.
    pub fn shape(&self) -> ImageShape {
        self.record.shape
    }

    /// All tensors of the encoder, flat: equal before and after whatever only reads it.
    pub fn parameters(&self) -> Vec<f32> {
        gather(&self.model)
    }

    /// Names, shapes and places of [`parameters`](Self::parameters).
    pub fn layout(&self) -> Layout {
        Layout::of(&self.model)
    }

    /// How to open data for this encoder: brought to the size and channels that it was trained on.
    pub fn open_options(&self) -> OpenOptions {
        let shape = self.shape();
        OpenOptions {
            size: Some((shape.height, shape.width)),
            // Arrays may have other channels, which can't be converted into.
            channels: matches!(shape.channels, 1 | 3).then_some(shape.channels),
            ..self.config.data.open_options()
        }
    }

    /// How to open the data that it was trained on: with its class map, if it has learned one.
    pub fn own_open_options(&self) -> OpenOptions {
        let learns = self.config.objective.method.needs().labels;
        let classes = self.record.classes.clone().filter(|_| learns);
        OpenOptions { classes, ..self.open_options() }
    }

    /// Errors unless the images of `set`, from the data called `name`, have the shape that the encoder reads.
    pub fn check(&self, name: &str, set: &ImageSet) -> Result<(), RepresentError> {
        let (found, expected) = (set.shape(), self.shape());
        if found == expected {
            Ok(())
        } else {
            Err(RepresentError::Shape { data: name.to_owned(), found, expected })
        }
    }

    /// Codes `[N, dim]` at `t` of standardised images, `standardised` `[N, H, W, C]` as [`Preprocess::apply`] makes
    /// them.
    pub(crate) fn codes(&self, standardised: Vec<f32>, t: f64) -> Vec<f32> {
        self.read(standardised, t, |code| code.mean)
    }

    /// Class logits `[N, classes]` of the same.
    ///
    /// # Panics
    /// If the network has no class head.
    pub(crate) fn class_logits(&self, standardised: Vec<f32>, t: f64) -> Vec<f32> {
        let classify = |code: Code| self.model.encoder.classify(code.features);
        self.read(standardised, t, |code| classify(code).expect("the record was asked for a class head"))
    }

    fn read(&self, standardised: Vec<f32>, t: f64, take: impl Fn(Code) -> Tensor<2> + Sync) -> Vec<f32> {
        let images = nn::images(standardised, self.preprocess().shape(), &self.device);
        let t = vec![t; images.dims()[0]];
        let values = self.team.run(|| take(self.model.encode(images, &t, &self.sde, self.pass())));
        values.into_data().try_into_vec().expect("networks compute in f32")
    }

    /// The networks that were loaded.
    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    /// The forward process.
    pub(crate) fn sde(&self) -> &Sde {
        &self.sde
    }

    /// Threads to run the networks on.
    pub(crate) fn team(&self) -> &Team {
        &self.team
    }

    /// How to run them.
    pub(crate) fn pass(&self) -> Pass {
        Pass { precision: self.precision, ..Pass::EVAL }
    }

    fn model_config(&self) -> &ModelConfig {
        &self.record.model
    }
}

/// Lets go of what only training needs.
fn encoder_only(model: Model) -> Model {
    Model { conditioning: None, score: None, decoder: None, projection: None, ..model }
}
