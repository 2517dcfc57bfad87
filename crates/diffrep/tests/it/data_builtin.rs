//! The built-in data sets.
use diffrep::data::{DataError, ImageSet, ImageShape, OpenOptions, Preprocess, open};
use std::collections::HashSet;

fn pixels(set: &ImageSet, rows: &[usize]) -> Vec<f32> {
    let mut out = vec![0.0; rows.len() * set.shape().len()];
    set.read(rows, &mut out).unwrap();
    out
}

fn all(set: &ImageSet) -> Vec<usize> {
    (0..set.len()).collect()
}

#[test]
fn digits_are_split_once_for_all_and_stratified() {
    let digits = open("digits", &OpenOptions::default()).unwrap();
    let test = digits.test.unwrap();
    assert_eq!((digits.train.len(), test.len()), (1437, 360));
    assert_eq!(digits.train.shape(), ImageShape { height: 8, width: 8, channels: 1 });
    let ids: HashSet<String> = all(&digits.train)
        .iter()
        .map(|&row| digits.train.id(row))
        .chain(all(&test).iter().map(|&row| test.id(row)))
        .collect();
    assert_eq!(ids.len(), 1797);
    // The set has 174 to 183 images a class: a fifth is 34.8 to 36.6.
    assert!(test.labels().unwrap().counts().iter().all(|&count| (34..=37).contains(&count)));
}

