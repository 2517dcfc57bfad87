//! `diffrep predict`.
use crate::bad_images::BadImagesArgs;
use crate::device::DeviceArgs;
use crate::encoder::{bar, open_new_data};
use crate::ui::{self, Ui};
use anyhow::{Context, Result, bail};
use diffrep::files::PartFile;
use diffrep::probe::{ProbeError, SavedHead};
use diffrep::represent::{BATCH, LoadedEncoder, RepresentError, encode};
use diffrep::train::checkpoint::{Weights, Which};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Rows shown in the terminal; the file has all.
const SHOWN: usize = 20;

/// Label new images with the head that `probe` saved: a class and its probability for each.
#[derive(clap::Args)]
pub struct Args {
    /// Run folder that was probed.
    run: PathBuf,
    /// Images to label: a built-in name, file or folder; of data with splits, the test split.
    #[arg(long, value_name = "D")]
    data: String,
    /// CSV file to write: path, label, its probability, then the probability of every class.
    /// Default: RUN/predictions.csv.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    bad: BadImagesArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

/// One image's label.
struct Prediction {
    path: String,
    class: usize,
    probabilities: Vec<f32>,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let SavedHead { head, record } = SavedHead::load(&args.run)?;
    let weights = match record.weights.as_str() {
        "ema" => Weights::Ema,
        "raw" => Weights::Raw,
        other => bail!("{}: the saved head names unknown weights `{other}`", args.run.display()),
    };
    let encoder = LoadedEncoder::open(&args.run, Which::Step(record.step), weights, &args.device.open()?)
        .and_then(|encoder| encoder.with_precision(record.precision))
        .context("the checkpoint that the saved head belongs to can't be used; run `diffrep probe` again")?;
    let found = encoder.dim() * record.levels().len();
    if found != head.dim() {
        return Err(ProbeError::WrongWidth { expected: head.dim(), found }.into());
    }
    let dataset = open_new_data(&encoder, Some(&args.data), None, &args.bad, ui)?;
    let set = dataset.test.clone().unwrap_or_else(|| dataset.train.clone());
    let bar = bar(ui, set.len(), "images");
    let mut predictions = Vec::with_capacity(set.len());
    encode(&encoder, &set, record.levels(), BATCH, |first, codes| {
        for (offset, probabilities) in head.probabilities(codes).chunks(head.classes()).enumerate() {
            let best = (0..head.classes())
                .max_by(|&a, &b| probabilities[a].total_cmp(&probabilities[b]).then(b.cmp(&a)));
            let class = best.expect("a head has at least two classes");
            predictions.push(Prediction {
                path: set.id(first + offset),
                class,
                probabilities: probabilities.to_vec(),
            });
        }
        bar.set_position(predictions.len() as u64);
        Ok::<_, RepresentError>(())
    })?;
    bar.finish_and_clear();
    let out = args.out.unwrap_or_else(|| args.run.join("predictions.csv"));
    write(&out, &record.classes, &predictions).with_context(|| format!("can't write {}", out.display()))?;

    let label = |p: &Prediction| record.classes[p.class].clone();
    let values: Vec<Value> = predictions
        .iter()
        .map(|p| json!({ "path": p.path, "label": label(p), "probability": p.probabilities[p.class] }))
        .collect();
    let value = json!({ "file": out, "t": record.t, "probe": record.probe, "predictions": values });
    ui.result(&value, || {
        let rows: Vec<Vec<String>> = predictions
            .iter()
            .take(SHOWN)
            .map(|p| vec![p.path.clone(), label(p), format!("{:.3}", p.probabilities[p.class])])
            .collect();
        let more = predictions.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!("\n… and {more} more") } else { String::new() };
        format!("{}{more}\nall in {}", ui::table(&["image", "label", "probability"], &rows), out.display())
    })
}

fn write(path: &Path, classes: &[String], predictions: &[Prediction]) -> Result<()> {
    let quoted = |text: &str| {
        if text.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", text.replace('"', "\"\""))
        } else {
            text.to_owned()
        }
    };
    let mut file = PartFile::create(path)?;
    let names: String = classes.iter().map(|class| format!(",{}", quoted(class))).collect();
    writeln!(file, "path,label,probability{names}")?;
    for p in predictions {
        let all: String = p.probabilities.iter().map(|probability| format!(",{probability}")).collect();
        let (path, label) = (quoted(&p.path), quoted(&classes[p.class]));
        writeln!(file, "{path},{label},{}{all}", p.probabilities[p.class])?;
    }
    Ok(file.finish()?)
}
