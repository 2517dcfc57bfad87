//! Comparisons: what is finished is not run again, and what was stopped goes on.
use diffrep::nn::device;
use diffrep::study::{Budget, Study, StudyError, StudyEvent, StudyPlan, StudyRecord, markdown, tables};
use diffrep::train::{Event, RunFolder};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

const PLAN: &str = r#"
data = "digits"
methods = ["drl", "ae"]
seeds = [3]
images = [128, 320]
t = "0,1"
probes = ["linear"]
few_labels = [1, 2]
probe_seeds = 2
set = ["train.batch=32", "ncsnpp.features=4", "ncsnpp.multipliers=[1]", "monitor.every=1", "monitor.health_every=100"]
"#;

/// What a call did: finished cells found, training steps made, its record.
struct Call {
    found: Vec<bool>,
    steps: usize,
    record: Option<StudyRecord>,
}

fn plan(folder: &Path, text: &str) -> StudyPlan {
    let path = folder.join("plan.toml");
    std::fs::write(&path, text).unwrap();
    StudyPlan::read(&path).unwrap()
}

/// Runs the study; it is stopped after `most` training steps.
fn run(plan: &StudyPlan, folder: &Path, most: usize) -> Result<Call, StudyError> {
    let (stop, device) = (AtomicBool::new(false), device::open("cpu").unwrap());
    let (mut found, mut steps) = (Vec::new(), 0);
    let study = Study { plan, folder, device: &device, stop: &stop };
    let record = study.run(&mut |event| match event {
        StudyEvent::Cell { finished, .. } => found.push(finished),
        StudyEvent::Train(Event::Step { .. }) => {
            steps += 1;
            stop.store(steps == most, Ordering::Relaxed);
        }
        _ => {}
    })?;
    Ok(Call { found, steps, record })
}

#[test]
fn a_stopped_comparison_goes_on_and_a_finished_one_rests() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), PLAN);
    let (once, twice) = (folder.path().join("once"), folder.path().join("twice"));
    let whole = run(&plan, &once, usize::MAX).unwrap();
    assert_eq!((whole.found, whole.steps), (vec![false; 5], 20));
    let expected = whole.record.unwrap();

    // Six steps: past the first budget of the first method, two into the second.
    let begun = run(&plan, &twice, 6).unwrap();
    assert!(begun.record.is_none() && begun.steps == 6);
    let continued = run(&plan, &twice, usize::MAX).unwrap();
    assert_eq!((continued.found[0], continued.steps), (true, 14));
    let scores = |record: &StudyRecord| -> Vec<_> {
        record.cells.iter().flat_map(|cell| cell.scores.clone()).chain(record.baselines.clone()).collect()
    };
    assert_eq!(scores(&continued.record.unwrap()), scores(&expected));

    let again = run(&plan, &once, usize::MAX).unwrap();
    assert_eq!((again.found, again.steps), (vec![true; 5], 0));
    assert_eq!(again.record.unwrap(), expected);
}

#[test]
fn results_hold_tables_figures_and_reconstructions() {
    let folder = tempfile::tempdir().unwrap();
    let plan = plan(folder.path(), PLAN);
    let record = run(&plan, folder.path(), usize::MAX).unwrap().record.unwrap();
    let tables = tables(&record);
    let budgets: Vec<Budget> = tables.iter().map(|table| table.budget).collect();
    assert_eq!(budgets, [128, 128, 320, 320].map(Budget::Images));
    assert_eq!(tables[0].header, ["method", "linear", "MSE", "PSNR, dB", "SSIM", "training, s"]);
    assert_eq!(tables[1].header, ["method", "linear, 1", "linear, 2"]);
    for table in &tables {
        let names: Vec<&str> = table.rows.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(names, ["drl", "ae", "random encoder", "raw pixels"]);
        assert!(table.rows.iter().all(|row| row.len() == table.header.len()), "{table:?}");
    }
    assert!(
        markdown(&record).starts_with("After 128 images of training, all labels:\n\n| method | linear |")
    );
    // Every number says how it was made.
    let protocol = "(digits, test split); one training seed; each the mean of 2 probes of ema weights (recipe \"default\", \
                    1437 labelled images)";
    assert!(markdown(&record).contains(protocol), "{}", markdown(&record));
    for cell in &record.cells {
        assert_eq!(cell.reconstruction.is_some(), cell.arm == "ae");
        assert_eq!((cell.steps, cell.time_conditioned), (cell.images / 32, cell.arm == "drl"));
        // A static code has one level, the other as many as were asked for; each with three numbers of labels.
        assert_eq!(cell.scores.len(), if cell.arm == "drl" { 6 } else { 3 });
    }
    for file in ["compare.json", "table.md", "linear-t.png", "linear-labels.svg", "linear-images.svg"] {
        assert!(folder.path().join(file).is_file(), "{file}");
    }
}

