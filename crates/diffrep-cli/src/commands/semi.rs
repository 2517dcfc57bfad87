//! `diffrep semi`.
use crate::device::DeviceArgs;
use crate::encoder::{CheckpointName, WeightsName, bar};
use crate::progress::stop_on_ctrl_c;
use crate::ui::{self, Ui};
use anyhow::{Result, bail};
use diffrep::data::{self, Dataset, Labels, OpenOptions, Preprocess};
use diffrep::nn::device::Device;
use diffrep::random::Seed;
use diffrep::represent::{Embeddings, LoadedEncoder, pixels};
use diffrep::semi::{
    KnownLabels, Outcome, Propagation, Protocol, SemiEvent, SemiMethod, SemiSettings, SemiTask, SemiTrainer,
    Start, Summary, TimeFed, propagate,
};
use diffrep::train::{Config, Ending, Limits, LockedRun, Sources, preset_for};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Doubtful images that the report shows.
const SHOWN: usize = 40;

/// Label all images from few labels: by spreading them over a graph of alike images, or by training with the guesses.
///
/// `propagate` takes minutes and trains nothing: it spreads the labels over the codes of --init, or over raw pixels.
/// `laplacenet` trains a network, from --init or from random weights, on the labels and on guesses that are made anew every
/// epoch. `supervised` trains it on the labels alone. Both leave a run folder that `encode` and `probe` read; the same
/// command given again goes on where it stopped.
#[derive(clap::Args)]
pub struct Args {
    /// Images: a built-in name, file or folder; the training split, where there are splits.
    #[arg(long, value_name = "D")]
    data: String,
    /// So many of each class of the data's own labels; or a file: CSV (path, label), or LaplaceNet's `.txt` split (file
    /// name, class).
    #[arg(long, value_name = "N|FILE")]
    labels: String,
    /// Which labels --labels N takes. Default: 0.
    #[arg(long, value_name = "S", default_value_t = 0, hide_default_value = true)]
    label_seed: u64,
    /// propagate, laplacenet or supervised. Default: laplacenet.
    #[arg(long, value_name = "M", default_value = "laplacenet", hide_default_value = true)]
    method: String,
    /// Run whose encoder to start from, or whose codes to spread labels over. Default: random weights; raw pixels.
    #[arg(long, value_name = "RUN")]
    init: Option<PathBuf>,
    /// Checkpoint of --init: latest, best or a step. Default: latest.
    #[arg(long, value_name = "WHICH", default_value = "latest", hide_default_value = true)]
    checkpoint: CheckpointName,
    /// Weights of --init: ema or raw. Default: ema.
    #[arg(long, value_name = "W", default_value = "ema", hide_default_value = true)]
    weights: WeightsName,
    /// With propagate: the encoder of --init with random weights instead of its trained ones.
    #[arg(long, requires = "init")]
    untrained: bool,
    /// The t that the encoder is fed, in [0, 1]; `learned` makes it a parameter. Default: 0.
    #[arg(long, value_name = "T", default_value = "0", hide_default_value = true)]
    t: String,
    /// Training steps. Default: 3000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), default_value_t = 3000, hide_default_value = true)]
    steps: u64,
    /// Stop after so many minutes; the same command goes on.
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Images a step; half of them labelled ones. Default: 100.
    #[arg(long, value_name = "N", default_value_t = 100, hide_default_value = true)]
    batch: usize,
    /// Augmented views of an image a step. Default: 1.
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    views: u16,
    /// Train without mixing images.
    #[arg(long)]
    no_mixup: bool,
    /// Probability of mirrored views. Default: 0.5 for colour images, 0 for grey ones, which often are signs.
    #[arg(long, value_name = "P")]
    flip: Option<f64>,
    /// First learning rate. Default: 0.03.
    #[arg(long, value_name = "R", default_value_t = 0.03, hide_default_value = true)]
    learning_rate: f64,
    /// Neighbours of each image in the graph. Default: 50.
    #[arg(long, value_name = "K", default_value_t = 50, hide_default_value = true)]
    neighbours: usize,
    /// With propagate: compare the codes of --init as they are. Default: whitened, so that all their directions count alike.
    #[arg(long, requires = "init")]
    no_whiten: bool,
    /// Settings of the network without --init: a preset. Default: the data's, with the encoder 16 layers deep and 2 wide.
    #[arg(long, value_name = "P", conflicts_with = "init")]
    preset: Option<String>,
    /// A setting of the network without --init, such as encoder.width=4.
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "init")]
    set: Vec<String>,
    /// Seed of training. Default: 0.
    #[arg(long, value_name = "S", default_value_t = 0, hide_default_value = true)]
    seed: u64,
    /// List the N most doubtful images: what to label next.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    suggest: usize,
    /// Folder of the run. Default: runs/DATA-semi.
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
}

pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    let device = args.device.open()?;
    let init = match &args.init {
        Some(run) if args.untrained => Some(LoadedEncoder::random(run, Seed(args.seed), &device)?),
        Some(run) => Some(LoadedEncoder::open(run, args.checkpoint.0, args.weights.0, &device)?),
        None => None,
    };
    let dataset = open(args, init.as_ref())?;
    let config = match &init {
        Some(encoder) => encoder.config().clone(),
        None => network(args)?,
    };
    let preprocess = match &init {
        Some(encoder) => encoder.preprocess().clone(),
        None => Preprocess::fit(&dataset.train, 1)?,
    };
    let known = known(args);
    let task = SemiTask::new(&dataset, &known, preprocess)?;
    let protocol = Protocol {
        data: task.dataset.clone(),
        labels: match known {
            KnownLabels::PerClass { count, .. } => format!("{count} a class, label seed {}", args.label_seed),
            _ => args.labels.clone(),
        },
        features: features(args, init.as_ref()),
    };
    ui.message(format!(
        "{}: {} images, {} labelled, {} classes",
        task.dataset,
        task.images.len(),
        task.labels.labelled().len(),
        task.classes.len()
    ));
    let out = args.out.clone().unwrap_or_else(|| default_folder(&args.data));
    let (task, outcome) = match args.method.as_str() {
        "propagate" => {
            std::fs::create_dir_all(&out)?;
            let outcome = spread(args, &task, init.as_ref(), ui)?;
            (task, outcome)
        }
        "laplacenet" => train(args, SemiMethod::LaplaceNet, task, (config, init), (&out, &device), ui)?,
        "supervised" => train(args, SemiMethod::Supervised, task, (config, init), (&out, &device), ui)?,
        other => bail!("--method is `{other}`, expected propagate, laplacenet or supervised"),
    };
    let files = ["predictions.csv", "predictions.parquet"].map(|name| out.join(name));
    for file in &files {
        outcome.write(file, &task.images)?;
    }
    let summary = outcome.summary(&args.method, protocol, &task.images, args.suggest.max(SHOWN));
    summary.save(&out)?;
    if !summary.converged {
        let residual = summary.residual;
        ui.message(format!(
            "warning: the solver stopped before its tolerance; relative residual {residual:.1e}"
        ));
    }
    show(&summary, args.suggest, &files[0], ui)
}

fn open(args: &Args, init: Option<&LoadedEncoder>) -> Result<Dataset> {
    let mut options = init.map_or_else(OpenOptions::default, LoadedEncoder::open_options);
    if args.labels.ends_with(".csv") {
        options.labels = Labels::File(PathBuf::from(&args.labels));
        options.classes = None;
    }
    let dataset = data::open(&args.data, &options)?;
    if let Some(encoder) = init {
        encoder.check(&dataset.name, &dataset.train)?;
    }
    Ok(dataset)
}

fn known(args: &Args) -> KnownLabels {
    match args.labels.parse() {
        Ok(count) => KnownLabels::PerClass { count, seed: Seed(args.label_seed) },
        Err(_) if args.labels.ends_with(".csv") => KnownLabels::All,
        Err(_) => KnownLabels::SplitFile(PathBuf::from(&args.labels)),
    }
}

/// Settings of a network that starts from random weights.
fn network(args: &Args) -> Result<Config> {
    let wide = ["encoder.depth=16", "encoder.width=2"].map(str::to_owned);
    let set = if args.preset.is_some() { Vec::new() } else { wide.to_vec() };
    let mut sources = Sources {
        preset: Some(args.preset.clone().unwrap_or_else(|| preset_for(&args.data).to_owned())),
        set: set.into_iter().chain(args.set.iter().cloned()).collect(),
        ..Sources::default()
    };
    sources.flag("data.source", "--data", Some(args.data.as_str()));
    sources.flag("objective.method", "--method", Some("supervised"));
    Ok(Config::resolve(&sources)?)
}

/// What labels are spread over, or training starts from, in words.
fn features(args: &Args, init: Option<&LoadedEncoder>) -> String {
    let spreads = args.method == "propagate";
    let Some(encoder) = init else {
        let (spread, trained) = ("raw pixels", format!("network with random weights, seed {}", args.seed));
        return if spreads { spread.to_owned() } else { trained };
    };
    let run = args.init.as_deref().unwrap_or(Path::new("")).display();
    let step = encoder.step().map_or(String::new(), |step| format!(", step {step}"));
    let how = match (spreads, args.no_whiten) {
        (false, _) => "",
        (true, false) => ", whitened",
        (true, true) => ", as they are",
    };
    format!(
        "{} {run}: weights {}{step}, t {}{how}",
        if spreads { "codes of" } else { "network of" },
        encoder.weights(),
        args.t
    )
}

/// A fixed t, or a learned one.
fn time(args: &Args) -> Result<TimeFed> {
    match (args.t.as_str(), args.t.parse()) {
        ("learned", _) => Ok(TimeFed::Learned),
        (_, Ok(t)) => Ok(TimeFed::Fixed(t)),
        (text, Err(_)) => bail!("--t is `{text}`, expected a t in [0, 1] or `learned`"),
    }
}

