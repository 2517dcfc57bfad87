//! Arguments shared by the commands that read a run's encoder, and how they open its data.
use crate::device::DeviceArgs;
use crate::ui::Ui;
use anyhow::{Result, bail};
use diffrep::data::{self, Dataset, ImageSet, Labels, OpenOptions};
use diffrep::nn::Precision;
use diffrep::nn::device::Device;
use diffrep::represent::{Autoencoder, LoadedEncoder, level_grid, parse_levels};
use diffrep::sample::Generator;
use diffrep::train::checkpoint::{Weights, Which};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Which weights to read.
#[derive(clap::Args)]
pub struct EncoderArgs {
    /// Run folder that `train` made.
    pub run: PathBuf,
    /// Checkpoint: latest, best (by the health figures of training), or a step. Default: latest.
    #[arg(long, value_name = "WHICH", default_value = "latest", hide_default_value = true)]
    checkpoint: CheckpointName,
    /// Weights: ema (their moving average, usually better) or raw. Default: ema.
    #[arg(long, value_name = "W", default_value = "ema", hide_default_value = true)]
    weights: WeightsName,
    /// Arithmetic: f32, or bf16 (faster where the processor has AVX512_BF16; on cpu only). Default: f32.
    #[arg(long, value_name = "P", default_value = "f32", hide_default_value = true)]
    precision: PrecisionName,
    #[command(flatten)]
    device: DeviceArgs,
}

impl EncoderArgs {
    /// Loads the encoder.
    pub fn open(&self) -> Result<LoadedEncoder> {
        let device = self.device.open()?;
        let encoder = LoadedEncoder::open(&self.run, self.checkpoint.0, self.weights.0, &device)?;
        Ok(encoder.with_precision(self.precision.0)?)
    }

    /// Loads all networks, to generate images.
    pub fn open_generator(&self) -> Result<Generator> {
        self.open_generator_on(&self.device.open()?)
    }

    /// The same with what likelihoods need: gradients by the image.
    pub fn open_differentiable(&self) -> Result<Generator> {
        self.open_generator_on(&self.device.open()?.autodiff())
    }

    /// Loads encoder and latent decoder of a run that trained one.
    pub fn open_autoencoder(&self) -> Result<Option<Autoencoder>> {
        Ok(Autoencoder::open(&self.run, self.checkpoint.0, self.weights.0, &self.device.open()?)?)
    }

    fn open_generator_on(&self, device: &Device) -> Result<Generator> {
        Ok(Generator::open(&self.run, self.checkpoint.0, self.weights.0, self.precision.0, device)?)
    }
}

#[derive(Clone)]
struct CheckpointName(Which);

impl FromStr for CheckpointName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "latest" => Ok(Self(Which::Latest)),
            "best" => Ok(Self(Which::Best)),
            step => step
                .parse()
                .map(|step| Self(Which::Step(step)))
                .map_err(|_| "expected latest, best or a step".into()),
        }
    }
}

#[derive(Clone)]
struct WeightsName(Weights);

impl FromStr for WeightsName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "ema" => Ok(Self(Weights::Ema)),
            "raw" => Ok(Self(Weights::Raw)),
            _ => Err("expected ema or raw".into()),
        }
    }
}

#[derive(Clone)]
struct PrecisionName(Precision);

impl FromStr for PrecisionName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = Precision::ALL.into_iter().find(|precision| precision.name() == name);
        known.map(Self).ok_or_else(|| "expected f32 or bf16".into())
    }
}

/// Levels of detail.
#[derive(clap::Args)]
pub struct LevelArgs {
    /// Levels of detail in [0, 1], separated by commas: 0 is the finest, 1 the coarsest.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true, conflicts_with = "t_grid")]
    t: Option<String>,
    /// So many evenly spaced levels from 0 to 1.
    #[arg(long, value_name = "N")]
    t_grid: Option<usize>,
}

impl LevelArgs {
    /// The levels asked for, or `otherwise`.
    pub fn levels(&self, otherwise: impl FnOnce() -> Vec<f64>) -> Result<Vec<f64>> {
        Ok(match (&self.t, self.t_grid) {
            (Some(list), _) => parse_levels(list)?,
            (None, Some(count)) => level_grid(count)?,
            (None, None) => otherwise(),
        })
    }
}

/// Opens `spec`, or the data that the run was trained on, in the form that its encoder reads.
pub fn open_data(encoder: &LoadedEncoder, spec: Option<&str>, labels: Option<&Path>) -> Result<Dataset> {
    let mut options = encoder.open_options();
    match spec {
        // Other data have labels of their own.
        Some(_) => options.labels = Labels::Auto,
        None => options.classes = encoder.record().classes.clone(),
    }
    if let Some(file) = labels {
        options = OpenOptions { labels: Labels::File(file.to_owned()), classes: None, ..options };
    }
    let spec = spec.unwrap_or(&encoder.config().data.source);
    let dataset = data::open(spec, &options)?;
    encoder.check(&dataset.name, &dataset.train)?;
    Ok(dataset)
}

/// Which images of a data set.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Part {
    /// The training split, or all images of data without splits.
    Train,
    /// The test split.
    Test,
}

impl Part {
    /// These images of `dataset`.
    pub fn of(self, dataset: &Dataset) -> Result<ImageSet> {
        match (self, &dataset.test) {
            (Self::Train, _) => Ok(dataset.train.clone()),
            (Self::Test, Some(test)) => Ok(test.clone()),
            (Self::Test, None) => bail!("{} has no test split", dataset.name),
        }
    }
}

/// A bar that counts `unit`s up to `total`.
pub fn bar(ui: &Ui, total: usize, unit: &str) -> ProgressBar {
    if !ui.shows_progress() {
        return ProgressBar::hidden();
    }
    let template = format!("{{bar:30}} {{pos}}/{{len}} {unit}  {{per_sec}}  {{eta}} left");
    let style =
        ProgressStyle::with_template(&template).expect("the template is fixed but for the unit's name");
    ProgressBar::new(total as u64).with_style(style)
}
