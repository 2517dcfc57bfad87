//! `diffrep latent`.
use crate::encoder::{EncoderArgs, bar, described};
use crate::generator::{Folder, SamplerArgs, evaluation_bar, spaced_rows, thumbnails, total_evaluations};
use crate::images::{Part, open_data};
use crate::ui::{self, Ui};
use anyhow::Result;
use diffrep::data::ImageSet;
use diffrep::measure::{KNN_NEIGHBOURS, euclidean_knn_accuracy, silhouette};
use diffrep::report::figure::LatentGrid;
use diffrep::represent::{Embeddings, LoadedEncoder};
use diffrep::sample::{Codes, NoiseRows, SampleError};
use serde_json::json;
use std::path::PathBuf;

/// Part of the codes that lies left of, or below, the rectangle that the grid covers.
const TAIL: f64 = 0.01;
/// Images that are encoded at most, evenly spaced: silhouettes take the square of their number.
const MOST_CODES: usize = 20_000;
/// Training images that vote at most.
const MOST_VOTERS: usize = 100_000;

/// Draw a 2-d latent space: images generated over a grid of codes, beside the codes of test images by class.
///
/// Needs a run with `encoder.latent=2` and `encoder.time_conditioned=false`.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// Images whose codes are shown: a built-in name, file or folder. Default: the data that the run was trained on.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    /// Which of them. Default: test, or train of data without a test split.
    #[arg(long, value_name = "PART")]
    split: Option<Part>,
    /// Rows and columns of the grid. Default: 14.
    #[arg(long, value_name = "N", default_value_t = 14, hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(2..=64))]
    grid: u16,
    /// Points drawn, at most; the figures are computed from 20,000 codes at most. Default: 3000.
    #[arg(long, value_name = "N", default_value_t = 3000, hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..))]
    points: u32,
    #[command(flatten)]
    sampler: SamplerArgs,
    /// Folder for `latent.svg` and `latent.png`. Default: latent in the run folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    Folder::check(args.out.as_deref(), &args.encoder.run, args.data.as_deref())?;
    let generator = args.encoder.open_generator()?;
    let encoder = generator.encoder();
    if encoder.dim() != 2 {
        return Err(SampleError::NotPlanar { dim: encoder.dim() }.into());
    }
    if encoder.is_time_conditioned() {
        return Err(SampleError::NotStatic.into());
    }
    let sampler = args.sampler.sampler(encoder)?;
    let dataset = open_data(encoder, args.data.as_deref(), None, ui)?;
    let part = args.split.unwrap_or(Part::test_of(&dataset));
    let (set, held_out) = (part.of(&dataset)?, matches!(part, Part::Test));
    let set = set.subset(&spaced_rows(&set, MOST_CODES)?);
    let codes = encode(encoder, &set, ui)?;
    let folder = Folder::create(args.out, &args.encoder.run, "latent")?;
    let labelled = Labelled::of(&codes);
    let silhouette = labelled.as_ref().map(|l| silhouette(&l.codes, &l.labels, 2)).filter(|s| s.is_finite());
    // Codes of training images vote on test codes only.
    let voters = match held_out {
        true => {
            let train = dataset.train.subset(&spaced_rows(&dataset.train, MOST_VOTERS)?);
            Labelled::of(&encode(encoder, &train, ui)?)
        }
        false => None,
    };
    // Labels are compared by number, which needs the same classes on both sides.
    let alike = dataset
        .train
        .labels()
        .zip(set.labels())
        .is_some_and(|(a, b)| (&a.name, &a.classes) == (&b.name, &b.classes));
    let knn = match (&voters, &labelled) {
        (Some(train), Some(test)) if alike => Some(euclidean_knn_accuracy(
            (&train.codes, &train.labels),
            (&test.codes, &test.labels),
            2,
            KNN_NEIGHBOURS,
        )),
        _ => None,
    };

    let count = usize::from(args.grid);
    let limits = [0, 1].map(|axis| limits(&codes.values, axis));
    // One noise for all cells: what changes over the grid is due to the code.
    let noise = NoiseRows { seed: args.sampler.seed(), rows: vec![0; count * count] };
    let batch = args.sampler.batch();
    let bar = evaluation_bar(ui, total_evaluations(&sampler, encoder, count * count, batch));
    let grid = Codes::constant(grid_codes(limits, count));
    let pictures = generator.generate(&sampler, &grid, &noise, batch, &|_, _| bar.inc(1))?;
    bar.finish_and_clear();

    let step = codes.ids.len().div_ceil(args.points as usize);
    let every = |row: &usize| row.is_multiple_of(step);
    let shown: Vec<usize> = (0..codes.ids.len()).filter(every).collect();
    let score = silhouette.map_or("no labels".to_owned(), |s| format!("silhouette {s:.3}"));
    let caption = match knn {
        Some(accuracy) => format!("{} codes, {score}, kNN {:.1} %", shown.len(), 100.0 * accuracy),
        None => format!("{} codes, {score}", shown.len()),
    };
    let figure = LatentGrid {
        title: format!(
            "{}, trained with {} times: {}",
            dataset.name,
            encoder.config().objective.time,
            args.encoder.run.display()
        ),
        caption,
        limits,
        pictures: thumbnails(encoder.shape(), &pictures.pixels)?,
        points: shown.iter().map(|&row| [0, 1].map(|axis| codes.values[2 * row + axis].into())).collect(),
        labels: shown.iter().map(|&row| codes.labels.as_ref().and_then(|labels| labels[row])).collect(),
        classes: set.labels().map_or(Vec::new(), |column| column.classes.clone()),
    }
    .draw()?;
    figure.save(folder.path(), "latent")?;
    figure.notes.iter().for_each(|note| ui.message(note));
    let file = folder.path().join("latent.png");
    let value = json!({
        "figure": file, "codes": codes.ids.len(), "silhouette": silhouette,
        "knn": knn.map(|accuracy| json!({ "accuracy": accuracy, "k": KNN_NEIGHBOURS, "distance": "euclidean" })),
        "limits": limits, "evaluations": pictures.evaluations, "notes": figure.notes,
        "data": dataset.name, "split": part.name(), "weights": encoder.weights(), "step": encoder.step(),
    });
    ui.result(&value, || {
        let mut rows = vec![
            vec!["codes".to_owned(), format!("{} of {} ({})", codes.ids.len(), dataset.name, part.name())],
            vec!["weights".to_owned(), described(encoder)],
        ];
        if let Some(silhouette) = silhouette {
            rows.push(vec!["silhouette of the classes".to_owned(), format!("{silhouette:.3}")]);
        }
        if let Some(accuracy) = knn {
            let name = format!("kNN accuracy (k = {KNN_NEIGHBOURS}, by distance)");
            rows.push(vec![name, format!("{:.1} %", 100.0 * accuracy)]);
        }
        rows.push(vec!["figure".to_owned(), file.display().to_string()]);
        ui::table(&["latent space", ""], &rows)
    })
}

