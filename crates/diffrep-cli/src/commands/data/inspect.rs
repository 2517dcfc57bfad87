//! `diffrep data inspect`.
use super::open_args::OpenArgs;
use crate::ui::{self, Ui};
use diffrep::data::inspect::{Inspection, SplitInspection, inspect, write_contact_sheet};
use diffrep::train::refuse_inside;
use std::path::PathBuf;

/// Classes listed for people; JSON has all.
const MOST_CLASSES: usize = 30;
/// Pairs of duplicates listed for people; JSON has all.
const MOST_PAIRS: usize = 20;

/// Look at a data set before training: counts, sizes, classes, mean and standard deviation, duplicates within and across
/// splits. Reads every image once.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    open: OpenArgs,
    /// Also draw some images of each class into this PNG.
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
}

pub fn run(args: Args, ui: &Ui) -> anyhow::Result<()> {
    if let Some(sheet) = &args.sheet {
        refuse_inside(&args.open.data, sheet)?;
    }
    let dataset = args.open.open(Vec::new())?;
    let inspection = inspect(&dataset)?;
    if let Some(sheet) = &args.sheet {
        write_contact_sheet(sheet, &dataset.train)?;
        ui.message(format!("contact sheet: {}", sheet.display()));
    }
    ui.result(&inspection, || text(&inspection))
}

fn text(inspection: &Inspection) -> String {
    let mut text =
        vec![format!("{}: images of {} (height×width×channels)", inspection.name, inspection.shape)];
    text.push(ui::table(
        &["split", "images", "files", "mean", "std", "copies", "near copies"],
        &inspection.splits.iter().map(split_row).collect::<Vec<_>>(),
    ));
    if inspection.splits.len() > 1 {
        let (exact, near) = (inspection.exact_across, inspection.near_across);
        text.push(format!(
            "test images also among the training images: {exact} the same, {near} nearly the same"
        ));
    }
    for pair in inspection.duplicates.iter().take(MOST_PAIRS) {
        let like = if pair.exact { "is" } else { "is nearly" };
        text.push(format!("  {} {} {like} {} {}", pair.image.0, pair.image.1, pair.like.0, pair.like.1));
    }
    if inspection.duplicates.len() > MOST_PAIRS {
        let more = inspection.duplicates.len() - MOST_PAIRS;
        text.push(format!("  … and {more} more pairs (--json lists all)"));
    }
    text.extend(class_tables(inspection));
    text.extend(inspection.skipped.iter().map(|message| format!("left out: {message}")));
    text.join("\n")
}

fn split_row(split: &SplitInspection) -> Vec<String> {
    let numbers =
        |values: &[f64]| values.iter().map(|value| format!("{value:.4}")).collect::<Vec<_>>().join(" ");
    let files = match split.file_sizes {
        Some([small, large]) if small == large => format!("{}×{}", small.0, small.1),
        Some([small, large]) => format!("{}×{} to {}×{}", small.0, small.1, large.0, large.1),
        None => "–".to_owned(),
    };
    vec![
        split.split.to_owned(),
        split.images.to_string(),
        files,
        numbers(&split.mean),
        numbers(&split.std),
        split.exact_duplicates.to_string(),
        split.near_duplicates.to_string(),
    ]
}

/// One table a label column: images of each class in each split.
fn class_tables(inspection: &Inspection) -> Vec<String> {
    let Some(train) = inspection.splits.first() else { return Vec::new() };
    if train.columns.is_empty() {
        return vec!["unlabelled".to_owned()];
    }
    let table = |column: &diffrep::data::inspect::ColumnInspection| {
        let count = |split: &SplitInspection, class: &str| {
            let column = split.columns.iter().find(|other| other.name == column.name);
            let found = column.and_then(|column| column.classes.iter().find(|(name, _)| name == class));
            found.map_or_else(|| "–".to_owned(), |(_, count)| count.to_string())
        };
        let row = |(class, _): &(String, usize)| {
            let counts = inspection.splits.iter().map(|split| count(split, class));
            std::iter::once(class.clone()).chain(counts).collect()
        };
        let mut rows: Vec<Vec<String>> = column.classes.iter().take(MOST_CLASSES).map(row).collect();
        if column.classes.len() > MOST_CLASSES {
            rows.push(vec![format!("… {} classes in all", column.classes.len())]);
        }
        let splits = inspection.splits.iter().map(|split| split.split);
        let header: Vec<&str> = std::iter::once(column.name.as_str()).chain(splits).collect();
        ui::table(&header, &rows)
    };
    train.columns.iter().map(table).collect()
}
