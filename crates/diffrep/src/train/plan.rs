//! Checked settings with everything that they mean: images, networks, objective. A plan can run.
use super::run_folder::SEMI_SETTINGS;
use super::{
    CheckpointConfig, Config, ConfigError, DataConfig, RunError, RunFolder, RunRecord, Schedule, TrainError,
    memory,
};
use crate::data::{
    self, DataError, Dataset, Difference, Fingerprint, ImageSet, LabelColumn, OpenOptions, Preprocess,
    tested_split,
};
use crate::nn::ModelConfig;
use crate::objective::{self, EncoderView, Objective};
use crate::random::{Purpose, Seed, monitor};
use std::collections::HashSet;
use std::fmt;
use std::path::Path;

/// With fewer images than this none is held out: health is measured on the trained ones.
const LEAST_IMAGES: usize = 8;
/// The largest part of the images that is held out: one in so many.
const LARGEST_PART: usize = 4;
/// Longest side that images are scaled to.
const LARGEST_SIDE: usize = 4096;
/// Steps that a run may have: random numbers are keyed by 32 bits of the step.
pub(crate) const MOST_STEPS: u64 = 4_000_000_000;
/// Numbers that contrastive losses compare.
const PROJECTION: usize = 128;

/// A run that has been checked.
pub struct Plan {
    pub(super) config: Config,
    pub(super) record: RunRecord,
    /// Images trained with.
    pub(super) trained: ImageSet,
    /// Images that measure health.
    pub(super) held_out: ImageSet,
    /// Rows of the source that probes will be tested on: no checkpoint is chosen by their labels.
    pub(super) tested: HashSet<usize>,
    pub(super) objective: Box<dyn Objective>,
}

impl Plan {
    /// Plans a new run: opens the data, holds out images, fits the preprocessing, checks networks and objective.
    ///
    /// `out` is the run folder, which may lie neither in the data folder nor be it.
    ///
    /// # Errors
    /// The first setting, file or image that doesn't do.
    pub fn new(config: Config, out: &Path) -> Result<Self, TrainError> {
        check(&config)?;
        refuse_inside(&config.data.source, out)?;
        let dataset = data::open(&config.data.source, &config.data.open_options())?;
        Self::on(config, &dataset)
    }