fn encode(encoder: &LoadedEncoder, set: &ImageSet, ui: &Ui) -> Result<Embeddings> {
    let bar = bar(ui, set.len(), "images encoded");
    let codes = Embeddings::of(encoder, set, &[0.0], &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    Ok(codes)
}

/// The codes that have a label.
struct Labelled {
    codes: Vec<f32>,
    labels: Vec<u32>,
}

impl Labelled {
    fn of(embeddings: &Embeddings) -> Option<Self> {
        let mut found = Self { codes: Vec::new(), labels: Vec::new() };
        for (code, label) in embeddings.values.chunks(2).zip(embeddings.labels.as_ref()?) {
            if let Some(label) = label {
                found.codes.extend_from_slice(code);
                found.labels.push(*label);
            }
        }
        (!found.labels.is_empty()).then_some(found)
    }
}

/// All but the outermost codes along an axis; never empty.
fn limits(codes: &[f32], axis: usize) -> (f64, f64) {
    let mut values: Vec<f32> = codes.iter().skip(axis).step_by(2).copied().collect();
    values.sort_by(f32::total_cmp);
    let at = |part: f64| f64::from(values[(part * (values.len() - 1) as f64).round() as usize]);
    let (low, high) = (at(TAIL), at(1.0 - TAIL));
    if high > low { (low, high) } else { (low - 0.5, low + 0.5) }
}

/// Codes in the middle of `count` × `count` equal cells, row by row from the lower left.
fn grid_codes(limits: [(f64, f64); 2], count: usize) -> Vec<f32> {
    let place =
        |(low, high): (f64, f64), i: usize| (low + (i as f64 + 0.5) / count as f64 * (high - low)) as f32;
    let cells = (0..count).flat_map(|row| (0..count).map(move |column| (row, column)));
    cells.flat_map(|(row, column)| [place(limits[0], column), place(limits[1], row)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grid_begins_at_the_lower_left_with_the_middle_of_its_cells() {
        assert_eq!(grid_codes([(0.0, 2.0), (10.0, 14.0)], 2), [0.5, 11.0, 1.5, 11.0, 0.5, 13.0, 1.5, 13.0]);
    }

    #[test]
    fn limits_leave_the_outermost_codes_out_and_are_never_empty() {
        let codes: Vec<f32> = (0..=100).flat_map(|i| [i as f32, 7.0]).collect();
        assert_eq!(limits(&codes, 0), (1.0, 99.0));
        assert_eq!(limits(&codes, 1), (6.5, 7.5));
    }
}
