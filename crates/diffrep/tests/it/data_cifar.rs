//! CIFAR files: round trip and hostile input.
use diffrep::data::{DataError, Dataset, OpenOptions, open};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::{fs, io::Read, path::Path};

fn record(labels: &[u8], seed: u8) -> Vec<u8> {
    let pixels = (0..3072usize).map(|i| (i as u8).wrapping_mul(31).wrapping_add((i / 1024) as u8 ^ seed));
    labels.iter().copied().chain(pixels).collect()
}

fn archive(path: &Path, members: &[(&str, Vec<u8>)]) {
    let file = fs::File::create(path).unwrap();
    let mut builder = tar::Builder::new(GzEncoder::new(file, Compression::fast()));
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
}

fn open_path(path: &Path) -> Result<Dataset, DataError> {
    open(path.to_str().unwrap(), &OpenOptions::default())
}

fn archive_message(members: &[(&str, Vec<u8>)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cifar.tar.gz");
    archive(&path, members);
    open_path(&path).unwrap_err().to_string()
}

#[test]
fn batches_are_joined_in_the_order_of_their_names_and_planes_become_channels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cifar-10-binary.tar.gz");
    let names = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n";
    archive(
        &path,
        &[
            ("cifar/data_batch_2.bin", record(&[2], 9)),
            ("cifar/batches.meta.txt", names.into()),
            ("cifar/test_batch.bin", record(&[9], 0)),
            ("cifar/data_batch_1.bin", [record(&[1], 3), record(&[0], 4)].concat()),
            ("cifar/readme.html", b"<html>".to_vec()),
        ],
    );
    for spec in [path.as_path(), folder.path()] {
        let data = open_path(spec).unwrap();
        assert_eq!(data.name, "cifar10");
        let labels = data.train.labels().unwrap();
        assert_eq!(labels.values, [Some(1), Some(0), Some(2)]);
        assert_eq!(labels.class(0), Some("b"));
        assert_eq!(data.test.unwrap().labels().unwrap().class(0), Some("j"));
        let mut pixels = vec![0.0; 3072];
        data.train.read(&[2], &mut pixels).unwrap();
        let planes = &record(&[2], 9)[1..];
        let expected: Vec<f32> =
            (0..3072).map(|i| f32::from(planes[(i % 3) * 1024 + i / 3]) / 255.0).collect();
        assert_eq!(pixels, expected);
    }
}

#[test]
fn fine_labels_of_cifar_100_come_first() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train.bin"), record(&[19, 99], 0)).unwrap();
    let data = open_path(folder.path()).unwrap();
    let columns: Vec<_> = data.train.columns().iter().map(|c| (c.name.as_str(), c.values[0])).collect();
    assert_eq!(columns, [("label", Some(99)), ("coarse", Some(19))]);
    assert!(data.test.is_none());
}

#[test]
fn a_truncated_member_is_named() {
    let good = record(&[1], 0);
    let found = archive_message(&[("c/data_batch_1.bin", [&good[..], &good[..100]].concat())]);
    assert!(
        found.contains("cifar.tar.gz/c/data_batch_1.bin: truncated: record 1 has 100 bytes, expected 3073"),
        "{found}"
    );
}

#[test]
fn a_label_out_of_range_is_named() {
    let found = archive_message(&[("data_batch_1.bin", [record(&[9], 0), record(&[10], 0)].concat())]);
    assert!(found.contains("data_batch_1.bin: record 1: label is 10, expected 0 to 9"), "{found}");
    let found = archive_message(&[("train.bin", record(&[20, 0], 0))]);
    assert!(found.contains("train.bin: record 0: coarse is 20, expected 0 to 19"), "{found}");
}

#[test]
fn a_cut_archive_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cifar.tar.gz");
    let noise: Vec<u8> = (0..3073u32 * 4)
        .map(|i| if i % 3073 == 0 { 1 } else { (i.wrapping_mul(2_654_435_761) >> 24) as u8 })
        .collect();
    archive(&path, &[("data_batch_1.bin", noise)]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
    let found = open_path(&path).unwrap_err().to_string();
    assert!(found.contains("cifar.tar.gz"), "{found}");
    assert!(found.contains("damaged") || found.contains("truncated"), "{found}");
}

#[test]
fn a_member_with_an_endless_name_is_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cifar.tar");
    let mut builder = tar::Builder::new(fs::File::create(&path).unwrap());
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(64 << 20);
    header.set_cksum();
    builder.append(&header, std::io::repeat(b'n').take(64 << 20)).unwrap();
    let mut header = tar::Header::new_gnu();
    header.set_size(3073);
    header.set_path("data_batch_1.bin").unwrap();
    header.set_cksum();
    builder.append(&header, record(&[1], 0).as_slice()).unwrap();
    builder.finish().unwrap();
    // Were the name read, it would be that of the member.
    assert_eq!(open_path(&path).unwrap().train.len(), 1);
}

#[test]
fn mixed_missing_and_misnamed_members_are_errors() {
    let found = archive_message(&[("data_batch_1.bin", record(&[1], 0)), ("test.bin", record(&[1, 1], 0))]);
    assert!(found.contains("CIFAR-10 and of CIFAR-100 lie together"), "{found}");
    let found = archive_message(&[("test_batch.bin", record(&[1], 0))]);
    assert!(found.contains("no training images"), "{found}");
    let found =
        archive_message(&[("data_batch_1.bin", record(&[1], 0)), ("batches.meta.txt", b"cat\n".to_vec())]);
    assert!(found.contains("1 class names, expected 10"), "{found}");
    let found = archive_message(&[("data_batch_1.bin", Vec::new())]);
    assert!(found.contains("no images"), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_cut_makes_the_reader_panic(cut in 0usize..400, flip in 0usize..400) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cifar.tar.gz");
        archive(&path, &[("data_batch_1.bin", record(&[1], 0))]);
        let mut bytes = fs::read(&path).unwrap();
        let end = bytes.len();
        bytes[flip % end] ^= 0x55;
        bytes.truncate(end - cut % end);
        fs::write(&path, bytes).unwrap();
        let _ = open_path(&path).map(|data| data.train.len());
    }
}
