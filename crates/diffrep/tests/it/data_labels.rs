//! Label files.
use super::data_folder::{folder, open_with};
use diffrep::{
    data::{DataError, Dataset, Labels, OpenOptions, open, per_class, write_label_file},
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
    // The folders' classes stay the class map.
    assert_eq!(train.labels().unwrap().counts().iter().sum::<usize>(), 1);
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
