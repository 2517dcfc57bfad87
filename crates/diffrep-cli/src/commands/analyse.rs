//! `diffrep analyse`.
use super::report::save_figures;
use crate::arguments;
use crate::bad_images::BadImagesArgs;
use crate::encoder::{EncoderArgs, LevelArgs, bar, refuse_unwritable};
use crate::images::{open_new_data, refuse_among_images};
use crate::progress::Stages;
use crate::ui::{self, Ui};
use anyhow::{Context, Result, ensure};
use diffrep::analyse::{AnalyseError, AnalyseEvent, Analysis, Codes, Factor, Request, analyse, factor_data};
use diffrep::data::{Dataset, ImageSet};
use diffrep::probe::{Origin, ProbeKind, Recipe, Settings};
use diffrep::random::Seed;
use diffrep::report::analysis;
use diffrep::represent::{Embeddings, LoadedEncoder, level_grid, pixels};
use std::path::PathBuf;

/// Which level of detail holds what: accuracy of every label column against t, where attention looks, how alike the
/// codes at every two t are, their dimension, what they are worth to the score network, and figures that choose t without
/// labels.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Labelled images: a built-in name, file or folder. Default: the data that the run was trained on.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    /// CSV file of labels, one column a factor: relative path, then the columns. Default: what the data have.
    #[arg(long, value_name = "F")]
    labels: Option<PathBuf>,
    /// Label columns, separated by commas. Default: all.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    label: Option<Vec<String>>,
    #[command(flatten)]
    bad: BadImagesArgs,
    #[command(flatten)]
    levels: LevelArgs,
    /// Probe of a single t: linear, mlp or knn. Default: linear.
    #[arg(long, value_name = "P", default_value = "linear", hide_default_value = true)]
    probe: String,
    /// Training of the probes: default or paper. Default: default.
    #[arg(long, value_name = "R", default_value = "default", hide_default_value = true)]
    recipe: String,
    /// Number of seeds. Default: 3.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100), default_value_t = 3, hide_default_value = true)]
    seeds: u64,
    /// Leaves out the head with attention over all t, which takes most of the time.
    #[arg(long)]
    no_attention: bool,
    /// Images, at most, whose codes are compared at every two t. Default: 2000.
    #[arg(long, value_name = "N", default_value_t = 2000, hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(10..))]
    images: u16,
    /// Folder for the figures, one .svg and one .png each. Default: figures in the run folder.
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let run = &args.encoder.run;
    let mut t = args.levels.levels(|| level_grid(11).expect("11 levels are allowed"))?;
    t.sort_by(f64::total_cmp);
    ensure!(t.len() > 1, "one t can't be compared with others: give several with --t or --t-grid");
    let probe: ProbeKind = args.probe.parse()?;
    ensure!(ProbeKind::SINGLE.contains(&probe), "--probe is `{}`, expected linear, mlp or knn", args.probe);
    let settings = Settings {
        probes: vec![probe],
        recipe: args.recipe.parse::<Recipe>()?,
        seeds: (0..args.seeds).collect(),
        few_labels: Vec::new(),
        cross_validate: false,
    };
    let folder = args.figures.clone().unwrap_or_else(|| run.join("figures"));
    refuse_among_images(run, args.data.as_deref(), &folder)?;
    refuse_unwritable(run)?;
    let encoder = args.encoder.open()?;
    if !encoder.is_time_conditioned() {
        return Err(AnalyseError::Static.into());
    }
    let dataset = open_new_data(&encoder, args.data.as_deref(), args.labels.as_deref(), &args.bad, ui)?;
    let factors = factor_data(&dataset, args.label.as_deref())?;
    factors.iter().try_for_each(|factor| factor.labelled.refuse_learned(&encoder))?;
    let seed = Seed(encoder.record().seed);
    let random = LoadedEncoder::random(run, seed, encoder.device())?.with_precision(encoder.precision())?;
    let codes = encode(&encoder, &dataset, &t, "images", ui)?;
    let random = encode(&random, &dataset, &t, "images, random encoder", ui)?;
    let pixels = Codes {
        t: vec![0.0],
        dim: encoder.preprocess().shape().len(),
        train: pixels(&dataset.train, encoder.preprocess())?,
        test: dataset.test.as_ref().map(|set| pixels(set, encoder.preprocess())).transpose()?,
    };
    let gains = match encoder.record().model.score_network {
        true => {
            let images = dataset.test.as_ref().unwrap_or(&dataset.train);
            args.encoder.open_score()?.gains(images, &t, seed)?
        }
        false => Vec::new(),
    };
    let request = Request {
        factors: &factors,
        codes: &codes,
        random: &random,
        pixels: &pixels,
        gains,
        origin: Origin::of(&encoder),
        settings,
        attention: !args.no_attention,
        images: args.images.into(),
        seed,
    };
    let stages = Stages::new(ui);
    let outcome = analyse(&request, &|event| show(&stages, event));
    stages.finish();
    let mut result = outcome.with_context(|| format!("analysis of {}", run.display()))?;
    result.arguments = arguments::on_run(run);
    result.save(run)?;
    let figures = analysis(&result)?;
    save_figures(&folder, &figures)?;
    ui.result(&result, || {
        format!("{}\n{} figures as SVG and PNG: {}", text(&result), figures.len(), folder.display())
    })
}

