//! `diffrep predict`.
use crate::bad_images::BadImagesArgs;
use crate::device::DeviceArgs;
use crate::encoder::{HeadName, bar};
use crate::images::{open_new_data, part_or_test, short_name};
use crate::ui::{self, Ui};
use anyhow::Result;
use diffrep::predict::{Classifier, HeadKind, Prediction, write_csv};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Rows shown in the terminal; the file has all.
const SHOWN: usize = 20;

/// Label new images by what a run has learned from labels: a class and its probability for each.
#[derive(clap::Args)]
pub struct Args {
    /// Run folder that was probed, or trained with labels (`semi`, or `train --method supervised`).
    run: PathBuf,
    /// Images to label: a built-in name, file or folder; of data with splits, the test split.
    #[arg(long, value_name = "D")]
    data: String,
    /// What tells the classes: probe (the head that `probe` saved) or network (that which training with labels left).
    /// Default: probe, where there is one.
    #[arg(long, value_name = "WHICH")]
    head: Option<HeadName>,
    /// CSV file to write: path, label, its probability, then the probability of every class.
    /// Default: RUN/predictions-photos.csv of --data photos/.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    bad: BadImagesArgs,
    #[command(flatten)]
    device: DeviceArgs,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let kind = args.head.map_or_else(|| HeadKind::of_run(&args.run), |name| Ok(name.0))?;
    let classifier = Classifier::open(&args.run, kind, &args.device.open()?)?;
    let dataset = open_new_data(classifier.encoder(), Some(&args.data), None, &args.bad, ui)?;
    let set = part_or_test(None, &dataset)?;
    let bar = bar(ui, set.len(), "images");
    let predictions = classifier.classify(&set, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let out =
        args.out.unwrap_or_else(|| args.run.join(format!("predictions-{}.csv", short_name(&args.data))));
    write_csv(&out, classifier.classes(), &predictions)?;

    let label = |p: &Prediction| classifier.classes()[p.class].clone();
    let values: Vec<Value> = predictions
        .iter()
        .map(|p| json!({ "path": p.path, "label": label(p), "probability": p.probabilities[p.class] }))
        .collect();
    let value = json!({
        "file": out, "head": kind.name(), "probe": classifier.probe().map(|record| record.probe),
        "t": classifier.levels()[0], "levels": classifier.levels(),
        "test_accuracy": classifier.probe().map(|record| record.test_accuracy),
        "label_column": classifier.probe().map(|record| &record.label), "predictions": values,
    });
    ui.result(&value, || {
        let rows: Vec<Vec<String>> = predictions
            .iter()
            .take(SHOWN)
            .map(|p| vec![p.path.clone(), label(p), format!("{:.3}", p.probabilities[p.class])])
            .collect();
        let more = predictions.len().saturating_sub(SHOWN);
        let more = if more > 0 { format!("\n… and {more} more") } else { String::new() };
        let by = match classifier.probe() {
            Some(record) => format!(
                "the {} head that `probe` saved (column `{}` of {}; its probe got {:.1} % of the test images right)",
                record.probe.name(),
                record.label,
                record.train_data,
                100.0 * record.test_accuracy
            ),
            None => "the network's own head".to_owned(),
        };
        let table = ui::table(&["image", "label", "probability"], &rows);
        format!("{table}{more}\nby {by}; all in {}", out.display())
    })
}
