//! NumPy arrays: round trip and hostile input.
use diffrep::data::{DataError, Dataset, ImageShape, OpenOptions, open};
use npyz::{WriterBuilder, npz::NpzWriter};
use proptest::prelude::*;
use std::{fs, path::Path};

fn npy<T: npyz::Serialize + npyz::AutoSerialize + Copy>(shape: &[u64], data: &[T]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut bytes).begin_nd().unwrap();
    writer.extend(data.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

fn npz(path: &Path, members: &[(&str, Vec<u8>)]) {
    use std::io::Write;
    let mut archive = NpzWriter::create(path).unwrap();
    for (name, bytes) in members {
        archive.zip_writer().start_file(format!("{name}.npy"), Default::default()).unwrap();
        archive.zip_writer().write_all(bytes).unwrap();
    }
}

fn open_npy(bytes: &[u8]) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npy");
    fs::write(&path, bytes).unwrap();
    open(path.to_str().unwrap(), &OpenOptions::default())
}

fn open_npz(members: &[(&str, Vec<u8>)]) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    npz(&path, members);
    open(path.to_str().unwrap(), &OpenOptions::default())
}

fn pixels(data: &Dataset) -> Vec<f32> {
    let mut out = vec![0.0; data.train.len() * data.train.shape().len()];
    data.train.read(&(0..data.train.len()).collect::<Vec<_>>(), &mut out).unwrap();
    out
}

#[test]
fn the_place_of_the_channels_is_recognised() {
    let values: Vec<u8> = (0..24).collect();
    let shape = |sizes: &[u64]| open_npy(&npy(sizes, &values)).unwrap().train.shape();
    assert_eq!(shape(&[2, 3, 4]), ImageShape { height: 3, width: 4, channels: 1 });
    assert_eq!(shape(&[2, 2, 2, 3]), ImageShape { height: 2, width: 2, channels: 3 });
    assert_eq!(shape(&[2, 3, 2, 2]), ImageShape { height: 2, width: 2, channels: 3 });
    assert_eq!(shape(&[2, 1, 3, 4]), ImageShape { height: 3, width: 4, channels: 1 });
    let first = open_npy(&npy(&[2, 3, 2, 2], &values)).unwrap();
    assert_eq!(
        pixels(&first)[..6].iter().map(|x| (x * 255.0).round()).collect::<Vec<_>>(),
        [0.0, 4.0, 8.0, 1.0, 5.0, 9.0]
    );
    for sizes in [&[24][..], &[2, 12], &[2, 2, 3, 2], &[1, 2, 2, 2, 3]] {
        let found = open_npy(&npy(sizes, &values)).unwrap_err().to_string();
        assert!(found.contains("expected [N, H, W]"), "{found}");
    }
}

#[test]
fn every_number_type_ends_up_between_zero_and_one() {
    let expected = [0.0, 0.2, 1.0, 0.4];
    let near = |bytes: Vec<u8>| {
        pixels(&open_npy(&bytes).unwrap()).iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6)
    };
    assert!(near(npy(&[1, 2, 2], &[0u8, 51, 255, 102])));
    assert!(near(npy(&[1, 2, 2], &[0u16, 13107, 65535, 26214])));
    assert!(near(npy(&[1, 2, 2], &[0.0f32, 0.2, 1.0, 0.4])));
    assert!(near(npy(&[1, 2, 2], &[0.0f64, 0.2, 1.0, 0.4])));
    assert!(near(npy(&[1, 2, 2], &[0.0f32, 51.0, 255.0, 102.0])));
    for bytes in [npy(&[1, 1, 2], &[-0.5f32, 0.5]), npy(&[1, 1, 2], &[0.0f32, 256.0])] {
        let found = open_npy(&bytes).unwrap_err().to_string();
        assert!(found.contains("expected [0, 1] or [0, 255]"), "{found}");
    }
    let found = open_npy(&npy(&[1, 1, 1], &[3i32])).unwrap_err().to_string();
    assert!(found.contains("images of type i4"), "{found}");
}

#[test]
fn values_that_rounding_brought_beyond_white_or_black_keep_their_scale() {
    let expected = [0.0, 0.25, 0.75, 1.0];
    for scale in [1.0, 255.0] {
        let values = [-1e-7, 0.25, 0.75, 1.0000001].map(|value: f32| value * scale);
        let found = pixels(&open_npy(&npy(&[1, 2, 2], &values)).unwrap());
        assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}");
        assert!(found.iter().all(|value| (0.0..=1.0).contains(value)), "{found:?}");
    }
    // Neither parts of white nor bytes.
    for values in [[0.0, 1.5f32], [-0.1, 1.0], [-1.0, 255.0], [0.0, 255.9]] {
        let found = open_npy(&npy(&[1, 1, 2], &values)).unwrap_err().to_string();
        assert!(found.contains("expected [0, 1] or [0, 255]"), "{found}");
    }
}

