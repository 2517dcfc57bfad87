//! Probes learn what they should, say how, and give the same result for any number of threads.
use diffrep::nn::Precision;
use diffrep::probe::{
    Column, Data, Features, HeadRecord, Origin, Outcome, ProbeError, ProbeKind, Recipe, SavedHead, Settings,
    Source, Task, TrajectoryRecord, few_label_scores, headline, run,
};
use diffrep_kernels::random::Key;

const DIM: usize = 8;

/// Features `[rows, 2, DIM]` (two t) and labels below 2: column 0 is noise, column 1 holds the classes.
struct Blobs {
    values: Vec<f32>,
    labels: Vec<u32>,
}

impl Blobs {
    /// Classes at ±2 in the first two dimensions, or at the four corners with opposite ones alike.
    fn new(rows: usize, xor: bool, seed: u64) -> Self {
        let key = Key::new(seed, 0, 0);
        let mut values = vec![0.0; rows * 2 * DIM];
        let mut labels = Vec::new();
        for (row, both) in values.chunks_mut(2 * DIM).enumerate() {
            key.fill_normal(row as u32, both);
            let corner = row % 4;
            let sign = |bit: usize| if corner >> bit & 1 == 1 { 2.0 } else { -2.0 };
            let label = if xor { (corner & 1) ^ (corner >> 1) } else { corner & 1 };
            both[DIM] = 0.4 * both[DIM] + sign(0);
            both[DIM + 1] = 0.4 * both[DIM + 1] + sign(if xor { 1 } else { 0 });
            labels.push(label as u32);
        }
        Self { values, labels }
    }
}

fn settings(probes: &[ProbeKind], few_labels: &[usize]) -> Settings {
    Settings {
        probes: probes.to_vec(),
        recipe: Recipe { hidden: 64, ..Recipe::standard() },
        seeds: vec![0, 1, 2],
        few_labels: few_labels.to_vec(),
        cross_validate: false,
    }
}

fn data() -> Data {
    let text = |s: &str| s.to_owned();
    Data { train_data: text("a"), test_data: text("b"), test_split: text("published"), label: text("label") }
}

fn probe(train: &Blobs, test: &Blobs, settings: &Settings) -> Result<Vec<Outcome>, ProbeError> {
    let classes = ["no".to_owned(), "yes".to_owned()];
    let task =
        Task { classes: &classes, train_labels: &train.labels, test_labels: &test.labels, data: data() };
    let column = |index: usize| Column {
        t: Some(index as f64),
        train: Features::column(&train.values, 2, index, DIM),
        test: Features::column(&test.values, 2, index, DIM),
    };
    let source = Source { name: "encoder".to_owned(), columns: vec![column(0), column(1)] };
    let origin = Origin {
        weights: Some("ema".to_owned()),
        step: Some(7),
        precision: Some("f32".to_owned()),
        ..Origin::default()
    };
    run(&task, &source, &origin, settings, &|| ())
}

fn accuracy(outcomes: &[Outcome], kind: ProbeKind) -> f64 {
    let scores: Vec<_> = outcomes.iter().map(|outcome| outcome.score.clone()).collect();
    headline(&scores, "encoder", kind).expect("validation rows choose a t").accuracy
}

const ALL: [ProbeKind; 3] = [ProbeKind::Linear, ProbeKind::Mlp, ProbeKind::Knn];

#[test]
fn every_probe_separates_blobs() {
    let outcomes =
        probe(&Blobs::new(600, false, 1), &Blobs::new(400, false, 2), &settings(&ALL, &[])).unwrap();
    for kind in ALL {
        assert!(accuracy(&outcomes, kind) >= 0.98, "{}: {}", kind.name(), accuracy(&outcomes, kind));
    }
    for outcome in &outcomes {
        assert_eq!(
            outcome.score.headline,
            outcome.score.t == Some(1.0),
            "the noise column must not be chosen"
        );
    }
}

#[test]
fn only_the_mlp_separates_an_exclusive_or() {
    let outcomes =
        probe(&Blobs::new(1000, true, 3), &Blobs::new(1000, true, 4), &settings(&ALL, &[])).unwrap();
    let linear = accuracy(&outcomes, ProbeKind::Linear);
    assert!((linear - 0.5).abs() < 0.1, "{linear}");
    assert!(accuracy(&outcomes, ProbeKind::Mlp) >= 0.95);
}

/// Trajectories of two t: the sign at the first and the sign at the second, the label is whether they differ.
fn signs(rows: usize, seed: u64) -> Blobs {
    let mut blobs = Blobs::new(rows, true, seed);
    for both in blobs.values.chunks_mut(2 * DIM) {
        both[0] = both[DIM];
        both[DIM] = both[DIM + 2];
    }
    blobs
}

