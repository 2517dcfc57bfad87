//! Training from few labels: it resumes, it never looks at labels that it wasn't given, and it learns.
use diffrep::data::{self, Dataset, ImageSet, OpenOptions, Preprocess};
use diffrep::nn::device;
use diffrep::nn::parameters::{Kind, Layout};
use diffrep::random::Seed;
use diffrep::represent::LoadedEncoder;
use diffrep::semi::{
    KnownLabels, Outcome, SemiError, SemiEvent, SemiMethod, SemiSettings, SemiTask, SemiTrainer, Start,
    TimeFed,
};
use diffrep::train::checkpoint::{self, Weights, Which};
use diffrep::train::{
    Config, DataConfig, Ending, Event, Limits, LockedRun, Plan, RunFolder, Sources, Trainer,
};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

fn config(set: &[&str]) -> Config {
    let mut sources = Sources {
        preset: Some("digits".to_owned()),
        set: set.iter().map(|s| s.to_string()).collect(),
        ..Sources::default()
    };
    sources.flag("objective.method", "--method", Some("supervised"));
    Config::resolve(&sources).unwrap()
}

fn digits() -> Dataset {
    data::open("digits", &OpenOptions::default()).unwrap()
}

fn task(dataset: &Dataset) -> SemiTask {
    let preprocess = Preprocess::fit(&dataset.train, 1).unwrap();
    SemiTask::new(dataset, &KnownLabels::PerClass { count: 4, seed: Seed(0) }, preprocess).unwrap()
}

/// Four steps with labels alone, then epochs of eight steps.
fn settings() -> SemiSettings {
    SemiSettings {
        steps: 40,
        batch: 176,
        labelled_batch: 16,
        supervised_passes: 12,
        flip: 0.0,
        neighbours: 10,
        ..SemiSettings::default()
    }
}

/// Trains in `run`; stopped after `most` steps of this call. How it ended, and the outcome.
fn train(task: SemiTask, settings: SemiSettings, run: &Path, most: usize) -> (Ending, SemiTrainer) {
    let (stop, mut steps) = (AtomicBool::new(false), 0);
    let mut trainer = open(task, settings, &Start::Random(Box::new(config(&[]))), run).unwrap();
    let limits = Limits { steps: u64::MAX, time: None, stop: &stop };
    let ending = trainer
        .run(limits, &mut |event| {
            if let SemiEvent::Step { .. } = event {
                steps += 1;
                stop.store(steps == most, Ordering::Relaxed);
            }
        })
        .unwrap();
    (ending, trainer)
}

fn open(task: SemiTask, settings: SemiSettings, start: &Start, run: &Path) -> Result<SemiTrainer, SemiError> {
    let lock = LockedRun::acquire(run).unwrap();
    SemiTrainer::open(task, settings, start, lock, &device::open("cpu").unwrap())
}

/// Trains in `run` until a death at step `step` of this call, which leaves no time to save anything.
fn die(task: SemiTask, run: &Path, step: usize) {
    let mut trainer = open(task, settings(), &Start::Random(Box::new(config(&[]))), run).unwrap();
    let stop = AtomicBool::new(false);
    let limits = Limits { steps: u64::MAX, time: None, stop: &stop };
    let mut steps = 0;
    let mut observe = |event: SemiEvent<'_>| {
        steps += usize::from(matches!(event, SemiEvent::Step { .. }));
        // Unlike a panic, this isn't reported on standard error.
        if steps == step {
            resume_unwind(Box::new("killed"));
        }
    };
    assert!(catch_unwind(AssertUnwindSafe(|| trainer.run(limits, &mut observe))).is_err());
}

/// The lines of metrics without what a clock or the machine decides.
fn lines(run: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    let strip = |line: &str| {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        for field in ["images_per_second", "memory_bytes", "seconds", "unix_time"] {
            value.as_object_mut().unwrap().remove(field);
        }
        value
    };
    text.lines().map(strip).collect()
}

fn assert_same(a: &SemiTrainer, b: &SemiTrainer) {
    assert_eq!(a.outcome().unwrap(), b.outcome().unwrap());
    assert_eq!(a.epochs().unwrap(), b.epochs().unwrap());
    assert_eq!(lines(a.path()), lines(b.path()));
}

