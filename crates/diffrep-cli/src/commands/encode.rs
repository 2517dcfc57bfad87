//! `diffrep encode`.
use crate::bad_images::BadImagesArgs;
use crate::encoder::{EncoderArgs, LevelArgs, ScoreArgs, SourceName, bar};
use crate::images::{Part, open_new_data, short_name};
use crate::ui::{self, Ui};
use anyhow::{Result, ensure};
use diffrep::represent::{
    BATCH, BestPlace, EmbeddingFile, Format, LoadedEncoder, Outline, Place, RepresentError, ScoreNetwork,
    Shard, encode, read_places,
};
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
    bad: BadImagesArgs,
    #[command(flatten)]
    levels: LevelArgs,
    /// Features: encoder (its codes), score (pooled activations of a block of the score network), or both, one after the
    /// other. Default: encoder.
    #[arg(long, value_name = "S", default_value = "encoder", hide_default_value = true)]
    source: SourceName,
    #[command(flatten)]
    score: ScoreArgs,
    /// Read what `diffrep probe --grid` found best: its source, block, t and checkpoint.
    #[arg(long, conflicts_with_all = ["t", "t_grid", "source", "block", "noise", "z", "checkpoint", "weights", "precision"])]
    auto: bool,
    /// File to write; its ending chooses the format: .npz, .npy, .safetensors, .parquet or .csv.
    /// Default: RUN/embeddings.npz; of --data photos/, the test split or a shard RUN/embeddings-photos.test-I-of-N.npz.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only part i of n of the images, such as 1/4, for several machines at once. Default: all.
    #[arg(long, value_name = "I/N")]
    shard: Option<String>,
    /// Images encoded at once. Default: 64.
    #[arg(long, value_name = "N", default_value_t = BATCH, hide_default_value = true)]
    batch: usize,
}

impl Args {
    /// A file in the run folder whose name tells what is in it.
    fn default_file(&self) -> PathBuf {
        let mut name = "embeddings".to_owned();
        if let Some(data) = &self.data {
            name += &format!("-{}", short_name(data));
        }
        if let Part::Test = self.split {
            // No short name of data has a dot.
            name += &format!(".{}", self.split.name());
        }
        if let Some(shard) = &self.shard {
            name += &format!("-{}", shard.replace('/', "-of-"));
        }
        self.encoder.run.join(name + ".npz")
    }
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let t = args.levels.levels(|| vec![0.0])?;
    ensure!(args.batch > 0, "--batch is 0, expected at least 1");
    let shard: Option<Shard> = args.shard.as_deref().map(str::parse).transpose()?;
    let out = args.out.clone().unwrap_or_else(|| args.default_file());
    Format::of(&out)?;
    let features = Features::open(&args, t)?;
    let (encoder, t, dim) = (features.encoder(), &features.t, features.dim);
    let dataset = open_new_data(encoder, args.data.as_deref(), args.labels.as_deref(), &args.bad, ui)?;
    let mut set = args.split.of(&dataset)?;
    // Noise of the score network goes by rows: those of the test split follow the others.
    let mut first_row = if matches!(args.split, Part::Test) { dataset.train.len() } else { 0 };
    if let Some(shard) = shard {
        let rows = shard.rows(set.len());
        first_row += rows.start;
        set = set.subset(&rows.collect::<Vec<_>>());
    }
    let mut file = EmbeddingFile::create(&out, &Outline { set: set.clone(), t: t.clone(), dim })?;
    let bar = bar(ui, set.len(), "images");
    let start = Instant::now();
    let sink = |first: usize, values: &[f32]| {
        file.write(values)?;
        bar.set_position((first + values.len() / (t.len() * dim)) as u64);
        Ok::<_, RepresentError>(())
    };
    match &features.from {
        Reader::Encoder(encoder) => encode(encoder, &set, t, args.batch, sink)?,
        Reader::Places(network, places) => read_places(network, &set, first_row, places, args.batch, sink)?,
    }
    file.finish()?;
    bar.finish_and_clear();
    let rate = set.len() as f64 / start.elapsed().as_secs_f64();
    let value = json!({
        "file": out, "images": set.len(), "t": t, "dim": dim, "weights": encoder.weights(), "step": encoder.step(),
        "precision": encoder.precision().name(), "data": dataset.name, "images_per_second": rate,
        "source": features.source(), "block": features.block(),
    });
    ui.result(&value, || {
        let levels: Vec<String> = t.iter().map(f64::to_string).collect();
        let block = features.block().map_or(String::new(), |block| {
            // The recorded block may be read at another t than the code beside it.
            let t = features.score_t().filter(|_| args.auto).map_or(String::new(), |t| format!(" at t {t}"));
            format!(", block {block}{t}")
        });
        let rows = [
            ("file", out.display().to_string()),
            ("images", set.len().to_string()),
            ("features", format!("{}{block}", features.source())),
            ("levels of detail t", levels.join(" ")),
            ("numbers a code", dim.to_string()),
            ("weights", format!("{}, step {}", encoder.weights(), encoder.step().unwrap_or(0))),
            ("precision", encoder.precision().name().to_owned()),
            ("images a second", format!("{rate:.0}")),
        ];
        ui::table(&["embeddings", ""], &rows.map(|(name, value)| vec![name.to_owned(), value]))
    })
}

/// What is read, from where, at which t.
struct Features {
    from: Reader,
    t: Vec<f64>,
    dim: usize,
}

enum Reader {
    Encoder(Box<LoadedEncoder>),
    Places(Box<ScoreNetwork>, Vec<Place>),
}

impl Features {
    fn open(args: &Args, t: Vec<f64>) -> Result<Self> {
        if !args.auto && args.source == SourceName::Encoder {
            args.score.refuse_given("--source score or both")?;
            let encoder = args.encoder.open()?;
            return Ok(Self { dim: encoder.dim(), from: Reader::Encoder(Box::new(encoder)), t });
        }
        let (network, places, t) = if args.auto {
            let best = BestPlace::load(&args.encoder.run)?;
            let at = best.place.encoder.or(best.place.score.map(|score| score.t)).unwrap_or(0.0);
            (args.encoder.open_best(&best)?, vec![best.place], vec![at])
        } else {
            (args.encoder.open_score()?, args.score.places(args.source, &t)?, t)
        };
        let dim = places[0].dim(&network)?;
        Ok(Self { from: Reader::Places(Box::new(network), places), t, dim })
    }

    fn encoder(&self) -> &LoadedEncoder {
        match &self.from {
            Reader::Encoder(encoder) => encoder,
            Reader::Places(network, _) => network.encoder(),
        }
    }

    fn source(&self) -> &'static str {
        match &self.from {
            Reader::Encoder(_) => "encoder",
            Reader::Places(_, places) => places[0].source(),
        }
    }

    fn score_t(&self) -> Option<f64> {
        match &self.from {
            Reader::Encoder(_) => None,
            Reader::Places(_, places) => places[0].score.map(|score| score.t),
        }
    }

    fn block(&self) -> Option<String> {
        match &self.from {
            Reader::Encoder(_) => None,
            Reader::Places(_, places) => places[0].score.map(|score| score.block.to_string()),
        }
    }
}
