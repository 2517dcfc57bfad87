//! `diffrep data split`.
use super::open_args::OpenArgs;
use crate::bad_images::tell_skipped;
use crate::ui::Ui;
use anyhow::{Context, bail};
use diffrep::{
    data::{per_class, write_label_file},
    random::Seed,
};
use serde_json::json;
use std::path::PathBuf;

/// Choose a few labelled training images of every class and save them as a label file, for --labels.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    open: OpenArgs,
    /// Labelled images of each class.
    #[arg(long, value_name = "N")]
    per_class: usize,
    /// Seed of the choice: the same seed gives the same images, and with more of them adds to these.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Label file to write [default: labels-N-SEED.csv].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace the file if it exists.
    #[arg(long)]
    overwrite: bool,
}

pub fn run(args: Args, ui: &Ui) -> anyhow::Result<()> {
    let default = || PathBuf::from(format!("labels-{}-{}.csv", args.per_class, args.seed));
    let out = args.out.clone().unwrap_or_else(default);
    if out.exists() && !args.overwrite {
        bail!("{}: exists already; choose another --out or give --overwrite", out.display());
    }
    let dataset = args.open.open(vec![out.clone()])?;
    tell_skipped(&dataset, ui);
    let train = dataset.train;
    let labels = train.labels().with_context(|| format!("{}: no labels, give --labels", args.open.data))?;
    let rows = per_class(labels, args.per_class, Seed(args.seed))?;
    write_label_file(&out, &train, &rows)?;
    let classes = rows.len() / args.per_class;
    let value = json!({ "file": out, "rows": rows.len(), "classes": classes, "seed": args.seed });
    ui.result(&value, || format!("{} labels of {classes} classes in {}", rows.len(), out.display()))
}