/// The codes of all images of both splits.
fn encode(encoder: &LoadedEncoder, data: &Dataset, t: &[f64], unit: &str, ui: &Ui) -> Result<Codes> {
    let total = data.train.len() + data.test.as_ref().map_or(0, ImageSet::len);
    let bar = bar(ui, total, unit);
    let of = |set: &ImageSet, before: usize| {
        let progress = |done: usize| bar.set_position((before + done) as u64);
        Embeddings::of(encoder, set, t, &progress).map(|embeddings| embeddings.values)
    };
    let train = of(&data.train, 0)?;
    let test = data.test.as_ref().map(|set| of(set, data.train.len())).transpose()?;
    bar.finish_and_clear();
    Ok(Codes { t: t.to_vec(), dim: encoder.dim(), train, test })
}

/// What is going on, as stages.
fn show(stages: &Stages, event: AnalyseEvent) {
    match event {
        AnalyseEvent::Factor(factor, done, total) => stages.show(format!("probes, {factor}"), done, total),
        AnalyseEvent::Comparing => stages.show("codes compared".to_owned(), 0, 1),
    }
}

fn text(analysis: &Analysis) -> String {
    let percent = |value: f64| format!("{:.1}", 100.0 * value);
    let place = |t: Option<f64>| t.and_then(|t| analysis.t.iter().position(|&other| other == t));
    let at = |factor: &Factor, t: Option<f64>| {
        place(t)
            .map_or(String::new(), |i| format!("{} ± {}", percent(factor.accuracy[i]), percent(factor.sd[i])))
    };
    let row = |factor: &Factor| {
        vec![
            factor.name.clone(),
            percent(1.0 / factor.classes as f64),
            percent(factor.pixels),
            place(factor.random_t).map_or(String::new(), |i| percent(factor.random[i])),
            at(factor, factor.best_t),
            factor.best_t.map_or(String::new(), |t| t.to_string()),
            at(factor, analysis.t.first().copied()),
            at(factor, analysis.t.last().copied()),
            factor.trend.map_or("–".to_owned(), |trend| format!("{trend:+.2}")),
            factor
                .attention_accuracy
                .map_or("–".to_owned(), |(mean, sd)| format!("{} ± {}", percent(mean), percent(sd))),
        ]
    };
    let (first, last) = (analysis.t[0], analysis.t[analysis.t.len() - 1]);
    let ends = [format!("at {first}"), format!("at {last}")];
    let header =
        ["factor", "chance", "pixels", "random", "best", "its t", &ends[0], &ends[1], "trend", "attention"];
    let mut text = ui::table(&header, &analysis.factors.iter().map(row).collect::<Vec<_>>());
    text += "\ntest accuracy in %; random: a random encoder at the t that validation rows chose; its t: the encoder's, chosen so; trend: rank \
        correlation of accuracy with t;\nattention: a head over all t\n\n";
    let levels = analysis.levels.iter().enumerate().map(|(i, level)| {
        let dimension = level.intrinsic_dimension.map_or("–".to_owned(), |d| format!("{d:.1}"));
        let gain = analysis.gains.get(i).map(|level| {
            [format!("{:.2}", level.own), format!("{:.2} ({:.1} %)", level.gain(), 100.0 * level.relative())]
        });
        let codes = [level.t.to_string(), format!("{:.1}", level.effective_rank), dimension];
        codes.into_iter().chain(gain.into_iter().flatten()).collect()
    });
    let header = ["t", "effective rank", "intrinsic dimension", "denoising loss", "z-gain"];
    let shown = if analysis.gains.is_empty() { 3 } else { header.len() };
    text += &ui::table(&header[..shown], &levels.collect::<Vec<Vec<String>>>());
    if !analysis.gains.is_empty() {
        text += "\nz-gain: what exchanging codes between images adds to the loss, and in % of it";
    }
    text += "\n\n";
    let criteria = analysis.criteria.iter().map(|criterion| {
        let agreement = criterion.agreement.iter().map(|(_, rho, lost)| {
            let rho = rho.map_or("–".to_owned(), |rho| format!("{rho:+.2}"));
            format!("{rho} (−{:.1})", 100.0 * lost)
        });
        [criterion.name.clone(), criterion.t.to_string()].into_iter().chain(agreement).collect::<Vec<_>>()
    });
    let names = analysis.factors.iter().map(|factor| factor.name.as_str());
    let header: Vec<&str> = ["without labels", "chooses t"].into_iter().chain(names).collect();
    text += &ui::table(&header, &criteria.collect::<Vec<_>>());
    text += "\nrank correlation with a factor's accuracy over t (points lost at the chosen t)";
    text
}
