//! Training from few labels: it resumes, it never looks at labels that it wasn't given, and it learns.
use diffrep::data::{self, Dataset, ImageSet, OpenOptions, Preprocess};
use diffrep::nn::device;
use diffrep::random::Seed;
use diffrep::semi::{
    KnownLabels, Outcome, SemiEvent, SemiMethod, SemiSettings, SemiTask, SemiTrainer, Start, TimeFed,
};
use diffrep::train::{Config, Ending, Limits, LockedRun, Plan, RunFolder, Sources, Trainer};
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

fn settings() -> SemiSettings {
    SemiSettings {
        steps: 40,
        batch: 32,
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
    let start = Start::Random(Box::new(config(&[])));
    let lock = LockedRun::acquire(run).unwrap();
    let device = device::open("cpu").unwrap();
    let mut trainer = SemiTrainer::open(task, settings, &start, lock, &device).unwrap();
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

#[test]
fn a_stopped_run_goes_on_as_if_it_had_not_been_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (dataset, [whole, parts]) = (digits(), ["whole", "parts"].map(|name| folder.path().join(name)));
    let (ending, once) = train(task(&dataset), settings(), &whole, usize::MAX);
    assert_eq!(ending, Ending::Finished);
    // In the supervised start, and within an epoch of guesses.
    for most in [7, 10] {
        let (ending, _) = train(task(&dataset), settings(), &parts, most);
        assert_eq!(ending, Ending::Stopped);
    }
    let (_, again) = train(task(&dataset), settings(), &parts, usize::MAX);
    assert_eq!(again.outcome().unwrap(), once.outcome().unwrap());
    assert_eq!(again.epochs().unwrap(), once.epochs().unwrap());
    assert!(!once.epochs().unwrap().is_empty());
    drop(again);
    let other = SemiSettings { steps: 50, ..settings() };
    let lock = LockedRun::acquire(&parts).unwrap();
    let start = Start::Random(Box::new(config(&[])));
    let error = SemiTrainer::open(task(&dataset), other, &start, lock, &device::open("cpu").unwrap());
    assert!(error.err().unwrap().to_string().contains("its labels or settings differ"));
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
    let (start, lock) = (Start::Random(Box::new(config(&[]))), LockedRun::acquire(&trained).unwrap());
    let error = SemiTrainer::open(task(&dataset), settings(), &start, lock, &device).err().unwrap();
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
    let settings = SemiSettings { time: TimeFed::Learned, steps: 5, ..settings() };
    let open = |set: &[&str], name: &str| {
        let lock = LockedRun::acquire(&folder.path().join(name)).unwrap();
        let start = Start::Random(Box::new(config(set)));
        SemiTrainer::open(task(&dataset), settings.clone(), &start, lock, &device::open("cpu").unwrap())
    };
    let mut trainer = open(&["encoder.time_conditioned=true"], "timed").unwrap();
    assert_eq!(trainer.learned_time(), Some(0.5));
    let stop = AtomicBool::new(false);
    trainer.run(Limits { steps: u64::MAX, time: None, stop: &stop }, &mut |_| ()).unwrap();
    assert_ne!(trainer.learned_time(), Some(0.5));
    let error = open(&[], "static").err().unwrap().to_string();
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
    let (_, trainer) =
        train(task(&dataset), SemiSettings { steps: 13, ..settings() }, &folder.path().join("run"), 99);
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
}