#[test]
fn another_protocol_measures_again_without_training_and_other_settings_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    run(&plan(folder.path(), PLAN), &out, usize::MAX).unwrap();
    let other = plan(folder.path(), &PLAN.replace("few_labels = [1, 2]", "few_labels = [1]"));
    let measured = run(&other, &out, usize::MAX).unwrap();
    assert_eq!((measured.found, measured.steps), (vec![false; 5], 0));
    // One number of labels makes no line: the figure of before would stand beside another table.
    assert!(out.join("linear-images.svg").is_file() && !out.join("linear-labels.svg").exists());
    let changed =
        PLAN.replace("ncsnpp.features=4", "ncsnpp.features=8").replace("seeds = [3]", "seeds = [3, 4]");
    let error = run(&plan(folder.path(), &changed), &out, usize::MAX).err().unwrap().to_string();
    assert!(error.contains("drl, seed 3") && error.contains("ncsnpp.features was 4, is 8"), "{error}");
}

#[test]
fn the_untrained_encoder_beside_a_table_is_that_of_its_first_method() {
    let folder = tempfile::tempdir().unwrap();
    let text = PLAN.replace("images = [128, 320]", "images = [64]");
    let baselines = |text: &str| {
        let record = run(&plan(folder.path(), text), folder.path(), usize::MAX).unwrap().record.unwrap();
        record.baselines
    };
    let drl = baselines(&text);
    assert_eq!(baselines(&text), drl);
    // An encoder of its own, since it doesn't see t.
    let ae = baselines(&text.replace("\"drl\", \"ae\"", "\"ae\", \"drl\""));
    assert_ne!(ae, drl);
    assert_eq!(baselines(&text), drl);
}

