use crate::support::{assert_close, normal, with_threads};
use diffrep_kernels::attention::{Shape, backward, forward};
use proptest::prelude::*;

/// Result and gradients of q, k and v in double precision, as textbooks write them.
fn reference(shape: &Shape, q: &[f32], k: &[f32], v: &[f32], gy: &[f32]) -> [Vec<f64>; 4] {
    let (s, c, scale) = (shape.positions, shape.channels, f64::from(shape.scale));
    let mut out = [(); 4].map(|()| vec![0f64; q.len()]);
    let at = |x: &[f32], n: usize, i: usize, j: usize| f64::from(x[(n * s + i) * c + j]);
    for (n, i) in (0..shape.images).flat_map(|n| (0..s).map(move |i| (n, i))) {
        let dot =
            |a: &[f32], b: &[f32], j: usize| (0..c).map(|l| at(a, n, i, l) * at(b, n, j, l)).sum::<f64>();
        let products: Vec<f64> = (0..s).map(|j| scale * dot(q, k, j)).collect();
        let largest = products.iter().copied().fold(f64::MIN, f64::max);
        let total: f64 = products.iter().map(|p| (p - largest).exp()).sum();
        let p: Vec<f64> = products.iter().map(|p| (p - largest).exp() / total).collect();
        let dp: Vec<f64> = (0..s).map(|j| dot(gy, v, j)).collect();
        let mean: f64 = p.iter().zip(&dp).map(|(p, d)| p * d).sum();
        for j in 0..s {
            let ds = scale * p[j] * (dp[j] - mean);
            for l in 0..c {
                let (row, column) = ((n * s + i) * c + l, (n * s + j) * c + l);
                out[0][row] += p[j] * f64::from(v[column]);
                out[1][row] += ds * f64::from(k[column]);
                out[2][column] += ds * f64::from(q[row]);
                out[3][column] += p[j] * f64::from(gy[row]);
            }
        }
    }
    out
}

fn run(shape: &Shape, q: &[f32], k: &[f32], v: &[f32], gy: &[f32]) -> [Vec<f32>; 4] {
    let mut out = [(); 4].map(|()| vec![f32::NAN; q.len()]);
    let [y, dq, dk, dv] = &mut out;
    let log_sums = forward(shape, q, k, v, y);
    backward(shape, q, k, v, &log_sums, gy, dq, dk, dv);
    out
}

fn check(shape: &Shape) {
    let len = shape.images * shape.positions * shape.channels;
    let [q, k, v, gy] = [0, 1, 2, 3].map(|row| normal(row, len));
    let actual = run(shape, &q, &k, &v, &gy);
    let expected = reference(shape, &q, &k, &v, &gy);
    for (i, name) in ["y", "dq", "dk", "dv"].iter().enumerate() {
        assert_close(&actual[i], &expected[i], 1e-5, &format!("{name} of {shape:?}"));
    }
}

#[test]
fn the_sizes_of_the_networks_agree_with_plain_loops() {
    check(&Shape { images: 2, positions: 256, channels: 32, scale: 0.18 });
    check(&Shape { images: 1, positions: 300, channels: 20, scale: 0.2 });
    check(&Shape { images: 3, positions: 16, channels: 64, scale: 0.125 });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_size_agrees_with_plain_loops(
        images in 1usize..5, positions in 2usize..70, channels in 2usize..40, scale in 0.05f32..0.5,
    ) {
        check(&Shape { images, positions, channels, scale });
    }
}

#[test]
fn one_position_attends_to_itself() {
    let shape = Shape { images: 2, positions: 1, channels: 3, scale: 1.0 };
    let [q, k, v, gy] = [0, 1, 2, 3].map(|row| normal(row, 6));
    let [y, dq, dk, dv] = run(&shape, &q, &k, &v, &gy);
    assert_eq!((&y, &dv), (&v, &gy));
    assert!(dq.iter().chain(&dk).all(|d| d.abs() < 1e-6));
}

#[test]
fn large_products_neither_overflow_nor_lose_the_largest() {
    let shape = Shape { images: 1, positions: 2, channels: 1, scale: 1.0 };
    let mut y = [0.0; 2];
    forward(&shape, &[1000.0, -1000.0], &[1.0, -1.0], &[5.0, 7.0], &mut y);
    assert_eq!(y, [5.0, 7.0]);
}

#[test]
fn results_are_bit_identical_for_any_number_of_threads() {
    let shape = Shape { images: 5, positions: 270, channels: 24, scale: 0.2 };
    let [q, k, v, gy] = [0, 1, 2, 3].map(|row| normal(row, 5 * 270 * 24));
    let [one, two] = [1, 2].map(|threads| with_threads(threads, || run(&shape, &q, &k, &v, &gy)));
    assert_eq!(one, two);
}
