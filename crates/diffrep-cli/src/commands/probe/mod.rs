//! `diffrep probe`.
mod text;

pub use text::text;

use crate::arguments;
use crate::bad_images::BadImagesArgs;
use crate::encoder::{EncoderArgs, LevelArgs, ScoreArgs, bar, refuse_unwritable};
use crate::images::open_new_data;
use crate::progress::Stages;
use crate::ui::Ui;
use anyhow::{Context, Result, bail, ensure};
use diffrep::analyse::criterion::{Criterion, choose};
use diffrep::nn::BlockName;
use diffrep::probe::{
    LabelledData, ProbeEvent, ProbeKind, Recipe, RunProbe, ScoreProbe, Scores, Settings, probe_run,
};
use diffrep::random::{Purpose, Seed, monitor};
use diffrep::represent::{Embeddings, LoadedEncoder, ScoreNetwork, level_grid};
use std::path::PathBuf;

/// Images whose codes choose t without labels.
const SAMPLED: usize = 2000;
/// Seeds of the probes that read one t, and of those that read all.
const SEEDS: u64 = 3;
const HEAD_SEEDS: u64 = 5;

/// What is probed beside the baselines.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Source {
    /// The encoder's codes.
    Encoder,
    /// Those and a block of the score network.
    Score,
}

/// Measure how good the embeddings are: small classifiers on the frozen codes, for each level of detail, beside
/// raw pixels and an untrained encoder.
///
/// `--t auto` chooses t: without labels by the largest effective rank of the codes; with --few-labels by
/// cross-validation on the few labels.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Labelled images to learn from and to test on. Default: the data that the run was trained on.
    #[arg(long, value_name = "D", conflicts_with = "train_data")]
    data: Option<String>,
    /// Labelled images to learn from, where others are tested on. Default: those of --data.
    #[arg(long, value_name = "A", requires = "test_data")]
    train_data: Option<String>,
    /// Labelled images to test on: their test split, or all if they have none. Default: the test split of --data, or
    /// a fifth of it if it has none.
    #[arg(long, value_name = "B")]
    test_data: Option<String>,
    /// CSV file of labels for the images of --data or --train-data: relative path, label. Default: what they have.
    #[arg(long, value_name = "F")]
    labels: Option<PathBuf>,
    /// The same for the images of --test-data.
    #[arg(long, value_name = "F", requires = "test_data")]
    test_labels: Option<PathBuf>,
    /// Label column, where the data have several. Default: the first.
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    #[command(flatten)]
    bad: BadImagesArgs,
    #[command(flatten)]
    levels: LevelArgs,
    /// Features beside the encoder's codes: score, those of a block of the score network at each t. Default: none.
    #[arg(long, value_name = "S", default_value = "encoder", hide_default_value = true)]
    source: Source,
    #[command(flatten)]
    score: ScoreArgs,
    /// Probes every block of the score network (or that of --block) at every t with the first of the probes, and records
    /// the best features (code, block, or both together), chosen on validation rows, for `encode --auto`.
    #[arg(long, conflicts_with = "source")]
    grid: bool,
    /// Probes, separated by commas: linear, mlp, knn. Default: linear,mlp.
    #[arg(long, value_name = "LIST", default_value = "linear,mlp", hide_default_value = true)]
    probe: String,
    /// Also classifiers that read the codes at all these t at once, separated by commas: concat, mean or softmax (learned
    /// weights) followed by the MLP, gru, attention. Default: none.
    #[arg(long, value_name = "LIST")]
    head: Option<String>,
    /// Also with so many labels of each class, separated by commas, such as 1,10,100. Default: only with all.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    few_labels: Vec<usize>,
    /// Training of the probes: default (2 learning rates, at most 30 epochs) or paper (6 learning rates, 100 epochs).
    #[arg(long, value_name = "R", default_value = "default", hide_default_value = true)]
    recipe: String,
    /// Number of seeds; each draws validation rows, few labels, initial weights. Default: 3, of --head 5.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: Option<u64>,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let (scores, settings) = measure(&args, arguments::on_run(&args.encoder.run), ui)?;
    ui.result(&scores, || text(&scores, &settings))
}

