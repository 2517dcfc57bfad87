//! `diffrep semi`.
mod input;
mod output;

use crate::device::DeviceArgs;
use crate::encoder::{CheckpointName, WeightsName, bar};
use crate::progress::stop_on_ctrl_c;
use crate::training::{default_folder, time_limit};
use crate::ui::Ui;
use anyhow::{Context, Result, bail, ensure};
use diffrep::nn::device::Device;
use diffrep::represent::{Embeddings, pixels};
use diffrep::semi::{
    EpochRecord, Outcome, Propagation, SemiEvent, SemiMethod, SemiSettings, SemiTrainer, Start, TimeFed,
    propagate,
};
use diffrep::train::{Ending, Limits, LockedRun, RunFolder, refuse_inside};
use input::Input;
use std::path::{Path, PathBuf};

/// Label all images from few labels: by spreading them over a graph of alike images, or by training with the guesses.
///
/// `propagate` takes minutes and trains nothing: it spreads the labels over the codes of --init, or over raw pixels.
/// `laplacenet` trains a network, from --init or from random weights, on the labels and on guesses that are made anew every
/// epoch. `supervised` trains it on the labels alone. Both leave a run folder that `encode` and `probe` read; the same
/// command given again goes on where it stopped. Labels of the data that aren't among --labels tell how right the guesses
/// are, and nothing else.
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
    #[arg(long, value_name = "S")]
    label_seed: Option<u64>,
    /// propagate, laplacenet or supervised. Default: laplacenet.
    #[arg(long, value_name = "M", default_value = "laplacenet", hide_default_value = true)]
    method: String,
    /// Run whose encoder to start from, or whose codes to spread labels over. Default: random weights; raw pixels.
    #[arg(long, value_name = "RUN")]
    init: Option<PathBuf>,
    /// Checkpoint of --init: latest, best or a step. Default: latest.
    #[arg(
        long,
        value_name = "WHICH",
        default_value = "latest",
        hide_default_value = true,
        requires = "init"
    )]
    checkpoint: CheckpointName,
    /// Weights of --init: ema or raw. Default: ema.
    #[arg(long, value_name = "W", default_value = "ema", hide_default_value = true, requires = "init")]
    weights: WeightsName,
    /// The encoder of --init with the random weights that it began with instead of its trained ones.
    #[arg(long, requires = "init", conflicts_with_all = ["checkpoint", "weights"])]
    untrained: bool,
    /// The t that the encoder of --init is fed, in [0, 1]; `learned` makes it a parameter. Default: 0.
    #[arg(long, value_name = "T")]
    t: Option<String>,
    /// Training steps. Default: 3000.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    steps: Option<u64>,
    /// Stop after so many minutes; the same command goes on.
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Images a step; half of them labelled ones. Default: 100.
    #[arg(long, value_name = "N")]
    batch: Option<usize>,
    /// Augmented views of an image a step. Default: 1.
    #[arg(long, value_name = "N")]
    views: Option<u16>,
    /// Train without mixing images.
    #[arg(long)]
    no_mixup: bool,
    /// Probability of mirrored views. Default: 0.5 for colour images, 0 for grey ones, which often are signs.
    #[arg(long, value_name = "P")]
    flip: Option<f64>,
    /// First learning rate. Default: 0.03.
    #[arg(long, value_name = "R")]
    learning_rate: Option<f64>,
    /// Neighbours of each image in the graph. Default: 50.
    #[arg(long, value_name = "K")]
    neighbours: Option<usize>,
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
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    seed: Option<u64>,
    /// List the N most doubtful images: what to label next.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    suggest: usize,
    /// Folder of the run. Default: runs/DATA-METHOD.
    #[arg(long, value_name = "RUN")]
    out: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
}

impl Args {
    fn seed(&self) -> u64 {
        self.seed.unwrap_or(SemiSettings::default().seed)
    }

    fn label_seed(&self) -> u64 {
        self.label_seed.unwrap_or(0)
    }

