//! Label files.
use super::data_folder::{folder, open_with};
use diffrep::{
    data::{DataError, Dataset, Labels, OnBad, OpenOptions, open, per_class, write_label_file},
    random::Seed,
};
use std::{fs, path::Path};

fn open_labelled(data: &Path, csv: &str) -> Result<Dataset, DataError> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("labels.csv");
    fs::write(&file, csv).unwrap();
    let options = OpenOptions { labels: Labels::File(file), ..OpenOptions::default() };
    open(data.to_str().unwrap(), &options)
}

#[test]
fn keys_are_relative_paths_so_equal_file_names_do_not_collide() {
    let data = folder(&["cat/1.png", "dog/1.png"]);
    let train = open_labelled(data.path(), "path,label\ncat/1.png,cat\n").unwrap().train;
    assert_eq!(train.labels().unwrap().values, [Some(0), None]);
}

#[test]
fn a_file_lies_over_the_labels_of_folders() {
    let data = folder(&["train/cat/1.png", "train/dog/1.png", "train/owl/1.png", "test/dog/1.png"]);
    let few = open_labelled(data.path(), "path,label\ntrain/owl/1.png,owl\ntrain/cat/1.png,cat\n").unwrap();
    let labels = few.train.labels().unwrap();
    // The folders' classes stay the class map, and test images keep their labels.
    assert_eq!(labels.classes, ["cat", "dog", "owl"]);
    assert_eq!(labels.values, [Some(0), None, Some(2)]);
    assert_eq!(few.test.unwrap().labels().unwrap().values, [Some(1)]);
    let other = open_labelled(data.path(), "path,label\ntrain/owl/1.png,bird\n").unwrap();
    assert_eq!(other.train.labels().unwrap().classes, ["bird"]);
    assert!(other.test.unwrap().labels().is_none());
}

#[test]
fn row_numbers_are_those_of_training_images_whatever_zeros_they_have_lost() {
    // Twelve training images, numbered by two digits, and three test images by one.
    let folder = tempfile::tempdir().unwrap();
    for (split, count) in [("train", 12u8), ("t10k", 3)] {
        let write = |name: &str, bytes: &[u8]| {
            fs::write(folder.path().join(format!("{split}-{name}")), bytes).unwrap()
        };
        write(
            "images-idx3-ubyte",
            &[&[0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 1, 0, 0, 0, 1], &vec![9; count.into()][..]].concat(),
        );
        write("labels-idx1-ubyte", &[&[0, 0, 8, 1, 0, 0, 0, count], &vec![4; count.into()][..]].concat());
    }
    let labelled = open_labelled(folder.path(), "path,label\n02,3\n1,5\n11,1\n0,7\n").unwrap();
    let labels = labelled.train.labels().unwrap();
    let named: Vec<usize> = (0..labels.values.len()).filter(|&row| labels.values[row].is_some()).collect();
    assert_eq!((named, labels.class(1)), (vec![0, 1, 2, 11], Some("5")));
    let message = |csv: &str| open_labelled(folder.path(), csv).unwrap_err().to_string();
    assert!(message("path,label\n2,3\n02,3\n").contains("line 3: `02` was labelled already in line 2"));
    for key in ["12", "+7", "-1", "7.0", "\"\""] {
        assert!(message(&format!("path,label\n{key},3\n")).contains("line 2: no image"), "{key}");
    }
}

#[test]
fn a_file_may_have_several_columns_and_empty_fields() {
    let data = folder(&["1.png", "2.png", "3.png"]);
    let train =
        open_labelled(data.path(), "\u{feff}path,animal,age\n3.png, owl ,old\n1.png,cat,\n").unwrap().train;
    let columns: Vec<_> =
        train.columns().iter().map(|c| (c.name.as_str(), c.classes.clone(), c.values.clone())).collect();
    assert_eq!(columns[0], ("animal", vec!["cat".into(), "owl".into()], vec![Some(0), None, Some(1)]));
    assert_eq!(columns[1], ("age", vec!["old".into()], vec![None, None, Some(0)]));
}

#[test]
fn unknown_and_duplicate_keys_and_classes_are_named_with_their_line() {
    let data = folder(&["a/1.png", "a/2.png"]);
    let message = |csv: &str| open_labelled(data.path(), csv).unwrap_err().to_string();
    let found = message("path,label\na/1.png,x\n1.png,y\n");
    assert!(found.contains("labels.csv, line 3: no image `1.png`"), "{found}");
    let found = message("path,label\na/1.png,x\na/2.png,x\na/1.png,y\n");
    assert!(found.contains("labels.csv, line 4: `a/1.png` was labelled already in line 2"), "{found}");
    let found = message("a/1.png,x\n");
    assert!(found.contains("the first line is `a/1.png,x`, expected `path,label`"), "{found}");
    let found = message("path,label\na/1.png\n");
    assert!(found.contains("line 2 has 1 fields, expected 2"), "{found}");
    let latin = tempfile::NamedTempFile::new().unwrap();
    fs::write(latin.path(), b"path,label\na/1.png,caf\xe9\n").unwrap();
    let options = OpenOptions { labels: Labels::File(latin.path().into()), ..OpenOptions::default() };
    let found = open(data.path().to_str().unwrap(), &options).unwrap_err().to_string();
    assert!(found.contains("invalid utf-8"), "{found}");
    let missing = OpenOptions { labels: Labels::File("no/such.csv".into()), ..OpenOptions::default() };
    let found = open(data.path().to_str().unwrap(), &missing).unwrap_err().to_string();
    assert!(found.contains("no/such.csv"), "{found}");
}

