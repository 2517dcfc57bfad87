use crate::support::{assert_close_up_to, normal, rounded, with_threads};
use diffrep_kernels::Precision::{Bf16, F32};
use diffrep_kernels::attention::{Shape, backward, forward};
use proptest::prelude::*;

/// What the errors of the weights may change, summed over the terms of every output.
type Slack = Vec<f64>;

/// Result and gradients of q, k and v in double precision, as textbooks write them; operands of products are rounded.
/// Beside each: its slack. Weights are made in f32, where differences of products cancel, and rounded between two
/// products, so that the kernel's and ours may lie on two sides of a tie: only there may they differ by a unit of bf16.
fn reference(shape: &Shape, q: &[f32], k: &[f32], v: &[f32], gy: &[f32]) -> [(Vec<f64>, Slack); 4] {
    let (s, c, scale) = (shape.positions, shape.channels, f64::from(shape.scale));
    let mut out = [(); 4].map(|()| (vec![0f64; q.len()], vec![0f64; q.len()]));
    let [q, k, v, gy] = &[q, k, v, gy].map(|x| rounded(x, shape.precision));
    let round = |x: f64| rounded(&[x as f32], shape.precision)[0];
    let at = |x: &[f64], n: usize, i: usize, j: usize| x[(n * s + i) * c + j];
    // The rounded weight, and how far it moves within the weight's own error.
    let weight = |x: f64, error: f64| (round(x), round(x + error) - round(x - error));
    let mut add = |to: usize, at: usize, (weight, step): (f64, f64), factor: f64| {
        out[to].0[at] += weight * factor;
        out[to].1[at] += (step * factor).abs();
    };
    for (n, i) in (0..shape.images).flat_map(|n| (0..s).map(move |i| (n, i))) {
        let dot =
            |a: &[f64], b: &[f64], j: usize| (0..c).map(|l| at(a, n, i, l) * at(b, n, j, l)).sum::<f64>();
        let size = |a: &[f64], b: &[f64], j: usize| {
            (0..c).map(|l| (at(a, n, i, l) * at(b, n, j, l)).abs()).sum::<f64>()
        };
        let products: Vec<f64> = (0..s).map(|j| scale * dot(q, k, j)).collect();
        let largest = products.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = products.iter().map(|p| (p - largest).exp()).sum();
        let p: Vec<f64> = products.iter().map(|p| (p - largest).exp() / total).collect();
        let dp: Vec<f64> = (0..s).map(|j| dot(gy, v, j)).collect();
        let mean: f64 = p.iter().zip(&dp).map(|(p, d)| p * d).sum();
        let spread = (0..s).map(|j| size(gy, v, j)).fold(0.0, f64::max);
        for j in 0..s {
            let ds = scale * p[j] * (dp[j] - mean);
            let p_error = WEIGHT_ERROR * p[j] * (1.0 + scale * size(q, k, j));
            let (p_weight, ds_weight) =
                (weight(p[j], p_error), weight(ds, scale * spread * p_error + WEIGHT_ERROR * ds.abs()));
            for l in 0..c {
                let (row, column) = ((n * s + i) * c + l, (n * s + j) * c + l);
                add(0, row, p_weight, v[column]);
                add(1, row, ds_weight, k[column]);
                add(2, column, ds_weight, q[row]);
                add(3, column, p_weight, gy[row]);
            }
        }
    }
    out
}

/// Relative error of sums and exponentials in f32, a dozen roundings.
const WEIGHT_ERROR: f64 = 1e-6;

fn run(shape: &Shape, q: &[f32], k: &[f32], v: &[f32], gy: &[f32]) -> [Vec<f32>; 4] {
    let mut out = [(); 4].map(|()| vec![f32::NAN; q.len()]);
    let [y, dq, dk, dv] = &mut out;
    let log_sums = forward(shape, q, k, v, y);
    backward(shape, q, k, v, &log_sums, gy, dq, dk, dv);
    out
}

fn check(shape: &Shape) {
    for precision in [F32, Bf16] {
        let shape = Shape { precision, ..*shape };
        let len = shape.images * shape.positions * shape.channels;
        let [q, k, v, gy] = [0, 1, 2, 3].map(|row| normal(row, len));
        let actual = run(&shape, &q, &k, &v, &gy);
        let expected = reference(&shape, &q, &k, &v, &gy);
        for (i, name) in ["y", "dq", "dk", "dv"].iter().enumerate() {
            let (values, slack) = &expected[i];
            assert_close_up_to(&actual[i], values, 1e-5, slack, &format!("{name} of {shape:?}"));
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many products")]
fn the_sizes_of_the_networks_agree_with_plain_loops() {
    check(&Shape { images: 2, positions: 256, channels: 32, scale: 0.18, precision: F32 });
    check(&Shape { images: 1, positions: 300, channels: 20, scale: 0.2, precision: F32 });
    check(&Shape { images: 3, positions: 16, channels: 64, scale: 0.125, precision: F32 });
}

/// Positions and channels; under Miri a product takes microseconds.
const LIMIT: usize = if cfg!(miri) { 6 } else { 70 };

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 1 } else { 40 }, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_size_agrees_with_plain_loops(
        images in 1usize..5, positions in 2usize..LIMIT, channels in 2usize..LIMIT.min(40), scale in 0.05f32..0.5,
    ) {
        check(&Shape { images, positions, channels, scale, precision: F32 });
    }
}

#[test]
fn one_position_attends_to_itself() {
    let shape = Shape { images: 2, positions: 1, channels: 3, scale: 1.0, precision: F32 };
    let [q, k, v, gy] = [0, 1, 2, 3].map(|row| normal(row, 6));
    let [y, dq, dk, dv] = run(&shape, &q, &k, &v, &gy);
    assert_eq!((&y, &dv), (&v, &gy));
    assert!(dq.iter().chain(&dk).all(|d| d.abs() < 1e-6));
}

#[test]
fn large_products_neither_overflow_nor_lose_the_largest() {
    let shape = Shape { images: 1, positions: 2, channels: 1, scale: 1.0, precision: F32 };
    let mut y = [0.0; 2];
    forward(&shape, &[1000.0, -1000.0], &[1.0, -1.0], &[5.0, 7.0], &mut y);
    assert_eq!(y, [5.0, 7.0]);
}

#[test]
fn bf16_is_not_f32_under_another_name() {
    let shape = Shape { images: 1, positions: 9, channels: 4, scale: 0.5, precision: F32 };
    let [q, k, v, gy] = [0, 1, 2, 3].map(|row| normal(row, 36));
    let (f32, bf16) =
        (run(&shape, &q, &k, &v, &gy), run(&Shape { precision: Bf16, ..shape }, &q, &k, &v, &gy));
    for (f32, bf16) in f32.iter().zip(&bf16) {
        let distance = f32.iter().zip(bf16).fold(0f32, |d, (a, b)| d.max((a - b).abs()));
        assert!((1e-4..0.1).contains(&distance), "{distance}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many products")]
fn results_are_bit_identical_for_any_number_of_threads() {
    let shape = Shape { images: 5, positions: 270, channels: 24, scale: 0.2, precision: F32 };
    let [q, k, v, gy] = [0, 1, 2, 3].map(|row| normal(row, 5 * 270 * 24));
    for precision in [F32, Bf16] {
        let shape = Shape { precision, ..shape };
        let [one, two] = [1, 2].map(|threads| with_threads(threads, || run(&shape, &q, &k, &v, &gy)));
        assert_eq!(one, two);
    }
}
