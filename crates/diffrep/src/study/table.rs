//! The table of a comparison.
use super::Budget;
use super::record::{CellRecord, StudyRecord};
use crate::probe::{ProbeKind, Score, headline, mean_and_sd};
use crate::represent::ReconstructionQuality;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Sources that stand below the methods.
const BASELINES: [&str; 2] = ["random encoder", "raw pixels"];

/// Results after one budget: a row for each method, then the baselines.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// How long methods were trained.
    pub budget: Budget,
    /// What the columns have in common, such as `all labels`.
    pub what: &'static str,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Cells, as many in each row as the header has.
    pub rows: Vec<Vec<String>>,
}

/// For each budget, the smallest first, a table of probes with all labels and, where they were measured, one of probes
/// with few.
///
/// Accuracies are in %, of the test split unless the plan validates, at the t that each run's validation rows chose: the
/// mean over the seeds of training, ± their sample standard deviation.
pub fn tables(record: &StudyRecord) -> Vec<Table> {
    let few = few_labels(record);
    let of = |budget| {
        let cells: Vec<&CellRecord> = record.cells.iter().filter(|cell| cell.budget() == budget).collect();
        let few = (!few.is_empty()).then(|| few_label_table(record, budget, &cells, &few));
        std::iter::once(all_label_table(record, budget, &cells)).chain(few)
    };
    budgets(record).into_iter().flat_map(of).collect()
}

/// How to read the tables, one paragraph; empty without results.
pub fn legend(record: &StudyRecord) -> String {
    let mut scores = record.cells.iter().flat_map(|cell| &cell.scores);
    let Some(score) = scores.find(|score| score.labels_per_class.is_none()) else { return String::new() };
    let seeds = record.cells.iter().map(|cell| cell.seed).collect::<BTreeSet<_>>().len();
    let training = match seeds {
        1 => "one training seed".to_owned(),
        seeds => format!("{seeds} training seeds, mean ± standard deviation between them"),
    };
    format!(
        "Accuracy in % on {} images ({}, {}); {training}; each the mean of {} probes of {} weights (recipe {:?}, {} labelled \
         images), at the t that validation chose (in brackets, of the first seed). Baselines: ± over probe seeds. MSE, PSNR \
         and SSIM: reconstructions of these images by the decoder, from the code's mean.",
        score.test_rows,
        score.data.test_data,
        score.data.test_split,
        score.seeds.len(),
        score.origin.weights.as_deref().unwrap_or("ema"),
        score.recipe.name,
        score.train_rows + score.validation_rows,
    )
}

/// Tables and legend in Markdown.
pub fn markdown(record: &StudyRecord) -> String {
    let mut text = String::new();
    for Table { budget, what, header, rows } in tables(record) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> = header.iter().map(|_| "---".to_owned()).collect();
        let _ = write!(text, "After {budget} of training, {what}:\n\n{}{}", line(&header), line(&rule));
        rows.iter().for_each(|row| text.push_str(&line(row)));
        text.push('\n');
    }
    text + &legend(record) + "\n"
}

fn all_label_table(record: &StudyRecord, budget: Budget, cells: &[&CellRecord]) -> Table {
    let probes = probes(record);
    let reconstructs = cells.iter().any(|cell| cell.reconstruction.is_some());
    let mut header = vec!["method".to_owned()];
    header.extend(probes.iter().map(|probe| probe.name().to_owned()));
    if reconstructs {
        header.extend(["MSE", "PSNR, dB", "SSIM"].map(str::to_owned));
    }
    header.push("training, s".to_owned());
    let mut rows = Vec::new();
    for arm in arms(record) {
        let cells: Vec<&CellRecord> = cells.iter().copied().filter(|cell| cell.arm == arm).collect();
        let mut row = vec![arm.to_owned()];
        for &probe in &probes {
            let mut text = trained(&cells, |cell| accuracy(&cell.scores, probe, None));
            let level = cells.first().filter(|cell| cell.time_conditioned);
            if let Some(t) = level.and_then(|cell| headline(&cell.scores, "encoder", probe)?.t) {
                let _ = write!(text, " ({t})");
            }
            row.push(text);
        }
        if reconstructs {
            row.extend(reconstruction(&cells));
        }
        let seconds: f64 =
            cells.iter().map(|cell| cell.train_seconds).sum::<f64>() / cells.len().max(1) as f64;
        row.push(format!("{seconds:.0}"));
        rows.push(row);
    }
    for source in BASELINES {
        let mut row = vec![source.to_owned()];
        row.extend(probes.iter().map(|&probe| baseline(record, source, probe, None)));
        row.resize(header.len(), "–".to_owned());
        rows.push(row);
    }
    Table { budget, what: "all labels", header, rows }
}