#[test]
fn a_class_outside_a_given_class_map_is_an_error() {
    let data = folder(&["1.png"]);
    let labels = tempfile::NamedTempFile::new().unwrap();
    fs::write(labels.path(), "path,label\n1.png,owl\n").unwrap();
    let classes = Some(vec!["cat".to_owned(), "owl".to_owned()]);
    let options =
        OpenOptions { labels: Labels::File(labels.path().into()), classes, ..OpenOptions::default() };
    assert_eq!(open_with(data.path(), &options).train.labels().unwrap().values, [Some(1)]);
    let options = OpenOptions { classes: Some(vec!["cat".to_owned()]), ..options };
    let found = open(data.path().to_str().unwrap(), &options).unwrap_err();
    assert!(matches!(found, DataError::UnknownClass { .. }), "{found}");
}

#[test]
fn a_few_label_file_comes_back_with_the_same_ids_and_leaves_the_test_labels() {
    let digits = open("digits", &OpenOptions::default()).unwrap();
    let labels = digits.train.labels().unwrap();
    let rows = per_class(labels, 4, Seed(1)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("one.csv"), folder.path().join("two.csv"));
    write_label_file(&one, &digits.train, &rows).unwrap();
    write_label_file(&two, &digits.train, &per_class(labels, 4, Seed(1)).unwrap()).unwrap();
    assert_eq!(fs::read(&one).unwrap(), fs::read(&two).unwrap());
    let options = OpenOptions { labels: Labels::File(one), ..OpenOptions::default() };
    let few = open("digits", &options).unwrap();
    let found = few.train.labels().unwrap();
    assert_eq!(found.classes, labels.classes);
    assert_eq!(found.counts(), [4; 10]);
    assert!(rows.iter().all(|&row| found.values[row] == labels.values[row]));
    assert_eq!(few.test.unwrap().labels(), digits.test.unwrap().labels());
}

#[test]
fn a_label_file_that_cannot_be_written_is_named() {
    let digits = open("digits", &OpenOptions::default()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = write_label_file(&file.path().join("x.csv"), &digits.train, &[0]).unwrap_err();
    assert!(matches!(&error, DataError::Io { path, .. } if path.ends_with("x.csv")), "{error}");
}

#[test]
fn a_column_called_label_is_the_primary_one_and_empty_columns_are_none() {
    let data = folder(&["1.png", "2.png"]);
    let labelled =
        open_labelled(data.path(), "path,sku,label,\n1.png,A17,cup,\n2.png,B3,bowl,\n").unwrap().train;
    let names: Vec<&str> = labelled.columns().iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["label", "sku"]);
    assert_eq!((labelled.columns()[0].class(0), labelled.columns()[1].class(0)), (Some("cup"), Some("A17")));
    // What a run has learned stays what it was: its classes are those of the first column.
    let file = data.path().join("labels.csv");
    fs::write(&file, "path,sku,label\n1.png,A17,cup\n2.png,B3,bowl\n").unwrap();
    let classes = Some(["A17", "B3", "C9"].map(str::to_owned).to_vec());
    let options = OpenOptions { labels: Labels::File(file), classes, ..OpenOptions::default() };
    let learned = open(data.path().to_str().unwrap(), &options).unwrap().train;
    assert_eq!(
        (learned.labels().unwrap().name.as_str(), learned.labels().unwrap().class(1)),
        ("sku", Some("B3"))
    );
    // Where both fit, as folds that are called like digits, and where neither can be told by its cells.
    for text in ["path,fold,label\n1.png,0,7\n2.png,1,0\n", "path,notes,label\n1.png,,7\n2.png,,0\n"] {
        fs::write(data.path().join("labels.csv"), text).unwrap();
        let classes = Some((0..10).map(|class| class.to_string()).collect());
        let options = OpenOptions { classes, ..options.clone() };
        let learned = open(data.path().to_str().unwrap(), &options).unwrap().train;
        assert_eq!(
            (learned.labels().unwrap().name.as_str(), learned.labels().unwrap().class(0)),
            ("label", Some("7"))
        );
    }
    // Without one, the first.
    let labelled = open_labelled(data.path(), "path,sku,size\n1.png,A17,9\n").unwrap().train;
    assert_eq!(labelled.labels().unwrap().name, "sku");
}

#[test]
fn lines_of_images_that_were_left_out_are_passed_over() {
    let data = folder(&["a/1.png", "a/2.png", "2.png"]);
    fs::write(data.path().join("a/2.png"), "no image").unwrap();
    let labels = data.path().join("labels.csv");
    fs::write(&labels, "path,label\na/1.png,x\na/2.png,y\n2.png,z\n").unwrap();
    let options =
        OpenOptions { labels: Labels::File(labels.clone()), on_bad: OnBad::Skip, ..OpenOptions::default() };
    let train = open(data.path().to_str().unwrap(), &options).unwrap().train;
    assert_eq!(
        (train.len(), train.labels().unwrap().classes.clone()),
        (2, vec!["x".to_owned(), "z".to_owned()])
    );
    // A name that never was there is still a slip.
    fs::write(&labels, "path,label\na/3.png,x\n").unwrap();
    assert!(
        open(data.path().to_str().unwrap(), &options).unwrap_err().to_string().contains("no image `a/3.png`")
    );
}