#[test]
fn an_archive_holds_images_labels_and_a_test_split() {
    let data = open_npz(&[
        ("train_images", npy(&[3, 2, 2], &[1u8; 12])),
        ("train_labels", npy(&[3, 1], &[2u8, 0, 1])),
        ("test_images", npy(&[1, 2, 2], &[1u8; 4])),
        ("test_labels", npy(&[1, 1], &[3u8])),
    ])
    .unwrap();
    assert_eq!(data.train.labels().unwrap().values, [Some(2), Some(0), Some(1)]);
    assert_eq!(data.train.labels().unwrap().classes, ["0", "1", "2", "3"]);
    assert_eq!(data.test.unwrap().labels().unwrap().values, [Some(3)]);
    let data = open_npz(&[("x", npy(&[2, 2, 2], &[1u8; 8])), ("y", npy(&[2], &[1i64, 0]))]).unwrap();
    assert_eq!(data.train.labels().unwrap().values, [Some(1), Some(0)]);
    assert!(open_npz(&[("images", npy(&[2, 2, 2], &[1u8; 8]))]).unwrap().train.labels().is_none());
}

#[test]
fn both_splits_of_an_archive_have_one_scale() {
    let (bright, dark) =
        (npy(&[1, 2, 2], &[0.0f32, 51.0, 102.0, 255.0]), npy(&[1, 2, 2], &[0.0f32, 1.0, 0.5, 1.0]));
    for (train, test) in [(&bright, &dark), (&dark, &bright)] {
        let data = open_npz(&[("x_train", train.clone()), ("x_test", test.clone())]).unwrap();
        let mut values = [[0.0; 4]; 2];
        data.train.read(&[0], &mut values[0]).unwrap();
        data.test.as_ref().unwrap().read(&[0], &mut values[1]).unwrap();
        values.sort_by(|a, b| b[3].total_cmp(&a[3]));
        assert_eq!(values, [[0.0, 0.2, 0.4, 1.0], [0.0, 1.0 / 255.0, 0.5 / 255.0, 1.0 / 255.0]]);
    }
    // Alone it is what it seems.
    assert_eq!(pixels(&open_npy(&dark).unwrap()), [0.0, 1.0, 0.5, 1.0]);
}

#[test]
fn a_nan_is_refused_and_its_image_named() {
    let mut values = vec![0.5f32; 12];
    values[7] = f32::NAN;
    let found = open_npz(&[("x", npy(&[3, 2, 2], &values))]).unwrap_err().to_string();
    assert!(found.contains("x.npz/x.npy: image 1 holds NaN, expected finite values"), "{found}");
    values[7] = f32::INFINITY;
    let found = open_npy(&npy(&[3, 2, 2], &values)).unwrap_err().to_string();
    assert!(found.contains("image 1 holds inf"), "{found}");
}

#[test]
fn wrong_labels_and_names_are_errors() {
    let images = || ("x", npy(&[2, 2, 2], &[1u8; 8]));
    let message = |labels: Vec<u8>| open_npz(&[images(), ("y", labels)]).unwrap_err().to_string();
    assert!(message(npy(&[3], &[0u8, 1, 2])).contains("3 labels for 2 images"));
    assert!(message(npy(&[2], &[0i32, -1])).contains("label -1 in row 1, expected 0 to"));
    assert!(message(npy(&[2], &[0.0f32, 1.0])).contains("labels of type f4, expected integers"));
    assert!(message(npy(&[1, 2], &[0u8, 1])).contains("labels of shape [1, 2]"));
    let found = open_npz(&[("pictures", npy(&[2, 2, 2], &[1u8; 8]))]).unwrap_err().to_string();
    assert!(found.contains("holds pictures; expected images in an array named x"), "{found}");
}

#[test]
fn short_absurd_and_foreign_arrays_are_errors() {
    let whole = npy(&[2, 2, 2], &[1u8; 8]);
    let found = open_npy(&whole[..whole.len() - 1]).unwrap_err().to_string();
    assert!(found.contains("truncated: 7 bytes of data, the header promises 8"), "{found}");
    let text = |header: &str| {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        open_npy(&bytes).unwrap_err().to_string()
    };
    let shape =
        |shape: &str| text(&format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n"));
    assert!(shape("(99999999999, 99999999999, 99999999999)").contains("more than the limit"));
    assert!(shape("(0, 28, 28)").contains("no images"));
    assert!(
        text("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2, 2), }\n").contains("Fortran order")
    );
    assert!(
        text("{'descr': '|O', 'fortran_order': False, 'shape': (1, 2, 2), }\n").contains("expected numbers")
    );
    assert!(text("gibberish").contains("damaged header"));
    assert!(text(&"(".repeat(60_000)).contains("damaged header"));
}

#[test]
fn a_cut_archive_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    npz(&path, &[("x", npy(&[2, 2, 2], &[1u8; 8]))]);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let found = open(path.to_str().unwrap(), &OpenOptions::default()).unwrap_err().to_string();
    assert!(found.contains("x.npz: damaged archive"), "{found}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arrays_come_back_as_written(n in 1u64..4, h in 2u64..6, w in 4u64..7, values in prop::collection::vec(0.0f32..=1.0, 180)) {
        let values = &values[..(n * h * w) as usize];
        prop_assert_eq!(pixels(&open_npy(&npy(&[n, h, w], values)).unwrap()), values);
    }

    #[test]
    fn no_damage_to_an_array_makes_the_reader_panic(place in 0usize..140, byte: u8, cut in 0usize..140) {
        let mut bytes = npy(&[2, 2, 2], &[1u8; 8]);
        let end = bytes.len();
        bytes[place % end] = byte;
        bytes.truncate(end - cut % end);
        let _ = open_npy(&bytes).map(|data| data.train.len());
    }
}
