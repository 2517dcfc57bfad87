//! `diffrep export`.
use crate::encoder::{CheckpointName, HeadName, LevelArgs, WeightsName};
use crate::ui::{self, Ui};
use anyhow::{Context, Result, bail, ensure};
use diffrep::export::{write_onnx, write_onnx_with_classes, write_safetensors};
use diffrep::nn::Precision;
use diffrep::nn::device::Device;
use diffrep::predict::{Classifier, HeadKind};
use diffrep::represent::LoadedEncoder;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Write a run's encoder for other programs: an ONNX file that turns pixels into codes, or tensors for PyTorch.
///
/// FILE.onnx takes `images` [N, C, H, W], pixels in [0, 1] of the run's size, and gives `codes` [N, T, d] at the levels of
/// detail --t (default: 0), which are built in; with --classes also `probabilities` [N, classes], as `predict` gives them.
/// It computes in f32. FILE.safetensors holds the encoder's tensors under the names of the published PyTorch code, for
/// every t, and what `import` needs to take them back.
#[derive(clap::Args)]
pub struct Args {
    /// Run folder that `train`, `semi` or `import` made.
    run: PathBuf,
    /// File to write; its ending chooses the format: .onnx or .safetensors.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    levels: LevelArgs,
    /// With .onnx: the classes too. t, checkpoint and weights are then those of their head and can't be chosen.
    #[arg(long, conflicts_with_all = ["t", "t_grid", "checkpoint", "weights"])]
    classes: bool,
    /// With --classes, what tells them: probe (the head that `probe` saved) or network (that which training with labels
    /// left). Default: probe, where there is one.
    #[arg(long, value_name = "WHICH", requires = "classes")]
    head: Option<HeadName>,
    /// Checkpoint: latest, best (by the health figures of training), or a step. Default: latest.
    #[arg(long, value_name = "WHICH", default_value = "latest", hide_default_value = true)]
    checkpoint: CheckpointName,
    /// Weights: ema (their moving average, usually better) or raw. Default: ema.
    #[arg(long, value_name = "W", default_value = "ema", hide_default_value = true)]
    weights: WeightsName,
}

/// What was written, in words and for programs.
struct Written {
    encoder: LoadedEncoder,
    levels: Option<Vec<f64>>,
    classes: Option<usize>,
}

pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    let written = match args.out.extension().and_then(|end| end.to_str()) {
        Some("onnx") if args.classes => with_classes(args)?,
        Some("onnx") => {
            let levels = args.levels.levels(|| vec![0.0])?;
            let encoder = encoder(args)?;
            write_onnx(&encoder, &levels, &args.out)?;
            Written { encoder, levels: Some(levels), classes: None }
        }
        Some("safetensors") => {
            ensure!(!args.classes, "--classes needs a file that ends in .onnx");
            ensure!(!args.levels.is_given(), "--t needs a file that ends in .onnx: tensors are for every t");
            let encoder = encoder(args)?;
            write_safetensors(&encoder, &args.out)?;
            Written { encoder, levels: None, classes: None }
        }
        _ => bail!("{}: unknown format; the name must end in .onnx or .safetensors", args.out.display()),
    };
    show(&args.out, &written, ui)
}

fn encoder(args: &Args) -> Result<LoadedEncoder> {
    Ok(LoadedEncoder::open(&args.run, args.checkpoint.0, args.weights.0, &Device::flex())?)
}

fn with_classes(args: &Args) -> Result<Written> {
    let kind = args.head.map_or_else(|| HeadKind::of_run(&args.run), |name| Ok(name.0))?;
    let classifier = Classifier::open(&args.run, kind, &Device::flex())?;
    write_onnx_with_classes(&classifier, &args.out)?;
    let (levels, classes) = (Some(classifier.levels().to_vec()), Some(classifier.classes().len()));
    Ok(Written { encoder: classifier.into_encoder(), levels, classes })
}

fn show(out: &Path, written: &Written, ui: &Ui) -> Result<()> {
    let Written { encoder, levels, classes } = written;
    let (shape, preprocess) = (encoder.shape(), encoder.preprocess());
    let bytes = std::fs::metadata(out).with_context(|| format!("can't read {}", out.display()))?.len();
    let value = json!({
        "file": out, "bytes": bytes, "t": levels, "dim": encoder.dim(), "classes": classes,
        "weights": encoder.weights(), "step": encoder.step(), "mean": preprocess.mean, "std": preprocess.std,
        "images": [shape.channels, shape.height, shape.width],
        "padded": [shape.channels, preprocess.height, preprocess.width], "sde": encoder.config().sde,
    });
    ui.result(&value, || {
        let mut rows = vec![
            ("file", out.display().to_string()),
            ("size", format!("{:.1} MB", bytes as f64 / 1e6)),
            ("images", shape.to_string()),
            ("numbers a code", encoder.dim().to_string()),
            ("weights", format!("{}, step {}", encoder.weights(), encoder.step().unwrap_or(0))),
        ];
        match levels {
            Some(levels) => {
                let levels: Vec<String> = levels.iter().map(f64::to_string).collect();
                rows.push(("levels of detail t", levels.join(" ")));
            }
            None => {
                rows.push(("padded by zeros to", preprocess.shape().to_string()));
                rows.push(("mean of a channel", numbers(&preprocess.mean)));
                rows.push(("its deviation", numbers(&preprocess.std)));
                let [low, high] = [0.0, 1.0].map(|t| encoder.config().sde.log_sigma(t));
                rows.push(("ln σ at t = 0 and 1", format!("{low:.4} {high:.4}")));
            }
        }
        if let Some(classes) = classes {
            rows.push(("classes", classes.to_string()));
        }
        if encoder.precision() != Precision::F32 {
            let codes = encoder.precision().name();
            rows.push(("precision", format!("f32; the head learned from {codes} codes")));
        }
        let rows: Vec<Vec<String>> =
            rows.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
        ui::table(&["exported", ""], &rows)
    })
}

fn numbers(values: &[f32]) -> String {
    values.iter().map(f32::to_string).collect::<Vec<_>>().join(" ")
}
