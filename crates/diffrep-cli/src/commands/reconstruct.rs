//! `diffrep reconstruct`.
use crate::encoder::{EncoderArgs, LevelArgs};
use crate::generator::{
    Folder, SamplerArgs, evaluation_bar, sheet_rows, spaced_rows, thumbnails, total_evaluations,
};
use crate::images::{Part, open_data, part_or_test};
use crate::ui::{self, Ui};
use anyhow::{Result, ensure};
use diffrep::data::{Dataset, ImageSet};
use diffrep::report::figure::{Cell, CellMark, ImageGrid};
use diffrep::represent::{Autoencoder, BATCH, LoadedEncoder};
use diffrep::sample::{Codes, Generator, NoiseRows, SampleError};
use serde_json::json;
use std::path::PathBuf;

/// Samples of each image and t on the sheet; the folder has all.
const SHOWN: usize = 16;

/// Generate images from the codes of given ones, several from each: what they share is what the code holds.
///
/// Of a run without score network but with a latent decoder (ae, vae), its reconstructions.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Images: a built-in name, file (a picture, say) or folder. Default: the data that the run was trained on.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    /// Which of them. Default: test, or train of data without a test split.
    #[arg(long, value_name = "PART")]
    split: Option<Part>,
    /// Rows of the images, counted from 0 and separated by commas. Default: as many as --images says, evenly spaced.
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with = "images")]
    rows: Vec<usize>,
    /// Images to reconstruct, 2,000 at most. Default: 8.
    #[arg(long, value_name = "N", default_value_t = 8, hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(1..=2000))]
    images: u16,
    /// Samples from each code. Default: 4.
    #[arg(long, value_name = "N", default_value_t = 4, hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(1..))]
    samples: u16,
    #[command(flatten)]
    levels: LevelArgs,
    #[command(flatten)]
    sampler: SamplerArgs,
    /// Folder for the pictures and `sheet.png`. Default: reconstructions in the run folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// The samples made with codes of one kind.
struct Column {
    name: String,
    at: Option<f64>,
    pixels: Vec<f32>,
}

/// Images and what was made of them.
struct Reconstructions {
    /// The data's name.
    dataset: String,
    /// The images' names, and their pixels in [0, 1].
    set: ImageSet,
    given: Vec<f32>,
    columns: Vec<Column>,
    /// Samples of each image in a column.
    samples: usize,
    evaluations: usize,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    Folder::check(args.out.as_deref(), &args.encoder.run, args.data.as_deref())?;
    match args.encoder.open_generator() {
        Ok(generator) => {
            let made = sampled(&args, &generator, ui)?;
            show(&args, generator.encoder(), &made, ui)
        }
        Err(error) if matches!(error.downcast_ref(), Some(SampleError::NoScoreNetwork { .. })) => {
            // A method that trains no score network may train a decoder.
            let Some(autoencoder) = args.encoder.open_autoencoder()? else { return Err(error) };
            let made = decoded(&args, &autoencoder, ui)?;
            show(&args, autoencoder.encoder(), &made, ui)
        }
        Err(error) => Err(error),
    }
}

/// Samples under the codes of the images.
fn sampled(args: &Args, generator: &Generator, ui: &Ui) -> Result<Reconstructions> {
    let encoder = generator.encoder();
    let sampler = args.sampler.sampler(encoder)?;
    let fixed = args.levels.levels(Vec::new)?;
    let dataset = open_data(encoder, args.data.as_deref(), None, ui)?;
    let set = chosen(args, &dataset)?;
    let images = generator.standardised(&dataset.name, &set)?;
    let (count, samples) = (set.len(), usize::from(args.samples));

    // The same noise for every image and kind of code: what differs is due to the code.
    let rows = (0..count).flat_map(|_| 0..samples as u32).collect();
    let noise = NoiseRows { seed: args.sampler.seed(), rows };
    let kinds: Vec<Option<f64>> = std::iter::once(None).chain(fixed.into_iter().map(Some)).collect();
    let batch = args.sampler.batch();
    let total = total_evaluations(&sampler, encoder, count * samples, batch);
    let bar = evaluation_bar(ui, total.map(|total| total * kinds.len()));
    let given = generator.pixels(&images);
    let mut columns = Vec::new();
    let mut evaluations = 0;
    for at in kinds {
        let codes = Codes::of_images(images.clone(), count, samples, at);
        let pictures = generator.generate(&sampler, &codes, &noise, batch, &|_, _| bar.inc(1))?;
        evaluations = evaluations.max(pictures.evaluations);
        let name = at.map_or("z anew at every t".to_owned(), |t| format!("z of t = {t}"));
        columns.push(Column { name, at, pixels: pictures.pixels });
    }
    bar.finish_and_clear();
    Ok(Reconstructions { dataset: dataset.name, set, given, columns, samples, evaluations })
}

/// What the latent decoder makes of the images' codes.
fn decoded(args: &Args, autoencoder: &Autoencoder, ui: &Ui) -> Result<Reconstructions> {
    let encoder = autoencoder.encoder();
    ensure!(!args.levels.is_given(), "--t is of score networks: the latent decoder reads one code");
    let dataset = open_data(encoder, args.data.as_deref(), None, ui)?;
    let set = chosen(args, &dataset)?;
    let standardised = diffrep::represent::pixels(&set, encoder.preprocess())?;
    let mut given = Vec::new();
    encoder.preprocess().invert(encoder.shape(), &standardised, &mut given);
    let batch = BATCH * encoder.preprocess().shape().len();
    let pixels =
        standardised.chunks(batch).flat_map(|images| autoencoder.reconstruct(images.to_vec())).collect();
    let columns = vec![Column { name: "decoded".to_owned(), at: None, pixels }];
    Ok(Reconstructions { dataset: dataset.name, set, given, columns, samples: 1, evaluations: 0 })
}

