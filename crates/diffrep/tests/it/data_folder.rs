//! Folders of images: layouts, classes, colours, sizes.
use diffrep::data::{Dataset, ImageSet, ImageShape, Labels, OpenOptions, open};
use image::{DynamicImage, GrayImage, ImageBuffer, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use std::{fs, path::Path};
use tempfile::TempDir;

/// A folder with a small coloured PNG at each path; no two have the same colour.
pub fn folder(paths: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (place, path) in paths.iter().enumerate() {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        RgbImage::from_pixel(4, 4, Rgb([10 * place as u8, 5, 200])).save(path).unwrap();
    }
    folder
}

pub fn open_with(path: &Path, options: &OpenOptions) -> Dataset {
    open(path.to_str().unwrap(), options).unwrap()
}

fn open_default(path: &Path) -> Dataset {
    open_with(path, &OpenOptions::default())
}

fn ids(set: &ImageSet) -> Vec<String> {
    (0..set.len()).map(|row| set.id(row)).collect()
}

fn pixels(set: &ImageSet) -> Vec<f32> {
    let mut out = vec![0.0; set.len() * set.shape().len()];
    set.read(&(0..set.len()).collect::<Vec<_>>(), &mut out).unwrap();
    out
}

#[test]
fn rows_are_in_the_order_of_their_paths_however_they_were_created() {
    let (one, two) =
        (folder(&["b.png", "a/z.png", "c.png", "a.png"]), folder(&["a.png", "c.png", "a/z.png", "b.png"]));
    let expected = ["a.png", "a/z.png", "b.png", "c.png"];
    assert_eq!(ids(&open_default(one.path()).train), expected);
    assert_eq!(ids(&open_default(two.path()).train), expected);
}

#[test]
fn flat_and_nested_folders_are_unlabelled() {
    for paths in [
        &["1.png", "2.png"][..],
        &["a/1.png", "2.png"],
        &["2024/01/1.png", "2024/02/1.png"],
        &["a/1.png", "a/2.png"],
    ] {
        let data = folder(paths);
        assert!(open_default(data.path()).train.labels().is_none(), "{paths:?}");
    }
}

#[test]
fn one_folder_a_class_is_labelled_and_an_empty_one_keeps_its_id() {
    let data = folder(&["cat/1.png", "dog/1.png", "dog/2.png", "owl/1.png"]);
    fs::remove_file(data.path().join("dog/1.png")).unwrap();
    fs::remove_file(data.path().join("dog/2.png")).unwrap();
    let train = open_default(data.path()).train;
    let labels = train.labels().unwrap();
    assert_eq!(labels.classes, ["cat", "dog", "owl"]);
    assert_eq!(labels.values, [Some(0), Some(2)]);
}

#[test]
fn a_class_map_keeps_ids_when_a_class_is_gone_and_refuses_unknown_classes() {
    let data = folder(&["cat/1.png", "owl/1.png"]);
    let classes = |names: &[&str]| OpenOptions {
        classes: Some(names.iter().map(|name| (*name).to_owned()).collect()),
        ..OpenOptions::default()
    };
    let train = open_with(data.path(), &classes(&["cat", "dog", "owl"])).train;
    assert_eq!(train.labels().unwrap().values, [Some(0), Some(2)]);
    let error = open(data.path().to_str().unwrap(), &classes(&["cat", "dog"])).unwrap_err().to_string();
    assert!(error.contains("class `owl` is not in the class map (cat, dog)"), "{error}");
}

#[test]
fn train_and_test_folders_are_splits_with_one_class_map() {
    let data = folder(&["train/b/1.png", "train/c/1.png", "test/a/1.png", "test/c/1.png"]);
    let dataset = open_default(data.path());
    let test = dataset.test.unwrap();
    assert_eq!(ids(&test), ["test/a/1.png", "test/c/1.png"]);
    assert_eq!(dataset.train.labels().unwrap().values, [Some(1), Some(2)]);
    assert_eq!(test.labels().unwrap().values, [Some(0), Some(2)]);
}

#[test]
fn a_class_called_train_is_not_taken_for_a_split_without_a_word() {
    let data = folder(&["bus/1.png", "car/1.png", "train/1.png"]);
    let skipped = open_default(data.path()).skipped;
    assert!(
        skipped.len() == 2 && skipped[0].starts_with("bus/") && skipped[1].starts_with("car/"),
        "{skipped:?}"
    );
    // What holds no images doesn't matter.
    let split = folder(&["train/a/1.png", "train/b/1.png"]);
    fs::create_dir(split.path().join("notes")).unwrap();
    let dataset = open_default(split.path());
    assert_eq!(ids(&dataset.train), ["train/a/1.png", "train/b/1.png"]);
    assert!(dataset.skipped.is_empty());
}

#[test]
fn images_loose_beside_the_splits_are_not_left_out_without_a_word() {
    for splits in [&["train/1.png", "train/2.png"][..], &["train/1.png", "test/2.png"]] {
        let data = folder(&[splits, &["1.png", "2.png", "3.png"]].concat());
        fs::write(data.path().join("notes.txt"), "").unwrap();
        let skipped = open_default(data.path()).skipped;
        assert!(skipped.len() == 1 && skipped[0].starts_with("3 images beside train/"), "{skipped:?}");
    }
}

#[test]
fn folders_may_be_ignored_or_forced_as_classes() {
    let data = folder(&["cat/x/1.png", "dog/1.png"]);
    let with = |labels| open_with(data.path(), &OpenOptions { labels, ..OpenOptions::default() }).train;
    assert!(with(Labels::Ignore).labels().is_none());
    assert_eq!(with(Labels::Folders).labels().unwrap().values, [Some(0), Some(1)]);
    let flat = folder(&["1.png"]);
    let options = OpenOptions { labels: Labels::Folders, ..OpenOptions::default() };
    let error = open(flat.path().to_str().unwrap(), &options).unwrap_err().to_string();
    assert!(error.contains("1.png: lies in no folder"), "{error}");
}

#[test]
fn output_hidden_files_and_other_files_are_not_data() {
    let data = folder(&["1.png", "out/2.png", "old-run/figures/3.png", ".thumbs/4.png", "._5.png"]);
    fs::write(data.path().join("old-run/run.json"), "{}").unwrap();
    fs::write(data.path().join("notes.txt"), "x").unwrap();
    let options = OpenOptions { exclude: vec![data.path().join("out")], ..OpenOptions::default() };
    assert_eq!(ids(&open_with(data.path(), &options).train), ["1.png"]);
}

#[test]
fn mixed_colours_become_one_shape_by_the_stated_rule() {
    let data = tempfile::tempdir().unwrap();
    let save = |name: &str, image: DynamicImage| image.save(data.path().join(name)).unwrap();
    save("a.png", GrayImage::from_pixel(4, 4, Luma([51])).into());
    save("b.png", ImageBuffer::from_pixel(4, 4, Luma([13107u16])).into());
    save("c.png", ImageBuffer::from_pixel(4, 4, LumaA([0u8, 204])).into());
    save("d.png", RgbaImage::from_pixel(4, 4, Rgba([255, 0, 0, 51])).into());
    save("e.png", RgbImage::from_pixel(4, 4, Rgb([255, 0, 102])).into());
    save("f.bmp", RgbImage::from_pixel(4, 4, Rgb([255, 0, 102])).into());
    save("g.tiff", RgbImage::from_pixel(4, 4, Rgb([255, 0, 102])).into());
    save("h.webp", RgbImage::from_pixel(4, 4, Rgb([255, 0, 102])).into());
    let train = open_default(data.path()).train;
    assert_eq!(train.shape(), ImageShape { height: 4, width: 4, channels: 3 });
    let all = pixels(&train);
    let first: Vec<&[f32]> = all.chunks(48).map(|image| &image[..3]).collect();
    let near =
        |found: &[f32], expected: &[f32]| found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4);
    let pink = [1.0, 0.0, 0.4];
    let expected: [[f32; 3]; 8] = [[0.2; 3], [0.2; 3], [0.2; 3], [1.0, 0.8, 0.8], pink, pink, pink, pink];
    for (found, expected) in first.iter().zip(&expected) {
        assert!(near(found, expected), "{found:?} {expected:?}");
    }
    let grey = open_with(data.path(), &OpenOptions { channels: Some(1), ..OpenOptions::default() }).train;
    assert_eq!(grey.shape().channels, 1);
    assert!(near(&pixels(&grey)[4 * 16..][..1], &[0.299 + 0.114 * 0.4]));
}

