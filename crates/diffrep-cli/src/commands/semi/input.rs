//! What `diffrep semi` works on: images, known labels, and the encoder to start from.
use super::Args;
use crate::arguments::{self, without_options};
use crate::bad_images::tell_skipped;
use crate::ui::Ui;
use anyhow::{Context, Result, bail};
use diffrep::data::{self, Dataset, ImageSet, Labels, OpenOptions, Preprocess, Provenance};
use diffrep::nn::device::Device;
use diffrep::random::Seed;
use diffrep::represent::LoadedEncoder;
use diffrep::semi::{KnownLabels, Protocol, SemiTask, Start};
use diffrep::train::{Config, DataConfig, RunFolder, Sources, preset_for};
use std::path::{Path, PathBuf};

pub struct Input {
    pub task: SemiTask,
    /// The encoder of `--init`, or the settings of a network without it.
    pub start: Start,
    pub protocol: Protocol,
}

impl Input {
    /// Opens everything that the arguments name.
    pub fn read(args: &Args, device: &Device, ui: &Ui) -> Result<Self> {
        let init = init(args, device)?;
        if let Some(t) =
            args.t.as_ref().filter(|_| init.as_ref().is_some_and(|init| !init.is_time_conditioned()))
        {
            bail!("--t {t} changes nothing: the encoder of --init is not time-conditioned; leave it out");
        }
        let features = features(args, init.as_ref());
        let (dataset, known, preprocess, start, place) = match init {
            Some(encoder) => {
                // Other data have labels of their own.
                let options = OpenOptions { labels: Labels::Auto, ..encoder.open_options() };
                let (dataset, known, data) = open(args, options)?;
                encoder.check(&dataset.name, &dataset.train)?;
                let preprocess = encoder.preprocess().clone();
                let start = Start::Trained(Box::new(encoder), data.clone());
                (dataset, known, preprocess, start, data)
            }
            None => {
                let config = network(args)?;
                let (dataset, known, data) = open(args, config.data.open_options())?;
                // An encoder alone takes images of any side.
                let preprocess = Preprocess::fit(&dataset.train, 1)?;
                let start = Start::Random(Box::new(Config { data: data.clone(), ..config }));
                (dataset, known, preprocess, start, data)
            }
        };
        tell_skipped(&dataset, ui);
        let mut task = SemiTask::new(&dataset, &known, preprocess)?;
        forget_learned(&mut task, &dataset, &start, ui);
        let protocol = Protocol {
            data: task.dataset.clone(),
            data_config: Some(place),
            labels: match known {
                KnownLabels::PerClass { count, .. } => {
                    format!("{count} a class, label seed {}", args.label_seed())
                }
                _ => args.labels.clone(),
            },
            features,
            // Its last part may have taken less than the whole.
            arguments: without_options(arguments::of_command().into_iter(), &["--minutes"]),
        };
        Ok(Self { task, start, protocol })
    }
}

/// Takes away what the start has learned the labels of: figures of those images would be too good.
fn forget_learned(task: &mut SemiTask, dataset: &Dataset, start: &Start, ui: &Ui) {
    let learned = start.learned_labels();
    let learner = |images: &ImageSet, provenance: &Provenance| {
        let found = learned.iter().find(|learned| learned.are_of(images, provenance));
        found.map(|learned| learned.method.clone())
    };
    let warn = |method: String, which: &str| {
        ui.message(format!(
            "warning: {method} has learned labels of these images in --init, so that no accuracy of {which} is told"
        ));
    };
    if let Some(method) = learner(&dataset.train, &Provenance::of_train(dataset)) {
        warn(method, "unlabelled images");
        task.forget_truth();
    }
    let test = dataset.test.as_ref().zip(Provenance::of_test(dataset));
    if let Some(method) = test.and_then(|(images, provenance)| learner(images, &provenance)) {
        warn(method, "test images");
        task.forget_test();
    }
}

fn init(args: &Args, device: &Device) -> Result<Option<LoadedEncoder>> {
    let Some(run) = &args.init else { return Ok(None) };
    Ok(Some(match args.untrained {
        // As it was before training.
        true => LoadedEncoder::random(run, Seed(RunFolder::open(run)?.record()?.seed), device)?,
        false => LoadedEncoder::open(run, args.checkpoint.0, args.weights.0, device)?,
    }))
}

/// The images with the labels that they have anyway, the known ones, and where both lie.
fn open(args: &Args, mut options: OpenOptions) -> Result<(Dataset, KnownLabels, DataConfig)> {
    let mut dataset = data::open(&args.data, &options)?;
    let known = match args.labels_per_class() {
        Some(count) => KnownLabels::PerClass { count, seed: Seed(args.label_seed()) },
        None if args.labels.to_lowercase().ends_with(".csv") => {
            let labels = Labels::File(PathBuf::from(&args.labels));
            let file = OpenOptions { labels, ..options.clone() };
            let labelled = data::open(&args.data, &file)?;
            let column = labelled.train.labels().cloned();
            let column = column.with_context(|| format!("{} names no label", args.labels))?;
            // The data's own labels are the truth, if they are of the same kind.
            if dataset.train.labels().is_none_or(|own| own.classes != column.classes) {
                (dataset, options) = (labelled, file);
            }
            KnownLabels::Column(column)
        }
        None => {
            if dataset.train.labels().is_none() {
                // The file's classes are none of the data's, whose folders later commands would look for.
                options.labels = Labels::Ignore;
            }
            KnownLabels::SplitFile(PathBuf::from(&args.labels))
        }
    };
    Ok((dataset, known, DataConfig::of(&args.data, &options)))
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
        let (spread, trained) = ("raw pixels", format!("network with random weights, seed {}", args.seed()));
        return if spreads { spread.to_owned() } else { trained };
    };
    let run = args.init.as_deref().unwrap_or(Path::new("")).display();
    let step = encoder.step().map_or(String::new(), |step| format!(", step {step}"));
    let how = match (spreads, args.no_whiten) {
        (false, _) => "",
        (true, false) => ", whitened",
        (true, true) => ", as they are",
    };
    // A static encoder sees no t.
    let t = if encoder.is_time_conditioned() { format!(", t {}", args.t()) } else { String::new() };
    let what = if spreads { "codes of" } else { "network of" };
    format!("{what} {run}: weights {}{step}{t}{how}", encoder.weights())
}
