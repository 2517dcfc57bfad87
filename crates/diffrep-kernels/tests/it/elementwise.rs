use crate::support::{assert_close, normal};
use diffrep_kernels::random::Key;
use diffrep_kernels::{Activation, columns, elementwise, resample};

/// More than one task takes; under Miri a number takes microseconds.
const LONG: usize = if cfg!(miri) { 40 } else { 40_000 };

fn doubles(x: &[f32]) -> impl Iterator<Item = f64> {
    x.iter().map(|&v| f64::from(v))
}

#[test]
fn sums_are_scaled() {
    for len in [1, 15, 16, 17, LONG] {
        let (a, b) = (normal(0, len), normal(1, len));
        let mut out = vec![f32::NAN; len];
        elementwise::add_scaled(&a, &b, 0.7, &mut out);
        let expected: Vec<f64> =
            doubles(&a).zip(doubles(&b)).map(|(a, b)| (a + b) * f64::from(0.7f32)).collect();
        assert_close(&out, &expected, 1e-6, "sum");
        elementwise::scale(&a, -2.0, &mut out);
        assert_close(&out, &doubles(&a).map(|a| -2.0 * a).collect::<Vec<_>>(), 0.0, "multiple");
    }
}

#[test]
fn activations_and_their_derivatives_are_the_textbook_s() {
    let (x, gy) = (normal(0, LONG + 1), normal(1, LONG + 1));
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let (mut y, mut dx) = (vec![f32::NAN; x.len()], vec![f32::NAN; x.len()]);
    elementwise::activate(&x, Activation::Silu, &mut y);
    elementwise::activate_backward(&x, &gy, Activation::Silu, &mut dx);
    let derivative = |x: f64| sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)));
    assert_close(&y, &doubles(&x).map(|x| x * sigmoid(x)).collect::<Vec<_>>(), 1e-6, "silu");
    let expected: Vec<f64> = doubles(&x).zip(doubles(&gy)).map(|(x, g)| g * derivative(x)).collect();
    assert_close(&dx, &expected, 1e-6, "silu'");
    elementwise::activate(&x, Activation::Relu, &mut y);
    elementwise::activate_backward(&x, &gy, Activation::Relu, &mut dx);
    assert_close(&y, &doubles(&x).map(|x| x.max(0.0)).collect::<Vec<_>>(), 0.0, "relu");
    let expected: Vec<f64> =
        doubles(&x).zip(doubles(&gy)).map(|(x, g)| if x > 0.0 { g } else { 0.0 }).collect();
    assert_close(&dx, &expected, 0.0, "relu'");
}

#[test]
fn a_value_that_is_no_number_is_not_hidden_by_an_activation() {
    for activation in [Activation::Relu, Activation::Silu] {
        let mut y = [0.0; 20];
        elementwise::activate(&[f32::NAN; 20], activation, &mut y);
        assert!(y.iter().all(|y| y.is_nan()), "{activation:?}");
    }
}

#[test]
fn each_image_gets_its_own_bias_and_its_gradient_is_the_sum_of_pixels() {
    for (images, pixels, channels) in [(3, 5, 7), (1, 1, 1), (2, if cfg!(miri) { 1 } else { 64 }, 48)] {
        let (x, bias) = (normal(0, images * pixels * channels), normal(1, images * channels));
        let mut out = vec![f32::NAN; x.len()];
        elementwise::add_per_image(&x, &bias, images, &mut out);
        let row = |i: usize| i / (pixels * channels) * channels + i % channels;
        let expected: Vec<f64> = doubles(&x).enumerate().map(|(i, x)| x + f64::from(bias[row(i)])).collect();
        assert_close(&out, &expected, 1e-6, "biased");
        let mut sums = vec![f32::NAN; bias.len()];
        columns::sum_pixels(&x, images, 0.5, &mut sums);
        let mut expected = vec![0f64; bias.len()];
        doubles(&x).enumerate().for_each(|(i, x)| expected[row(i)] += 0.5 * x);
        assert_close(&sums, &expected, 1e-5, "sums");
        columns::spread_pixels(&bias, images, 2.0, &mut out);
        let expected: Vec<f64> = (0..x.len()).map(|i| 2.0 * f64::from(bias[row(i)])).collect();
        assert_close(&out, &expected, 0.0, "spread");
    }
}

#[test]
fn dropout_drops_where_the_key_s_uniform_numbers_say() {
    let key = Key::new(1, 2, 3);
    for (rows, width, rate) in [(3, 1001, 0.1), (2, 64, 0.5), (1, 3, 0.9), (4, 130, 1.0 / 3.0)] {
        let width = if cfg!(miri) { width.min(19) } else { width };
        let x = normal(0, rows * width);
        let mut out = vec![f32::NAN; x.len()];
        elementwise::dropout(&x, rate, key, rows, &mut out);
        for row in 0..rows {
            let mut uniform = vec![0.0; width];
            key.fill_uniform(row as u32, &mut uniform);
            for (i, u) in uniform.iter().enumerate() {
                let x = x[row * width + i];
                let expected = if *u < rate as f32 { 0.0 } else { x * (1.0 / (1.0 - rate)) as f32 };
                assert_eq!(out[row * width + i], expected, "row {row}, number {i}, rate {rate}");
            }
        }
    }
}

#[test]
fn pixels_double_and_blocks_of_four_become_one() {
    let (images, height, width, channels) = (2, if cfg!(miri) { 2 } else { 4 }, 6, 19);
    let x = normal(0, images * height * width * channels);
    let mut big = vec![f32::NAN; 4 * x.len()];
    resample::double(&x, images, height, width, 1.0, &mut big);
    let at = |n: usize, i: usize, j: usize, c: usize| ((n * height + i) * width + j) * channels + c;
    for (k, v) in big.iter().enumerate() {
        let (c, j, i, n) = (
            k % channels,
            k / channels % (2 * width),
            k / (channels * 2 * width) % (2 * height),
            k / (channels * 4 * width * height),
        );
        assert_eq!(*v, x[at(n, i / 2, j / 2, c)]);
    }
    let mut same = vec![f32::NAN; x.len()];
    resample::halve(&big, images, 2 * height, 2 * width, 0.25, &mut same);
    assert_close(&same, &doubles(&x).collect::<Vec<_>>(), 1e-6, "halved");
    let mut small = vec![f32::NAN; x.len() / 4];
    resample::halve(&x, images, height, width, 0.25, &mut small);
    let mut expected = vec![0f64; small.len()];
    for (n, i, j) in
        (0..images).flat_map(|n| (0..height).flat_map(move |i| (0..width).map(move |j| (n, i, j))))
    {
        for c in 0..channels {
            let small = ((n * height / 2 + i / 2) * width / 2 + j / 2) * channels + c;
            expected[small] += 0.25 * f64::from(x[at(n, i, j, c)]);
        }
    }
    assert_close(&small, &expected, 1e-6, "means");
}