/// Runs the probes; the scores are in the run folder too, with the `words` of the command.
pub fn measure(args: &Args, words: Vec<String>, ui: &Ui) -> Result<(Scores, Settings)> {
    let auto = args.levels.is_auto();
    let grid = || level_grid(11).expect("11 levels are allowed");
    let mut t = if auto { grid() } else { args.levels.levels(grid)? };
    let mut few_labels = args.few_labels.clone();
    few_labels.sort_unstable();
    few_labels.dedup();
    let settings = Settings {
        probes: kinds("--probe", &args.probe, &ProbeKind::SINGLE)?,
        recipe: args.recipe.parse::<Recipe>()?,
        seeds: (0..args.seeds.unwrap_or(SEEDS)).collect(),
        few_labels,
        cross_validate: auto,
    };
    let heads = match &args.head {
        Some(list) => kinds("--head", list, &ProbeKind::TRAJECTORY)?,
        None => Vec::new(),
    };
    let heads = (heads, (0..args.seeds.unwrap_or(HEAD_SEEDS)).collect());
    refuse_unwritable(&args.encoder.run)?;
    let encoder = args.encoder.open()?;
    let data = args.train_data.as_deref().or(args.data.as_deref());
    let train = open_new_data(&encoder, data, args.labels.as_deref(), &args.bad, ui)?;
    let test_data = |spec| open_new_data(&encoder, Some(spec), args.test_labels.as_deref(), &args.bad, ui);
    let test = args.test_data.as_deref().map(test_data).transpose()?;
    let labelled = LabelledData::new(&train, test.as_ref(), args.label.as_deref())?;
    ui.message(format!(
        "{} images to learn from, {} to test on ({}, {})",
        labelled.train.labels.len(),
        labelled.test.labels.len(),
        labelled.data.test_data,
        labelled.data.test_split
    ));
    if auto && settings.few_labels.is_empty() {
        t = vec![without_labels(&encoder, &labelled, &t, ui)?];
    }
    let stages = Stages::new(ui);
    let network = open_score(args)?;
    let score = network.as_ref().map(|(network, blocks)| ScoreProbe {
        network,
        blocks: blocks.clone(),
        input: args.score.input(),
        search: args.grid,
    });
    let request = RunProbe { encoder: &encoder, labelled: &labelled, t, settings, heads, score };
    let outcome = probe_run(&args.encoder.run, &request, words, &|event| show(&stages, event));
    stages.finish();
    let scores = outcome.with_context(|| format!("probe of {}", args.encoder.run.display()))?;
    if !scores.leave_head() {
        ui.message(
            "no head to save for `predict`: kNN has none, and without validation rows (two labelled images of a class at \
             least) none can be chosen; one of an earlier probe stays",
        );
    }
    Ok((scores, request.settings))
}

/// The t of `t` that the codes of some training images choose, without their labels.
fn without_labels(encoder: &LoadedEncoder, labelled: &LabelledData, t: &[f64], ui: &Ui) -> Result<f64> {
    let images = &labelled.train.images;
    let mut rows =
        Seed(encoder.record().seed).key(Purpose::Monitor, monitor::CHOOSING, 0).permutation(0, images.len());
    rows.truncate(SAMPLED);
    let bar = bar(ui, rows.len(), "images, to choose t");
    let codes = Embeddings::of(encoder, &images.subset(&rows), t, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let column = |level: usize| {
        let rows = codes.values.chunks_exact(t.len() * codes.dim);
        rows.flat_map(|row| &row[level * codes.dim..][..codes.dim]).copied().collect::<Vec<f32>>()
    };
    let columns: Vec<Vec<f32>> = (0..t.len()).map(column).collect();
    let [criterion, ..] = Criterion::ALL;
    let values = criterion.values(&columns, codes.dim);
    let chosen = choose(&values);
    let name = criterion.name();
    ui.message(format!(
        "t = {}: largest {name}, {:.1}, of {} images without labels",
        t[chosen],
        values[chosen],
        rows.len()
    ));
    Ok(t[chosen])
}

/// The score network and its blocks to probe, if any.
fn open_score(args: &Args) -> Result<Option<(ScoreNetwork, Vec<BlockName>)>> {
    if !args.grid && args.source == Source::Encoder {
        args.score.refuse_given("--source score or --grid")?;
        return Ok(None);
    }
    let network = args.encoder.open_score()?;
    let blocks = match args.score.block {
        Some(block) => {
            // A name that the network doesn't have is told before anything is probed.
            network.channels(block)?;
            vec![block]
        }
        None if args.grid => network.blocks().iter().map(|(name, _)| *name).collect(),
        None => bail!("--block is missing: which block of the score network? --grid tries all"),
    };
    Ok(Some((network, blocks)))
}

/// The kinds that `list` names, which must be among `known`.
fn kinds(option: &str, list: &str, known: &[ProbeKind]) -> Result<Vec<ProbeKind>> {
    let kind = |name: &str| {
        let kind: ProbeKind = name.trim().parse()?;
        let names: Vec<&str> = known.iter().map(|kind| kind.name()).collect();
        ensure!(known.contains(&kind), "{option} is `{name}`, expected {}", names.join(", "));
        Ok(kind)
    };
    list.split(',').map(kind).collect()
}

/// What is going on, as stages.
fn show(stages: &Stages, event: ProbeEvent) {
    match event {
        ProbeEvent::Encoding(source, done, total) => stages.show(format!("images, {source}"), done, total),
        ProbeEvent::Probing(source, done, total) => stages.show(format!("probes, {source}"), done, total),
    }
}
