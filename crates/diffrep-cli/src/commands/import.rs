//! `diffrep import`.
use crate::ui::{self, Ui};
use anyhow::{Context, Result, bail, ensure};
use diffrep::data::{ImageShape, Preprocess};
use diffrep::nn::research::{EncoderNote, ImportedEncoder};
use diffrep::objective::Method;
use diffrep::sde::Sde;
use diffrep::train::checkpoint::{self, Progress, State};
use diffrep::train::{Config, LockedRun, RunError, RunRecord, Schedule, Sources};
use serde_json::json;
use std::path::PathBuf;

/// Turn an encoder of the published PyTorch code, or one that `export` wrote, into a run that `encode` and `probe` accept.
///
/// Every tensor must fit: missing, unknown and differently shaped ones are listed, and nothing is written. Depth, width,
/// latent size and channels are read from the tensors; a file of `export` tells everything itself.
#[derive(clap::Args)]
pub struct Args {
    /// The checkpoint: a PyTorch state dict (encoder_state_1.pth), or a .safetensors file with the same names. Of a whole
    /// model's checkpoint the encoder is taken.
    checkpoint: PathBuf,
    /// Run folder to create.
    #[arg(long, value_name = "RUN")]
    out: PathBuf,
    /// Mean of each channel of the images that the encoder was trained on, with pixels in [0, 1]; for unchanged pixels 0.
    /// CIFAR-10: 0.4914,0.4822,0.4465. Needed unless `export` wrote the file.
    #[arg(
        long,
        value_name = "M,M,M",
        value_delimiter = ',',
        requires = "std",
        allow_negative_numbers = true
    )]
    mean: Vec<f32>,
    /// Standard deviation of each channel; for unchanged pixels 1. CIFAR-10: 0.2470,0.2435,0.2616.
    #[arg(
        long,
        value_name = "S,S,S",
        value_delimiter = ',',
        requires = "mean",
        allow_negative_numbers = true
    )]
    std: Vec<f32>,
    /// Side in pixels of the images that the encoder was trained on. Default: 32.
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..=4096))]
    size: Option<u16>,
    /// The encoder was trained without seeing t: feed it t = 0 always.
    #[arg(long = "static")]
    is_static: bool,
}

/// Side of the images of published encoders.
const SIDE: u16 = 32;
/// What the settings of a run call the images that it was never given.
const NO_DATA: &str = "none: the encoder was imported";

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let encoder = ImportedEncoder::read(&args.checkpoint, side(&args), !args.is_static)?;
    let note = note(&args, &encoder)?;
    let lock = LockedRun::acquire(&args.out)?;
    if lock.existing().is_some() {
        bail!("{} already holds a run; choose another folder", args.out.display());
    }
    write(&args, &encoder, note, &lock)?;
    show(&args, &encoder, ui)
}

fn side(args: &Args) -> usize {
    usize::from(args.size.unwrap_or(SIDE))
}

/// What the tensors don't tell: out of the file, or by the arguments.
fn note(args: &Args, encoder: &ImportedEncoder) -> Result<EncoderNote> {
    let path = args.checkpoint.display();
    let given = !args.mean.is_empty() || args.size.is_some() || args.is_static;
    match &encoder.note {
        Some(_) if given => {
            bail!(
                "{path}: `export` wrote what --mean, --std, --size and --static say into this file; leave them out"
            )
        }
        Some(note) => Ok(note.clone()),
        None if args.mean.is_empty() => bail!("{path} doesn't tell its normalisation; give --mean and --std"),
        None => {
            let (channels, side) = (encoder.config.channels, side(args));
            Ok(EncoderNote {
                encoder: encoder.config.encoder.clone(),
                shape: ImageShape { height: side, width: side, channels },
                preprocess: preprocess(args, channels)?,
                sde: Sde::default(),
                learned_labels: Vec::new(),
            })
        }
    }
}

