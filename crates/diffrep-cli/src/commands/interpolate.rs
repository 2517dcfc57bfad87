//! `diffrep interpolate`.
use crate::encoder::EncoderArgs;
use crate::generator::{Folder, SamplerArgs, evaluation_bar, sheet_rows, thumbnails};
use crate::images::{Part, open_data, part_or_test};
use crate::ui::{self, Ui};
use anyhow::{Result, ensure};
use diffrep::report::figure::{Cell, CellMark, ImageGrid};
use serde_json::json;
use std::path::PathBuf;
use std::str::FromStr;

/// Show the way from one image to another: codes on a straight line, noise on a great circle.
///
/// The probability flow takes both images to noise, each under its own code, and back from every point between.
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
    /// Rows of the two images, counted from 0; may be given several times. Default: 0,1.
    #[arg(long = "rows", value_name = "A,B")]
    pairs: Vec<Pair>,
    /// Pictures on the way, the ends included. Default: 9.
    #[arg(long, short = 'n', value_name = "N", default_value_t = 9, hide_default_value = true,
        value_parser = clap::value_parser!(u16).range(2..=1000))]
    count: u16,
    #[command(flatten)]
    sampler: SamplerArgs,
    /// Folder for the pictures and `sheet.png`. Default: interpolations in the run folder.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy)]
struct Pair([usize; 2]);

impl FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let pair =
            text.split_once(',').and_then(|(a, b)| Some([a.trim().parse().ok()?, b.trim().parse().ok()?]));
        pair.map(Self).ok_or_else(|| "expected two rows, such as 3,17".into())
    }
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    Folder::check(args.out.as_deref(), &args.encoder.run, args.data.as_deref())?;
    let generator = args.encoder.open_generator()?;
    let encoder = generator.encoder();
    let sampler = args.sampler.sampler(encoder)?;
    let dataset = open_data(encoder, args.data.as_deref(), None, ui)?;
    let set = part_or_test(args.split, &dataset)?;
    let pairs = if args.pairs.is_empty() { vec![Pair([0, 1])] } else { args.pairs };
    for Pair(pair) in &pairs {
        for row in pair {
            ensure!(
                *row < set.len(),
                "--rows names row {row}, but {} has {} images there",
                dataset.name,
                set.len()
            );
        }
    }
    let folder = Folder::create(args.out, &args.encoder.run, "interpolations")?;
    let count = usize::from(args.count);
    let there_and_back = sampler.evaluations(&encoder.config().sde).map(|each| 2 * each * pairs.len());
    let bar = evaluation_bar(ui, there_and_back);
    let (shape, size) = (encoder.shape(), encoder.preprocess().shape().len());
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for (number, Pair(pair)) in pairs.iter().enumerate() {
        let ends = set.subset(pair);
        let images = generator.standardised(&dataset.name, &ends)?;
        let (a, b) = images.split_at(size);
        let way = generator.interpolate([a, b], count, &sampler, &|_| bar.inc(1))?;
        folder.pictures(&format!("way{number}-"), shape, &way.pixels)?;
        let cell = |thumbnail, caption: String| Cell { thumbnail, caption, mark: CellMark::Plain };
        let mut given = thumbnails(shape, &generator.pixels(&images))?;
        let (last, first) = (given.pop(), given.pop());
        let mut row: Vec<Cell> = first.map(|image| cell(image, ends.id(0))).into_iter().collect();
        for (i, thumbnail) in thumbnails(shape, &way.pixels)?.into_iter().enumerate() {
            row.push(cell(thumbnail, format!("{:.2}", i as f64 / (count - 1) as f64)));
        }
        row.extend(last.map(|image| cell(image, ends.id(1))));
        rows.push(row);
        values.push(json!({
            "rows": pair, "images": [ends.id(0), ends.id(1)], "end_rmse": way.end_errors, "evaluations": way.evaluations,
        }));
    }
    bar.finish_and_clear();
    let groups = vec![("image".to_owned(), 1), ("on the way".to_owned(), count), ("image".to_owned(), 1)];
    let all = rows.len();
    rows.truncate(sheet_rows(count + 2));
    let first = if rows.len() < all { format!(", the first {} of {all}", rows.len()) } else { String::new() };
    let title = format!("Interpolation between images of {}{first}", dataset.name);
    let sheet = folder.figure("sheet", &ImageGrid { title, groups, rows }.draw()?)?;
    let value = json!({
        "folder": folder.path(), "sheet": sheet, "pictures": count, "pairs": values,
        "weights": encoder.weights(), "step": encoder.step(),
    });
    ui.result(&value, || {
        let number = |value: &serde_json::Value| format!("{:.3}", value.as_f64().unwrap_or(f64::NAN));
        let row = |pair: &serde_json::Value| {
            let name = format!("{} to {}", pair["rows"][0], pair["rows"][1]);
            vec![
                name,
                number(&pair["end_rmse"][0]),
                number(&pair["end_rmse"][1]),
                pair["evaluations"].to_string(),
            ]
        };
        let rows: Vec<_> = values.iter().map(row).collect();
        let table = ui::table(&["rows", "error of the first", "of the last", "evaluations"], &rows);
        format!(
            "{table}\nends beside their images, root mean square of pixels; contact sheet: {}",
            sheet.display()
        )
    })
}
