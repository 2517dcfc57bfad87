//! The table of a comparison.
use super::Budget;
use super::record::{CellRecord, StudyRecord};
use crate::probe::{ProbeKind, Score, headline, mean_and_sd};
use std::fmt::Write;

/// The results after one budget: a row for each method, then the baselines.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// How long methods were trained.
    pub budget: Budget,
    /// Names of the columns.
    pub header: Vec<String>,
    /// Cells, as many in each row as the header has.
    pub rows: Vec<Vec<String>>,
}

/// A table for each budget, the smallest first.
///
/// Accuracies are in %, of the test split unless the plan validates, at the t that each run's validation rows chose: the mean over the seeds of
/// training, ± their sample standard deviation.
pub fn tables(record: &StudyRecord) -> Vec<Table> {
    let of = |budget| {
        let cells: Vec<&CellRecord> = record.cells.iter().filter(|cell| cell.budget() == budget).collect();
        table(record, budget, &cells)
    };
    budgets(record).into_iter().map(of).collect()
}

/// How to read the tables, one paragraph; empty without results.
pub fn legend(record: &StudyRecord) -> String {
    let Some(score) = record.cells.iter().flat_map(|cell| &cell.scores).next() else { return String::new() };
    format!(
        "Accuracy in % on {} images ({}, {}), mean over training seeds ± standard deviation between them; each is the mean \
         of {} probes, at the t that validation chose (in brackets, of the first seed). Baselines: ± over probe seeds. MSE, \
         PSNR and SSIM: reconstructions of these images by the decoder, from the code's mean.",
        score.test_rows,
        score.data.test_data,
        score.data.test_split,
        score.seeds.len(),
    )
}

/// Tables and legend in Markdown.
pub fn markdown(record: &StudyRecord) -> String {
    let mut text = String::new();
    for Table { budget, header, rows } in tables(record) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let rule: Vec<String> = header.iter().map(|_| "---".to_owned()).collect();
        let _ = write!(text, "After {budget} of training:\n\n{}{}", line(&header), line(&rule));
        rows.iter().for_each(|row| text.push_str(&line(row)));
        text.push('\n');
    }
    text + &legend(record) + "\n"
}

/// Rows of one budget.
fn table(record: &StudyRecord, budget: Budget, cells: &[&CellRecord]) -> Table {
    let probes = probes(record);
    let few = few_labels(record);
    let reconstructs = cells.iter().any(|cell| cell.reconstruction.is_some());
    let mut header = vec!["method".to_owned()];
    for probe in &probes {
        header.push(probe.name().to_owned());
        header.extend(few.iter().map(|count| format!("{} with {count} a class", probe.name())));
    }
    if reconstructs {
        header.extend(["MSE", "PSNR, dB", "SSIM"].map(str::to_owned));
    }
    header.push("training, s".to_owned());
    let mut rows = Vec::new();
    for arm in arms(record) {
        let cells: Vec<&&CellRecord> = cells.iter().filter(|cell| cell.arm == arm).collect();
        let mut row = vec![arm.to_owned()];
        for &probe in &probes {
            let level = cells.first().and_then(|cell| headline(&cell.scores, "encoder", probe)?.t);
            for labels in std::iter::once(None).chain(few.iter().copied().map(Some)) {
                let accuracies = cells.iter().filter_map(|cell| accuracy(&cell.scores, probe, labels));
                let mut text = spread(&accuracies.collect::<Vec<_>>());
                if let (Some(t), None, true) = (level, labels, cells.iter().any(|cell| cell.time_conditioned))
                {
                    let _ = write!(text, " ({t})");
                }
                row.push(text);
            }
        }
        if reconstructs {
            let figures: Vec<_> = cells.iter().filter_map(|cell| cell.reconstruction).collect();
            let mean = |figure: fn(&crate::represent::ReconstructionQuality) -> f64| {
                figures.iter().map(figure).sum::<f64>() / figures.len() as f64
            };
            match figures.is_empty() {
                true => row.extend(["–", "–", "–"].map(str::to_owned)),
                false => row.extend([
                    format!("{:.4}", mean(|q| q.mse)),
                    format!("{:.1}", mean(|q| q.psnr)),
                    format!("{:.3}", mean(|q| q.ssim)),
                ]),
            }
        }
        let seconds: f64 =
            cells.iter().map(|cell| cell.train_seconds).sum::<f64>() / cells.len().max(1) as f64;
        row.push(format!("{seconds:.0}"));
        rows.push(row);
    }
    for source in ["random encoder", "raw pixels"] {
        let mut row = vec![source.to_owned()];
        for &probe in &probes {
            for labels in std::iter::once(None).chain(few.iter().copied().map(Some)) {
                let found = record.baselines.iter().find(|score| {
                    score.headline
                        && score.source == source
                        && score.probe == probe
                        && score.labels_per_class == labels
                });
                row.push(found.map_or("–".to_owned(), |score| {
                    format!("{:.1} ± {:.1}", 100.0 * score.accuracy, 100.0 * score.sd)
                }));
            }
        }
        row.resize(header.len(), "–".to_owned());
        rows.push(row);
    }
    Table { budget, header, rows }
}

/// Accuracy in [0, 1] of the encoder at the t that validation chose.
pub fn accuracy(scores: &[Score], probe: ProbeKind, labels: Option<usize>) -> Option<f64> {
    let chosen =
        |s: &&Score| s.headline && s.source == "encoder" && s.probe == probe && s.labels_per_class == labels;
    scores.iter().find(chosen).map(|score| score.accuracy)
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
    [ProbeKind::Linear, ProbeKind::Mlp, ProbeKind::Knn].into_iter().filter(ran).collect()
}

/// Numbers of labels a class, ascending.
pub(super) fn few_labels(record: &StudyRecord) -> Vec<usize> {
    let all = record.cells.iter().flat_map(|cell| &cell.scores);
    let mut counts: Vec<usize> = all.filter_map(|score| score.labels_per_class).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}
