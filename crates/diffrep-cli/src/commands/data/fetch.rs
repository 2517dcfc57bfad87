//! `diffrep data fetch`.
use crate::ui::Ui;
use anyhow::Context;
use diffrep::data::fetch::{self, FETCHABLE, Progress};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::path::PathBuf;

const TEMPLATE: &str =
    "{msg} {bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec}, {eta} left";

/// Download a data set from its publishers and check that it is whole. A broken download goes on where it stopped.
#[derive(clap::Args)]
pub struct Args {
    /// Which one: mnist, fashion-mnist, cifar10 or cifar100.
    #[arg(value_parser = FETCHABLE.map(|set| set.name))]
    name: String,
    /// Folder to put the files in [default: data/NAME].
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Address of a mirror, without the files' names.
    #[arg(long, value_name = "URL")]
    base_url: Option<String>,
}

pub fn run(args: Args, ui: &Ui) -> anyhow::Result<()> {
    let set = fetch::find(&args.name).context("the name has been checked")?;
    let folder = args.out.unwrap_or_else(|| PathBuf::from("data").join(set.name));
    let bar = if ui.shows_progress() { ProgressBar::new(0) } else { ProgressBar::hidden() };
    bar.set_style(ProgressStyle::with_template(TEMPLATE)?);
    let mut show = |Progress { path, done, total }: Progress| {
        bar.set_message(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        bar.set_length(total.unwrap_or(done));
        bar.set_position(done);
    };
    let files = fetch::fetch(set, &folder, args.base_url.as_deref(), &mut show)?;
    bar.finish_and_clear();
    let value = json!({ "name": set.name, "folder": folder, "files": files });
    ui.result(&value, || format!("{} is whole; use it as --data {}", set.name, folder.display()))
}
