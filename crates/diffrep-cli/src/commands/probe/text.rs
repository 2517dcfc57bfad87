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
    // Baselines have no weights to name.
    let all_labels = |score: &&Score| score.labels_per_class.is_none() && score.origin.levels.is_none();
    if let Some(score) = scores.iter().rev().find(all_labels) {
        text.push('\n');
        text.push_str(&score.protocol());
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
            let level = |score: &Score| score.t.map_or(String::new(), |t| format!(", t {t}"));
            // Cross-validation chooses a t for each number of labels.
            let common = curve.iter().all(|score| score.t == curve[0].t);
            let shared = curve.first().filter(|_| common).map_or(String::new(), |score| level(score));
            let cell = |count: Option<usize>| {
                let score = curve.iter().find(|score| score.labels_per_class == count);
                score.map_or(String::new(), |score| {
                    let own = if common { String::new() } else { level(score) };
                    format!("{:.1} ± {:.1}{own}", 100.0 * score.accuracy, 100.0 * score.sd)
                })
            };
            let cells = few.iter().copied().map(Some).chain([None]).map(cell);
            let name = [format!("{source}{shared}"), probe.title().to_owned()];
            lines.push(name.into_iter().chain(cells).collect());
        }
    }
    ui::table(&header, &lines)
}

fn cell(score: &Score) -> String {
    let mark = if score.headline && score.t.is_some() { "*" } else { "" };
    let f1 = if score.balanced { String::new() } else { format!(" (F1 {:.1})", 100.0 * score.macro_f1) };
    format!("{mark}{:.1} ± {:.1}{f1}", 100.0 * score.accuracy, 100.0 * score.sd)
}

#[cfg(test)]
mod tests {
    use super::*;
    use diffrep::probe::Recipe;
    use serde_json::{Value, json};

    fn score(source: &str, t: f64, few: Value, accuracy: f64) -> Score {
        serde_json::from_value(json!({
            "source": source, "t": t, "probe": "linear", "split": "test", "accuracy": accuracy, "sd": 0.01, "macro_f1": accuracy,
            "macro_f1_sd": 0.01, "validation_accuracy": accuracy, "validation_sd": 0.01, "headline": true,
            "balanced": true, "labels_per_class": few, "accuracies": [accuracy], "seeds": [0],
            "learning_rate": 0.001, "epochs": [3], "dim": 8, "classes": 10, "train_rows": 900,
            "validation_rows": 100, "test_rows": 500, "train_data": "digits", "test_data": "digits",
            "test_split": "test split", "label": "label", "weights": "ema", "step": 20, "recipe": Recipe::standard(),
        }))
        .unwrap()
    }

    #[test]
    fn a_few_label_accuracy_stands_under_its_number_of_labels_with_its_t() {
        let scores = [
            score("encoder", 0.3, Value::Null, 0.9),
            score("encoder", 0.3, json!(1), 0.4),
            score("encoder", 0.7, json!(10), 0.6),
            // A grid measures its blocks with all labels only.
            score("score up.1.0", 0.5, Value::Null, 0.95),
        ];
        let settings = Settings {
            probes: vec![ProbeKind::Linear],
            recipe: Recipe::standard(),
            seeds: vec![0],
            few_labels: vec![1, 10],
            cross_validate: true,
        };
        let rows: Vec<_> = ["encoder", "score up.1.0"].map(|source| (source.to_owned(), None)).to_vec();
        let table = few_labels(&scores, &settings, &rows);
        let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        let of = |first: &str| lines.iter().find(|line| line[0] == first).unwrap().join(" ");
        assert_eq!(of("encoder"), "encoder linear 40.0 ± 1.0, t 0.3 60.0 ± 1.0, t 0.7 90.0 ± 1.0, t 0.3");
        assert_eq!(of("score"), "score up.1.0, t 0.5 linear 95.0 ± 1.0");
        let all = lines.iter().find(|line| line[0] == "features").unwrap();
        assert_eq!(all.last(), Some(&"all"));
    }
}
