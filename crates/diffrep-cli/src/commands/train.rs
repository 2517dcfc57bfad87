//! `diffrep train`.
use crate::bad_images::tell_skipped;
use crate::device::DeviceArgs;
use crate::progress::{TrainingProgress, stop_on_ctrl_c};
use crate::training::{default_folder, ended, outcome, time_limit};
use crate::ui::{self, Ui};
use anyhow::{Result, bail};
use diffrep::data::{self, COLOURED, Dataset};
use diffrep::nn::device::Device;
use diffrep::train::checkpoint::{self, Which};
use diffrep::train::{
    Config, DataConfig, Decay, Ending, InitRecord, Limits, LockedRun, Plan, Record, RunError, RunFolder,
    Sources, TrainError, Trainer, fast_preset_for, metrics, refuse_inside,
};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Fewer steps than this are worth a warning.
const FEW_STEPS: u64 = 200;

/// Train an encoder on images without labels: by denoising score matching, or by one of the methods to compare with.
///
/// Everything goes into one run folder. The same command given again goes on where the run stopped.
#[derive(clap::Args)]
pub struct Args {
    /// Images: `digits`, `shapes`, or a file or folder (IDX, CIFAR, pictures, .npy, .npz); with --resume, where the run's
    /// data lie now if they have moved. Default: the preset's.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    /// Settings to start from: fast, fast-grey, digits, shapes, mnist, cifar10, cifar10-paper, cifar100. Default: digits or
    /// shapes for these data; else fast, or fast-grey for grey images; on a GPU the one named like the data, else cifar10.
    #[arg(long, value_name = "P", conflicts_with = "resume")]
    preset: Option<String>,
    /// TOML file with settings that differ from the preset's.
    #[arg(long, value_name = "FILE", conflicts_with = "resume")]
    config: Option<PathBuf>,
    /// One setting, such as train.batch=32; may be given several times and wins over preset and file.
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "resume")]
    set: Vec<String>,
    /// Method: drl, vdrl (diffusion; a deterministic or a Gaussian code), ae, vae (reconstruction), simclr, simclr-gauss
    /// (two views alike), supervised (all labels: the reference). Default: the preset's, drl.
    #[arg(long, value_name = "M", conflicts_with = "resume")]
    method: Option<String>,
    /// Where noise levels t are drawn in training, the choice of the level of detail: uniform, sigma-uniform (high noise:
    /// coarse features), fixed:T, beta:A,B. Default: the preset's, uniform.
    #[arg(long, value_name = "S", conflicts_with = "resume")]
    time_sampling: Option<String>,
    /// Seed of all random numbers. Default: the preset's, 0.
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(i64).range(0..), conflicts_with = "resume")]
    seed: Option<i64>,
    /// Arithmetic: f32, or bf16 (rounded operands, f32 sums and weights; faster where the processor has AMX, or AMD's
    /// AVX512_BF16; on cpu only). Default: the preset's, f32.
    #[arg(long, value_name = "P", conflicts_with = "resume")]
    precision: Option<String>,
    /// Steps in all, those done before included. Default: the preset's; with --resume those of the run, or of a longer training
    /// that was stopped.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    steps: Option<i64>,
    /// With fast and fast-grey, and wherever train.steps is 0: minutes of the whole training, from which steps and schedule
    /// follow (15 if not given). Otherwise: stop after so many minutes; the run can be resumed, its schedule stays.
    #[arg(long, value_name = "M")]
    minutes: Option<f64>,
    /// Steps between two checkpoints. Default: the preset's.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..), conflicts_with = "resume")]
    checkpoint_every: Option<i64>,
    /// Start from the averaged weights of this run, whose networks must be the same.
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    init: Option<PathBuf>,
    /// Run folder. Default: runs/DATA-METHOD-seedS.
    #[arg(long, value_name = "RUN", conflicts_with = "resume")]
    out: Option<PathBuf>,
    /// Go on with this run, with the settings that it was created with.
    #[arg(long, value_name = "RUN")]
    resume: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArgs,
}

pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    let (trainer, ending, steps) = train(args, ui)?;
    show(&trainer, ending, steps, ui)?;
    outcome(ending, trainer.path())
}

/// Trains until `steps`, time or Ctrl-C end it: the trainer, what ended it, the steps wanted.
pub fn train(args: &Args, ui: &Ui) -> Result<(Trainer, Ending, u64)> {
    let time = time_limit(args.minutes)?;
    let (mut trainer, time) = match &args.resume {
        Some(path) => (resume(path, args.data.as_deref(), &args.device)?, time),
        None => start(args, time, ui)?,
    };
    let stop = stop_on_ctrl_c(ui)?;
    let created = trainer.plan().config().train.steps;
    // Without its arguments nobody tells how far the command that was stopped was going.
    let planned = if args.resume.is_some() { trainer.planned() } else { created };
    let steps = args.steps.map_or(planned, i64::unsigned_abs);
    if let Some(end) = trainer.plan().schedule().end() {
        let over = TrainError::ScheduleOver { run: trainer.path().to_owned(), end };
        if steps > end.max(trainer.step()) && steps > created {
            return Err(over.into());
        }
        if time.is_some() && trainer.step() >= end {
            ui.message(format!("warning: {over}"));
        }
    }
    let mut progress = TrainingProgress::new(ui);
    progress.describe(&trainer);
    let ending = trainer.run(Limits { steps, time, stop: &stop }, &mut progress);
    progress.finish();
    Ok((trainer, ending?, steps))
}

