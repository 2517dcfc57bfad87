//! The page: one file that needs nothing, safe against hostile names, honest about what is missing.
use diffrep::probe::Score;
use diffrep::random::Seed;
use diffrep::report::{Embedded, Metrics, ReportData, Sample, exhibits, figure::Thumbnail, html};
use serde_json::{Value, json};
use std::path::Path;

const HOSTILE: &str = "<script>alert('x')</script>\"&";

fn score(source: &str, t: Option<f64>, accuracy: f64, validation: f64, headline: bool) -> Value {
    json!({
        "source": source, "t": t, "probe": "linear", "split": "test", "accuracy": accuracy, "sd": 0.01,
        "macro_f1": accuracy, "macro_f1_sd": 0.01, "validation_accuracy": validation, "validation_sd": 0.01,
        "headline": headline, "balanced": true, "labels_per_class": null, "accuracies": [accuracy, accuracy],
        "seeds": [0, 1], "learning_rate": 0.001, "epochs": [3, 4], "dim": 8, "classes": 10, "train_rows": 900,
        "validation_rows": 100, "test_rows": 500, "train_data": HOSTILE, "test_data": "digits",
        "test_split": "published test split", "label": "label", "weights": "ema", "step": 20,
        "recipe": {"name": "default", "validation": 0.1, "learning_rates": [0.001], "epochs": 30, "patience": 5,
            "batch": 256, "least_steps": 20, "hidden": 512, "dropout": 0.25, "weight_decay": 1e-5},
    })
}

fn scores() -> Vec<Value> {
    let mut few = score("encoder", Some(0.5), 0.4, 0.4, true);
    few["labels_per_class"] = json!(10);
    vec![
        score("encoder", Some(0.0), 0.99, 0.70, false),
        score("encoder", Some(0.5), 0.81, 0.80, true),
        score("random encoder", Some(0.5), 0.60, 0.60, true),
        score("raw pixels", None, 0.90, 0.70, true),
        few,
    ]
}

fn write_run(run: &Path) {
    let train = |step: u64, loss: Value| {
        json!({"kind": "train", "step": step, "loss": loss, "parts": {"denoising": 1.0}, "gradient_norm": 2.0,
            "gradient_norm_encoder": 0.5, "gradient_norm_score": 1.9})
    };
    let health = json!({"kind": "health", "step": 20, "held_out_loss": 8.0, "z_gain_relative": 0.1,
        "effective_rank": 5.0, "spread": {"mean": 0.2, "min": 0.1, "max": 0.3}, "knn_accuracy": 0.8});
    let warning = json!({"kind": "warning", "step": 20, "message": HOSTILE});
    let lines = [train(10, json!(9.0)), train(15, Value::Null), train(20, json!(7.0)), health, warning];
    let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(run.join("metrics.jsonl"), lines).unwrap();
    std::fs::write(run.join("probe.json"), json!({"scores": scores()}).to_string()).unwrap();
    let factor = json!({"name": HOSTILE, "classes": 4, "probe": "linear", "accuracy": [0.5, 0.6], "sd": [0.01, 0.02],
        "validation": [0.5, 0.6], "best_t": 1.0, "trend": 1.0, "random": [0.3, 0.3], "pixels": 0.4,
        "attention_accuracy": [0.7, 0.01], "attention": [0.4, 0.6]});
    let level = |t: f64| json!({"t": t, "intrinsic_dimension": 3.0, "effective_rank": 5.0});
    let map = json!([[1.0, 0.5], [0.5, null]]);
    let criterion = json!({"name": "effective rank", "values": [5.0, 5.0], "t": 0.0, "agreement": [[HOSTILE, null, 0.1]]});
    let analysis = json!({"t": [0.0, 1.0], "weights": "ema", "step": 20, "precision": "f32", "data": null, "images": 4,
        "factors": [factor], "cka": map, "information": map, "levels": [level(0.0), level(1.0)], "criteria": [criterion]});
    std::fs::write(run.join("analyse.json"), analysis.to_string()).unwrap();
    let config = format!("seed = 3\n[objective]\nmethod = \"drl\"\n[data]\nsource = '''{HOSTILE}'''\n");
    std::fs::write(run.join("config.toml"), config).unwrap();
    let record = json!({"version": "0.1.0", "seed": 3, "dataset": HOSTILE, "train_images": 1000});
    std::fs::write(run.join("run.json"), record.to_string()).unwrap();
}

