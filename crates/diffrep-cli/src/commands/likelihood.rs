//! `diffrep likelihood`.
use crate::encoder::{EncoderArgs, described};
use crate::generator::{evaluation_bar, spaced_rows};
use crate::images::{Part, open_data, part_or_test};
use crate::ui::{self, Ui};
use anyhow::Result;
use diffrep::random::Seed;
use diffrep::sample::NoiseRows;
use serde_json::json;

/// Measure how likely images are given their codes, in bits a dimension (fewer are better).
///
/// By the probability-flow ODE with Hutchinson's estimate of its divergence: some hundred evaluations of the score network
/// and its gradient for each batch.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Images: a built-in name, file or folder. Default: the data that the run was trained on.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    /// Which of them. Default: test, or train of data without a test split.
    #[arg(long, value_name = "PART")]
    split: Option<Part>,
    /// Images, evenly spaced over the data. Default: 32.
    #[arg(long, value_name = "N", default_value_t = 32, hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    /// Random vectors of the estimate. Default: 1.
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    probes: usize,
    /// Error allowed a step. Default: 1e-3.
    #[arg(long, value_name = "E", default_value_t = 1e-3, hide_default_value = true)]
    tolerance: f64,
    /// Seed of the random vectors and of the noise between the 256 levels of a pixel. Default: 0.
    #[arg(long, value_name = "S", default_value_t = 0, hide_default_value = true)]
    seed: u64,
    /// Images at once. Default: 32.
    #[arg(long, value_name = "N", default_value_t = 32, hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(1..))]
    batch: u16,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let generator = args.encoder.open_differentiable()?;
    let encoder = generator.encoder();
    let dataset = open_data(encoder, args.data.as_deref(), None, ui)?;
    let set = part_or_test(args.split, &dataset)?;
    let split = args.split.unwrap_or(Part::test_of(&dataset)).name();
    let rows = spaced_rows(&set, args.images as usize)?;
    let bar = evaluation_bar(ui, None);
    let (mut bits, mut evaluations) = (Vec::new(), 0);
    let numbers: Vec<u32> = (0..).take(rows.len()).collect();
    for (rows, numbers) in rows.chunks(args.batch.into()).zip(numbers.chunks(args.batch.into())) {
        let part = set.subset(rows);
        // An image's noise is its own, whatever batch it is in.
        let noise = NoiseRows { seed: Seed(args.seed), rows: numbers.to_vec() };
        let (found, taken) = generator.bits_per_dimension(
            (&dataset.name, &part),
            args.probes,
            args.tolerance,
            &noise,
            &|_| bar.inc(1),
        )?;
        bits.extend(found);
        evaluations = evaluations.max(taken);
    }
    bar.finish_and_clear();
    let count = bits.len() as f64;
    let mean = bits.iter().sum::<f64>() / count;
    let variance = bits.iter().map(|b| (b - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let error = (bits.len() > 1).then(|| (variance / count).sqrt());
    let ids: Vec<String> = rows.iter().map(|&row| set.id(row)).collect();
    let images: Vec<_> =
        ids.iter().zip(&bits).map(|(id, bits)| json!({ "path": id, "bits": bits })).collect();
    let value = json!({
        "bits_per_dimension": mean, "standard_error": error, "images": images, "probes": args.probes,
        "tolerance": args.tolerance, "evaluations": evaluations, "data": dataset.name,
        "split": split, "seed": args.seed, "weights": encoder.weights(), "step": encoder.step(),
    });
    ui.result(&value, || {
        let spread = error.map_or(String::new(), |error| format!(" ± {error:.3}"));
        let rows = [
            ("bits a dimension, given z", format!("{mean:.3}{spread}")),
            ("images", format!("{} of {} ({split})", bits.len(), dataset.name)),
            ("weights", described(encoder)),
            ("evaluations, each", evaluations.to_string()),
        ];
        ui::table(&["likelihood", ""], &rows.map(|(name, value)| vec![name.to_owned(), value]))
    })
}
