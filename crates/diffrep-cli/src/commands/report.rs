//! `diffrep report`.
use crate::ui::Ui;
use anyhow::{Context, Result};
use diffrep::report::{Exhibit, ReportData, exhibits, html};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Write a self-contained HTML report of a run, and its figures as SVG and PNG.
#[derive(clap::Args)]
pub struct Args {
    /// Run folder, as made by `diffrep train`.
    run: PathBuf,
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
    let Written { page, folder, stems } = write(args)?;
    ui.result(&json!({"report": page, "figures_folder": folder, "figures": stems}), || {
        format!("report: {}\n{} figures as SVG and PNG: {}", page.display(), stems.len(), folder.display())
    })
}

/// Writes page and figures.
pub fn write(args: Args) -> Result<Written> {
    let data = ReportData::read(&args.run)?;
    let page = args.out.unwrap_or_else(|| args.run.join("report.html"));
    let folder = args.figures.unwrap_or_else(|| args.run.join("figures"));
    let figures = exhibits(&data)?;
    save_figures(&folder, &figures)?;
    std::fs::write(&page, html(&data)?).with_context(|| format!("{}", page.display()))?;
    let stems = figures.into_iter().map(|exhibit| exhibit.stem).collect();
    Ok(Written { page, folder, stems })
}

fn save_figures(folder: &Path, figures: &[Exhibit]) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("{}", folder.display()))?;
    for exhibit in figures {
        exhibit.figure.save(folder, &exhibit.stem)?;
    }
    Ok(())
}
