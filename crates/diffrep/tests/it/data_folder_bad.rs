//! Folders of images: hostile and damaged input.
use super::data_folder::{folder, open_with};
use diffrep::data::{DataError, OnBad, OpenOptions, open};
use image::{GrayImage, Luma};
use proptest::prelude::*;
use std::{fs, io::Write, path::Path};

fn message(path: &Path) -> String {
    open(path.to_str().unwrap(), &OpenOptions::default()).unwrap_err().to_string()
}

fn skipping() -> OpenOptions {
    OpenOptions { on_bad: OnBad::Skip, ..OpenOptions::default() }
}

/// A PNG of grey pixels whose header promises this size; its data are a few bytes.
fn bomb(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        bytes.extend((data.len() as u32).to_be_bytes());
        bytes.extend(kind);
        bytes.extend(data);
        bytes.extend(crc.sum().to_be_bytes());
    };
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat());
    let mut data = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    data.write_all(&[0; 1000]).unwrap();
    chunk(b"IDAT", &data.finish().unwrap());
    chunk(b"IEND", b"");
    bytes
}

#[test]
fn an_empty_folder_is_an_error() {
    let empty = tempfile::tempdir().unwrap();
    let found = message(empty.path());
    assert!(found.contains("no images found: the folder is empty"), "{found}");
    fs::write(empty.path().join("readme.txt"), "x").unwrap();
    let found = message(empty.path());
    assert!(found.contains("no images found (PNG, JPEG, WebP, BMP, TIFF); `readme.txt` is none"), "{found}");
}

#[test]
fn a_truncated_png_is_named_or_skipped() {
    let data = folder(&["a.png", "b.png", "c.png", "d.png"]);
    let path = data.path().join("c.png");
    let whole = fs::read(&path).unwrap();
    for length in [0, 7, 20, 40, whole.len() - 13, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        let found = message(data.path());
        assert!(
            found.contains("1 of 4 images can't be read") && found.contains("c.png: damaged image"),
            "{found}"
        );
        let dataset = open_with(data.path(), &skipping());
        assert_eq!(dataset.train.len(), 3);
        assert_eq!(dataset.skipped.len(), 1);
        assert!(dataset.skipped[0].contains("c.png"));
    }
}

#[test]
fn truncated_files_of_the_other_formats_are_named() {
    for name in ["x.jpg", "x.webp", "x.bmp", "x.tiff"] {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(name);
        GrayImage::from_fn(40, 40, |x, y| Luma([(x * y) as u8])).save(&path).unwrap();
        open_with(data.path(), &OpenOptions::default());
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() * 2 / 3]).unwrap();
        let found = message(data.path());
        assert!(found.contains(name) && found.contains("damaged image"), "{found}");
    }
}

#[test]
fn a_text_file_named_png_is_named() {
    let data = folder(&["a.png"]);
    fs::write(data.path().join("b.png"), "these are my notes").unwrap();
    let found = message(data.path());
    assert!(found.contains("b.png: damaged image: not an image"), "{found}");
    assert_eq!(open_with(data.path(), &skipping()).train.len(), 1);
}

#[test]
fn an_image_above_the_pixel_limit_is_refused_before_it_is_decoded() {
    let data = folder(&["a.png"]);
    fs::write(data.path().join("bomb.png"), bomb(60_000, 60_000)).unwrap();
    let found = message(data.path());
    assert!(found.contains("bomb.png: 60000×60000 pixels exceed the limit of 100000000"), "{found}");
    assert_eq!(open_with(data.path(), &skipping()).train.len(), 1);
    let options = OpenOptions { pixel_limit: 15, ..skipping() };
    assert!(matches!(open(data.path().to_str().unwrap(), &options), Err(DataError::Empty { .. })));
}

#[test]
fn a_file_longer_than_any_image_is_refused_before_it_is_read() {
    let data = folder(&["a.png"]);
    let path = data.path().join("long.jpg");
    GrayImage::new(8, 8).save(&path).unwrap();
    // Sparse: nothing of it lies on the disk.
    fs::File::options().write(true).open(&path).unwrap().set_len(1 << 40).unwrap();
    let found = message(data.path());
    assert!(
        found.contains("long.jpg: damaged image: 1099511627776 bytes, more than any image of"),
        "{found}"
    );
    assert_eq!(open_with(data.path(), &skipping()).train.len(), 1);
}

#[test]
fn the_end_of_a_jpeg_is_found_wherever_it_lies() {
    let data = tempfile::tempdir().unwrap();
    let mut whole = Vec::new();
    let image = GrayImage::from_fn(64, 64, |x, y| Luma([(x * y % 251) as u8]));
    image.write_to(&mut std::io::Cursor::new(&mut whole), image::ImageFormat::Jpeg).unwrap();
    let cut = &whole[..whole.len() - 2];
    // From the start of the scan the reader takes 8 KiB at a time: the marker lies before, across and after a border.
    let scan = whole.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
    for place in (scan + (16 << 10) - 3)..=(scan + (16 << 10) + 3) {
        let filler = vec![0; place - cut.len()];
        let path = data.path().join("a.jpg");
        fs::write(&path, [cut, &filler].concat()).unwrap();
        assert!(message(data.path()).contains("truncated"));
        fs::write(&path, [cut, &filler, &[0xff, 0xd9], b"whatever follows"].concat()).unwrap();
        assert_eq!(open_with(data.path(), &OpenOptions::default()).train.len(), 1);
    }
}