/// A new run, or the one that this very command began before, and the time that this call may take.
fn start(args: &Args, time: Option<Duration>, ui: &Ui) -> Result<(Trainer, Option<Duration>)> {
    let mut sources = sources(args);
    // Whatever the preset, data, method and seed, which name the folder, are these.
    let config = Config::resolve(&sources)?;
    let out = args.out.clone().unwrap_or_else(|| {
        let what = format!("{}-seed{}", config.objective.method.name(), config.seed);
        default_folder(&config.data.source, &what)
    });
    let begun = RunFolder::open(&out).ok();
    let mut dataset = None;
    if args.device.is_cpu() && !sources.names_preset()? {
        let channels = match &begun {
            Some(run) => run.record()?.shape.channels,
            None => dataset.insert(open_outside(&config, &out)?).train.shape().channels,
        };
        sources.preset = Some(fast_preset_for(&config.data.source, channels).to_owned());
    }
    let config = Config::resolve(&sources)?;
    // Steps that are counted to fit need no limit: the schedule ends with them.
    let limit = time.filter(|_| config.train.steps > 0);
    if let Some(run) = begun {
        let mut changes = changes(&config, &run.config()?);
        changes.extend(other_init(args.init.as_deref(), run.record()?.init.as_ref()));
        if !changes.is_empty() {
            // What a schedule was counted for can't be prolonged.
            let ends = run.config()?.optimiser.decay == Decay::Cosine;
            let counted = ["train.minutes", "optimiser.warm_up"];
            let follows = |change: &String| counted.iter().any(|key| change.starts_with(key));
            let longer = ends && changes.iter().all(follows);
            let instead = match longer {
                true => format!("--init {} starts it from the weights of this one", out.display()),
                false => "or go on with it by --resume".to_owned(),
            };
            let other = RunError::OtherRun { path: out, changes: changes.join("; ") };
            bail!("{other}, {instead}");
        }
        return Ok((resume(&out, None, &args.device)?, limit));
    }
    // Runs that have it from earlier versions go on.
    if args.time_sampling.is_some() && !config.objective.method.needs().score_network {
        let method = config.objective.method.name();
        bail!("--time-sampling changes nothing: {method} has no score network; leave it out");
    }
    // Whatever is wrong with settings or device is said before a folder is made.
    let device = args.device.open()?;
    let dataset = match dataset {
        Some(dataset) => dataset,
        None => open_outside(&config, &out)?,
    };
    tell_skipped(&dataset, ui);
    if dataset.train.file_sizes().is_some() {
        // Of large photographs that takes minutes.
        ui.message(format!(
            "{}: {} images; reading them to normalise them",
            dataset.name,
            dataset.train.len()
        ));
    }
    let plan = Plan::on(asked(config), &dataset)?;
    if let Some(init) = &args.init {
        RunFolder::open(init)?;
    }
    let run = LockedRun::acquire(&out)?;
    let plan = counted(plan, &device, ui)?;
    Ok((Trainer::create(plan, run, args.init.as_deref(), &device)?, limit))
}

/// The data to train on, in which the run folder must not lie.
fn open_outside(config: &Config, run: &Path) -> Result<Dataset> {
    refuse_inside(&config.data.source, run)?;
    Ok(data::open(&config.data.source, &config.data.open_options())?)
}

/// The settings without minutes that no steps are counted from: with them a run would look like one that was counted.
fn asked(mut config: Config) -> Config {
    if config.train.steps > 0 {
        config.train.minutes = None;
    }
    config
}

/// What differs between `config` and a run's settings. The total may grow: the schedule stays the one that the run was
/// created with, whether its steps were given or counted.
fn changes(config: &Config, before: &Config) -> Vec<String> {
    let mut given = config.clone();
    if given.train.steps > 0 || before.train.minutes.is_none() {
        // Minutes that steps were once counted from say nothing any more, nor do those of a run whose steps were given.
        given.train.minutes = before.train.minutes;
    }
    given.train.steps = 0;
    let counted = given.counted(before.train.steps);
    given.train.steps = before.train.steps;
    let [given, counted] = [given, counted].map(|config| config.changes_since(before));
    // Only counting has shortened a warm-up.
    if before.train.minutes.is_some() && counted.is_empty() { counted } else { given }
}

