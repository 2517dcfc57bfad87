//! `diffrep bench`.
use crate::device::DeviceArgs;
use crate::ui::{self, Ui};
use anyhow::{Context, Result};
use diffrep::bench::{Bench, Effort, Machine, Samples, measure_peak, use_threads};
use diffrep::train::{Config, Sources, StepTimes, peak_memory};
use serde_json::{Value, json};
use std::time::Duration;

/// Measure how fast this machine trains and encodes, and how much memory that takes.
///
/// It runs the real training steps and the real encoder of a preset on generated images; nothing is read or written.
#[derive(clap::Args)]
pub struct Args {
    /// Settings to measure: fast, fast-grey, digits, shapes, mnist, cifar10, cifar10-paper, cifar100. Default: cifar10.
    #[arg(long, value_name = "P", default_value = "cifar10", hide_default_value = true)]
    preset: String,
    /// One setting that differs, such as encoder.width=4 or data.channels=1; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Images a step, and images encoded at once. Default: the preset's, 64.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(2..))]
    batch: Option<i64>,
    /// How products are computed: f32, or bf16 summed in f32. Default: f32.
    #[arg(long, value_name = "P")]
    precision: Option<String>,
    /// Threads that compute. Default: one a processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Measure only one of the two: train or encode. Default: both.
    #[arg(long, value_name = "WHAT")]
    only: Option<What>,
    /// Repetitions of each measurement. Default: as many as --seconds allows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), conflicts_with = "seconds")]
    steps: Option<u32>,
    /// Seconds for each measurement. Default: 10.
    #[arg(long, value_name = "S", default_value_t = 10.0, hide_default_value = true)]
    seconds: f64,
    #[command(flatten)]
    device: DeviceArgs,
}

/// What can be measured.
#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum What {
    /// Training steps.
    Train,
    /// Encoding.
    Encode,
}

pub fn run(args: &Args, ui: &Ui) -> Result<()> {
    let time = Duration::try_from_secs_f64(args.seconds);
    let time = time.with_context(|| format!("--seconds is {}, expected a positive number", args.seconds))?;
    let effort = args.steps.map_or(Effort::Time(time), |steps| Effort::Repetitions(steps as usize));
    if let Some(threads) = args.threads {
        use_threads(threads.into())?;
    }
    let mut sources =
        Sources { preset: Some(args.preset.clone()), set: args.set.clone(), ..Sources::default() };
    sources.flag("train.batch", "--batch", args.batch);
    sources.flag("train.precision", "--precision", args.precision.clone());
    let bench = Bench::new(Config::resolve(&sources)?, &args.preset, &args.device.open()?)?;
    let peak = args.device.is_cpu().then(|| measure_peak(bench.plan().config().train.precision));
    let wants = |what| args.only.is_none_or(|only| only == what);
    // Training first: the most memory so far is then that of training, of which encoding needs a small part.
    let train = wants(What::Train).then(|| bench.train(effort)).transpose()?;
    let encode = wants(What::Encode).then(|| bench.encode(effort)).transpose()?;
    let outcome = Outcome::new(args, &bench, peak, train, encode)?;
    ui.result(&outcome.json(), || outcome.text())
}

/// What was measured, and what follows from it.
struct Outcome {
    preset: String,
    device: String,
    precision: &'static str,
    batch: usize,
    /// Height, width and channels as the networks see them.
    image: [usize; 3],
    machine: Machine,
    /// Operations a second at best, where the processor computes.
    peak: Option<f64>,
    train: Option<Samples<StepTimes>>,
    encode: Option<Samples<Duration>>,
    /// Operations of a training step and of encoding a batch.
    operations: [u64; 2],
    memory: Option<u64>,
}

impl Outcome {
    fn new(
        args: &Args,
        bench: &Bench,
        peak: Option<f64>,
        train: Option<Samples<StepTimes>>,
        encode: Option<Samples<Duration>>,
    ) -> Result<Self> {
        let (config, model) = (bench.plan().config(), &bench.plan().record().model);
        let (batch, operations) = (config.train.batch, model.operations()?);
        // A contrastive step encodes and projects two views of each image.
        let view = operations.encoder + operations.projection;
        let second_view = config.objective.method.needs().two_views.then_some(view.total());
        let step = operations.total().total() + second_view.unwrap_or(0);
        let device = args.device.name().to_owned();
        Ok(Self {
            preset: args.preset.clone(),
            device,
            precision: config.train.precision.name(),
            batch,
            image: [model.height, model.width, model.channels],
            machine: Machine::here(),
            peak,
            train,
            encode,
            operations: [step, operations.encoder.forward].map(|o| o * batch as u64),
            memory: peak_memory(),
        })
    }

    /// Rate and share of the peak of `operations` within `time`.
    fn rate(&self, operations: u64, time: Duration) -> (f64, Option<f64>) {
        let rate = operations as f64 / time.as_secs_f64();
        (rate, self.peak.map(|peak| rate / peak))
    }

    fn images_per_second(&self, time: Duration) -> f64 {
        self.batch as f64 / time.as_secs_f64()
    }

