//! `diffrep sample`.
use crate::encoder::{EncoderArgs, bar};
use crate::generator::{Folder, SamplerArgs, evaluation_bar, thumbnails, total_evaluations};
use crate::images::open_data;
use crate::ui::{self, Ui};
use anyhow::{Result, ensure};
use diffrep::random::{Purpose, Seed, monitor};
use diffrep::report::figure::contact_sheet;
use diffrep::represent::{Embeddings, level_grid};
use diffrep::sample::{CodeMixture, Codes, Generator, NoiseRows, SampleError, read_codes};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Levels of detail at which the training images' codes are taken together.
const LEVELS: usize = 11;
/// Pictures in a row of the sheet.
const COLUMNS: usize = 8;
/// Pictures on the sheet; the folder has all.
const SHOWN: usize = 400;

/// Generate new images from new codes: PNG files and a contact sheet.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Where codes come from: mixture (a Gaussian mixture fitted to the codes of training images), prior (a standard
    /// normal distribution; for vdrl), or a .npz or .npy file of codes as `diffrep encode` writes them. Default: mixture.
    #[arg(long, value_name = "Z", default_value = "mixture", hide_default_value = true)]
    z: String,
    /// Images to generate. Default: 32; with a file of codes, one for each of its codes.
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: Option<u32>,
    /// Gaussians of the mixture. Default: 10.
    #[arg(long, value_name = "N", default_value_t = 10, hide_default_value = true)]
    components: usize,
    /// Training images that the mixture is fitted to, at most, drawn at random. Default: 5000.
    #[arg(long, value_name = "N", default_value_t = 5000, hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    fit_images: u32,
    /// Images whose codes the mixture is fitted to. Default: those that the run was trained on.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    #[command(flatten)]
    sampler: SamplerArgs,
    /// Folder for the pictures and `sheet.png`. Default: samples in the run folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    Folder::check(args.out.as_deref(), &args.encoder.run, args.data.as_deref())?;
    let generator = args.encoder.open_generator()?;
    let encoder = generator.encoder();
    let sampler = args.sampler.sampler(encoder)?;
    let (codes, count) = codes(&args, &generator, ui)?;
    let folder = Folder::create(args.out, &args.encoder.run, "samples")?;
    let (noise, batch) = (NoiseRows::distinct(args.sampler.seed(), count), args.sampler.batch());
    let bar = evaluation_bar(ui, total_evaluations(&sampler, encoder, count, batch));
    let start = Instant::now();
    let pictures = generator.generate(&sampler, &codes, &noise, batch, &|_, _| bar.inc(1))?;
    bar.finish_and_clear();
    let seconds = start.elapsed().as_secs_f64() / count as f64;
    let shape = encoder.shape();
    folder.pictures("", shape, &pictures.pixels)?;
    let numbered = |(i, thumbnail)| (thumbnail, format!("{i}"));
    let shown = count.min(SHOWN);
    let first = &pictures.pixels[..shown * shape.len()];
    let cells = thumbnails(shape, first)?.into_iter().enumerate().map(numbered).collect();
    let first = if shown < count { format!("the first {shown} of ") } else { String::new() };
    let title = format!("{first}{count} samples of {}", encoder.record().dataset);
    let sheet = folder.figure("sheet", &contact_sheet(&title, COLUMNS, cells)?)?;
    let value = json!({
        "folder": folder.path(), "sheet": sheet, "images": count, "z": args.z, "seed": args.sampler.seed().0,
        "weights": encoder.weights(), "step": encoder.step(),
        "evaluations": pictures.evaluations, "seconds_per_image": seconds,
    });
    ui.result(&value, || {
        let rows = [
            ("images", count.to_string()),
            ("codes", args.z.clone()),
            ("evaluations of the score, each", pictures.evaluations.to_string()),
            ("seconds an image", format!("{seconds:.3}")),
            ("contact sheet", sheet.display().to_string()),
        ];
        ui::table(&["samples", ""], &rows.map(|(name, value)| vec![name.to_owned(), value]))
    })
}

/// The codes asked for, and how many there are.
fn codes(args: &Args, generator: &Generator, ui: &Ui) -> Result<(Codes, usize)> {
    let encoder = generator.encoder();
    let wanted = args.count.map(|count| count as usize);
    let count = wanted.unwrap_or(32);
    let noise = NoiseRows::distinct(args.sampler.seed(), count);
    match args.z.as_str() {
        "mixture" => Ok((fit(args, generator, ui)?.sample(&noise), count)),
        "prior" if encoder.record().model.encoder.probabilistic => {
            Ok((Codes::standard_normal(encoder.dim(), &noise), count))
        }
        "prior" => Err(SampleError::NoPrior { method: encoder.config().objective.method.name() }.into()),
        file => {
            let (codes, found) = read_codes(Path::new(file), encoder.dim())?;
            let count = wanted.unwrap_or(found);
            ensure!(count <= found, "-n is {count}, but {file} has {found} codes");
            Ok((codes.part(0..count, found), count))
        }
    }
}

fn fit(args: &Args, generator: &Generator, ui: &Ui) -> Result<CodeMixture> {
    let encoder = generator.encoder();
    let set = open_data(encoder, args.data.as_deref(), None, ui)?.train;
    let mut rows =
        Seed(encoder.record().seed).key(Purpose::Monitor, monitor::FITTED, 0).permutation(0, set.len());
    rows.truncate(args.fit_images as usize);
    let set = set.subset(&rows);
    let levels = level_grid(if encoder.is_time_conditioned() { LEVELS } else { 1 })?;
    let bar = bar(ui, set.len(), "images encoded");
    let codes = Embeddings::of(encoder, &set, &levels, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    ui.message(format!("fitting {} Gaussians to the codes of {} images", args.components, set.len()));
    let seed = Seed(encoder.record().seed);
    Ok(CodeMixture::fit(&levels, &codes.values, codes.dim, args.components, seed)?)
}
