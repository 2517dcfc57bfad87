//! `diffrep neighbours`.
use crate::bad_images::BadImagesArgs;
use crate::encoder::{EncoderArgs, LevelArgs, bar};
use crate::generator::sheet_rows;
use crate::images::{Part, open_data, open_new_data, refuse_among_images};
use crate::ui::{self, Ui};
use anyhow::{Context, Result, ensure};
use diffrep::data::ImageSet;
use diffrep::files::PartFile;
use diffrep::measure::{Neighbour, nearest, nearest_whitened};
use diffrep::report::figure::{Cell, CellMark, ImageGrid, Thumbnail};
use diffrep::represent::{Embeddings, LoadedEncoder};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Find the images most similar to a given one, at each level of detail.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    encoder: EncoderArgs,
    /// The image to compare with: a PNG, JPEG, WebP, BMP or TIFF file.
    #[arg(long, value_name = "FILE", required_unless_present = "row", conflicts_with = "row")]
    image: Option<PathBuf>,
    /// Instead of --image: the image in this row of the data, counted from 0; it is left out of the result.
    #[arg(long, value_name = "N")]
    row: Option<usize>,
    /// Images to search: a built-in name, file or folder. Default: those that the run was trained on.
    #[arg(long, value_name = "D")]
    data: Option<String>,
    /// Which images of the data. Default: train.
    #[arg(long, value_name = "PART", default_value = "train", hide_default_value = true)]
    split: Part,
    #[command(flatten)]
    bad: BadImagesArgs,
    #[command(flatten)]
    levels: LevelArgs,
    /// Similar images to show at each level. Default: 5.
    #[arg(long, short, value_name = "K", default_value_t = 5, hide_default_value = true)]
    k: usize,
    /// Compare codes as they are. Default: whitened over the images searched, so that all their directions count alike.
    #[arg(long)]
    no_whiten: bool,
    /// Also draw them on a sheet, as PNG. Default: no sheet.
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
}

pub fn run(args: Args, ui: &Ui) -> Result<()> {
    let t = args.levels.levels(|| vec![0.0, 0.5, 1.0])?;
    ensure!(args.k > 0, "-k is 0, expected at least 1");
    let encoder = args.encoder.open()?;
    if let Some(sheet) = &args.sheet {
        refuse_among_images(&args.encoder.run, args.data.as_deref(), sheet)?;
    }
    let dataset = open_new_data(&encoder, args.data.as_deref(), None, &args.bad, ui)?;
    let set = args.split.of(&dataset)?;
    let query = match (&args.image, args.row) {
        (Some(image), _) => open_data(&encoder, Some(&image.to_string_lossy()), None, ui)?.train,
        (None, Some(row)) => {
            ensure!(row < set.len(), "--row is {row}, but {} has {} images", dataset.name, set.len());
            set.subset(&[row])
        }
        (None, None) => unreachable!("clap demands one of --image and --row"),
    };
    ensure!(query.len() == 1, "--image names {} images, expected one picture file", query.len());
    let room = sheet_rows(t.len()) - 1;
    ensure!(
        args.sheet.is_none() || args.k.min(set.len()) <= room,
        "-k is {}, but a sheet of {} t has room for {room}",
        args.k,
        t.len()
    );
    let found = search(&encoder, &set, &query, &t, &args, ui)?;
    if let Some(path) = &args.sheet {
        sheet(path, &set, &query, &t, &found)?;
    }
    let class = |row: usize| set.labels().and_then(|column| column.class(row));
    let levels: Vec<_> = t
        .iter()
        .zip(&found)
        .map(|(t, found)| {
            let images: Vec<_> = found
                .iter()
                .map(|n| json!({ "row": n.row, "path": set.id(n.row), "label": class(n.row), "similarity": n.similarity }))
                .collect();
            json!({ "t": t, "neighbours": images })
        })
        .collect();
    let value = json!({
        "query": query.id(0), "data": dataset.name, "whitened": !args.no_whiten, "levels": levels, "sheet": args.sheet
    });
    ui.result(&value, || {
        let mut rows = Vec::new();
        for (t, found) in t.iter().zip(&found) {
            for (rank, n) in found.iter().enumerate() {
                let label = class(n.row).unwrap_or("–").to_owned();
                rows.push(vec![
                    t.to_string(),
                    (rank + 1).to_string(),
                    set.id(n.row),
                    label,
                    format!("{:.3}", n.similarity),
                ]);
            }
        }
        ui::table(&["t", "rank", "image", "label", "similarity"], &rows)
    })
}

/// The neighbours of the one image of `query` among `set`, for each t.
fn search(
    encoder: &LoadedEncoder,
    set: &ImageSet,
    query: &ImageSet,
    t: &[f64],
    args: &Args,
    ui: &Ui,
) -> Result<Vec<Vec<Neighbour>>> {
    let bar = bar(ui, set.len(), "images");
    let codes = Embeddings::of(encoder, set, t, &|done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    let asked = Embeddings::of(encoder, query, t, &|_| ())?;
    let dim = encoder.dim();
    let level = |level: usize| {
        let column: Vec<f32> =
            codes.values.chunks(dim).skip(level).step_by(t.len()).flatten().copied().collect();
        let asked = &asked.values[level * dim..][..dim];
        let wanted = args.k.saturating_add(1);
        let mut found = match args.no_whiten {
            false => nearest_whitened(&column, asked, dim, wanted),
            true => nearest(&column, asked, dim, wanted),
        }
        .remove(0);
        found.retain(|neighbour| args.row != Some(neighbour.row));
        found.truncate(args.k);
        found
    };
    Ok((0..t.len()).map(level).collect())
}

/// A row for each t: the query, then its neighbours with their similarities.
fn sheet(path: &Path, set: &ImageSet, query: &ImageSet, t: &[f64], found: &[Vec<Neighbour>]) -> Result<()> {
    let cell = |set: &ImageSet, row: usize, caption: String| -> Result<Cell> {
        let shape = set.shape();
        let mut pixels = vec![0.0; shape.len()];
        set.read(&[row], &mut pixels)?;
        let thumbnail = Thumbnail::new([shape.height, shape.width, shape.channels], &pixels)?;
        Ok(Cell { thumbnail, caption, mark: CellMark::Plain })
    };
    let mut rows = Vec::new();
    for (t, found) in t.iter().zip(found) {
        let mut row = vec![cell(query, 0, format!("t = {t}"))?];
        for neighbour in found {
            row.push(cell(set, neighbour.row, format!("{:.3}", neighbour.similarity))?);
        }
        rows.push(row);
    }
    let most = found.iter().map(Vec::len).max().unwrap_or(0);
    let groups = vec![("image".to_owned(), 1), ("most similar first".to_owned(), most)];
    let grid = ImageGrid { title: "Neighbours by level of detail".to_owned(), groups, rows };
    let png = grid.draw()?.to_png(2.0)?;
    PartFile::write_whole(path, &png).with_context(|| format!("can't write {}", path.display()))
}