    /// So many of each class, unless the labels are those of a file.
    fn labels_per_class(&self) -> Option<usize> {
        self.labels.parse().ok()
    }

    fn t(&self) -> &str {
        self.t.as_deref().unwrap_or("0")
    }
}

pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    let method = match args.method.as_str() {
        "propagate" => None,
        "laplacenet" => Some(SemiMethod::LaplaceNet),
        "supervised" => Some(SemiMethod::Supervised),
        other => bail!("--method is `{other}`, expected propagate, laplacenet or supervised"),
    };
    let out = args.out.clone().unwrap_or_else(|| default_folder(&args.data, &args.method));
    time(args)?;
    // A run that an earlier version began with them goes on by the same command.
    if RunFolder::open(&out).is_err() {
        refuse_unused(args, method)?;
    }
    refuse_inside(&args.data, &out)?;
    let device = args.device.open()?;
    let input = Input::read(args, &device, ui)?;
    let task = &input.task;
    ui.message(format!(
        "{}: {} images, {} labelled, {} classes",
        task.dataset,
        task.images.len(),
        task.labels.labelled().len(),
        task.classes.len()
    ));
    match method {
        None => {
            let run = out.display();
            ensure!(
                RunFolder::open(&out).is_err(),
                "{run} is a run; give propagate another folder with --out"
            );
            output::refuse_another(&input.protocol, &out)?;
            std::fs::create_dir_all(&out).with_context(|| format!("can't create {run}"))?;
            let outcome = spread(args, &input, ui)?;
            output::finished(args, &input.protocol, (task, &outcome), &out, ui)
        }
        Some(method) => train(args, method, input, (&out, &device), ui),
    }
}

/// Errors about options of which the method has no use.
fn refuse_unused(args: &Args, method: Option<SemiMethod>) -> Result<()> {
    // Without --init there is a network of its own, of which `propagate` has none.
    let network = |setting: &String| !setting.trim_start().starts_with("data.");
    let sees_t = args.set.iter().any(|setting| setting.trim_start().starts_with("encoder.time_conditioned"));
    let mut unused = vec![
        // Pixels, and codes of an encoder that isn't time-conditioned, are the same at every t.
        ("--t", args.t.is_some() && args.init.is_none() && !sees_t),
        ("--label-seed", args.label_seed.is_some() && args.labels_per_class().is_none()),
    ];
    if let Some(setting) =
        args.set.iter().find(|setting| network(setting) && !setting.trim_start().starts_with("encoder."))
    {
        bail!("--set {setting} changes nothing: only data.* and encoder.* are read here; leave it out");
    }
    unused.extend(match method {
        None => vec![
            ("--preset", args.preset.is_some()),
            ("--set of a network", args.set.iter().any(network)),
            ("--steps", args.steps.is_some()),
            ("--minutes", args.minutes.is_some()),
            ("--batch", args.batch.is_some()),
            ("--views", args.views.is_some()),
            ("--no-mixup", args.no_mixup),
            ("--flip", args.flip.is_some()),
            ("--learning-rate", args.learning_rate.is_some()),
            ("--seed", args.seed.is_some()),
        ],
        Some(method) => vec![
            ("--no-whiten", args.no_whiten),
            ("--neighbours", args.neighbours.is_some() && method == SemiMethod::Supervised),
        ],
    });
    match unused.into_iter().find(|(_, given)| *given) {
        Some((name, _)) => bail!("{name} changes nothing with --method {}: leave it out", args.method),
        None => Ok(()),
    }
}

/// A fixed t, or a learned one.
fn time(args: &Args) -> Result<TimeFed> {
    match (args.t(), args.t().parse()) {
        ("learned", _) => Ok(TimeFed::Learned),
        (_, Ok(t)) if (0.0..=1.0).contains(&t) => Ok(TimeFed::Fixed(t)),
        (text, _) => bail!("--t is `{text}`, expected a t in [0, 1] or `learned`"),
    }
}

