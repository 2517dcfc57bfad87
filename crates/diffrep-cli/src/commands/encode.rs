//! `diffrep encode`.
use crate::encoder::{EncoderArgs, LevelArgs, Part, bar, open_data};
use crate::ui::{self, Ui};
use anyhow::{Result, ensure};
use diffrep::represent::{BATCH, EmbeddingFile, Format, Outline, RepresentError, Shard, encode};
use serde_json::json;
use std::path::PathBuf;
use std::time::Instant;

/// Turn images into embeddings: for each image one code at each level of detail.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Images: a built-in name, file or folder. Default: those that the run was trained on.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    /// Which images of the data. Default: train.
    #[arg(long, value_name = "PART", default_value = "train", hide_default_value = true)]
    split: Part,
    /// CSV file of labels: relative path, label. Default: what the data have.
    #[arg(long, value_name = "F")]
    labels: Option<PathBuf>,
    #[command(flatten)]
    levels: LevelArgs,
    /// File to write; its ending chooses the format: .npz, .npy, .safetensors, .parquet or .csv.
    /// Default: RUN/embeddings.npz.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only part i of n of the images, such as 1/4, for several machines at once. Default: all.
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Images encoded at once. Default: 64.
    #[arg(long, value_name = "N", default_value_t = BATCH, hide_default_value = true)]
    batch: usize,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let t = args.levels.levels(|| vec![0.0])?;
    ensure!(args.batch > 0, "--batch is 0, expected at least 1");
    let shard: Option<Shard> = args.shard.as_deref().map(str::parse).transpose()?;
    let out = args.out.unwrap_or_else(|| args.encoder.run.join("embeddings.npz"));
    Format::of(&out)?;
    let encoder = args.encoder.open()?;
    let dataset = open_data(&encoder, args.data.as_deref(), args.labels.as_deref())?;
    let mut set = args.split.of(&dataset)?;
    if let Some(shard) = shard {
        set = set.subset(&shard.rows(set.len()).collect::<Vec<_>>());
    }
    let dim = encoder.dim();
    let mut file = EmbeddingFile::create(&out, &Outline { set: set.clone(), t: t.clone(), dim })?;
    let bar = bar(ui, set.len(), "images");
    let start = Instant::now();
    encode(&encoder, &set, &t, args.batch, |first, codes| {
        file.write(codes)?;
        bar.set_position((first + codes.len() / (t.len() * dim)) as u64);
        Ok::<_, RepresentError>(())
    })?;
    file.finish()?;
    bar.finish_and_clear();
    let rate = set.len() as f64 / start.elapsed().as_secs_f64();
    let value = json!({
        "file": out, "images": set.len(), "t": t, "dim": dim, "weights": encoder.weights(), "step": encoder.step(),
        "precision": encoder.precision().name(), "data": dataset.name, "images_per_second": rate,
    });
    ui.result(&value, || {
        let levels: Vec<String> = t.iter().map(f64::to_string).collect();
        let rows = [
            ("file", out.display().to_string()),
            ("images", set.len().to_string()),
            ("levels of detail t", levels.join(" ")),
            ("numbers a code", dim.to_string()),
            ("weights", format!("{}, step {}", encoder.weights(), encoder.step().unwrap_or(0))),
            ("precision", encoder.precision().name().to_owned()),
            ("images a second", format!("{rate:.0}")),
        ];
        ui::table(&["embeddings", ""], &rows.map(|(name, value)| vec![name.to_owned(), value]))
    })
}