#[test]
fn an_image_damaged_inside_is_named_when_it_is_read() {
    let data = tempfile::tempdir().unwrap();
    fs::write(data.path().join("short.png"), bomb(64, 64)).unwrap();
    let train = open_with(data.path(), &OpenOptions::default()).train;
    let found = train.read(&[0], &mut vec![0.0; train.shape().len()]).unwrap_err();
    assert!(
        matches!(found, DataError::BadImage { .. }) && found.to_string().contains("short.png"),
        "{found}"
    );
}

#[test]
fn a_file_that_vanished_is_named() {
    let data = folder(&["a.png"]);
    let train = open_with(data.path(), &OpenOptions::default()).train;
    fs::remove_file(data.path().join("a.png")).unwrap();
    let found = train.read(&[0], &mut [0.0; 48]).unwrap_err().to_string();
    assert!(found.contains("a.png"), "{found}");
}

#[cfg(unix)]
#[test]
fn a_link_back_is_an_error_and_not_an_endless_walk() {
    let data = folder(&["a/a.png"]);
    std::os::unix::fs::symlink(data.path(), data.path().join("a/loop")).unwrap();
    let found = message(data.path());
    assert!(found.contains("a link back to"), "{found}");
}

#[test]
fn impossible_channels_and_sizes_are_errors() {
    let data = folder(&["a.png"]);
    for options in [
        OpenOptions { channels: Some(2), ..OpenOptions::default() },
        OpenOptions { size: Some((0, 32)), ..OpenOptions::default() },
        OpenOptions { size: Some((32, 1 << 20)), ..OpenOptions::default() },
    ] {
        assert!(matches!(open(data.path().to_str().unwrap(), &options), Err(DataError::Argument { .. })));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_damage_to_an_image_makes_the_reader_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6), format in 0usize..5) {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join(["x.png", "x.jpg", "x.webp", "x.bmp", "x.tiff"][format]);
        GrayImage::from_fn(20, 20, |x, y| Luma([(x * y) as u8])).save(&path).unwrap();
        let mut bytes = fs::read(&path).unwrap();
        for (place, byte) in flips {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        fs::write(&path, bytes).unwrap();
        if let Ok(dataset) = open(data.path().to_str().unwrap(), &skipping()) {
            let _ = dataset.train.read(&[0], &mut vec![0.0; dataset.train.shape().len()]);
        }
    }
}

#[cfg(unix)]
#[test]
fn what_is_no_image_does_no_harm_and_what_may_be_one_is_told() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt, os::unix::fs::symlink};
    let data = folder(&["a/1.png", "b/2.png"]);
    let place = |name: &str| data.path().join(name);
    symlink("nowhere", place("a/.#1.png")).unwrap();
    symlink("nowhere", place("notes.txt")).unwrap();
    fs::write(data.path().join(OsStr::from_bytes(b"b/\xff.txt")), "").unwrap();
    let whole = open_with(data.path(), &OpenOptions::default());
    assert_eq!((whole.train.len(), whole.skipped.len()), (2, 0));
    assert_eq!(whole.train.labels().unwrap().classes, ["a", "b"]);

    symlink("nowhere", place("a/lost.png")).unwrap();
    symlink("nowhere", place("c")).unwrap();
    fs::copy(place("a/1.png"), data.path().join(OsStr::from_bytes(b"b/\xff.png"))).unwrap();
    let found = message(data.path());
    assert!(found.contains("3 of 5 images can't be read"), "{found}");
    assert!(found.contains("lost.png") && found.contains("not UTF-8"), "{found}");
    let rest = open_with(data.path(), &skipping());
    assert_eq!((rest.train.len(), rest.skipped.len()), (2, 3));
}

#[test]
fn images_with_damaged_pixels_are_skipped_too() {
    let data = folder(&["a.png", "b.png", "c.png"]);
    // The structure is right, but there are fewer pixels than the header promises.
    fs::write(data.path().join("b.png"), bomb(200, 200)).unwrap();
    let (all, left) = (open_with(data.path(), &OpenOptions::default()), open_with(data.path(), &skipping()));
    let read = |set: &diffrep::data::ImageSet| {
        let rows: Vec<usize> = (0..set.len()).collect();
        set.read(&rows, &mut vec![0.0; rows.len() * set.shape().len()])
    };
    assert!(read(&all.train).unwrap_err().to_string().contains("b.png"));
    assert_eq!((left.train.len(), left.skipped.len()), (2, 1));
    assert!(left.skipped[0].contains("b.png: damaged image"), "{:?}", left.skipped);
    read(&left.train).unwrap();
}

#[test]
fn pictures_in_formats_that_are_not_read_are_counted() {
    let data = folder(&["a.png", "b.png"]);
    for name in ["1.heic", "2.HEIC", "x.gif", "labels.csv", ".hidden.gif"] {
        fs::write(data.path().join(name), "x").unwrap();
    }
    let skipped = open_with(data.path(), &OpenOptions::default()).skipped;
    let ends: Vec<&str> = skipped.iter().map(|message| message.rsplit(": ").next().unwrap()).collect();
    assert_eq!(ends, ["1 file .gif, a format that isn't read", "2 files .heic, a format that isn't read"]);
}