fn whole(train: &Blobs, test: &Blobs, kinds: &[ProbeKind]) -> Vec<Outcome> {
    let classes = ["no".to_owned(), "yes".to_owned()];
    let task =
        Task { classes: &classes, train_labels: &train.labels, test_labels: &test.labels, data: data() };
    let column = Column {
        t: None,
        train: Features::trajectory(&train.values, 2, DIM),
        test: Features::trajectory(&test.values, 2, DIM),
    };
    let source = Source { name: "encoder".to_owned(), columns: vec![column] };
    let recipe = Recipe { hidden: 64, epochs: 6, learning_rates: vec![1e-3], ..Recipe::standard() };
    let settings = Settings {
        probes: kinds.to_vec(),
        recipe,
        seeds: vec![0],
        few_labels: Vec::new(),
        cross_validate: false,
    };
    run(&task, &source, &Origin::default(), &settings, &|| ()).unwrap()
}

#[test]
fn heads_of_the_whole_trajectory_join_what_no_single_t_holds() {
    let (train, test) = (signs(240, 3), signs(400, 4));
    let single = probe(&train, &test, &settings(&[ProbeKind::Mlp], &[])).unwrap();
    assert!(accuracy(&single, ProbeKind::Mlp) < 0.6);
    for outcome in whole(&train, &test, &[ProbeKind::Concat, ProbeKind::Gru, ProbeKind::Attention]) {
        let (kind, accuracy) = (outcome.score.probe.name(), outcome.score.accuracy);
        assert!(accuracy > 0.9, "{kind}: {accuracy}");
    }
}

#[test]
fn learned_weights_find_the_t_that_holds_the_classes() {
    // Noise at the first t, the classes at the second.
    let outcomes = whole(&Blobs::new(300, false, 1), &Blobs::new(100, false, 2), &[ProbeKind::Softmax]);
    let weights = outcomes[0].head.as_ref().unwrap().level_weights(&[]).unwrap();
    assert!(weights[1] > 0.55 && (weights[0] + weights[1] - 1.0).abs() < 1e-6, "{weights:?}");
    assert!(outcomes[0].score.accuracy > 0.95);
}

#[test]
fn the_result_does_not_depend_on_threads() {
    let (train, test) = (Blobs::new(300, true, 5), Blobs::new(100, true, 6));
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| probe(&train, &test, &settings(&ALL, &[5]))).unwrap()
    };
    let (one, two) = (with(1), with(2));
    assert_eq!(one.len(), two.len());
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(one.score, two.score);
        assert_eq!(one.head, two.head);
    }
}

#[test]
fn a_score_carries_its_whole_protocol() {
    let outcomes =
        probe(&Blobs::new(200, false, 7), &Blobs::new(90, false, 8), &settings(&ALL, &[3])).unwrap();
    assert_eq!(outcomes.len(), 2 * 3 * 2);
    for outcome in &outcomes {
        let json = serde_json::to_value(&outcome.score).unwrap();
        let object = json.as_object().unwrap();
        for field in [
            "source",
            "t",
            "probe",
            "split",
            "accuracy",
            "sd",
            "macro_f1",
            "seeds",
            "recipe",
            "weights",
            "step",
            "train_data",
            "test_data",
            "test_split",
            "label",
            "dim",
            "classes",
            "train_rows",
            "validation_rows",
            "test_rows",
            "accuracies",
            "headline",
            "balanced",
        ] {
            assert!(object.get(field).is_some_and(|value| !value.is_null()), "{field} is missing in {json}");
        }
        assert_eq!(object["recipe"]["name"], "default");
        assert_eq!(object["learning_rate"].is_null(), object["probe"] == "knn");
        let score = &outcome.score;
        assert_eq!(score.accuracies.len(), 3);
        assert_eq!(
            (score.train_rows, score.validation_rows),
            if score.labels_per_class.is_some() { (5, 1) } else { (180, 20) }
        );
        assert_eq!(outcome.score, serde_json::from_value(json).unwrap());
    }
}

#[test]
fn few_labels_give_a_curve_at_the_headline_t() {
    let few = settings(&[ProbeKind::Linear], &[20, 1]);
    let outcomes = probe(&Blobs::new(200, false, 9), &Blobs::new(400, false, 10), &few).unwrap();
    let scores: Vec<_> = outcomes.into_iter().map(|outcome| outcome.score).collect();
    let curve = few_label_scores(&scores, "encoder", ProbeKind::Linear);
    let labels: Vec<_> = curve.iter().map(|score| score.labels_per_class).collect();
    assert_eq!(labels, [Some(1), Some(20), None]);
    assert!(curve.iter().all(|score| score.t == Some(1.0)));
    assert!(curve[0].accuracy <= curve[2].accuracy);
}

#[test]
fn bad_input_is_named() {
    let (mut train, test) = (Blobs::new(40, false, 1), Blobs::new(40, false, 2));
    let linear = settings(&[ProbeKind::Linear], &[]);
    train.values[5 * 2 * DIM + DIM + 3] = f32::NAN;
    let error = probe(&train, &test, &linear).unwrap_err().to_string();
    assert_eq!(error, "features of encoder at row 5 of the training data are not finite");

    train.values[5 * 2 * DIM + DIM + 3] = 0.0;
    train.labels.fill(1);
    let error = probe(&train, &test, &linear).unwrap_err().to_string();
    assert_eq!(error, "a probe needs at least 2 classes, but the training labels hold 1");

    let empty = Blobs { values: Vec::new(), labels: Vec::new() };
    let error = probe(&empty, &test, &linear).unwrap_err().to_string();
    assert!(error.starts_with("a: no row has a label"), "{error}");
}

