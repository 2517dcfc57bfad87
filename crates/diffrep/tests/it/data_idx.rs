//! IDX files: round trip and hostile input.
use diffrep::data::{DataError, Dataset, OpenOptions, open};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::{fs, io::Write, path::Path};

/// An IDX file of bytes.
fn idx(dimensions: &[u32], data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, dimensions.len() as u8];
    dimensions.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
    bytes.extend(data);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn open_path(path: &Path) -> Result<Dataset, DataError> {
    open(path.to_str().unwrap(), &OpenOptions::default())
}

/// The message for a folder whose training images and labels are these bytes.
fn message(images: &[u8], labels: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train-images-idx3-ubyte"), images).unwrap();
    fs::write(folder.path().join("train-labels-idx1-ubyte"), labels).unwrap();
    open_path(folder.path()).unwrap_err().to_string()
}

#[test]
fn the_four_files_of_mnist_are_a_data_set_plain_or_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    write("train-images-idx3-ubyte.gz", &gzip(&idx(&[2, 1, 3], &[0, 51, 255, 102, 0, 0])));
    write("train-labels-idx1-ubyte", &idx(&[2], &[7, 3]));
    write("t10k-images.idx3-ubyte", &idx(&[1, 1, 3], &[255, 0, 0]));
    let data = open_path(folder.path()).unwrap();
    let mut pixels = [0.0; 6];
    data.train.read(&[1, 0], &mut pixels).unwrap();
    assert_eq!(pixels, [0.4, 0.0, 0.0, 0.0, 0.2, 1.0]);
    let labels = data.train.labels().unwrap();
    assert_eq!((labels.class(0), labels.class(1)), (Some("7"), Some("3")));
    let test = data.test.unwrap();
    assert_eq!(test.len(), 1);
    assert!(test.labels().is_none());
}

#[test]
fn classes_are_the_numbers_that_occur_in_either_split_but_clothes_are_ten() {
    let folder = tempfile::tempdir().unwrap();
    for (name, count) in [("digits", 3), ("fashion", 10)] {
        let path = folder.path().join(name);
        fs::create_dir(&path).unwrap();
        let write = |name: &str, bytes: &[u8]| fs::write(path.join(name), bytes).unwrap();
        for (split, labels) in [("train", [7, 3]), ("t10k", [9, 3])] {
            write(&format!("{split}-images-idx3-ubyte"), &idx(&[2, 1, 1], &[0, 1]));
            write(&format!("{split}-labels-idx1-ubyte"), &idx(&[2], &labels));
        }
        let data = open_path(&path).unwrap();
        let (train, test) = (data.train.labels().unwrap(), data.test.as_ref().unwrap().labels().unwrap());
        assert_eq!((train.classes.len(), &train.classes), (count, &test.classes));
        assert_eq!((train.class(1), train.values[1]), (test.class(1), test.values[1]));
        assert_ne!(train.class(0), test.class(0));
    }
}

#[test]
fn a_wrong_magic_number_is_named() {
    let good = idx(&[1, 1, 1], &[0]);
    let found = message(&[b"\0\0\x0d\x03", &good[4..]].concat(), &idx(&[1], &[0]));
    assert!(
        found.contains("train-images-idx3-ubyte: magic number 0x00000d03, expected 0x00000803"),
        "{found}"
    );
    let found = message(&good, &idx(&[1, 1, 1], &[0]));
    assert!(
        found.contains("train-labels-idx1-ubyte: magic number 0x00000803, expected 0x00000801"),
        "{found}"
    );
}

#[test]
fn short_long_and_absurd_data_are_named() {
    let labels = idx(&[2], &[0, 1]);
    for (images, expected) in [
        (idx(&[2, 2, 2], &[0; 7]), "truncated: 7 bytes of data, the header promises 8"),
        (idx(&[2, 2, 2], &[0; 9]), "more data than the 8 bytes"),
        (idx(&[u32::MAX, u32::MAX, u32::MAX], &[0; 8]), "more than the limit"),
        (idx(&[2, 2], &[])[..10].to_vec(), "magic number 0x00000802"),
        (idx(&[2, 2, 2], &[])[..10].to_vec(), "header is cut short"),
        (idx(&[0, 28, 28], &[]), "no images"),
        (Vec::new(), "header is cut short"),
    ] {
        let found = message(&images, &labels);
        assert!(found.contains("train-images-idx3-ubyte") && found.contains(expected), "{found}");
    }
    let found = message(&idx(&[2, 1, 1], &[0; 2]), &idx(&[3], &[0; 3]));
    assert!(found.contains("3 labels for 2 images"), "{found}");
}

#[test]
fn test_images_of_another_shape_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("train-images-idx3-ubyte"), idx(&[1, 2, 2], &[0; 4])).unwrap();
    fs::write(folder.path().join("t10k-images-idx3-ubyte"), idx(&[1, 1, 4], &[0; 4])).unwrap();
    let found = open_path(folder.path()).unwrap_err().to_string();
    assert!(found.contains("test images are 1×4×1, training images 2×2×1"), "{found}");
}

#[test]
fn a_cut_gzip_stream_is_named() {
    let noise: Vec<u8> = (0..5000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let whole = gzip(&idx(&[50, 10, 10], &noise));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some-images-idx3-ubyte.gz");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let found = open_path(&path).unwrap_err().to_string();
    assert!(found.contains("some-images-idx3-ubyte.gz: damaged after"), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn idx_images_come_back_as_written(n in 1usize..5, h in 1usize..6, w in 1usize..6, seed: u8, compressed: bool) {
        let bytes: Vec<u8> = (0..n * h * w).map(|i| (i as u8).wrapping_mul(37).wrapping_add(seed)).collect();
        let file = idx(&[n as u32, h as u32, w as u32], &bytes);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x-idx3");
        fs::write(&path, if compressed { gzip(&file) } else { file }).unwrap();
        let set = open_path(&path).unwrap().train;
        let mut pixels = vec![0.0; bytes.len()];
        set.read(&(0..n).collect::<Vec<_>>(), &mut pixels).unwrap();
        prop_assert_eq!(pixels.iter().map(|x| (x * 255.0).round() as u8).collect::<Vec<_>>(), bytes);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("train-images-idx3-ubyte");
        fs::write(&path, [&[0, 0, 8, 3][..], &bytes].concat()).unwrap();
        let _ = open_path(&path).map(|data| data.train.len());
    }
}

#[test]
fn clothes_are_known_by_the_names_around_them_and_not_by_those_of_a_project() {
    let folder = tempfile::tempdir().unwrap();
    for (name, clothes) in
        [("fashion-project/data/mnist", false), ("FashionMNIST/raw", true), ("x/Fashion-MNIST", true)]
    {
        let path = folder.path().join(name);
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("train-images-idx3-ubyte"), idx(&[2, 1, 1], &[0, 1])).unwrap();
        fs::write(path.join("train-labels-idx1-ubyte"), idx(&[2], &[7, 3])).unwrap();
        let data = open_path(&path).unwrap();
        assert_eq!(data.train.labels().unwrap().classes.len() == 10, clothes, "{name}");
    }
}