    /// Plans to train on images that are already open, whatever `config.data` says.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn on(config: Config, dataset: &Dataset) -> Result<Self, TrainError> {
        let model = model(&config, dataset)?;
        let images = &dataset.train;
        let needs = config.objective.method.needs();
        let classes = images.labels().map(|column| column.classes.clone());
        let preprocess = Preprocess::fit(images, side_multiple(&config))?;
        let known = Fingerprint::of(&config.data.source, images)?;
        let record = RunRecord {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            seed: config.seed,
            dataset: dataset.name.clone(),
            train_images: images.len(),
            held_out_rows: held_out_rows(images.len(), config.monitor.held_out, Seed(config.seed)),
            shape: images.shape(),
            classes,
            preprocess,
            model,
            images_checksum: known.rows,
            pixels_checksum: known.pixels,
            labels_checksum: needs.labels.then(|| images.labels().map(LabelColumn::checksum)).flatten(),
            init: None,
            inherited_labels: Vec::new(),
        };
        Self::with(config, record, dataset)
    }

    /// The errors of [`Plan::on`] that need no image: for whoever plans many runs.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn refuse(config: &Config, dataset: &Dataset) -> Result<(), TrainError> {
        let model = model(config, dataset)?;
        model.check()?;
        objective::build(&config.objective, &config.sde, &model)?;
        Ok(())
    }

    /// The same run with other checkpoints to be kept.
    pub fn keeping(mut self, checkpoint: CheckpointConfig) -> Self {
        self.config.checkpoint = checkpoint;
        self
    }

    /// Plans to go on with an existing run, whose settings and data are what they were.
    ///
    /// # Errors
    /// As [`Plan::new`]; data that have changed or gone; a run of few labels.
    pub fn existing(run: &RunFolder) -> Result<Self, TrainError> {
        Self::existing_on(run, &run.config()?.data)
    }

    /// The same, with the data where `place` has them now ([`DataConfig::relocated`]).
    ///
    /// # Errors
    /// As [`Plan::existing`]; data at another place which nothing in the run can tell from others.
    pub fn existing_on(run: &RunFolder, place: &DataConfig) -> Result<Self, TrainError> {
        if run.path().join(SEMI_SETTINGS).exists() {
            return Err(TrainError::FewLabels { run: run.path().to_owned() });
        }
        let (mut config, record) = (run.config()?, run.record()?);
        let moved = place.source != config.data.source;
        if moved {
            config.data = config.data.relocated(place).ok_or_else(|| TrainError::DataChanged {
                data: place.source.clone(),
                expected: config.data.source.clone(),
                found: "other data".to_owned(),
            })?;
        }
        check(&config)?;
        // Other methods look at labels only to measure, and more of them may have come.
        let classes = record.classes.clone().filter(|_| config.objective.method.needs().labels);
        let options = OpenOptions { classes, ..config.data.open_options() };
        let dataset = data::open(&config.data.source, &options).map_err(|error| match error {
            DataError::NotFound { spec, .. } if !moved => {
                TrainError::DataGone { data: spec, run: run.path().to_owned() }
            }
            error => error.into(),
        })?;
        let (images, shape) = (dataset.train.len(), dataset.train.shape());
        if (images, shape) != (record.train_images, record.shape) {
            return Err(TrainError::DataChanged {
                data: config.data.source,
                expected: format!("{} images of {}", record.train_images, record.shape),
                found: format!("{images} of {shape}"),
            });
        }
        let (before, now) = (record.fingerprint(), Fingerprint::of(&config.data.source, &dataset.train)?);
        let found = match before.difference(now) {
            // Each row's part in the run goes by its number.
            Some(Difference::Rows) => Some("some under other names or in another order"),
            Some(Difference::Pixels) => Some("some with other pixels"),
            None => None,
        };
        if let Some(found) = found {
            return Err(TrainError::DataChanged {
                data: config.data.source,
                expected: "others".to_owned(),
                found: format!("{images} images, {found}"),
            });
        }
        if moved && !before.can_tell(now) {
            return Err(TrainError::DataUnknown { data: config.data.source, run: run.path().to_owned() });
        }
        let column = dataset.train.labels();
        let classes = column.map(|column| &column.classes);
        let renumbered = config.objective.method.needs().labels && classes != record.classes.as_ref();
        let relabelled = || column.map(LabelColumn::checksum) != record.labels_checksum;
        if renumbered || (record.labels_checksum.is_some() && relabelled()) {
            return Err(TrainError::DataChanged {
                data: config.data.source,
                expected: format!("{images} images with other labels"),
                found: "images whose labels have changed".to_owned(),
            });
        }
        Self::with(config, record, &dataset)
    }

    fn with(config: Config, record: RunRecord, dataset: &Dataset) -> Result<Self, TrainError> {
        record.model.check()?;
        let objective = objective::build(&config.objective, &config.sde, &record.model)?;
        let images = &dataset.train;
        let held = &record.held_out_rows;
        let rest: Vec<usize> = (0..images.len()).filter(|row| held.binary_search(row).is_err()).collect();
        let (trained, held_out) = match held.is_empty() {
            true => (images.clone(), images.clone()),
            false => (images.subset(&rest), images.subset(held)),
        };
        let labels = images.labels().filter(|_| dataset.test.is_none());
        let tested = labels.map_or_else(Vec::new, |column| tested_split(&column.values).held_out);
        let tested = tested.into_iter().map(|row| images.source_row(row)).collect();
        Ok(Self { config, record, trained, held_out, tested, objective })
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What the run is trained on.
    pub fn record(&self) -> &RunRecord {
        &self.record
    }

    /// The learning rate's course.
    pub fn schedule(&self) -> Schedule {
        let (optimiser, horizon) = (&self.config.optimiser, self.config.train.steps);
        Schedule {
            learning_rate: optimiser.learning_rate,
            warm_up: optimiser.warm_up,
            decay: optimiser.decay,
            horizon,
        }
    }

    /// Estimated peak memory of training in bytes, given the number of parameters, within a factor of two: parameters,
    /// optimiser and feature maps; images that lie in memory come on top.
    pub fn memory_estimate(&self, parameters: usize) -> u64 {
        let views = if self.config.objective.method.needs().two_views { 2 } else { 1 };
        memory::estimate(&self.record.model, views * self.config.train.batch, parameters)
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("config", &self.config).field("record", &self.record).finish()
    }
}

/// What both sides of the images are padded to a multiple of.
fn side_multiple(config: &Config) -> usize {
    1 << config.ncsnpp.multipliers.len().saturating_sub(1).min(16)
}

/// The networks for these settings and images.
fn model(config: &Config, dataset: &Dataset) -> Result<ModelConfig, TrainError> {
    check(config)?;
    let images = &dataset.train;
    if images.len() < 2 {
        return Err(TrainError::TooFewImages { dataset: dataset.name.clone(), images: images.len() });
    }
    let needs = config.objective.method.needs();
    let mut encoder = config.encoder.clone();
    if needs.labels {
        let labelled = |column: &&LabelColumn| column.values.iter().any(Option::is_some);
        let Some(column) = images.labels().filter(labelled) else {
            let (dataset, method) = (dataset.name.clone(), config.objective.method.name());
            return Err(TrainError::NoLabels { dataset, method });
        };
        encoder.classes = Some(column.classes.len());
    }
    let shape = Preprocess::padded(images.shape(), side_multiple(config));
    Ok(ModelConfig {
        height: shape.height,
        width: shape.width,
        channels: shape.channels,
        encoder: encoder.fitted(shape.height, shape.width),
        ncsnpp: config.ncsnpp.clone(),
        score_network: needs.score_network,
        decoder: config.objective.needs_decoder(),
        projection: needs.projection.then_some(PROJECTION),
    })
}