#[test]
fn a_method_that_learns_labels_is_not_measured_on_them() {
    let folder = tempfile::tempdir().unwrap();
    for class in ["dark", "light"] {
        std::fs::create_dir_all(folder.path().join("pictures").join(class)).unwrap();
        for number in 0..6u8 {
            let picture = image::GrayImage::from_pixel(8, 8, image::Luma([20 * number]));
            picture.save(folder.path().join("pictures").join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    let data = folder.path().join("pictures").display().to_string();
    let text = PLAN.replace("\"ae\"", "\"supervised\"").replace("\"digits\"", &format!("{data:?}"));
    let error = run(&plan(folder.path(), &text), &folder.path().join("out"), 0).err().unwrap().to_string();
    assert!(
        error.starts_with("supervised learns all labels, and ") && error.contains("no test split"),
        "{error}"
    );
}

#[test]
fn minutes_are_counted_in_steps_once_and_rows_to_choose_by_are_not_test_rows() {
    let folder = tempfile::tempdir().unwrap();
    let text = PLAN.replace("images = [128, 320]", "minutes = [0.02, 0.01]\nvalidate = true");
    let plan = plan(folder.path(), &text.replace("\"drl\", \"ae\"", "\"ae\""));
    let begun = run(&plan, folder.path(), 1).unwrap();
    assert!(begun.record.is_none() && begun.steps == 1);
    let first = run(&plan, folder.path(), usize::MAX).unwrap();
    let record = first.record.unwrap();
    assert_eq!(
        record.cells.iter().map(|cell| cell.budget()).collect::<Vec<_>>(),
        [0.01, 0.02].map(Budget::Minutes)
    );
    for cell in &record.cells {
        let planned =
            RunFolder::open(&folder.path().join("runs/ae-seed3-0.02min")).unwrap().config().unwrap();
        // Halves must round as they do in the study: an odd count has failed here before.
        let part = planned.train.steps as f64 * (cell.minutes.unwrap() / 0.02);
        assert_eq!((part.round().max(1.0) as u64, planned.train.minutes), (cell.steps, Some(0.02)));
        assert_eq!(cell.images, 32 * cell.steps);
        for score in &cell.scores {
            // A fifth of the 1,437 training rows, by class; the test split has 360.
            assert_eq!((score.data.test_split.as_str(), score.test_rows), ("held-out fifth", 288));
        }
    }
    assert!(folder.path().join("linear-minutes.svg").is_file());
    let again = run(&plan, folder.path(), usize::MAX).unwrap();
    assert_eq!((again.found, again.steps), (vec![true; 3], 0));
}

/// A folder of so many pictures in each of two classes.
fn pictures(folder: &Path, of_each: u8) -> String {
    for (class, light) in [("dark", 20), ("light", 200)] {
        std::fs::create_dir_all(folder.join(class)).unwrap();
        for number in 0..of_each {
            let picture = image::GrayImage::from_pixel(8, 8, image::Luma([light + number]));
            picture.save(folder.join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    folder.display().to_string()
}

#[test]
fn results_of_other_images_or_labels_are_not_mixed_in() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("pictures");
    let text = PLAN
        .replace("\"digits\"", &format!("{:?}", pictures(&data, 12)))
        .replace("images = [128, 320]", "images = [64]");
    let (text, out) = (text.replace("few_labels = [1, 2]", ""), folder.path().join("out"));
    let alone = plan(folder.path(), &text.replace(", \"ae\"", ""));
    run(&alone, &out, usize::MAX).unwrap();
    let both = plan(folder.path(), &text);
    let refused = || {
        let error = run(&both, &out, usize::MAX).err().unwrap().to_string();
        assert!(error.contains("drl-seed3-64.json is of other data"), "{error}");
    };
    std::fs::rename(data.join("dark/3.png"), data.join("dark/30.png")).unwrap();
    refused();
    std::fs::rename(data.join("dark/30.png"), data.join("light/30.png")).unwrap();
    refused();
    std::fs::rename(data.join("light/30.png"), data.join("dark/3.png")).unwrap();
    assert_eq!(run(&both, &out, usize::MAX).unwrap().found, [true, false, true]);
}

#[test]
fn a_run_of_other_images_is_not_measured_on_those_of_today() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("pictures");
    let text = PLAN
        .replace("\"digits\"", &format!("{:?}", pictures(&data, 12)))
        .replace("images = [128, 320]", "images = [64]")
        .replace("few_labels = [1, 2]", "")
        .replace("\"drl\", \"ae\"", "\"ae\"");
    let out = folder.path().join("out");
    // Its results are of other rows, so that none of them tells that the images have changed.
    run(&plan(folder.path(), &format!("validate = true\n{text}")), &out, usize::MAX).unwrap();
    std::fs::rename(data.join("dark/3.png"), data.join("dark/30.png")).unwrap();
    let error = run(&plan(folder.path(), &text), &out, usize::MAX).err().unwrap().to_string();
    assert!(error.starts_with("ae, seed 3: ") && error.contains("some under other names"), "{error}");
}

#[test]
fn an_encoder_that_learned_all_labels_does_not_stand_among_few() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        PLAN.replace("images = [128, 320]", "images = [64]").replace("\"drl\", \"ae\"", "\"supervised\"");
    let record = run(&plan(folder.path(), &text), folder.path(), usize::MAX).unwrap().record.unwrap();
    let [all, few] = &tables(&record)[..] else { panic!("two tables") };
    assert_eq!(all.rows[0][0], "supervised");
    assert_ne!(all.rows[0][1], "–");
    assert_eq!(few.rows[0], ["supervised", "–", "–"]);
    let figure = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert!(figure("linear-t.svg").contains("supervised"));
    assert!(!figure("linear-labels.svg").contains("supervised"));
}

#[test]
fn budgets_that_a_plan_has_passed_can_be_measured_again_after_it_has_grown() {
    let folder = tempfile::tempdir().unwrap();
    let text = PLAN.replace("\"drl\", \"ae\"", "\"ae\"");
    for budgets in ["[64]", "[64, 128, 256, 320]"] {
        let grown = text.replace("[128, 320]", budgets);
        run(&plan(folder.path(), &grown), folder.path(), usize::MAX).unwrap();
    }
    let other = text.replace("[128, 320]", "[64, 128, 256, 320]").replace("few_labels = [1, 2]", "");
    let measured = run(&plan(folder.path(), &other), folder.path(), usize::MAX).unwrap();
    assert_eq!((measured.found, measured.steps), (vec![false; 5], 0));
}

#[test]
fn a_comparison_on_rows_to_choose_by_is_measured_on_test_rows_without_training() {
    let folder = tempfile::tempdir().unwrap();
    let (text, out) = (PLAN.replace("\"drl\", \"ae\"", "\"ae\""), folder.path().join("out"));
    run(&plan(folder.path(), &format!("validate = true\n{text}")), &out, usize::MAX).unwrap();
    let measured = run(&plan(folder.path(), &text), &out, usize::MAX).unwrap();
    assert_eq!((measured.found, measured.steps), (vec![false; 3], 0));
}