/// Four images on a circle at two t; at the second t the order of the angles is another one.
fn add_pictures(data: &mut ReportData) {
    let at = |angle: f32| [angle.cos(), angle.sin()];
    let angles: [[f32; 2]; 4] = [[0.0, 0.0], [0.2, 1.4], [0.5, 0.7], [1.4, 0.3]];
    let values: Vec<f32> =
        angles.iter().flat_map(|[first, second]| [at(*first), at(*second)].concat()).collect();
    let classes = [HOSTILE.to_owned(), "one".to_owned(), "two".to_owned(), "three".to_owned()];
    let labels = [Some(0), Some(1), Some(2), Some(3)];
    let embedded = Embedded { t: &[0.0, 1.0], dim: 2, values: &values, labels: &labels, classes: &classes };
    let picture = |_| Thumbnail::new([1, 1, 1], &[0.5]);
    data.scatter = Some(embedded.scatter("Four images").unwrap());
    data.neighbours = Some(embedded.neighbours("Neighbours", &[0], 3, picture).unwrap());
}

fn full() -> ReportData {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let mut data = ReportData::read(folder.path()).unwrap();
    add_pictures(&mut data);
    data
}

#[test]
fn the_page_needs_nothing_but_itself() {
    let page = html(&full()).unwrap();
    let addresses = page.matches("http").count();
    let namespaces =
        page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count() + page.matches("http-equiv").count();
    assert_eq!(addresses, namespaces, "no address but the SVG namespace");
    for (i, _) in page.match_indices("href=\"") {
        let target = &page[i + 6..];
        assert!(target.starts_with('#') || target.starts_with("data:image/png;base64,"), "{}", &target[..40]);
    }
    assert!(!page.contains("src=") && !page.contains("@import") && !page.contains("url("));
    assert!(page.contains("default-src 'none'"), "a browser enforces it too");
}

#[test]
fn every_section_is_there_and_linked() {
    let page = html(&full()).unwrap();
    let ids = [
        "training",
        "health",
        "accuracy",
        "scores",
        "few-labels",
        "analysis",
        "embeddings",
        "neighbours",
        "configuration",
    ];
    for id in ids {
        assert!(page.contains(&format!("<section id=\"{id}\">")), "{id}");
        assert!(page.contains(&format!("href=\"#{id}\"")), "{id}");
    }
    assert!(!page.contains("class=\"missing\""), "nothing is missing in a full report");
}

#[test]
fn hostile_names_stay_text() {
    let page = html(&full()).unwrap();
    assert_eq!(page.matches("<script").count(), 1, "the page's own");
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;"));
}

#[test]
fn figures_have_alternative_texts_and_tables_captions() {
    let page = html(&full()).unwrap();
    let figures = page.matches("<svg").count();
    assert!(figures >= 8, "{figures}");
    assert_eq!(page.matches("role=\"img\" aria-label=\"").count(), figures);
    assert_eq!(page.matches("<table").count(), page.matches("<caption>").count());
    assert_eq!(page.matches("<figure>").count(), page.matches("<figcaption>").count());
}

#[test]
fn without_the_script_all_levels_are_shown() {
    let page = html(&full()).unwrap();
    assert!(page.contains("data-name=\"t = 0\"") && page.contains("data-name=\"t = 1\""));
    assert!(!page.contains(" hidden"), "only the script hides anything");
}

