//! Arguments shared by the commands that read a run's encoder.
use crate::device::DeviceArgs;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use diffrep::nn::device::Device;
use diffrep::nn::{BlockName, Precision};
use diffrep::predict::HeadKind;
use diffrep::represent::{
    Autoencoder, BestPlace, LatentInput, LoadedEncoder, Noise, Place, ScoreInput, ScoreNetwork, ScorePlace,
    level_grid, parse_levels,
};
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
    /// Arithmetic: f32, or bf16 (faster where the processor has AMX, or AMD's AVX512_BF16; on cpu only). Default: f32.
    #[arg(long, value_name = "P", default_value = "f32", hide_default_value = true)]
    precision: PrecisionName,
    #[command(flatten)]
    device: DeviceArgs,
}

impl EncoderArgs {
    /// Loads the encoder with the score network that was trained beside it.
    pub fn open_score(&self) -> Result<ScoreNetwork> {
        let device = self.device.open()?;
        let network = ScoreNetwork::open(&self.run, self.checkpoint.0, self.weights.0, &device)?;
        Ok(network.with_precision(self.precision.0)?)
    }

    /// Loads the networks that a probe has found the best place in.
    pub fn open_best(&self, best: &BestPlace) -> Result<ScoreNetwork> {
        let weights = best.weights.parse::<WeightsName>().map_err(anyhow::Error::msg)?.0;
        let device = self.device.open()?;
        let network = ScoreNetwork::open(&self.run, Which::Step(best.step), weights, &device).context(
            "the checkpoint of the recorded features can't be used; run `diffrep probe --grid` again",
        )?;
        Ok(network.with_precision(best.precision)?)
    }

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
        let network = Autoencoder::open(&self.run, self.checkpoint.0, self.weights.0, &self.device.open()?)?;
        Ok(network.map(|network| network.with_precision(self.precision.0)).transpose()?)
    }

    fn open_generator_on(&self, device: &Device) -> Result<Generator> {
        Ok(Generator::open(&self.run, self.checkpoint.0, self.weights.0, self.precision.0, device)?)
    }
}

#[derive(Clone)]
pub struct CheckpointName(pub Which);

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
pub struct WeightsName(pub Weights);

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

/// Which of a run's class heads.
#[derive(Clone, Copy)]
pub struct HeadName(pub HeadKind);

impl FromStr for HeadName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = [HeadKind::Probe, HeadKind::Network].into_iter().find(|kind| kind.name() == name);
        known.map(Self).ok_or_else(|| "expected probe or network".into())
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

/// Which network the features come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum SourceName {
    /// The encoder's codes.
    Encoder,
    /// Pooled activations of a block of the score network.
    Score,
    /// Both, one after the other.
    Both,
}

/// The score network as a source of features.
#[derive(clap::Args)]
pub struct ScoreArgs {
    /// Block of the score network, such as down.1.0, mid.0 or up.2.1.
    #[arg(long, value_name = "B")]
    pub block: Option<BlockName>,
    /// Noise on the images that the score network sees: keyed (drawn by row) or none. Default: keyed.
    #[arg(long, value_name = "N", value_parser = noise)]
    noise: Option<Noise>,
    /// The latent that the score network is told: own (the image's code) or zero. Default: own.
    #[arg(long, value_name = "Z", value_parser = latent)]
    z: Option<LatentInput>,
}

impl ScoreArgs {
    /// What the network is given.
    pub fn input(&self) -> ScoreInput {
        let (noise, z) = (self.noise.unwrap_or(Noise::Keyed), self.z.unwrap_or(LatentInput::Own));
        ScoreInput { noise, z, seed: 0 }
    }

    /// Errors if any of this was asked for where only the encoder is read; `instead` names what reads the score network.
    pub fn refuse_given(&self, instead: &str) -> Result<()> {
        let given =
            [("--block", self.block.is_some()), ("--noise", self.noise.is_some()), ("--z", self.z.is_some())];
        match given.into_iter().find(|(_, given)| *given) {
            Some((name, _)) => bail!("{name} is of the score network: add {instead}"),
            None => Ok(()),
        }
    }

    /// Where to read `source`, which is not the encoder alone, at each of `t`.
    pub fn places(&self, source: SourceName, t: &[f64]) -> Result<Vec<Place>> {
        let Some(block) = self.block else {
            bail!("--block is missing: which block of the score network? `diffrep probe --grid` tries all");
        };
        let place = |&t: &f64| Place {
            encoder: (source == SourceName::Both).then_some(t),
            score: Some(ScorePlace { block, t, input: self.input() }),
        };
        Ok(t.iter().map(place).collect())
    }
}

fn noise(name: &str) -> Result<Noise, String> {
    match name {
        "keyed" => Ok(Noise::Keyed),
        "none" => Ok(Noise::None),
        _ => Err("expected keyed or none".into()),
    }
}

fn latent(name: &str) -> Result<LatentInput, String> {
    match name {
        "own" => Ok(LatentInput::Own),
        "zero" => Ok(LatentInput::Zero),
        _ => Err("expected own or zero".into()),
    }
}

/// Levels of detail.
#[derive(clap::Args)]
pub struct LevelArgs {
    /// Levels of detail in [0, 1], separated by commas: 0 is the finest, 1 the coarsest. Default: 0 for encode and export,
    /// 0,0.5,1 for neighbours, 11 levels for probe and analyse, six for report, none for reconstruct.
    #[arg(long, value_name = "LIST", allow_hyphen_values = true, conflicts_with = "t_grid")]
    t: Option<String>,
    /// So many evenly spaced levels from 0 to 1.
    #[arg(long, value_name = "N")]
    t_grid: Option<usize>,
}

impl LevelArgs {
    /// Whether levels were named.
    pub fn is_given(&self) -> bool {
        self.t.is_some() || self.t_grid.is_some()
    }

    /// Whether t is to be chosen (`--t auto`), which only `probe` can.
    pub fn is_auto(&self) -> bool {
        self.t.as_deref() == Some("auto")
    }

    /// The levels asked for, or `otherwise`.
    pub fn levels(&self, otherwise: impl FnOnce() -> Vec<f64>) -> Result<Vec<f64>> {
        Ok(match (&self.t, self.t_grid) {
            (Some(list), _) => parse_levels(list)?,
            (None, Some(count)) => level_grid(count)?,
            (None, None) => otherwise(),
        })
    }
}

/// Errors if nothing can be written into the folder of `run`: better before hours of measuring than after.
pub fn refuse_unwritable(run: &Path) -> Result<()> {
    // No run is none of ours to write into; whoever opens it says so.
    if !run.is_dir() {
        return Ok(());
    }
    let file = run.join(".writable");
    std::fs::write(&file, "").with_context(|| format!("can't write into {}", run.display()))?;
    // Another command may have taken it away.
    let _ = std::fs::remove_file(&file);
    Ok(())
}

/// Which weights an encoder has.
pub fn described(encoder: &LoadedEncoder) -> String {
    encoder
        .step()
        .map_or_else(|| encoder.weights().to_owned(), |step| format!("{}, step {step}", encoder.weights()))
}

/// A bar that counts `unit`s up to `total`.
pub fn bar(ui: &Ui, total: usize, unit: &str) -> ProgressBar {
    if !ui.shows_progress() {
        return ProgressBar::hidden();
    }
    let template = "{bar:30} {pos}/{len} {msg}  {per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    // A message: names may hold braces, which a template would read.
    ProgressBar::new(total as u64).with_style(style).with_message(unit.to_owned())
}
