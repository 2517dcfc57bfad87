//! Label propagation: the reference, a dense solve, and shapes of data that break it easily.
use super::shared;
use diffrep::random::{Purpose, Seed};
use diffrep::semi::{Graph, PartialLabels, Propagation, Stop, propagate, solve};
use safetensors::SafeTensors;

fn names(classes: usize) -> Vec<String> {
    (0..classes).map(|class| format!("class {class}")).collect()
}

fn labels(classes: usize, values: &[Option<u32>]) -> PartialLabels {
    PartialLabels::new(&names(classes), values.to_vec()).unwrap()
}

fn rows(count: usize, dim: usize) -> Vec<f32> {
    let mut values = vec![0.0; count * dim];
    Seed(4).key(Purpose::Generate, 0, 0).fill_normal(0, &mut values);
    values
}

fn largest_difference(a: &[f64], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - f64::from(*b)).abs()).fold(0.0, f64::max)
}

fn floats(file: &SafeTensors, name: &str) -> Vec<f32> {
    file.tensor(name).unwrap().data().chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

fn integers(file: &SafeTensors, name: &str) -> Vec<i64> {
    file.tensor(name).unwrap().data().chunks(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect()
}

/// Runs LaplaceNet's propagation of the 1,797 digits with four labels a class.
fn digits(stop: Stop, name: &str, [probabilities, agreement, weights]: [f64; 3]) {
    let Some(path) = shared::path("reference/laplace_digits.safetensors") else { return };
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let (known, truth) = (integers(&file, "labeled_index"), integers(&file, "labels"));
    let mut partial = vec![None; truth.len()];
    known.iter().for_each(|&row| partial[row as usize] = Some(truth[row as usize] as u32));
    let labels = labels(10, &partial);
    let settings = Propagation { stop, ..Propagation::default() };
    let found = propagate(&floats(&file, "features"), 64, &labels, &settings).unwrap();
    let expected = |what: &str| floats(&file, &format!("{name}.{what}"));
    let difference = largest_difference(&found.spread, &expected("propagated"));
    assert!(difference <= probabilities, "propagated: {difference}");
    let difference = largest_difference(&found.probabilities, &expected("aligned"));
    assert!(difference <= probabilities, "aligned: {difference}");
    let difference = largest_difference(&found.weights, &expected("weights"));
    assert!(difference <= weights, "weights: {difference}");
    let guesses = found.guesses();
    let theirs = integers(&file, &format!("{name}.pseudo_labels"));
    let same = guesses.iter().zip(theirs).filter(|(a, b)| i64::from(**a) == *b).count();
    assert!(same as f64 >= agreement * guesses.len() as f64, "{same} of {} guesses", guesses.len());
}

#[test]
fn converged_propagation_is_the_reference_s() {
    digits(Stop { tolerance: 1e-10, most_iterations: 5000 }, "converged", [1e-3, 0.998, 5e-3]);
}

#[test]
fn the_published_stop_gives_the_published_numbers() {
    digits(Stop::PUBLISHED, "published", [1e-3, 0.998, 5e-3]);
}

#[test]
fn propagation_equals_a_dense_solve() {
    let (points, alpha) = (200, 0.99);
    let graph = Graph::new(&rows(points, 5), 5, 10).unwrap();
    let mut right = vec![0.0; points * 3];
    (0..6).for_each(|i| right[i * 3 + i % 3] = 1.0);
    let found = solve(&graph, &right, 3, alpha, Stop { tolerance: 1e-9, most_iterations: 1000 });
    assert!(found.converged && found.residuals.iter().all(|residual| *residual < 1e-8));
    let mut dense = nalgebra::DMatrix::<f64>::identity(points, points);
    for row in 0..points {
        for (other, weight) in graph.neighbours(row) {
            dense[(row, other)] -= alpha * f64::from(weight);
            let back = graph.neighbours(other).find(|(point, _)| *point == row);
            assert_eq!(back.map(|(_, weight)| weight), Some(weight), "the graph is symmetric");
        }
    }
    let right = nalgebra::DMatrix::from_row_slice(points, 3, &right);
    let expected = dense.lu().solve(&right).unwrap();
    for (i, value) in found.values.iter().enumerate() {
        assert!((value - expected[(i / 3, i % 3)]).abs() < 1e-4 * expected.amax(), "{i}");
    }
}

#[test]
fn a_solver_that_runs_out_of_iterations_says_so() {
    let graph = Graph::new(&rows(200, 5), 5, 10).unwrap();
    let mut right = vec![0.0; 200];
    right[0] = 1.0;
    let stopped = solve(&graph, &right, 1, 0.99, Stop { tolerance: 1e-10, most_iterations: 2 });
    assert!(!stopped.converged && stopped.iterations == [2] && stopped.residuals[0] > 1e-10);
}

#[test]
fn an_isolated_point_gets_the_uniform_row_and_is_flagged() {
    // Two pairs and a point opposite to both.
    let features = [1.0, 0.1, 1.0, 0.1, 1.0, -0.1, 1.0, -0.1, -1.0, 0.0];
    let labels = labels(2, &[Some(0), None, Some(1), None, None]);
    let found = propagate(&features, 2, &labels, &Propagation { k: 1, ..Propagation::default() }).unwrap();
    assert_eq!(found.unreached, [false, false, false, false, true]);
    assert_eq!(found.spread[8..], [0.5, 0.5]);
    assert_eq!(found.guesses()[..4], [0, 0, 1, 1]);
    assert!(found.weights[4] < 1e-3 && found.weights[0] == 1.0);
}

#[test]
fn rows_always_sum_to_one() {
    let labels = labels(4, &(0..300).map(|i| (i < 8).then_some(i as u32 % 4)).collect::<Vec<_>>());
    // Zero features are like nothing; duplicates are like each other.
    let mut features = rows(300, 3);
    features[30..60].fill(0.0);
    features.copy_within(60..120, 120);
    for stop in [Stop::default(), Stop { tolerance: 1e-10, most_iterations: 1 }] {
        let settings = Propagation { k: 5, stop, ..Propagation::default() };
        let found = propagate(&features, 3, &labels, &settings).unwrap();
        for row in found.probabilities.chunks(4).chain(found.spread.chunks(4)) {
            assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-9 && row.iter().all(|p| *p >= 0.0), "{row:?}");
        }
        assert!((10..20).all(|row| found.unreached[row]));
    }
}

#[test]
fn whitening_finds_classes_behind_what_all_codes_have_in_common() {
    // A large common part, three loud directions that tell nothing, and four faint ones that tell the class.
    let mut features = rows(300, 8);
    for (i, code) in features.chunks_mut(8).enumerate() {
        let class = if i % 2 == 0 { 1.0 } else { -1.0 };
        code[0] = 50.0 + 0.1 * code[0];
        code[1..4].iter_mut().for_each(|loud| *loud *= 8.0);
        code[4..].iter_mut().for_each(|faint| *faint = class + 0.1 * *faint);
    }
    let labels = labels(2, &(0..300).map(|i| (i < 10).then_some(i as u32 % 2)).collect::<Vec<_>>());
    let right = |whiten: bool| {
        let settings = Propagation { k: 10, whiten, ..Propagation::default() };
        let guesses = propagate(&features, 8, &labels, &settings).unwrap().guesses();
        guesses.iter().enumerate().filter(|(i, guess)| **guess == *i as u32 % 2).count()
    };
    let (white, raw) = (right(true), right(false));
    assert!(white >= 290 && raw < 240, "{white} {raw}");
}

#[test]
fn features_that_are_all_alike_are_spread_over_as_they_are() {
    let two = labels(2, &[Some(0), Some(1), None]);
    let settings = Propagation { whiten: true, ..Propagation::default() };
    assert!(propagate(&[0.5; 6], 2, &two, &settings).unwrap().converged);
    let error = propagate(&[0.5, 1.0, f32::NAN, 0.0, 1.0, 2.0], 2, &two, &settings).unwrap_err().to_string();
    assert_eq!(error, "the features of image 1 are not finite");
}

#[test]
fn all_labelled_and_one_label_a_class_work() {
    let all: Vec<_> = (0..20).map(|i| Some(i % 2)).collect();
    let found = propagate(&rows(20, 3), 3, &labels(2, &all), &Propagation::default()).unwrap();
    assert_eq!(found.guesses(), (0..20).map(|i| i % 2).collect::<Vec<u32>>());
    let one: Vec<_> = (0..20).map(|i| (i < 2).then_some(i)).collect();
    assert!(propagate(&rows(20, 3), 3, &labels(2, &one), &Propagation::default()).unwrap().converged);
}

#[test]
fn labels_that_can_t_be_spread_are_refused() {
    let message =
        |values: &[Option<u32>]| PartialLabels::new(&names(3), values.to_vec()).unwrap_err().to_string();
    assert_eq!(
        message(&[None, None]),
        "no image has a label; at least one of each class is needed: folders by class, or --labels FILE.csv"
    );
    assert_eq!(
        message(&[Some(0), None, Some(2)]),
        "no image is labelled `class 1`; propagation needs at least one label of each class"
    );
    assert_eq!(message(&[Some(3)]), "image 0 has label 3, but there are 3 classes");
    let two = labels(2, &[Some(0), Some(1)]);
    let error = |features: &[f32], settings: Propagation| {
        propagate(features, 2, &two, &settings).unwrap_err().to_string()
    };
    assert_eq!(error(&[0.0; 6], Propagation::default()), "3 feature rows of 2 numbers for 2 labels");
    let alpha = Propagation { alpha: 1.0, ..Propagation::default() };
    assert_eq!(error(&[0.0; 4], alpha), "alpha is 1, expected a number in [0, 1)");
}