#[test]
fn the_headline_is_chosen_by_validation_and_stands_beside_its_baselines() {
    let page = html(&full()).unwrap();
    let start = page.find("class=\"summary\"").unwrap();
    let summary = &page[start..page[start..].find("<nav").unwrap() + start];
    assert!(summary.contains("81.0% ± 1.0"), "not the 99% that the test rows would choose: {summary}");
    assert!(
        summary.contains("raw pixels, linear probe") && summary.contains("9.0 points behind"),
        "{summary}"
    );
    assert!(
        summary.contains("random encoder, t = 0.5, linear probe") && summary.contains("21.0 points ahead")
    );
    assert!(summary.contains("900 labelled images") && summary.contains("500 test images"), "{summary}");
}

#[test]
fn what_is_missing_names_the_command_that_makes_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut data = ReportData::read(folder.path()).unwrap();
    data.run = "runs/mine".into();
    let page = html(&data).unwrap();
    for command in
        ["diffrep probe runs/mine", "diffrep train --resume runs/mine", "diffrep report runs/mine --data"]
    {
        assert!(page.contains(command), "{command}");
    }
    assert!(exhibits(&data).unwrap().is_empty());
}

#[test]
fn no_command_is_named_that_the_folder_would_refuse() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    for file in ["metrics.jsonl", "probe.json", "analyse.json"] {
        std::fs::remove_file(folder.path().join(file)).unwrap();
    }
    let page = |record: Value| {
        std::fs::write(folder.path().join("run.json"), record.to_string()).unwrap();
        html(&ReportData::read(folder.path()).unwrap()).unwrap()
    };
    let (trains, analyses) = ("diffrep train --resume", "diffrep analyse");
    let run = page(json!({"train_images": 9, "classes": ["a", "b"]}));
    assert!(run.contains(trains) && run.contains(analyses) && !run.contains("--labels"));
    let same_everywhere = json!({"train_images": 9, "model": {"encoder": {"time_conditioned": false}}});
    let same_everywhere = page(same_everywhere);
    assert!(same_everywhere.contains(trains) && !same_everywhere.contains(analyses));
    let unlabelled = page(json!({"train_images": 9, "classes": null}));
    assert!(unlabelled.matches("--labels LABELS.csv").count() >= 3, "summary, accuracy, analysis");
    let imported = page(json!({"train_images": 0, "classes": null}));
    assert!(!imported.contains(trains) && imported.contains(" --data DATA"));
    std::fs::write(folder.path().join("semi.json"), json!({"settings": {}}).to_string()).unwrap();
    let few_labels = page(json!({"train_images": 9, "classes": ["a", "b"]}));
    assert!(few_labels.contains("is not over") && !few_labels.contains("diffrep train"));
    assert!(
        few_labels.contains("diffrep probe") && few_labels.contains(" [--data DATA]"),
        "it has learned its own labels"
    );
    std::fs::remove_file(folder.path().join("semi.json")).unwrap();
    std::fs::write(folder.path().join("config.toml"), "[objective]\nmethod = \"supervised\"\n").unwrap();
    let supervised = page(json!({"train_images": 9, "classes": ["a", "b"]}));
    assert!(supervised.contains(" [--data DATA]") && supervised.contains(trains));
}

#[test]
fn what_few_labels_came_to_stands_above_a_probe_with_all() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    std::fs::write(folder.path().join("semi.json"), json!({"settings": {}}).to_string()).unwrap();
    let outcome = json!({"method": "laplacenet", "data": "digits", "labels": "10 a class", "features": "network",
        "arguments": ["semi", "--labels", "10"], "images": 900, "labelled": 100, "unlabelled_accuracy": 0.777,
        "test_accuracy": 0.666, "classes": ["a", "b"], "confusion": [[1, 0], [0, 1]], "unreached": 0,
        "converged": true, "residual": 0.0, "doubtful": []});
    std::fs::write(folder.path().join("semi-outcome.json"), outcome.to_string()).unwrap();
    let page = html(&ReportData::read(folder.path()).unwrap()).unwrap();
    let summary = page.split("class=\"summary\"").nth(1).unwrap().split("<nav").next().unwrap();
    let place = |text: &str| summary.find(text).unwrap_or_else(|| panic!("no {text} in {summary}"));
    assert!(place("77.7%") < place("66.6%") && place("66.6%") < place("81.0%"));
    assert!(summary.contains("100 of 900 images"));
}

