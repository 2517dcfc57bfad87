//! The order of training batches.
use diffrep::{data::BatchOrder, random::Seed};

#[test]
fn every_epoch_visits_every_row_once_in_a_new_order() {
    let mut order = BatchOrder::new(10, 4, Seed(3));
    let visited: Vec<usize> = (0..5).flat_map(|step| order.rows_at(step)).collect();
    let (mut first, mut second) = (visited[..10].to_vec(), visited[10..].to_vec());
    assert_ne!(first, second);
    first.sort_unstable();
    second.sort_unstable();
    assert_eq!(first, (0..10).collect::<Vec<_>>());
    assert_eq!(second, first);
}

#[test]
fn a_batch_depends_on_seed_and_step_only() {
    let mut order = BatchOrder::new(100, 7, Seed(1));
    let batches: Vec<_> = (0..40).map(|step| order.rows_at(step)).collect();
    let mut resumed = BatchOrder::new(100, 7, Seed(1));
    assert!((0..40).rev().all(|step| resumed.rows_at(step) == batches[step as usize]));
    assert_ne!(BatchOrder::new(100, 7, Seed(2)).rows_at(0), batches[0]);
}

#[test]
fn a_batch_larger_than_the_set_goes_on_with_the_next_epoch() {
    let mut counts = [0; 3];
    BatchOrder::new(3, 12, Seed(0)).rows_at(5).into_iter().for_each(|row| counts[row] += 1);
    assert_eq!(counts, [4, 4, 4]);
    assert!(BatchOrder::new(0, 12, Seed(0)).rows_at(0).is_empty());
}