/// What differs in where the first weights come from.
fn other_init(given: Option<&Path>, before: Option<&InitRecord>) -> Option<String> {
    match (given, before) {
        (None, None) => None,
        (Some(given), Some(before)) if before.is(given) => None,
        (_, Some(before)) => Some(format!("it starts from the weights of {}", before.run.display())),
        (Some(_), None) => Some("it starts from random weights".to_owned()),
    }
}

/// The plan with its steps counted, if they are to fit into a time.
fn counted(plan: Plan, device: &Device, ui: &Ui) -> Result<Plan> {
    let (0, Some(minutes)) = (plan.config().train.steps, plan.config().train.minutes) else {
        return Ok(plan);
    };
    ui.message(format!("timing steps, to see how many fit into {minutes} minutes"));
    let plan = plan.counted(device)?;
    let steps = plan.config().train.steps;
    if steps < FEW_STEPS {
        ui.message(format!(
            "warning: only {steps} steps fit, which teach an encoder little; give more --minutes, or smaller images with \
             --set 'data.size=[32,32]'"
        ));
    }
    Ok(plan)
}

/// Goes on with the run at `path`, whose data lie at `moved` now if that is given.
fn resume(path: &Path, moved: Option<&str>, device: &DeviceArgs) -> Result<Trainer> {
    let run = RunFolder::open(path)?;
    let lock = LockedRun::acquire(path)?;
    let data = run.config()?.data;
    let place = match moved {
        // A painted run's data may be named without that.
        Some(source) if data.source.starts_with(COLOURED) && !source.starts_with(COLOURED) => {
            DataConfig::of(&format!("{COLOURED}{source}"), &data.open_options())
        }
        Some(source) => DataConfig::of(source, &data.open_options()),
        None => data,
    };
    let plan = Plan::existing_on(&run, &place)?;
    lock.relocate(&place)?;
    Ok(Trainer::resume(plan, lock, &device.open()?)?)
}

fn sources(args: &Args) -> Sources {
    let mut sources = Sources {
        preset: args.preset.clone(),
        file: args.config.clone(),
        set: args.set.clone(),
        flags: Vec::new(),
        minutes: args.minutes,
    };
    sources.flag("data.source", "--data", args.data.clone());
    sources.flag("objective.method", "--method", args.method.clone());
    sources.flag("objective.time", "--time-sampling", args.time_sampling.clone());
    sources.flag("train.precision", "--precision", args.precision.clone());
    sources.flag("seed", "--seed", args.seed);
    sources.flag("train.steps", "--steps", args.steps);
    sources.flag("checkpoint.every", "--checkpoint-every", args.checkpoint_every);
    sources
}

fn show(trainer: &Trainer, ending: Ending, steps: u64, ui: &Ui) -> Result<()> {
    let run = trainer.path();
    let records = metrics::read(run)?;
    let training = records.iter().rev().find_map(|r| if let Record::Train(r) = r { Some(r) } else { None });
    let health = records.iter().rev().find_map(|r| if let Record::Health(r) = r { Some(r) } else { None });
    let machine = records.iter().rev().find_map(|r| if let Record::Machine(r) = r { Some(r) } else { None });
    // What was wrong with health once may be right by now.
    let lasts = |r: &Record| matches!(r, Record::Machine(_)) || Some(r.step()) == health.map(|h| h.step);
    let warnings: Vec<&str> = records.iter().filter(|r| lasts(r)).filter_map(Record::warning).collect();
    let best = checkpoint::find(run, Which::Best)?;
    let ended = ended(ending);
    let value = json!({
        "run": run, "ended": ended, "step": trainer.step(), "steps": steps, "best_step": best,
        "training": training, "health": health, "machine": machine, "warnings": warnings,
    });
    ui.result(&value, || {
        let mut rows = vec![row("steps", format!("{} of {steps}, {ended}", trainer.step()))];
        if let Some(training) = training {
            rows.push(row("loss", format!("{:.2}", training.loss)));
            rows.push(row("images a second", format!("{:.0}", training.images_per_second)));
        }
        if let Some(health) = health {
            rows.push(row("held-out loss", format!("{:.2}", health.held_out_loss)));
            if let (Some(gain), Some(part)) = (health.z_gain, health.z_gain_relative) {
                rows.push(row("z-gain", format!("{gain:.2} ({:.1} % of the loss)", 100.0 * part)));
            }
            rows.push(row("effective rank of z", format!("{:.1}", health.effective_rank)));
            if let Some(accuracy) = health.knn_accuracy {
                rows.push(row("kNN accuracy, held-out", format!("{:.1} %", 100.0 * accuracy)));
            }
        }
        rows.push(row("best checkpoint", format!("step {best}")));
        rows.push(row("run folder", run.display().to_string()));
        ui::table(&["training", ""], &rows)
    })
}

fn row(name: &str, value: String) -> Vec<String> {
    vec![name.to_owned(), value]
}