/// Labels spread over frozen features.
fn spread(args: &Args, input: &Input, ui: &Ui) -> Result<Outcome> {
    let task = &input.task;
    let features = match &input.start {
        Start::Trained(encoder, _) => {
            let TimeFed::Fixed(t) = time(args)? else { bail!("--t learned needs --method laplacenet") };
            let bar = bar(ui, task.images.len(), "images");
            let codes = Embeddings::of(encoder, &task.images, &[t], &|done| bar.set_position(done as u64))?;
            bar.finish_and_clear();
            codes.values
        }
        Start::Random(_) => pixels(&task.images, &task.preprocess)?,
    };
    // Whitening helps codes, and takes from pixels what their angles tell: see docs/results.md.
    let whiten = matches!(input.start, Start::Trained(..)) && !args.no_whiten;
    let standard = Propagation::default();
    let settings = Propagation { k: args.neighbours.unwrap_or(standard.k), whiten, ..standard };
    let found = propagate(&features, features.len() / task.images.len().max(1), &task.labels, &settings)?;
    Ok(Outcome::of_propagation(task, found))
}

/// A network trained on labels and guesses.
fn train(
    args: &Args,
    method: SemiMethod,
    input: Input,
    (out, device): (&Path, &Device),
    ui: &Ui,
) -> Result<()> {
    let channels = input.task.images.shape().channels;
    let standard = SemiSettings::default();
    let (steps, batch) = (args.steps.unwrap_or(standard.steps), args.batch.unwrap_or(standard.batch));
    let settings = SemiSettings {
        seed: args.seed(),
        method,
        steps,
        batch,
        labelled_batch: (batch / 2).max(1),
        learning_rate: args.learning_rate.unwrap_or(standard.learning_rate),
        mixup: !args.no_mixup,
        views: args.views.unwrap_or(standard.views),
        flip: args.flip.unwrap_or(if channels == 3 { 0.5 } else { 0.0 }),
        time: time(args)?,
        neighbours: args.neighbours.unwrap_or(standard.neighbours),
        ..standard
    };
    // Whatever is wrong with the settings is said before a folder is made.
    settings.check()?;
    let time = time_limit(args.minutes)?;
    let Input { task, start, protocol } = input;
    let stop = stop_on_ctrl_c(ui)?;
    // It holds the folder's lock until everything is written.
    let mut trainer = SemiTrainer::open(task, settings, &start, LockedRun::acquire(out)?, device)?;
    if trainer.step() > 0 {
        ui.message(format!("going on after step {}", trainer.step()));
    }
    let bar = bar(ui, steps as usize, "steps");
    bar.set_position(trainer.step());
    bar.reset_eta();
    let limits = Limits { steps, time, stop: &stop };
    let ending = trainer.run(limits, &mut |event| match event {
        SemiEvent::Step { step, .. } => bar.set_position(step),
        SemiEvent::Warning(message) => bar.suspend(|| ui.message(format!("warning: {message}"))),
        SemiEvent::Epoch(epoch) => bar.suspend(|| ui.message(epoch_line(epoch))),
    });
    bar.finish_and_clear();
    // Nothing looks at it any more: Ctrl-C ends what follows at once.
    drop(stop);
    match ending? {
        Ending::Finished => {}
        ending => return output::unfinished(args, ending, (trainer.step(), steps), out, ui),
    }
    if let Some(t) = trainer.learned_time() {
        ui.message(format!("learned t: {t:.3}"));
    }
    output::finished(args, &protocol, (trainer.task(), &trainer.outcome()?), out, ui)
}

fn epoch_line(epoch: &EpochRecord) -> String {
    let accuracy = epoch.unlabelled_accuracy;
    let accuracy = accuracy.map_or(String::new(), |a| format!(", {:.1} % right", 100.0 * a));
    let solver = match epoch.converged {
        true => String::new(),
        false => format!("; warning: the solver stopped at a relative residual of {:.1e}", epoch.residual),
    };
    format!("step {}: guesses of epoch {}{accuracy}{solver}", epoch.step, epoch.epoch)
}
