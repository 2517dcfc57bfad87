//! Stratified splits and few-label subsets.
use diffrep::{
    data::{DataError, LabelColumn, per_class, stratified_split},
    random::Seed,
};
use proptest::prelude::*;

fn column(values: Vec<Option<u32>>, classes: usize) -> LabelColumn {
    LabelColumn {
        name: "label".into(),
        classes: (0..classes).map(|c| format!("class {c}")).collect(),
        values,
    }
}

#[test]
fn four_labels_a_class_are_forty_rows_and_the_same_for_the_same_seed() {
    let labels = column((0..1000).map(|row| Some(row % 10)).collect(), 10);
    let rows = per_class(&labels, 4, Seed(5)).unwrap();
    assert_eq!(rows.len(), 40);
    assert_eq!(labels.subset(&rows).counts(), [4; 10]);
    assert_eq!(per_class(&labels, 4, Seed(5)).unwrap(), rows);
    assert_ne!(per_class(&labels, 4, Seed(6)).unwrap(), rows);
    let more = per_class(&labels, 9, Seed(5)).unwrap();
    assert!(rows.iter().all(|row| more.contains(row)));
}

#[test]
fn a_class_with_too_few_images_is_named() {
    let labels = column(vec![Some(0), Some(0), Some(1), None], 2);
    let error = per_class(&labels, 2, Seed(0)).unwrap_err();
    assert_eq!(error.to_string(), "class `class 1` has 1 image(s), expected at least 2");
    assert!(matches!(per_class(&labels, 0, Seed(0)), Err(DataError::Argument { .. })));
}

#[test]
fn a_class_with_one_image_is_not_held_out() {
    let mut labels: Vec<Option<u32>> = (0..50).map(|_| Some(0)).collect();
    labels.push(Some(1));
    for seed in 0..20 {
        let split = stratified_split(&labels, 0.5, Seed(seed)).unwrap();
        assert!(split.rest.contains(&50));
        assert_eq!(split.held_out.len(), 26);
    }
}

#[test]
fn a_fraction_outside_its_range_is_an_error() {
    for fraction in [-0.1, 1.0, f64::NAN] {
        assert!(matches!(stratified_split(&[Some(0)], fraction, Seed(0)), Err(DataError::Argument { .. })));
    }
}

proptest! {
    #[test]
    fn a_split_keeps_every_labelled_row_once_and_every_share(
        labels in prop::collection::vec(prop::option::of(0u32..5), 0..300),
        fraction in 0.0..0.9f64,
        seed: u64,
    ) {
        let split = stratified_split(&labels, fraction, Seed(seed)).unwrap();
        let mut rows = [split.rest.clone(), split.held_out.clone()].concat();
        rows.sort_unstable();
        let labelled: Vec<usize> = (0..labels.len()).filter(|&row| labels[row].is_some()).collect();
        prop_assert_eq!(rows, labelled.clone());
        let share = (labelled.len() as f64 * fraction).ceil() / labelled.len().max(1) as f64;
        for class in 0..5 {
            let of = |rows: &[usize]| rows.iter().filter(|&&row| labels[row] == Some(class)).count();
            let (held, all) = (of(&split.held_out), of(&labelled));
            prop_assert!((held as f64 - all as f64 * share).abs() <= 1.0 + 1e-9);
            prop_assert!(all == 0 || of(&split.rest) > 0);
        }
    }
}

#[test]
fn classes_without_labelled_rows_are_left_out_of_few_labels() {
    let classes = ["cat", "dog", "owl"].map(str::to_owned).to_vec();
    let column =
        |values: Vec<Option<u32>>| LabelColumn { name: "label".into(), classes: classes.clone(), values };
    let rows = per_class(&column(vec![Some(2), Some(0), None, Some(2), Some(0)]), 1, Seed(0)).unwrap();
    assert_eq!(rows.len(), 2);
    let error = per_class(&column(vec![None, None]), 1, Seed(0)).unwrap_err();
    assert!(matches!(error, DataError::TooFewInClass { found: 0, .. }), "{error}");
}