#[test]
fn a_lost_value_is_left_out_and_mentioned() {
    let data = full();
    let loss = exhibits(&data).unwrap().into_iter().find(|exhibit| exhibit.stem == "loss").unwrap();
    assert_eq!(loss.figure.notes.len(), 1, "{:?}", loss.figure.notes);
    assert!(html(&data).unwrap().contains("1 value is left out of &quot;training&quot;"));
}

#[test]
fn neighbours_follow_the_level_of_detail() {
    let grid = full().neighbours.unwrap();
    let captions: Vec<&str> = grid.rows[0].iter().map(|cell| cell.caption.as_str()).collect();
    assert_eq!(captions, [HOSTILE, "one", "two", "three", "three", "two", "one"]);
}

#[test]
fn a_sample_is_drawn_once_for_a_seed_and_shown_with_its_labels() {
    let digits = diffrep::data::open("digits", &Default::default()).unwrap().train;
    let sample = Sample::draw(&digits, "test", 40, Seed(1));
    let again = Sample::draw(&digits, "test", 40, Seed(1));
    let ids = |sample: &Sample| (0..40).map(|row| sample.images().id(row)).collect::<Vec<_>>();
    assert_eq!(ids(&sample), ids(&again));
    assert_ne!(ids(&sample), ids(&Sample::draw(&digits, "test", 40, Seed(2))));
    // Pixels as their own embedding, at one t.
    let shape = digits.shape();
    let mut pixels = vec![0.0; 40 * shape.len()];
    sample.images().read(&(0..40).collect::<Vec<_>>(), &mut pixels).unwrap();
    let mut data = ReportData::default();
    sample.show(&mut data, &[0.5], shape.len(), &pixels).unwrap();
    let (scatter, grid) = (data.scatter.unwrap(), data.neighbours.unwrap());
    assert!(scatter.title.starts_with(&format!("40 of {} test images", digits.len())), "{}", scatter.title);
    assert_eq!(scatter.labels, sample.images().labels().unwrap().values);
    assert_eq!(grid.groups, [("query".to_owned(), 1), ("nearest at t = 0.5".to_owned(), 4)]);
    let queries: std::collections::HashSet<_> = grid.rows.iter().map(|row| &row[0].caption).collect();
    assert_eq!(queries.len(), grid.rows.len(), "every query is of another class");
    assert!(sample.show(&mut ReportData::default(), &[0.5], shape.len(), &pixels[1..]).is_err());
}

#[test]
fn metrics_survive_a_killed_writer_but_not_damage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("metrics.jsonl");
    std::fs::write(&path, "{\"step\":1,\"loss\":2.0}\n{\"step\":2,\"lo").unwrap();
    assert_eq!(Metrics::read(&path).unwrap().curve("loss").unwrap(), [(1.0, 2.0)]);
    for (text, place) in
        [("{}\n", "line 1"), ("{\"step\":1}\n[]\n", "line 2"), ("{\"step\":1}\nx\n", "line 2")]
    {
        std::fs::write(&path, text).unwrap();
        let error = Metrics::read(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl") && error.contains(place), "{error}");
    }
}

#[test]
fn files_that_are_something_else_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("probe.json", "{\"scores\": [{}]}"), ("run.json", "{"), ("config.toml", "= 1")] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let error = ReportData::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains(name) && !error.contains('\n'), "{error}");
        std::fs::remove_file(path).unwrap();
    }
    let error = ReportData::read(&folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(error.contains("nowhere"), "{error}");
}

