//! Metrics: cut back to a checkpoint, robust against a kill, the same in TensorBoard's file.
use diffrep::train::{HealthRecord, MachineRecord, MetricsLog, Record, Spread, TrainRecord, metrics};
use std::fs;
use std::path::Path;

fn record(step: u64) -> Record {
    Record::Train(TrainRecord {
        step,
        loss: 0.1 + step as f64,
        parts: [("denoising".to_owned(), 0.1.into())].into_iter().collect(),
        learning_rate: 1e-3,
        gradient_norm: 2.0,
        gradient_norm_encoder: 1.0,
        gradient_norm_score: None,
        images_per_second: 3.0,
        memory_bytes: Some(1 << 30),
        seconds: 5.5,
        unix_time: 1.7e9 + 0.123,
    })
}

fn write(run: &Path, steps: &[u64]) {
    let mut log = MetricsLog::open(run, 0).unwrap();
    steps.iter().for_each(|&step| log.append(&record(step)).unwrap());
}

fn events(run: &Path) -> Vec<u8> {
    let file = fs::read_dir(run.join("events")).unwrap().next().unwrap().unwrap();
    assert!(file.file_name().to_string_lossy().contains("tfevents"));
    fs::read(file.path()).unwrap()
}

/// Data of each frame, after its length and checksums.
fn frames(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while !bytes.is_empty() {
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        frames.push(bytes[12..12 + length].to_vec());
        bytes = &bytes[16 + length..];
    }
    frames
}

#[test]
fn records_come_back_as_they_were_written() {
    let run = tempfile::tempdir().unwrap();
    write(run.path(), &[10, 20]);
    assert_eq!(metrics::read(run.path()).unwrap(), [record(10), record(20)]);
}

// JSON has no infinity: it is written as null.
#[test]
fn a_run_whose_health_was_not_finite_can_be_read_and_gone_on_with() {
    let run = tempfile::tempdir().unwrap();
    let health = HealthRecord {
        step: 10,
        held_out_loss: f64::INFINITY,
        z_gain: Some(f64::NAN),
        z_gain_relative: None,
        effective_rank: f64::NAN,
        spread: Spread { mean: f64::INFINITY, min: 0.0, max: f64::INFINITY },
        knn_accuracy: None,
        unix_time: 1.0,
    };
    assert_eq!(health.score(), None);
    assert!(health.warnings().iter().any(|warning| warning.contains("not finite")));
    MetricsLog::open(run.path(), 0).unwrap().append(&Record::Health(health)).unwrap();
    for _ in 0..2 {
        let records = metrics::read(run.path()).unwrap();
        let [Record::Health(read)] = &records[..] else { panic!("{records:?}") };
        assert!(read.held_out_loss.is_nan() && read.spread.max.is_nan() && read.spread.min == 0.0);
        drop(MetricsLog::open(run.path(), 10).unwrap());
    }
}

#[test]
fn what_computes_is_told_where_it_changes_and_never_twice() {
    let run = tempfile::tempdir().unwrap();
    let machine = |step: u64, set: &str| MachineRecord {
        step,
        device: "cpu".to_owned(),
        instruction_set: Some(set.to_owned()),
        version: "1.2.3".to_owned(),
        message: None,
        unix_time: 1.0,
    };
    let go_on = |step: u64, set: &str| {
        let mut log = MetricsLog::open(run.path(), step).unwrap();
        log.begin(machine(step, set)).unwrap();
        assert_eq!(log.begin(machine(step, set)).unwrap(), None);
        let lines = metrics::read(run.path()).unwrap().into_iter().map(|record| match record {
            Record::Machine(machine) => (machine.step, machine.message),
            other => panic!("{other:?}"),
        });
        lines.collect::<Vec<_>>()
    };
    assert_eq!(go_on(0, "amx"), [(0, None)]);
    assert_eq!(go_on(0, "amx"), [(0, None)]);
    assert_eq!(go_on(10, "amx"), [(0, None)]);
    for _ in 0..2 {
        let told = go_on(20, "avx2");
        let [(0, None), (20, Some(message))] = &told[..] else { panic!("{told:?}") };
        assert!(message.contains("until 20") && message.contains("cpu (avx2), diffrep 1.2.3"), "{message}");
    }
    assert_eq!(go_on(30, "avx2").len(), 2);
    // What another machine computed after a checkpoint that is gone back to isn't in the run.
    assert_eq!(go_on(20, "amx"), [(0, None)]);
}

#[test]
fn opening_cuts_both_files_back_to_the_checkpoint() {
    let (run, short) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(run.path(), &[10, 20, 30]);
    drop(MetricsLog::open(run.path(), 20).unwrap());
    write(short.path(), &[10, 20]);
    let text = |run: &Path| fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert_eq!(text(run.path()), text(short.path()));
    assert_eq!(events(run.path()), events(short.path()));
}

#[test]
fn a_line_cut_by_a_kill_is_dropped() {
    let run = tempfile::tempdir().unwrap();
    write(run.path(), &[10, 20]);
    let path = run.path().join("metrics.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let first = text.find('\n').unwrap() + 1;
    for length in first..text.len() {
        fs::write(&path, &text[..length]).unwrap();
        assert_eq!(metrics::read(run.path()).unwrap(), [record(10)]);
    }
    let mut log = MetricsLog::open(run.path(), 10).unwrap();
    log.append(&record(20)).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_damaged_line_is_named() {
    let run = tempfile::tempdir().unwrap();
    write(run.path(), &[10, 20, 30]);
    let path = run.path().join("metrics.jsonl");
    let text = fs::read_to_string(&path).unwrap().replacen("\"step\":20", "\"step\":x0", 1);
    fs::write(&path, text).unwrap();
    let error = metrics::read(run.path()).unwrap_err().to_string();
    assert!(error.contains("metrics.jsonl") && error.contains("line 2"), "{error}");
}

#[test]
fn tensorboard_gets_the_version_and_every_figure_of_every_line() {
    let run = tempfile::tempdir().unwrap();
    write(run.path(), &[10, 20]);
    let frames = frames(&events(run.path()));
    assert_eq!(frames.len(), 3);
    assert!(frames[0].ends_with(b"brain.Event:2"));
    for frame in &frames[1..] {
        let contains = |tag: &str| frame.windows(tag.len()).any(|window| window == tag.as_bytes());
        for tag in ["train/loss", "train/loss/denoising", "gradient_norm/encoder", "speed/memory_bytes"] {
            assert!(contains(tag), "{tag}");
        }
        assert!(!contains("gradient_norm/score"));
    }
}
