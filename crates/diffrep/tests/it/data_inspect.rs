//! What `inspect` finds, and the contact sheet.
use super::data_folder::{folder, open_with};
use diffrep::data::{
    DataError, ImageSet, ImageShape, OpenOptions,
    inspect::{Inspection, inspect, write_contact_sheet},
    open,
};
use image::{GrayImage, Luma, RgbImage};
use std::{fs, path::Path};

/// A smooth pattern that differs with `seed`, brightened by `shift`.
fn pattern(seed: u32, shift: u8) -> GrayImage {
    GrayImage::from_fn(32, 32, |x, y| {
        let phase = f64::from(x * (seed % 5 + 1) + y * (seed % 3 + 2)) / 12.0 + f64::from(seed);
        Luma([(110.0 + 100.0 * phase.sin()) as u8 + shift])
    })
}

fn inspected(path: &Path) -> Inspection {
    inspect(&open_with(path, &OpenOptions::default())).unwrap()
}

#[test]
fn copies_are_found_within_and_across_splits() {
    let data = tempfile::tempdir().unwrap();
    let save = |name: &str, image: GrayImage| {
        let path = data.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image.save(path).unwrap();
    };
    (0..8).for_each(|seed| save(&format!("train/{seed}.png"), pattern(seed, 0)));
    save("train/copy-of-3.png", pattern(3, 0));
    save("train/nearly-5.png", pattern(5, 2));
    save("test/copy-of-1.png", pattern(1, 0));
    save("test/nearly-2.png", pattern(2, 2));
    save("test/new.png", pattern(77, 0));
    let found = inspected(data.path());
    let [train, test] = &found.splits[..] else { panic!("two splits") };
    assert_eq!((train.images, train.exact_duplicates, train.near_duplicates), (10, 1, 1));
    assert_eq!((test.images, test.exact_duplicates, test.near_duplicates), (3, 0, 0));
    assert_eq!((found.exact_across, found.near_across), (1, 1));
    let pairs: Vec<_> = found
        .duplicates
        .iter()
        .map(|pair| (pair.image.1.as_str(), pair.like.1.as_str(), pair.exact))
        .collect();
    let expected = [
        ("train/copy-of-3.png", "train/3.png", true),
        ("train/nearly-5.png", "train/5.png", false),
        ("test/copy-of-1.png", "train/1.png", true),
        ("test/nearly-2.png", "train/2.png", false),
    ];
    assert_eq!(pairs, expected);
}

#[test]
fn wide_images_that_agree_in_the_middle_only_are_no_copies() {
    let data = tempfile::tempdir().unwrap();
    for seed in [1, 2] {
        let (middle, sides) = (pattern(7, 0), pattern(seed, 0));
        let pixel = |x: u32, y| {
            if (48..80).contains(&x) { *middle.get_pixel(x - 48, y) } else { *sides.get_pixel(x % 32, y) }
        };
        GrayImage::from_fn(128, 32, pixel).save(data.path().join(format!("{seed}.png"))).unwrap();
    }
    let options = OpenOptions { size: Some((32, 128)), ..OpenOptions::default() };
    let found = inspect(&open_with(data.path(), &options)).unwrap();
    assert_eq!((found.splits[0].exact_duplicates, found.splits[0].near_duplicates), (0, 0));
}

#[test]
fn counts_sizes_and_statistics_are_those_of_the_files() {
    let data = tempfile::tempdir().unwrap();
    GrayImage::from_pixel(20, 10, Luma([255])).save(data.path().join("a.png")).unwrap();
    GrayImage::from_pixel(40, 90, Luma([0])).save(data.path().join("b.png")).unwrap();
    let found = inspected(data.path());
    assert_eq!(found.shape, ImageShape { height: 32, width: 32, channels: 1 });
    assert_eq!(found.splits[0].file_sizes, Some([(10, 20), (90, 40)]));
    let near = |found: f64| (found - 0.5).abs() < 1e-6;
    assert!(near(found.splits[0].mean[0]) && near(found.splits[0].std[0]));
    assert!(found.splits[0].columns.is_empty());
}

#[test]
fn classes_are_counted_and_images_left_out_are_named() {
    let data = folder(&["cat/1.png", "cat/2.png", "dog/1.png"]);
    fs::write(data.path().join("dog/2.png"), "no image").unwrap();
    let options = OpenOptions { on_bad: diffrep::data::OnBad::Skip, ..OpenOptions::default() };
    let found = inspect(&open_with(data.path(), &options)).unwrap();
    assert_eq!(found.splits[0].columns[0].classes, [("cat".to_owned(), 2), ("dog".to_owned(), 1)]);
    assert_eq!(found.skipped.len(), 1);
}

// A fifth of the digits: the mean of scikit-learn's `load_digits().images` is 4.884 of 16.
#[test]
fn the_digits_have_no_copies_and_the_known_mean() {
    let found = inspect(&open("digits", &OpenOptions::default()).unwrap()).unwrap();
    let of = |index: usize| (found.splits[index].images as f64, found.splits[index].mean[0]);
    let ((n, train), (m, test)) = (of(0), of(1));
    assert!(((n * train + m * test) / (n + m) * 16.0 - 4.884).abs() < 0.001);
    assert_eq!((found.exact_across, found.near_across), (0, 0));
}

#[test]
fn a_contact_sheet_has_a_line_for_each_class() {
    let data = folder(&["cat/1.png", "cat/2.png", "cat/3.png", "dog/1.png"]);
    let set = open_with(data.path(), &OpenOptions::default()).train;
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("sheet.png");
    write_contact_sheet(&path, &set).unwrap();
    let sheet: RgbImage = image::open(&path).unwrap().into_rgb8();
    // 4×4 images are enlarged to 48×48, with gaps of 4: three columns, two lines.
    assert_eq!(sheet.dimensions(), (3 * 52 + 4, 2 * 52 + 4));
    assert_eq!(sheet.get_pixel(5, 5).0, [0, 5, 200]);
    assert_eq!(sheet.get_pixel(5, 57).0, [30, 5, 200]);
    assert_eq!(sheet.get_pixel(60, 57).0, [255; 3]);
    let error = write_contact_sheet(&path.join("x.png"), &set).unwrap_err();
    assert!(matches!(error, DataError::Io { .. }), "{error}");
}

#[test]
fn large_images_are_reduced_on_the_sheet() {
    let shape = ImageShape { height: 200, width: 400, channels: 1 };
    let set = ImageSet::from_bytes(shape, vec![77; 2 * shape.len()], Vec::new()).unwrap();
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("sheet.png");
    write_contact_sheet(&path, &set).unwrap();
    let sheet = image::open(&path).unwrap().into_luma8();
    assert_eq!(sheet.dimensions(), (2 * 132 + 4, 68 + 4));
    assert_eq!((sheet.get_pixel(70, 35).0, sheet.get_pixel(133, 35).0), ([77], [255]));
}

#[test]
fn a_set_without_labels_is_shown_from_beginning_to_end() {
    let shape = ImageShape { height: 48, width: 48, channels: 1 };
    let bytes = (0..40u8).flat_map(|row| vec![row; shape.len()]).collect();
    let set = ImageSet::from_bytes(shape, bytes, Vec::new()).unwrap();
    let out = tempfile::tempdir().unwrap();
    let path = out.path().join("sheet.png");
    write_contact_sheet(&path, &set).unwrap();
    let sheet = image::open(&path).unwrap().into_luma8();
    assert_eq!(sheet.dimensions(), (16 * 52 + 4, 3 * 52 + 4));
    assert_eq!(sheet.get_pixel(5, 2 * 52 + 5).0, [32]);
}