fn show(args: &Args, encoder: &LoadedEncoder, made: &Reconstructions, ui: &Ui) -> Result<()> {
    let Reconstructions { dataset, set, given, columns, samples, evaluations } = made;
    let (shape, samples) = (encoder.shape(), *samples);
    let folder = Folder::create(args.out.clone(), &args.encoder.run, "reconstructions")?;
    folder.pictures("image-", shape, given)?;
    for column in columns {
        let prefix = column.at.map_or("sample-".to_owned(), |t| format!("t{t}-sample-"));
        folder.pictures(&prefix, shape, &column.pixels)?;
    }
    let cell = |thumbnail, caption: String| Cell { thumbnail, caption, mark: CellMark::Plain };
    let mut grid = Vec::new();
    let most = samples.min(SHOWN).min(sheet_rows(columns.len()));
    let shown = set.len().min(sheet_rows(1 + columns.len() * most));
    for (i, thumbnail) in thumbnails(shape, &given[..shown * shape.len()])?.into_iter().enumerate() {
        let mut row = vec![cell(thumbnail, set.id(i))];
        for column in columns {
            let width = samples * shape.len();
            let own = thumbnails(shape, &column.pixels[i * width..][..most * shape.len()])?;
            row.extend(own.into_iter().map(|thumbnail| cell(thumbnail, String::new())));
        }
        grid.push(row);
    }
    let groups = std::iter::once(("image".to_owned(), 1))
        .chain(columns.iter().map(|column| (column.name.clone(), most)))
        .collect();
    let first =
        if shown < set.len() { format!(", the first {shown} of {}", set.len()) } else { String::new() };
    let title = format!("{dataset} seen through the codes of {}{first}", args.encoder.run.display());
    let sheet = folder.figure("sheet", &ImageGrid { title, groups, rows: grid }.draw()?)?;
    let measured: Vec<(&Column, f64, Option<f64>)> = columns
        .iter()
        .map(|column| {
            let (error, spread) = differences(given, &column.pixels, shape.len(), samples);
            (column, error, spread)
        })
        .collect();
    let values: Vec<_> = measured
        .iter()
        .map(|(column, error, spread)| {
            json!({ "codes": column.name, "t": column.at, "rmse": error, "spread": spread })
        })
        .collect();
    let value = json!({
        "folder": folder.path(), "sheet": sheet, "images": set.len(), "samples": samples, "codes": values,
        "evaluations": evaluations, "weights": encoder.weights(), "step": encoder.step(),
    });
    ui.result(&value, || {
        let rows: Vec<_> = measured
            .iter()
            .map(|(column, error, spread)| {
                let spread = spread.map_or_else(|| "–".to_owned(), |spread| format!("{spread:.3}"));
                vec![column.name.clone(), format!("{error:.3}"), spread]
            })
            .collect();
        let table = ui::table(&["codes", "difference to the image", "between samples"], &rows);
        format!("{table}\nroot mean squares of pixels in [0, 1]; contact sheet: {}", sheet.display())
    })
}

fn chosen(args: &Args, dataset: &Dataset) -> Result<ImageSet> {
    let set = part_or_test(args.split, dataset)?;
    let rows = if args.rows.is_empty() { spaced_rows(&set, args.images.into())? } else { args.rows.clone() };
    if let Some(row) = rows.iter().find(|&&row| row >= set.len()) {
        let (name, len) = (&dataset.name, set.len());
        ensure!(*row < len, "--rows names row {row}, but {name} has {len} images there");
    }
    Ok(set.subset(&rows))
}

/// Root mean squares over all pixels: of each sample's difference to its image and, where there are several, to the mean of
/// the image's samples.
fn differences(images: &[f32], samples: &[f32], len: usize, count: usize) -> (f64, Option<f64>) {
    let (mut error, mut spread) = (0.0, 0.0);
    for (image, samples) in images.chunks(len).zip(samples.chunks(len * count)) {
        for (pixel, &target) in image.iter().enumerate() {
            let values = || samples.iter().skip(pixel).step_by(len).map(|&v| f64::from(v));
            let mean = values().sum::<f64>() / count as f64;
            error += values().map(|v| (v - f64::from(target)).powi(2)).sum::<f64>();
            spread += values().map(|v| (v - mean).powi(2)).sum::<f64>();
        }
    }
    let total = samples.len() as f64;
    // Unbiased: the mean of the samples is itself estimated from them.
    let free = total * (count - 1) as f64 / count as f64;
    ((error / total).sqrt(), (count > 1).then(|| (spread / free).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_root_mean_squares() {
        // Two images of two pixels, two samples of each.
        let (images, samples) = ([0.0, 0.0, 1.0, 1.0], [0.1, 0.0, -0.1, 0.0, 1.0, 1.0, 1.0, 1.2]);
        let (error, spread) = differences(&images, &samples, 2, 2);
        assert!((error - (0.06f64 / 8.0).sqrt()).abs() < 1e-6, "{error}");
        // Sums of squares about the means: 0.02 and 0.02, over four degrees of freedom.
        assert!((spread.unwrap() - (0.04f64 / 4.0).sqrt()).abs() < 1e-6, "{spread:?}");
        // One sample says nothing about how far samples lie apart.
        assert_eq!(differences(&images, &images, 2, 1), (0.0, None));
    }
}