#[test]
fn grey_folders_stay_grey() {
    let data = tempfile::tempdir().unwrap();
    GrayImage::from_pixel(28, 28, Luma([9])).save(data.path().join("1.png")).unwrap();
    assert_eq!(open_default(data.path()).train.shape(), ImageShape { height: 28, width: 28, channels: 1 });
}

#[test]
fn mixed_sizes_become_the_middle_window_of_one_size() {
    let data = tempfile::tempdir().unwrap();
    // Left and right thirds are black, the middle is white: only the middle is kept.
    let wide = GrayImage::from_fn(120, 40, |x, _| Luma([if (40..80).contains(&x) { 255 } else { 0 }]));
    wide.save(data.path().join("wide.png")).unwrap();
    GrayImage::from_pixel(5, 9, Luma([255])).save(data.path().join("tall.png")).unwrap();
    let train = open_default(data.path()).train;
    assert_eq!(train.shape(), ImageShape { height: 32, width: 32, channels: 1 });
    let inner = |image: &[f32]| image.chunks(32).all(|line| line[1..31].iter().all(|&value| value > 0.999));
    assert!(pixels(&train).chunks(1024).all(inner));
    let options = OpenOptions { size: Some((8, 16)), ..OpenOptions::default() };
    assert_eq!(
        open_with(data.path(), &options).train.shape(),
        ImageShape { height: 8, width: 16, channels: 1 }
    );
}