fn few_label_table(record: &StudyRecord, budget: Budget, cells: &[&CellRecord], few: &[usize]) -> Table {
    let probes = probes(record);
    let columns: Vec<(ProbeKind, usize)> =
        probes.iter().flat_map(|&probe| few.iter().map(move |&count| (probe, count))).collect();
    let mut header = vec!["method".to_owned()];
    header.extend(columns.iter().map(|(probe, count)| format!("{}, {count}", probe.name())));
    let mut rows = Vec::new();
    for arm in arms(record) {
        let cells: Vec<&CellRecord> = cells.iter().copied().filter(|cell| cell.arm == arm).collect();
        let mut row = vec![arm.to_owned()];
        let few = |probe, count| trained(&cells, |cell| few_label_accuracy(cell, probe, count));
        row.extend(columns.iter().map(|&(probe, count)| few(probe, count)));
        rows.push(row);
    }
    for source in BASELINES {
        let mut row = vec![source.to_owned()];
        row.extend(columns.iter().map(|&(probe, count)| baseline(record, source, probe, Some(count))));
        rows.push(row);
    }
    Table { budget, what: "few labels (columns: probe, labels a class)", header, rows }
}

/// A method's accuracy over its seeds.
fn trained(cells: &[&CellRecord], accuracy: impl Fn(&CellRecord) -> Option<f64>) -> String {
    spread(&cells.iter().filter_map(|cell| accuracy(cell)).collect::<Vec<f64>>())
}

/// A baseline's accuracy over the seeds of its probe.
fn baseline(record: &StudyRecord, source: &str, probe: ProbeKind, labels: Option<usize>) -> String {
    let found = record.baselines.iter().find(|score| {
        score.headline && score.source == source && score.probe == probe && score.labels_per_class == labels
    });
    found.map_or("–".to_owned(), |score| format!("{:.1} ± {:.1}", 100.0 * score.accuracy, 100.0 * score.sd))
}

/// Mean MSE, PSNR and SSIM over the seeds.
fn reconstruction(cells: &[&CellRecord]) -> [String; 3] {
    let figures: Vec<_> = cells.iter().filter_map(|cell| cell.reconstruction).collect();
    if figures.is_empty() {
        return ["–", "–", "–"].map(str::to_owned);
    }
    let mean = |figure: fn(&ReconstructionQuality) -> f64| {
        figures.iter().map(figure).sum::<f64>() / figures.len() as f64
    };
    [
        format!("{:.4}", mean(|q| q.mse)),
        format!("{:.1}", mean(|q| q.psnr)),
        format!("{:.3}", mean(|q| q.ssim)),
    ]
}

/// Accuracy in [0, 1] of the encoder at the t that validation chose.
pub fn accuracy(scores: &[Score], probe: ProbeKind, labels: Option<usize>) -> Option<f64> {
    let chosen =
        |s: &&Score| s.headline && s.source == "encoder" && s.probe == probe && s.labels_per_class == labels;
    scores.iter().find(chosen).map(|score| score.accuracy)
}

/// The same with `count` labels a class; `None` of an encoder that has learned all labels, which says nothing about few.
pub(super) fn few_label_accuracy(cell: &CellRecord, probe: ProbeKind, count: usize) -> Option<f64> {
    let knows_all = cell.config.objective.method.needs().labels;
    accuracy(&cell.scores, probe, Some(count)).filter(|_| !knows_all)
}

/// Mean and standard deviation in %, of one value without.
fn spread(values: &[f64]) -> String {
    match values {
        [] => "–".to_owned(),
        [one] => format!("{:.1}", 100.0 * one),
        _ => {
            let (mean, sd) = mean_and_sd(values);
            format!("{:.1} ± {:.1}", 100.0 * mean, 100.0 * sd)
        }
    }
}

/// Budgets, ascending.
pub(super) fn budgets(record: &StudyRecord) -> Vec<Budget> {
    let mut budgets: Vec<Budget> = record.cells.iter().map(CellRecord::budget).collect();
    budgets.sort_by(Budget::order);
    budgets.dedup();
    budgets
}

/// Names of the methods in the plan's order.
pub(super) fn arms(record: &StudyRecord) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for cell in &record.cells {
        if !names.contains(&cell.arm.as_str()) {
            names.push(&cell.arm);
        }
    }
    names
}

/// Probes that were run, the simplest first.
pub(super) fn probes(record: &StudyRecord) -> Vec<ProbeKind> {
    let ran =
        |probe: &ProbeKind| record.cells.iter().flat_map(|cell| &cell.scores).any(|s| s.probe == *probe);
    ProbeKind::SINGLE.into_iter().filter(ran).collect()
}

/// Numbers of labels a class, ascending.
pub(super) fn few_labels(record: &StudyRecord) -> Vec<usize> {
    let all = record.cells.iter().flat_map(|cell| &cell.scores);
    let mut counts: Vec<usize> = all.filter_map(|score| score.labels_per_class).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}