#[test]
fn commands_can_be_pasted_even_with_spaces_in_the_path() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("my runs; it's");
    std::fs::create_dir(&run).unwrap();
    let data = ReportData::read(&run).unwrap();
    let commands = data.commands();
    assert!(commands[1].ends_with(r"my runs; it'\''s'-again"), "{commands:?}");
}

#[test]
fn commands_are_those_that_made_the_parts_with_their_options() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let run = folder.path().display();
    let probe =
        json!({"scores": scores(), "arguments": ["probe", "--labels", "my labels.csv", "--t-grid", "3"]});
    std::fs::write(folder.path().join("probe.json"), probe.to_string()).unwrap();
    let commands = |folder: &Path| ReportData::read(folder).unwrap().commands();
    assert_eq!(
        commands(folder.path()),
        [
            format!("diffrep train --config {run}/config.toml --out {run}-again"),
            format!("diffrep probe {run}-again --labels 'my labels.csv' --t-grid 3"),
            // A file of an earlier version.
            format!("diffrep analyse {run}-again"),
            format!("diffrep report {run}-again"),
        ]
    );
    // A run that went on beyond the total that it was created with.
    let metrics = folder.path().join("metrics.jsonl");
    let mut lines = std::fs::read_to_string(&metrics).unwrap();
    lines += "{\"kind\": \"train\", \"step\": 123456, \"loss\": 1.0}\n";
    std::fs::write(&metrics, lines).unwrap();
    std::fs::write(folder.path().join("config.toml"), "[train]\nsteps = 100000\n").unwrap();
    let again = &commands(folder.path())[0];
    assert_eq!(*again, format!("diffrep train --config {run}/config.toml --steps 123456 --out {run}-again"));
    // A total given anew would stretch a falling rate.
    let falling = "[train]\nsteps = 100000\n[optimiser]\ndecay = \"cosine\"\n";
    std::fs::write(folder.path().join("config.toml"), falling).unwrap();
    assert!(!commands(folder.path())[0].contains("--steps"));
    // Nobody can train an imported encoder.
    let imported = json!({"version": "0.1.0", "seed": 3, "dataset": "imported", "train_images": 0});
    std::fs::write(folder.path().join("run.json"), imported.to_string()).unwrap();
    let ended_by_a_slash = folder.path().join("");
    for folder in [folder.path(), &ended_by_a_slash] {
        let commands = commands(folder);
        assert_eq!((commands.len(), &commands[2]), (3, &format!("diffrep report {run}")));
    }
}

#[test]
fn a_headline_that_reads_all_t_stands_beside_raw_pixels_too() {
    let folder = tempfile::tempdir().unwrap();
    write_run(folder.path());
    let mut whole = [score("encoder", None, 0.85, 0.9, true), score("random encoder", None, 0.5, 0.5, true)];
    whole.iter_mut().for_each(|score| score["probe"] = json!("gru"));
    let all = [scores(), whole.to_vec()].concat();
    std::fs::write(folder.path().join("probe.json"), json!({"scores": all}).to_string()).unwrap();
    let page = html(&ReportData::read(folder.path()).unwrap()).unwrap();
    let summary = page.split("class=\"summary\"").nth(1).unwrap().split("class=\"protocol\"").next().unwrap();
    assert!(summary.contains("85.0") && summary.contains("raw pixels, linear probe"), "{summary}");
}

#[test]
fn scores_of_the_probe_are_read_as_they_are_written() {
    let scores: Vec<Score> =
        scores().into_iter().map(|value| serde_json::from_value(value).unwrap()).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = serde_json::to_vec(&diffrep::probe::Scores { scores: scores.clone(), arguments: Vec::new() })
        .unwrap();
    std::fs::write(folder.path().join("probe.json"), file).unwrap();
    assert_eq!(ReportData::read(folder.path()).unwrap().scores, scores);
}