#[test]
fn a_reduced_image_is_the_mean_of_its_pixels_and_not_a_sample() {
    let data = tempfile::tempdir().unwrap();
    GrayImage::from_fn(64, 64, |x, y| Luma([255 * ((x + y) % 2) as u8]))
        .save(data.path().join("1.png"))
        .unwrap();
    let options = OpenOptions { size: Some((8, 8)), ..OpenOptions::default() };
    assert!(pixels(&open_with(data.path(), &options).train).iter().all(|value| (value - 0.5).abs() < 0.02));
}

#[test]
fn the_exif_orientation_is_applied() {
    let data = tempfile::tempdir().unwrap();
    let path = data.path().join("1.jpg");
    GrayImage::from_fn(16, 8, |x, _| Luma([if x < 8 { 255 } else { 0 }])).save(&path).unwrap();
    let plain = fs::read(&path).unwrap();
    // One entry in the first directory: tag 0x0112, type short, count 1, value 6 (turn by 90° clockwise).
    let tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let mut segment = vec![0xff, 0xe1, 0, (2 + 6 + tiff.len()) as u8];
    segment.extend(b"Exif\0\0");
    segment.extend(tiff);
    fs::write(&path, [&plain[..2], &segment, &plain[2..]].concat()).unwrap();
    let train = open_default(data.path()).train;
    assert_eq!(train.shape(), ImageShape { height: 16, width: 8, channels: 1 });
    let image = pixels(&train);
    assert!(image[..8].iter().all(|&value| value > 0.9) && image[120..].iter().all(|&value| value < 0.1));
}

#[test]
fn reading_again_and_in_subsets_gives_the_same_pixels() {
    let data = folder(&["a.png", "b.png", "c.png"]);
    let train = open_default(data.path()).train;
    let (first, second) = (pixels(&train), pixels(&train));
    assert_eq!(first, second);
    let subset = train.subset(&[2, 0]);
    assert_eq!(ids(&subset), ["c.png", "a.png"]);
    assert_eq!(pixels(&subset)[..48], first[96..]);
}

#[test]
fn one_image_is_a_set_of_one_row() {
    let data = folder(&["a.png"]);
    let train = open_default(&data.path().join("a.png")).train;
    assert_eq!(ids(&train), ["a.png"]);
    assert_eq!(pixels(&train).len(), 48);
}