fn preprocess(args: &Args, channels: usize) -> Result<Preprocess> {
    for (flag, values) in [("--mean", &args.mean), ("--std", &args.std)] {
        let given = values.len();
        ensure!(
            given == channels,
            "{flag} has {given} numbers, expected {channels}, one a channel of the encoder"
        );
    }
    if let Some(mean) = args.mean.iter().find(|mean| !mean.is_finite()) {
        bail!("--mean is {mean}, expected finite numbers");
    }
    if let Some(std) = args.std.iter().find(|std| !(std.is_finite() && **std > 0.0)) {
        bail!("--std is {std}, expected numbers above 0");
    }
    let (mean, std) = (args.mean.clone(), args.std.clone());
    Ok(Preprocess { height: side(args), width: side(args), mean, std })
}

/// Settings, record and a checkpoint of step 0, in which raw and averaged weights are the same.
fn write(args: &Args, encoder: &ImportedEncoder, note: EncoderNote, lock: &LockedRun) -> Result<()> {
    let published = Sources { preset: Some("cifar10-paper".to_owned()), ..Sources::default() };
    let mut config = Config::resolve(&published)?;
    config.data.source = NO_DATA.to_owned();
    config.sde = note.sde;
    config.encoder = note.encoder;
    config.objective.method = if config.encoder.probabilistic { Method::VDRL } else { Method::DRL };
    let name = args.checkpoint.file_name().context("the checkpoint's path has no file name")?;
    let record = RunRecord {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seed: config.seed,
        dataset: format!("imported from {}", name.display()),
        train_images: 0,
        held_out_rows: Vec::new(),
        shape: note.shape,
        classes: None,
        preprocess: note.preprocess,
        model: encoder.config.clone(),
        images_checksum: None,
        pixels_checksum: None,
        labels_checksum: None,
        init: None,
        inherited_labels: note.learned_labels,
    };
    let schedule = Schedule {
        learning_rate: config.optimiser.learning_rate,
        warm_up: config.optimiser.warm_up,
        decay: config.optimiser.decay,
        horizon: config.train.steps,
    };
    let zeros = vec![0.0; encoder.weights.len()];
    let state = State {
        progress: Progress::fresh(schedule),
        weights: encoder.weights.clone(),
        ema: encoder.weights.clone(),
        first_moment: zeros.clone(),
        second_moment: zeros,
    };
    // An earlier import into this folder was stopped before it was a run.
    checkpoint::discard(lock.path(), state.progress.step)?;
    // The checkpoint first: a folder with settings and record counts as a run.
    checkpoint::save(lock.path(), &encoder.layout, &state)?;
    lock.create(&config, &record).map_err(RunError::into)
}

fn show(args: &Args, encoder: &ImportedEncoder, ui: &Ui) -> Result<()> {
    let config = &encoder.config.encoder;
    let parameters = encoder.layout.trainable_len();
    let value = json!({
        "run": args.out,
        "depth": config.depth,
        "width": config.width,
        "latent": config.latent_dim(),
        "probabilistic": config.probabilistic,
        "time_conditioned": config.time_conditioned,
        "channels": encoder.config.channels,
        "parameters": parameters,
        "tensors_left_out": encoder.left_out,
    });
    ui.result(&value, || {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
        let mut rows = vec![
            vec!["encoder".to_owned(), format!("WideResNet-{}-{}", config.depth, config.width)],
            vec!["latent".to_owned(), config.latent_dim().to_string()],
            vec!["probabilistic".to_owned(), yes_no(config.probabilistic)],
            vec!["sees t".to_owned(), yes_no(config.time_conditioned)],
            vec!["image channels".to_owned(), encoder.config.channels.to_string()],
            vec!["parameters".to_owned(), parameters.to_string()],
        ];
        if encoder.left_out > 0 {
            rows.push(vec!["tensors of other networks, left out".to_owned(), encoder.left_out.to_string()]);
        }
        rows.push(vec!["run".to_owned(), args.out.display().to_string()]);
        ui::table(&["imported", ""], &rows)
    })
}