/// Checks the numbers that no other part checks.
pub(crate) fn check(config: &Config) -> Result<(), ConfigError> {
    let (train, optimiser, monitor) = (&config.train, &config.optimiser, &config.monitor);
    let positive = |x: f64| x > 0.0 && x.is_finite();
    let checks = [
        (
            "train.steps",
            train.steps as f64,
            train.steps <= MOST_STEPS && (train.steps > 0 || train.minutes.is_some()),
            "1 to 4 000 000 000, or train.minutes instead",
        ),
        (
            "train.minutes",
            train.minutes.unwrap_or(0.0),
            train.minutes.is_none_or(positive),
            "a positive number",
        ),
        ("train.batch", train.batch as f64, (2..=1 << 20).contains(&train.batch), "at least 2"),
        ("train.clip", train.clip, positive(train.clip), "a positive number"),
        ("train.ema_decay", train.ema_decay, (0.0..1.0).contains(&train.ema_decay), "a number in [0, 1)"),
        (
            "optimiser.learning_rate",
            optimiser.learning_rate,
            positive(optimiser.learning_rate),
            "a positive number",
        ),
        ("optimiser.beta1", optimiser.beta1, (0.0..1.0).contains(&optimiser.beta1), "a number in [0, 1)"),
        ("optimiser.beta2", optimiser.beta2, (0.0..1.0).contains(&optimiser.beta2), "a number in [0, 1)"),
        ("optimiser.epsilon", optimiser.epsilon, positive(optimiser.epsilon), "a positive number"),
        ("monitor.every", monitor.every as f64, monitor.every >= 1, "at least 1"),
        ("monitor.health_every", monitor.health_every as f64, monitor.health_every >= 1, "at least 1"),
        ("monitor.t", monitor.t, (0.0..=1.0).contains(&monitor.t), "a time in [0, 1]"),
        (
            "data.size",
            config.data.size.map_or(0, |[height, width]| height.max(width)) as f64,
            config.data.size.is_none_or(|size| size.iter().all(|side| (1..=LARGEST_SIDE).contains(side))),
            "sides of 1 to 4,096 pixels",
        ),
        ("checkpoint.every", config.checkpoint.every as f64, config.checkpoint.every >= 1, "at least 1"),
        ("checkpoint.keep", config.checkpoint.keep as f64, config.checkpoint.keep >= 1, "at least 1"),
    ];
    if config.objective.encoder_view != EncoderView::Same && config.augment.is_off() {
        return Err(ConfigError::OutOfRange {
            key: "objective.encoder_view",
            value: "set while augment.* is off".to_owned(),
            expected: "augmentation, such as augment.crop=[0.2,1.0], or `same`",
        });
    }
    match checks.into_iter().find(|(_, _, fits, _)| !fits) {
        None => Ok(config.augment.check()?),
        Some((key, value, _, expected)) => {
            Err(ConfigError::OutOfRange { key, value: value.to_string(), expected })
        }
    }
}

/// Rows that are not trained with, ascending; none of a tiny set.
fn held_out_rows(images: usize, wanted: usize, seed: Seed) -> Vec<usize> {
    if images < LEAST_IMAGES {
        return Vec::new();
    }
    let mut rows = seed.key(Purpose::Monitor, monitor::HELD_OUT, 0).permutation(0, images);
    rows.truncate(wanted.clamp(2, images / LARGEST_PART));
    rows.sort_unstable();
    rows
}

/// Errors if a run folder or file `out` is the folder of the data at `source` or lies in it, where it would be taken for
/// data.
///
/// # Errors
/// That it does.
pub fn refuse_inside(source: &str, out: &Path) -> Result<(), RunError> {
    let path = source.strip_prefix(data::COLOURED).unwrap_or(source);
    let Ok(folder) = Path::new(path).canonicalize() else { return Ok(()) };
    // The run folder may not exist yet: its nearest ancestor that does decides.
    let out_absolute = std::path::absolute(out).map_err(RunError::io("find", out))?;
    let existing = out_absolute.ancestors().find_map(|ancestor| {
        let rest = out_absolute.strip_prefix(ancestor).ok()?;
        Some(ancestor.canonicalize().ok()?.join(rest))
    });
    match existing {
        Some(out) if folder.is_dir() && out.starts_with(&folder) => Err(RunError::InsideData { out, folder }),
        _ => Ok(()),
    }
}