    fn json(&self) -> Value {
        let [step_operations, encode_operations] = self.operations;
        let train = self.train.as_ref().map(|samples| {
            let median = samples.median().total();
            let (rate, fraction) = self.rate(step_operations, median);
            json!({
                "repetitions": samples.len(), "median": parts(samples.median()), "best": parts(samples.best()),
                "images_per_second": self.images_per_second(median), "operations": step_operations,
                "gflops": rate / 1e9, "peak_fraction": fraction,
            })
        });
        let encode = self.encode.as_ref().map(|samples| {
            let median = samples.median();
            let (rate, fraction) = self.rate(encode_operations, median);
            json!({
                "repetitions": samples.len(), "median_seconds": median.as_secs_f64(),
                "best_seconds": samples.best().as_secs_f64(),
                "images_per_second": self.images_per_second(median), "operations": encode_operations,
                "gflops": rate / 1e9, "peak_fraction": fraction,
            })
        });
        let main = train.as_ref().or(encode.as_ref());
        let [height, width, channels] = self.image;
        json!({
            "train_step_seconds": train.as_ref().map(|t| t["median"]["step"].clone()),
            "encode_images_per_second": encode.as_ref().map(|e| e["images_per_second"].clone()),
            "peak_fraction": main.map(|m| m["peak_fraction"].clone()),
            "peak_memory_bytes": self.memory,
            "preset": self.preset, "batch": self.batch,
            "image": {"height": height, "width": width, "channels": channels},
            "device": self.device, "precision": self.precision, "threads": self.machine.threads,
            "instruction_set": self.machine.instruction_set,
            "peak_gflops": self.peak.map(|peak| peak / 1e9),
            "version": env!("CARGO_PKG_VERSION"), "train": train, "encode": encode,
        })
    }

    fn text(&self) -> String {
        let mut rows = Vec::new();
        if let Some(samples) = &self.train {
            let both = [samples.median(), samples.best()];
            rows.push(row("training step", both.map(|times| milliseconds(times.total()))));
            rows.push(row("· batch", both.map(|times| milliseconds(times.batch))));
            rows.push(row("· forward", both.map(|times| milliseconds(times.forward))));
            rows.push(row("· backward", both.map(|times| milliseconds(times.backward))));
            rows.push(row("· optimiser", both.map(|times| milliseconds(times.optimiser))));
            rows.extend(self.rates(self.operations[0], both.map(StepTimes::total)));
        }
        if let Some(samples) = &self.encode {
            let both = [samples.median(), samples.best()];
            rows.push(row("encoding a batch", both.map(milliseconds)));
            rows.extend(self.rates(self.operations[1], both));
        }
        if let Some(peak) = self.peak {
            rows.push(row("measured peak", [String::new(), gflops(peak)]));
        }
        let memory = self.memory.map_or("unknown".to_owned(), |m| format!("{} MiB", m >> 20));
        rows.push(row("peak memory", [String::new(), memory]));
        format!("{}\n\n{}", ui::table(&["bench", "median", "best"], &rows), self.what())
    }

    /// The rows that follow from the times of `operations`.
    fn rates(&self, operations: u64, both: [Duration; 2]) -> Vec<Vec<String>> {
        let rates = both.map(|time| self.rate(operations, time));
        let mut rows = vec![
            row("· images a second", both.map(|time| format!("{:.0}", self.images_per_second(time)))),
            row("· arithmetic", rates.map(|(rate, _)| gflops(rate))),
        ];
        if let [(_, Some(median)), (_, Some(best))] = rates {
            rows.push(row(
                "· share of the peak",
                [median, best].map(|part| format!("{:.0} %", 100.0 * part)),
            ));
        }
        rows
    }

    /// One line that says what was run.
    fn what(&self) -> String {
        let [height, width, channels] = self.image;
        let count = |samples: Option<usize>, what: &str| samples.map(|n| format!("{n} {what}"));
        let repetitions = [
            count(self.train.as_ref().map(Samples::len), "training steps"),
            count(self.encode.as_ref().map(Samples::len), "encodings"),
        ];
        format!(
            "median and best of {}: {} with batches of {} images of {height}×{width}×{channels}, {}, {}, {}, \
             threads: {}",
            repetitions.into_iter().flatten().collect::<Vec<_>>().join(" and "),
            self.preset,
            self.batch,
            self.precision,
            self.device,
            self.machine.instruction_set,
            self.machine.threads,
        )
    }
}

fn parts(times: StepTimes) -> Value {
    let StepTimes { batch, forward, backward, optimiser } = times;
    let [step, batch, forward, backward, optimiser] =
        [times.total(), batch, forward, backward, optimiser].map(|time| time.as_secs_f64());
    json!({"step": step, "batch": batch, "forward": forward, "backward": backward, "optimiser": optimiser})
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", 1e3 * time.as_secs_f64())
}

fn gflops(rate: f64) -> String {
    format!("{:.0} GFLOP/s", rate / 1e9)
}

fn row(name: &str, values: [String; 2]) -> Vec<String> {
    [vec![name.to_owned()], values.to_vec()].concat()
}
