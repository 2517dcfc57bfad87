//! `diffrep report`.
use crate::encoder::{EncoderArgs, LevelArgs, bar};
use crate::images::{open_data, refuse_among_images};
use crate::ui::Ui;
use anyhow::{Context, Result};
use diffrep::data::{self, Labels, OpenOptions};
use diffrep::files::PartFile;
use diffrep::random::Seed;
use diffrep::report::{Exhibit, ReportData, Sample, Subject, exhibits, html, show_doubtful};
use diffrep::represent::Embeddings;
use diffrep::train::DataConfig;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Write a self-contained HTML report of a run, and its figures as SVG and PNG.
///
/// Scores come from `diffrep probe`; what doesn't exist yet is left out, with the command that makes it.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Images to show: a built-in name, file or folder. Default: the data that the run was trained on.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    #[command(flatten)]
    levels: LevelArgs,
    /// Images shown at most, drawn at random from the test split (from all where there is none). Default: 1500.
    #[arg(long, value_name = "N", default_value_t = 1500, hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(2..))]
    images: u16,
    /// The HTML file. Default: report.html in the run folder.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Folder for the figures, one .svg and one .png each. Default: figures in the run folder.
    #[arg(long, value_name = "FOLDER")]
    figures: Option<PathBuf>,
}

/// What was written where.
pub struct Written {
    pub page: PathBuf,
    pub folder: PathBuf,
    pub stems: Vec<String>,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let Written { page, folder, stems } = write(args, ui)?;
    ui.result(&json!({"report": page, "figures_folder": folder, "figures": stems}), || {
        format!("report: {}\n{} figures as SVG and PNG: {}", page.display(), stems.len(), folder.display())
    })
}

/// Writes page and figures.
pub fn write(args: Args, ui: &Ui) -> Result<Written> {
    let run = &args.encoder.run;
    if let Some(folder) = &args.figures {
        refuse_among_images(run, args.data.as_deref(), folder)?;
    }
    let mut data = ReportData::read(run)?;
    let mut t = args.levels.levels(|| (0..=5).map(|i| f64::from(i) / 5.0).collect())?;
    t.sort_by(f64::total_cmp);
    match add_pictures(&mut data, &args, t, ui) {
        // A run without a checkpoint, or whose data have moved, still has curves to show.
        Err(error) if args.data.is_none() => ui.message(format!("no pictures of embeddings: {error:#}")),
        outcome => outcome?,
    }
    let folder = args.figures.unwrap_or_else(|| run.join("figures"));
    let page = args.out.unwrap_or_else(|| run.join("report.html"));
    let figures = exhibits(&data)?;
    save_figures(&folder, &figures)?;
    PartFile::write_whole(&page, html(&data)?.as_bytes())
        .with_context(|| format!("can't write {}", page.display()))?;
    let stems = figures.into_iter().map(|exhibit| exhibit.stem).collect();
    Ok(Written { page, folder, stems })
}

fn add_pictures(data: &mut ReportData, args: &Args, mut t: Vec<f64>, ui: &Ui) -> Result<()> {
    if data.subject == Subject::Guesses {
        // Labels spread over frozen features leave no encoder.
        let own = data.semi.as_ref().and_then(|semi| semi.protocol.data_config.as_ref());
        let spec = args.data.as_deref().or(own.map(|config| config.source.as_str()));
        let spec = spec.context("give --data to see the images in doubt")?;
        let options = own.map_or_else(OpenOptions::default, DataConfig::open_options);
        let dataset = data::open(spec, &OpenOptions { labels: Labels::Ignore, ..options })?;
        return Ok(show_doubtful(data, &dataset)?);
    }
    let encoder = args.encoder.open()?;
    if !encoder.is_time_conditioned() {
        t.truncate(1);
    }
    let dataset = open_data(&encoder, args.data.as_deref(), None, ui)?;
    show_doubtful(data, &dataset)?;
    let (set, split) = match &dataset.test {
        Some(test) => (test, "test"),
        None => (&dataset.train, "training"),
    };
    let sample = Sample::draw(set, split, args.images.into(), Seed(encoder.record().seed));
    let bar = bar(ui, sample.images().len(), "images");
    let embeddings = Embeddings::of(&encoder, sample.images(), &t, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    Ok(sample.show(data, &embeddings.t, embeddings.dim, &embeddings.values)?)
}

/// Writes each figure as SVG and PNG.
pub fn save_figures(folder: &Path, figures: &[Exhibit]) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("can't create {}", folder.display()))?;
    for exhibit in figures {
        exhibit.figure.save(folder, &exhibit.stem)?;
    }
    Ok(())
}