#[test]
fn a_stopped_or_killed_run_goes_on_as_if_nothing_had_happened() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let dataset = digits();
    let (ending, once) = train(task(&dataset), settings(), &place("whole"), usize::MAX);
    assert_eq!((ending, once.epochs().unwrap().len()), (Ending::Finished, 5));
    let kinds: Vec<_> = lines(once.path()).iter().map(|line| line["kind"].clone()).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "guesses").count(), 5);
    assert_eq!(kinds.iter().filter(|kind| *kind == "train").count(), 4);
    // In the supervised start, between two epochs (step 12), within one (step 17).
    for most in [3, 9, 5] {
        let (ending, _) = train(task(&dataset), settings(), &place("stopped"), most);
        assert_eq!(ending, Ending::Stopped);
    }
    assert_same(&train(task(&dataset), settings(), &place("stopped"), usize::MAX).1, &once);
    // Without a checkpoint, but with guesses; then at the first step after a checkpoint between two epochs.
    die(task(&dataset), &place("killed"), 14);
    train(task(&dataset), settings(), &place("killed"), 12);
    die(task(&dataset), &place("killed"), 1);
    assert_same(&train(task(&dataset), settings(), &place("killed"), usize::MAX).1, &once);
}

/// A run that `method` has trained on the digits for a few steps.
fn pretrained(run: &Path, method: &str, seed: u64) -> LoadedEncoder {
    let set =
        ["train.batch=16", "train.steps=3", &format!("objective.method={method}"), &format!("seed={seed}")];
    let device = device::open("cpu").unwrap();
    let sources = Sources {
        preset: Some("digits".to_owned()),
        set: set.iter().map(|s| s.to_string()).collect(),
        ..Sources::default()
    };
    let plan = Plan::new(Config::resolve(&sources).unwrap(), run).unwrap();
    let mut trainer = Trainer::create(plan, LockedRun::acquire(run).unwrap(), None, &device).unwrap();
    let stop = AtomicBool::new(false);
    trainer.run(Limits { steps: 3, time: None, stop: &stop }, &mut |_: Event<'_>| ()).unwrap();
    drop(trainer);
    LoadedEncoder::open(run, Which::Latest, Weights::Ema, &device).unwrap()
}

fn from(encoder: LoadedEncoder) -> Start {
    let data = DataConfig::of("digits", &OpenOptions::default());
    Start::Trained(Box::new(encoder), data)
}

#[test]
fn training_starts_from_the_encoder_that_it_is_given_and_from_no_other_s_head() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = digits();
    for method in ["drl", "vdrl", "supervised"] {
        let encoder = pretrained(&folder.path().join(method), method, 0);
        let (theirs, layout) = (encoder.parameters(), encoder.layout());
        let run = folder.path().join(format!("from-{method}"));
        let mut task = task(&dataset);
        task.preprocess = encoder.preprocess().clone();
        // A step that changes nothing but running statistics.
        let settings = SemiSettings { steps: 1, learning_rate: 1e-30, ..settings() };
        let mut trainer = open(task, settings, &from(encoder), &run).unwrap();
        let stop = AtomicBool::new(false);
        trainer.run(Limits { steps: 1, time: None, stop: &stop }, &mut |_| ()).unwrap();
        let model = RunFolder::open(&run).unwrap().record().unwrap().model;
        let ours = Layout::of(&model.init(Seed(0), &Default::default()).unwrap());
        let (_, values) = checkpoint::load_weights(&run, Which::Latest, Weights::Raw, &ours).unwrap();
        let mut compared = 0;
        for entry in layout.entries().iter().filter(|entry| entry.kind == Kind::Trainable) {
            let place = ours.find(&entry.name).unwrap();
            let same = values[place.range.clone()] == theirs[entry.range.clone()];
            assert_eq!(same, !entry.name.starts_with("encoder.classifier."), "{method}: {}", entry.name);
            compared += entry.range.len();
        }
        assert!(compared > 10_000, "{method}: {compared}");
    }
}