#[test]
fn cross_validation_on_few_labels_finds_the_t_that_holds_the_classes() {
    let few = Settings { cross_validate: true, ..settings(&[ProbeKind::Linear, ProbeKind::Knn], &[1, 10]) };
    let outcomes = probe(&Blobs::new(200, false, 9), &Blobs::new(400, false, 10), &few).unwrap();
    for Outcome { score, .. } in &outcomes {
        // One label a class can't be cross-validated: all labels choose.
        assert_eq!(score.cross_validation.is_some(), score.labels_per_class == Some(10));
        assert_eq!(
            score.headline,
            score.t == Some(1.0),
            "{} {:?}",
            score.probe.name(),
            score.labels_per_class
        );
        if score.headline && score.labels_per_class == Some(10) {
            assert!(score.cross_validation.unwrap() > 0.7, "{:?}", score.cross_validation);
        }
    }
}

fn saved(kind: ProbeKind) -> SavedHead {
    let outcomes =
        probe(&Blobs::new(100, false, 1), &Blobs::new(50, false, 2), &settings(&[kind], &[])).unwrap();
    let best = outcomes.into_iter().find(|outcome| outcome.score.headline).unwrap();
    let record = HeadRecord {
        classes: vec!["no".to_owned(), "yes".to_owned()],
        probe: kind,
        t: 1.0,
        trajectory: None,
        weights: "ema".to_owned(),
        step: 7,
        precision: Precision::Bf16,
        train_data: "a".to_owned(),
        label: "label".to_owned(),
        validation_accuracy: best.score.validation_accuracy,
        test_accuracy: best.score.accuracy,
    };
    SavedHead { head: best.head.unwrap(), record }
}

#[test]
fn a_saved_head_predicts_the_same() {
    let test = Blobs::new(30, false, 2);
    let mut x = Vec::new();
    Features::column(&test.values, 2, 1, DIM).gather(&(0..30).collect::<Vec<_>>(), &mut x);
    for kind in [ProbeKind::Linear, ProbeKind::Mlp] {
        let folder = tempfile::tempdir().unwrap();
        let head = saved(kind);
        head.save(folder.path()).unwrap();
        let loaded = SavedHead::load(folder.path()).unwrap();
        assert_eq!(loaded.record, head.record);
        assert_eq!(loaded.head.probabilities(&x), head.head.probabilities(&x));
        for row in loaded.head.probabilities(&x).chunks(2) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        }
    }
}

#[test]
fn a_saved_head_of_the_whole_trajectory_predicts_the_same() {
    let test = signs(30, 2);
    let outcomes = whole(&signs(60, 1), &test, &ProbeKind::TRAJECTORY);
    for outcome in outcomes {
        let folder = tempfile::tempdir().unwrap();
        let single = saved(ProbeKind::Linear).record;
        let trajectory = TrajectoryRecord { levels: vec![0.0, 1.0], dim: DIM, hidden: 64 };
        let record = HeadRecord { probe: outcome.score.probe, trajectory: Some(trajectory), ..single };
        let head = SavedHead { head: outcome.head.unwrap(), record };
        head.save(folder.path()).unwrap();
        let loaded = SavedHead::load(folder.path()).unwrap();
        assert_eq!((loaded.record.levels(), loaded.head.kind()), (&[0.0, 1.0][..], outcome.score.probe));
        assert_eq!(loaded.head.probabilities(&test.values), head.head.probabilities(&test.values));
        // A record of other sizes is damage, not a panic, and nothing is allocated for it.
        for (dim, told) in
            [(0, "out of range"), (DIM + 1, "don't make the head"), (60_000, "don't make the head")]
        {
            let trajectory = TrajectoryRecord { levels: vec![0.0; 2], dim, hidden: 60_000 };
            let record = HeadRecord { trajectory: Some(trajectory), ..head.record.clone() };
            SavedHead { record, head: head.head.clone() }.save(folder.path()).unwrap();
            let error = SavedHead::load(folder.path()).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}

#[test]
fn a_missing_or_damaged_head_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let missing = SavedHead::load(folder.path()).unwrap_err().to_string();
    assert!(missing.ends_with("no saved head; run `diffrep probe` on this run first"), "{missing}");

    saved(ProbeKind::Linear).save(folder.path()).unwrap();
    let path = folder.path().join("head.safetensors");
    let whole = std::fs::read(&path).unwrap();
    for damaged in [&whole[..whole.len() - 5], b"not a head", &[0xff; 64]] {
        std::fs::write(&path, damaged).unwrap();
        let error = SavedHead::load(folder.path()).unwrap_err().to_string();
        assert!(error.contains("head.safetensors: not a saved head"), "{error}");
    }
}