/// Labels spread over frozen features.
fn spread(args: &Args, task: &SemiTask, init: Option<&LoadedEncoder>, ui: &Ui) -> Result<Outcome> {
    let features = match init {
        Some(encoder) => {
            let TimeFed::Fixed(t) = time(args)? else { bail!("--t learned needs --method laplacenet") };
            if !(0.0..=1.0).contains(&t) {
                bail!("--t is `{t}`, expected a t in [0, 1]");
            }
            let bar = bar(ui, task.images.len(), "images");
            let codes = Embeddings::of(encoder, &task.images, &[t], &|done| bar.set_position(done as u64))?;
            bar.finish_and_clear();
            codes.values
        }
        None => pixels(&task.images, &task.preprocess)?,
    };
    // Whitening helps codes, and takes from pixels what their angles tell: see docs/results.md.
    let whiten = init.is_some() && !args.no_whiten;
    let settings = Propagation { k: args.neighbours, whiten, ..Propagation::default() };
    let found = propagate(&features, features.len() / task.images.len().max(1), &task.labels, &settings)?;
    Ok(Outcome::of_propagation(task, found))
}

/// A network trained on labels and guesses.
fn train(
    args: &Args,
    method: SemiMethod,
    task: SemiTask,
    (config, init): (Config, Option<LoadedEncoder>),
    (out, device): (&Path, &Device),
    ui: &Ui,
) -> Result<(SemiTask, Outcome)> {
    let settings = SemiSettings {
        seed: args.seed,
        method,
        steps: args.steps,
        batch: args.batch,
        labelled_batch: (args.batch / 2).max(1),
        learning_rate: args.learning_rate,
        mixup: !args.no_mixup,
        views: args.views,
        flip: args.flip.unwrap_or(if task.images.shape().channels == 3 { 0.5 } else { 0.0 }),
        time: time(args)?,
        neighbours: args.neighbours,
        ..SemiSettings::default()
    };
    let minutes = args.minutes.map(|minutes| Duration::try_from_secs_f64(60.0 * minutes)).transpose()?;
    let start = match init {
        Some(encoder) => Start::Trained(Box::new(encoder)),
        None => Start::Random(Box::new(config)),
    };
    let stop = stop_on_ctrl_c()?;
    let mut trainer = SemiTrainer::open(task, settings, &start, LockedRun::acquire(out)?, device)?;
    let bar = bar(ui, args.steps as usize, "steps");
    bar.set_position(trainer.step());
    bar.reset_eta();
    let limits = Limits { steps: args.steps, time: minutes, stop: &stop };
    let ending = trainer.run(limits, &mut |event| match event {
        SemiEvent::Step { step, .. } => bar.set_position(step),
        SemiEvent::Epoch(epoch) => {
            let accuracy = epoch.unlabelled_accuracy;
            let accuracy = accuracy.map_or(String::new(), |a| format!(", {:.1} % right", 100.0 * a));
            let line = format!("step {}: guesses of epoch {}{accuracy}", epoch.step, epoch.epoch);
            bar.suspend(|| ui.message(line));
        }
    });
    bar.finish_and_clear();
    if ending? != Ending::Finished {
        bail!(
            "stopped at step {} of {}; the same command goes on ({})",
            trainer.step(),
            args.steps,
            out.display()
        );
    }
    let outcome = trainer.outcome()?;
    if let Some(t) = trainer.learned_time() {
        ui.message(format!("learned t: {t:.3}"));
    }
    Ok((trainer.task().clone(), outcome))
}

fn show(summary: &Summary, suggest: usize, file: &Path, ui: &Ui) -> Result<()> {
    let suggested: Vec<&str> = summary.doubtful.iter().take(suggest).map(|image| image.id.as_str()).collect();
    let mut value = serde_json::to_value(summary)?;
    value["predictions"] = json!(file);
    value["suggested"] = json!(suggested);
    ui.result(&value, || {
        let percent =
            |accuracy: Option<f64>| accuracy.map_or("–".to_owned(), |a| format!("{:.2} %", 100.0 * a));
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        let mut rows = vec![
            row("data", summary.protocol.data.clone()),
            row("images", summary.images.to_string()),
            row("of these labelled", format!("{} ({})", summary.labelled, summary.protocol.labels)),
            row("features", summary.protocol.features.clone()),
            row("accuracy, unlabelled images", percent(summary.unlabelled_accuracy)),
            row("accuracy, test images", percent(summary.test_accuracy)),
        ];
        if summary.unreached > 0 {
            rows.push(row("images that no label reaches", summary.unreached.to_string()));
        }
        rows.push(row("predictions", file.display().to_string()));
        let mut text = ui::table(&[summary.method.as_str(), ""], &rows);
        if !suggested.is_empty() {
            text += &format!("\n\nlabel these next:\n  {}", suggested.join("\n  "));
        }
        text
    })
}

fn default_folder(data: &str) -> PathBuf {
    let name = Path::new(data).file_name().unwrap_or_default().to_string_lossy().into_owned();
    Path::new("runs").join(format!("{}-semi", name.split('.').next().unwrap_or("data")))
}