#[test]
fn a_run_of_another_start_labels_or_settings_is_not_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, run) = (digits(), folder.path().join("run"));
    let preprocess = pretrained(&folder.path().join("0"), "drl", 0).preprocess().clone();
    let of = |labels: usize| {
        let known = KnownLabels::PerClass { count: labels, seed: Seed(0) };
        SemiTask::new(&dataset, &known, preprocess.clone()).unwrap()
    };
    let again = |seed: u64| from(pretrained(&folder.path().join(format!("again-{seed}")), "drl", seed));
    drop(open(of(4), settings(), &again(0), &run).unwrap());
    assert!(open(of(4), settings(), &again(2), &run).is_err());
    for (task, settings, seed, told) in [
        (of(5), settings(), 3, "the labels differ"),
        (of(4), SemiSettings { steps: 50, ..settings() }, 4, "train.steps was 40, is 50"),
        (of(4), SemiSettings { neighbours: 9, ..settings() }, 5, "the settings of `semi` differ"),
        (of(4), settings(), 6, "the weights that it started from differ"),
    ] {
        let error = open(task, settings, &again(seed), &run).err().unwrap().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn runs_of_few_labels_and_of_training_are_not_taken_for_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (semi, trained) = (folder.path().join("semi"), folder.path().join("trained"));
    let dataset = digits();
    drop(train(task(&dataset), SemiSettings { steps: 2, ..settings() }, &semi, 9));
    let error = Plan::existing(&RunFolder::open(&semi).unwrap()).unwrap_err().to_string();
    assert!(error.ends_with("is a run of `diffrep semi`; the same semi command goes on with it"), "{error}");

    let plan = Plan::new(config(&["train.batch=16"]), &trained).unwrap();
    let device = device::open("cpu").unwrap();
    drop(Trainer::create(plan, LockedRun::acquire(&trained).unwrap(), None, &device).unwrap());
    let start = Start::Random(Box::new(config(&[])));
    let error = open(task(&dataset), settings(), &start, &trained).err().unwrap();
    assert!(error.to_string().contains("holds other files"), "{error}");
}

#[test]
fn labels_that_were_not_given_are_never_learned_from() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = digits();
    let task_of = |dataset: &Dataset, known: &KnownLabels| {
        SemiTask::new(dataset, known, Preprocess::fit(&dataset.train, 1).unwrap()).unwrap()
    };
    let honest = task(&dataset);
    // The same known labels, with the other images' labels taken away.
    let mut column = dataset.train.labels().unwrap().clone();
    column.values = honest.labels.values().to_vec();
    let blind = Dataset { train: dataset.train.with_columns(vec![column]).unwrap(), ..dataset.clone() };
    let blind = task_of(&blind, &KnownLabels::All);
    let [a, b] = [("a", honest), ("b", blind)].map(|(name, task)| {
        train(task, settings(), &folder.path().join(name), usize::MAX).1.outcome().unwrap()
    });
    assert_eq!((&a.probabilities, a.test_accuracy), (&b.probabilities, b.test_accuracy));
    assert!(a.unlabelled_accuracy.is_some() && b.unlabelled_accuracy.is_none());
}

#[test]
fn both_methods_learn_and_known_labels_stay_what_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = digits();
    for method in [SemiMethod::LaplaceNet, SemiMethod::Supervised] {
        let settings = SemiSettings { method, steps: 120, learning_rate: 0.05, ..settings() };
        let task = task(&dataset);
        let known = task.labels.clone();
        let (_, trainer) = train(task, settings, &folder.path().join(format!("{method:?}")), usize::MAX);
        let outcome: Outcome = trainer.outcome().unwrap();
        let accuracy = outcome.unlabelled_accuracy.unwrap();
        // Ten classes.
        assert!(accuracy > 0.4, "{method:?}: {accuracy}");
        assert!(outcome.test_accuracy.unwrap() > 0.3, "{method:?}: {:?}", outcome.test_accuracy);
        for (guess, label) in outcome.guesses().iter().zip(known.values()) {
            assert!(label.is_none_or(|label| label as usize == *guess));
        }
        let counted: usize = outcome.confusion.iter().flatten().sum();
        assert_eq!(counted, dataset.train.len() - 40);
        let doubtful = outcome.most_doubtful(5);
        let most = outcome.weights[doubtful[0]];
        assert!(doubtful.len() == 5 && outcome.weights.iter().all(|weight| *weight >= most));
    }
}