// scikit-learn's `load_digits().images[0]`, its first row and label.
#[test]
fn the_first_digit_is_the_published_one() {
    let digits = open("digits", &OpenOptions::default()).unwrap();
    let find = |set: &ImageSet| all(set).into_iter().find(|&row| set.id(row) == "0000");
    let test = digits.test.unwrap();
    let (set, row) = match find(&digits.train) {
        Some(row) => (&digits.train, row),
        None => (&test, find(&test).unwrap()),
    };
    let first: Vec<f32> = pixels(set, &[row])[..8].iter().map(|value| value * 16.0).collect();
    assert_eq!(first, [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
    assert_eq!(set.labels().unwrap().class(row), Some("0"));
}

#[test]
fn shapes_have_five_factors_and_no_image_twice() {
    let shapes = open("shapes", &OpenOptions::default()).unwrap();
    let test = shapes.test.unwrap();
    assert_eq!((shapes.train.len(), test.len()), (10_000, 2_000));
    let classes: Vec<(&str, usize)> =
        test.columns().iter().map(|column| (column.name.as_str(), column.classes.len())).collect();
    let expected = [("shape", 4), ("place", 9), ("foreground", 6), ("background", 6), ("texture", 4)];
    assert_eq!(classes, expected);
    assert_eq!(shapes.train.labels().unwrap().name, "shape");
    let mut images = HashSet::new();
    for set in [&shapes.train, &test] {
        let values = pixels(set, &all(set));
        for image in values.chunks(set.shape().len()) {
            images.insert(image.iter().map(|value| (value * 255.0) as u8).collect::<Vec<_>>());
        }
    }
    assert_eq!(images.len(), 12_000);
}

#[test]
fn the_texture_of_shapes_can_be_read_from_their_ground() {
    let test = open("shapes", &OpenOptions::default()).unwrap().test.unwrap();
    let (place, texture) = (test.column("place").unwrap(), test.column("texture").unwrap());
    for row in (0..test.len()).filter(|&row| place.class(row) == Some("bottom right")) {
        let image = pixels(&test, &[row]);
        let at = |y: usize, x: usize| image[(y * 32 + x) * 3];
        // Between neighbours the wave turns by half a period along its direction and not at all across it.
        let (right, below) = ((at(2, 3) - at(2, 2)).abs(), (at(3, 2) - at(2, 2)).abs());
        match texture.class(row).unwrap() {
            "0°" => assert!(right > 0.18 && below < 0.01),
            "90°" => assert!(right < 0.01 && below > 0.18),
            "45°" => assert!((at(2, 3) - at(3, 2)).abs() < 0.01),
            _ => assert!((at(2, 2) - at(3, 3)).abs() < 0.01),
        }
    }
}

#[test]
fn an_unknown_name_tells_the_known_ones() {
    let error = open("digitz", &OpenOptions::default()).unwrap_err();
    assert!(matches!(error, DataError::NotFound { .. }));
    let message = error.to_string();
    assert!(
        message.contains("`digitz`") && message.contains("`digits`") && message.contains("`shapes`"),
        "{message}"
    );
}

#[test]
fn standardised_training_images_have_mean_zero_and_variance_one() {
    let train = open("digits", &OpenOptions::default()).unwrap().train;
    let preprocess = Preprocess::fit(&train, 16).unwrap();
    assert_eq!((preprocess.height, preprocess.width), (16, 16));
    let (values, mut out, mut back) = (pixels(&train, &all(&train)), Vec::new(), Vec::new());
    preprocess.apply(train.shape(), &values, &mut out);
    let n = out.len() as f64;
    let mean = out.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let variance = out.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
    assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-5, "{mean} {variance}");
    preprocess.invert(train.shape(), &out, &mut back);
    assert!(values.iter().zip(&back).all(|(x, y)| (x - y).abs() < 1e-6));
    assert_eq!(Preprocess::fit(&train, 8).unwrap().height, 8);
}

#[test]
fn images_in_memory_are_brought_to_other_sizes_and_channels_as_well() {
    let options = OpenOptions { channels: Some(3), size: Some((16, 16)), ..OpenOptions::default() };
    let (plain, adapted) =
        (open("digits", &OpenOptions::default()).unwrap(), open("digits", &options).unwrap());
    assert_eq!(adapted.train.shape(), ImageShape { height: 16, width: 16, channels: 3 });
    assert_eq!(adapted.train.id(7), plain.train.id(7));
    assert_eq!(adapted.train.labels(), plain.train.labels());
    let (small, large) = (pixels(&plain.train, &[7]), pixels(&adapted.train, &[7]));
    assert!(large.chunks(3).all(|pixel| pixel[0] == pixel[1] && pixel[1] == pixel[2]));
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len() as f32;
    assert!((mean(&small) - mean(&large)).abs() < 0.02);
    let one = OpenOptions { channels: Some(1), ..OpenOptions::default() };
    let shapes = open("shapes", &one).unwrap();
    assert_eq!(shapes.train.shape().channels, 1);
}

#[test]
fn wrong_rows_and_buffers_are_errors() {
    let train = open("digits", &OpenOptions::default()).unwrap().train;
    let mut out = vec![0.0; 64];
    assert!(matches!(train.read(&[1437], &mut out), Err(DataError::Row { row: 1437, len: 1437 })));
    assert!(matches!(train.read(&[0, 1], &mut out), Err(DataError::Buffer { found: 64, expected: 128 })));
}

#[test]
fn coloured_digits_keep_their_labels_and_get_two_colours() {
    let grey = open("digits", &OpenOptions::default()).unwrap();
    let coloured = open("coloured:digits", &OpenOptions::default()).unwrap();
    assert_eq!(coloured.name, "coloured digits");
    for (grey, coloured) in [(&grey.train, &coloured.train), (&grey.test.unwrap(), &coloured.test.unwrap())] {
        assert_eq!(coloured.shape(), ImageShape { height: 8, width: 8, channels: 3 });
        let names: Vec<&str> = coloured.columns().iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["label", "foreground", "background"]);
        assert_eq!(coloured.labels(), grey.labels());
        assert!(coloured.columns()[1].counts().iter().all(|&count| count > 0));
        // The first corner of a digit is black, so it shows the background; equal labels mean equal colours.
        let corner = |row: usize| pixels(coloured, &[row])[..3].to_vec();
        let same = |row: &usize| coloured.columns()[2].values[*row] == coloured.columns()[2].values[0];
        let (alike, others): (Vec<usize>, Vec<usize>) = (1..60).partition(same);
        let black = |rows: Vec<usize>| {
            rows.into_iter().filter(|&row| pixels(grey, &[row])[0] == 0.0).collect::<Vec<_>>()
        };
        assert_eq!(pixels(grey, &[0])[0], 0.0);
        assert!(black(alike).into_iter().all(|row| corner(row) == corner(0)));
        assert!(black(others).into_iter().all(|row| corner(row) != corner(0)));
        // Independent of the digit: with 6 colours no cell of digit and colour is expected to hold a third.
        let digits = coloured.labels().unwrap();
        let of_zero: Vec<usize> = (0..coloured.len()).filter(|&row| digits.values[row] == Some(0)).collect();
        let counts = coloured.columns()[1].subset(&of_zero).counts();
        assert!(counts.iter().all(|&count| count * 5 < of_zero.len() * 2), "{counts:?}");
    }
}
