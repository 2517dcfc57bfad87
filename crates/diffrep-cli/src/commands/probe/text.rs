//! Scores as tables for people.
use crate::ui;
use diffrep::probe::{ProbeKind, Score, Scores, Settings, best_validated, few_label_scores};

/// Accuracy by source and t, the few-label curves, and how to read them.
pub fn text(scores: &Scores, settings: &Settings) -> String {
    let scores = &scores.scores;
    let probes = &settings.probes;
    let mut rows: Vec<(String, Option<f64>)> = Vec::new();
    let (single, whole): (Vec<&Score>, Vec<&Score>) =
        scores.iter().partition(|score| score.origin.levels.is_none());
    let blocks: Vec<&Score> =
        single.iter().copied().filter(|score| score.source.starts_with("score ")).collect();
    let searched = blocks.iter().any(|score| score.source != blocks[0].source);
    for score in single {
        // A table of its own has blocks and t at right angles; only the best place stands beside the encoder.
        let best = best_place(&blocks);
        let elsewhere = best.is_some_and(|best| best.source != score.source || best.t != score.t);
        if searched && score.source.starts_with("score ") && elsewhere {
            continue;
        }
        let row = (score.source.clone(), score.t);
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let header: Vec<&str> =
        ["features", "t"].into_iter().chain(probes.iter().map(|probe| probe.title())).collect();
    let grid: Vec<Vec<String>> = rows
        .iter()
        .map(|(source, t)| {
            let level = t.map_or("–".to_owned(), |t| format!("{t}"));
            let cell = |probe: &ProbeKind| {
                scores
                    .iter()
                    .find(|s| {
                        s.source == *source && s.t == *t && s.probe == *probe && s.labels_per_class.is_none()
                    })
                    .map_or(String::new(), cell)
            };
            [source.clone(), level].into_iter().chain(probes.iter().map(cell)).collect()
        })
        .collect();
    let mut text = ui::table(&header, &grid);
    if searched {
        text.push_str("\n\n");
        text.push_str(&grid_of_blocks(&blocks));
    }
    if !whole.is_empty() {
        text.push_str("\n\n");
        text.push_str(&trajectories(&whole));
    }
    if !settings.few_labels.is_empty() {
        text.push_str("\n\n");
        text.push_str(&few_labels(scores, settings, &rows));
    }
    text.push_str(
        "\ntest accuracy in %, ± standard deviation over seeds; * the t that the validation rows chose",
    );
    if scores.iter().any(|score| !score.balanced) {
        text.push_str("; F1: mean over classes, as they differ in size");
    }
    text
}

/// The block and t that the validation rows chose with the first probe; of equal ones the first.
fn best_place<'a>(scores: &[&'a Score]) -> Option<&'a Score> {
    best_validated(scores.iter().copied().filter(|score| score.probe == scores[0].probe))
}

/// Accuracy of the first probe for each block and t, in %, and the place that validation chose.
fn grid_of_blocks(scores: &[&Score]) -> String {
    let probe = scores[0].probe;
    let first: Vec<&&Score> = scores.iter().filter(|score| score.probe == probe).collect();
    let best = best_place(scores);
    let (mut blocks, mut levels): (Vec<&str>, Vec<f64>) = (Vec::new(), Vec::new());
    for score in &first {
        if !blocks.contains(&score.source.as_str()) {
            blocks.push(&score.source);
        }
        levels.extend(score.t.filter(|t| !levels.contains(t)));
    }
    let cell = |block: &str, t: f64| {
        let score = first.iter().find(|score| score.source == block && score.t == Some(t));
        let mark = |score: &Score| best.is_some_and(|best| best.source == score.source && best.t == score.t);
        score.map_or(String::new(), |score| {
            format!("{}{:.1}", if mark(score) { "*" } else { "" }, 100.0 * score.accuracy)
        })
    };
    let row = |block: &&str| {
        std::iter::once((*block).to_owned()).chain(levels.iter().map(|&t| cell(block, t))).collect::<Vec<_>>()
    };
    let title = format!("{} probe, t", probe.title());
    let levels_text: Vec<String> = levels.iter().map(f64::to_string).collect();
    let header: Vec<&str> =
        std::iter::once(title.as_str()).chain(levels_text.iter().map(String::as_str)).collect();
    ui::table(&header, &blocks.iter().map(row).collect::<Vec<_>>())
}

/// The heads that read all t at once.
fn trajectories(scores: &[&Score]) -> String {
    let row = |score: &&Score| {
        let levels = score.origin.levels.as_ref().map_or(0, Vec::len);
        let labels = score.labels_per_class.map_or("all".to_owned(), |n| format!("{n} a class"));
        let head = score.probe.title().to_owned();
        vec![format!("{}, all {levels} t", score.source), head, labels, cell(score)]
    };
    let rows: Vec<Vec<String>> = scores.iter().map(row).collect();
    ui::table(&["features", "head", "labels", "accuracy"], &rows)
}

fn few_labels(scores: &[Score], settings: &Settings, rows: &[(String, Option<f64>)]) -> String {
    let few = &settings.few_labels;
    let counts: Vec<String> = few.iter().map(|n| format!("{n} a class")).chain(["all".to_owned()]).collect();
    let header: Vec<&str> =
        ["features", "probe"].into_iter().chain(counts.iter().map(String::as_str)).collect();
    let mut sources: Vec<&String> = rows.iter().map(|(source, _)| source).collect();
    sources.dedup();
    let mut lines = Vec::new();
    for source in sources {
        for &probe in &settings.probes {
            let curve = few_label_scores(scores, source, probe);
            let t = curve.first().and_then(|score| score.t).map_or(String::new(), |t| format!(", t {t}"));
            let cells =
                curve.iter().map(|score| format!("{:.1} ± {:.1}", 100.0 * score.accuracy, 100.0 * score.sd));
            lines.push([format!("{source}{t}"), probe.title().to_owned()].into_iter().chain(cells).collect());
        }
    }
    ui::table(&header, &lines)
}

fn cell(score: &Score) -> String {
    let mark = if score.headline && score.t.is_some() { "*" } else { "" };
    let f1 = if score.balanced { String::new() } else { format!(" (F1 {:.1})", 100.0 * score.macro_f1) };
    format!("{mark}{:.1} ± {:.1}{f1}", 100.0 * score.accuracy, 100.0 * score.sd)
}