#[test]
fn a_network_can_learn_the_time_that_it_is_fed() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = digits();
    let settings = SemiSettings { time: TimeFed::Learned, steps: 20, ..settings() };
    let timed = |set: &[&str], name: &str| {
        let start = Start::Random(Box::new(config(set)));
        open(task(&dataset), settings.clone(), &start, &folder.path().join(name))
    };
    let mut trainer = timed(&["encoder.time_conditioned=true"], "timed").unwrap();
    assert_eq!(trainer.learned_time(), Some(0.5));
    let stop = AtomicBool::new(false);
    trainer.run(Limits { steps: u64::MAX, time: None, stop: &stop }, &mut |_| ()).unwrap();
    assert_ne!(trainer.learned_time(), Some(0.5));
    let error = timed(&[], "static").err().unwrap().to_string();
    assert_eq!(error, "time is learned, expected a fixed t, as this encoder doesn't depend on t");
}

/// A folder of two classes, each with these file names.
fn folder_of(names: [&[&str]; 2]) -> (tempfile::TempDir, ImageSet) {
    let folder = tempfile::tempdir().unwrap();
    for (class, names) in ["cat", "dog"].iter().zip(names) {
        std::fs::create_dir(folder.path().join(class)).unwrap();
        for name in names {
            image::RgbImage::new(4, 4).save(folder.path().join(class).join(name)).unwrap();
        }
    }
    let dataset = data::open(folder.path().to_str().unwrap(), &OpenOptions::default()).unwrap();
    (folder, dataset.train)
}

#[test]
fn split_files_are_read_by_file_name_and_collisions_are_errors() {
    let split = |set: &ImageSet, text: &str| {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let shown = format!("{}: ", file.path().display());
        let known = KnownLabels::SplitFile(file.path().to_owned()).of(set);
        known.map_err(|error| error.to_string().replace(&shown, ""))
    };
    let (_folder, set) = folder_of([&["1_a.png", "2.png"], &["3.png", "4.png"]]);
    let (classes, labels) = split(&set, "1_a.png cat\n\n3.png dog\n").unwrap();
    assert_eq!((classes, labels.labelled()), (vec!["cat".to_owned(), "dog".to_owned()], vec![0, 2]));
    for (text, told) in [
        ("5.png cat", "line 1: no image is called `5.png`"),
        ("3.png dog\n1_a.png cow", "line 2: no class is called `cow`, expected one of cat, dog"),
        ("3.png", "line 1: `3.png`, expected a file name and a class"),
        ("3.png dog\n3.png dog", "dog/3.png is there twice"),
        ("3.png dog", "no image is labelled `cat`; propagation needs at least one label of each class"),
    ] {
        assert_eq!(split(&set, text).unwrap_err(), told);
    }
    let (_folder, twins) = folder_of([&["1.png"], &["1.png"]]);
    assert_eq!(split(&twins, "1.png cat").unwrap_err(), "line 1: `1.png` is both cat/1.png and dog/1.png");
}

#[test]
fn outcomes_are_written_as_csv_and_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let dataset = digits();
    let settings = SemiSettings { steps: 5, ..settings() };
    let (_, trainer) = train(task(&dataset), settings, &folder.path().join("run"), 99);
    let outcome = trainer.outcome().unwrap();
    let [csv, parquet, other] = ["out.csv", "out.parquet", "out.txt"].map(|name| folder.path().join(name));
    outcome.write(&csv, &dataset.train).unwrap();
    outcome.write(&parquet, &dataset.train).unwrap();
    assert!(outcome.write(&other, &dataset.train).unwrap_err().to_string().contains("must end in .csv"));
    let text = std::fs::read_to_string(csv).unwrap();
    assert!(text.starts_with("path,label,probability,weight,labelled,unreached,0,1,2"));
    assert_eq!(text.lines().count(), dataset.train.len() + 1);
    let row = text.lines().nth(1).unwrap().split(',').collect::<Vec<_>>();
    assert_eq!((row[0], row[1]), (dataset.train.id(0).as_str(), outcome.guesses()[0].to_string().as_str()));
    let bytes = std::fs::read(parquet).unwrap();
    assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    // The metadata at the end tell the names behind p_0, p_1, ….
    let names = br#"["0","1","2","3","4","5","6","7","8","9"]"#;
    assert!(bytes.windows(names.len()).any(|window| window == names));
}
