use crate::support::{Sums, normal, rounded, with_threads};
use diffrep_kernels::conv::{
    After, Before, Conv2d, WeightOrder, backward_data, backward_weight, forward, forward_around,
};
use diffrep_kernels::norm::affine;
use diffrep_kernels::{Activation, Precision, columns, elementwise};
use proptest::prelude::*;

/// Calls `visit(x index, weight index, y index)` for every product of the convolution.
fn products(shape: &Conv2d, mut visit: impl FnMut(usize, usize, usize)) {
    let (out_h, out_w, k) = (shape.out_height(), shape.out_width(), shape.kernel);
    for n in 0..shape.batch {
        for (i, j) in (0..out_h).flat_map(|i| (0..out_w).map(move |j| (i, j))) {
            for (a, b) in (0..k).flat_map(|a| (0..k).map(move |b| (a, b))) {
                let (Some(row), Some(column)) = (
                    (i * shape.stride + a).checked_sub(shape.before),
                    (j * shape.stride + b).checked_sub(shape.before),
                ) else {
                    continue;
                };
                if row >= shape.height || column >= shape.width {
                    continue;
                }
                for c in 0..shape.inputs {
                    for o in 0..shape.outputs {
                        let weight = match shape.order {
                            WeightOrder::OutIn => ((o * shape.inputs + c) * k + a) * k + b,
                            WeightOrder::InOut => c * shape.outputs + o,
                        };
                        let x = ((n * shape.height + row) * shape.width + column) * shape.inputs + c;
                        visit(x, weight, ((n * out_h + i) * out_w + j) * shape.outputs + o);
                    }
                }
            }
        }
    }
}

struct Results {
    y: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
    db: Vec<f32>,
}

fn run(shape: &Conv2d) -> Results {
    let x = normal(0, shape.input_len());
    let weight = normal(1, shape.weight_len());
    let bias = normal(2, shape.outputs);
    let gy = normal(3, shape.output_len());
    // Not a number wherever a kernel forgets to write.
    let mut r = Results {
        y: vec![f32::NAN; gy.len()],
        dx: vec![f32::NAN; x.len()],
        dw: vec![f32::NAN; weight.len()],
        db: vec![f32::NAN; bias.len()],
    };
    forward(shape, &x, &weight, Some(&bias), &mut r.y);
    backward_data(shape, &weight, &gy, &mut r.dx);
    backward_weight(shape, &x, &gy, &mut r.dw);
    columns::sum_rows(&gy, &mut r.db);
    r
}

/// In both precisions: the second differs only in what is multiplied.
fn check(shape: &Conv2d) {
    if SMALL && shape.operations() > 20_000 {
        return;
    }
    for precision in Precision::ALL {
        check_precision(&Conv2d { precision, ..*shape });
    }
}

fn check_precision(shape: &Conv2d) {
    let x = normal(0, shape.input_len());
    let weight = normal(1, shape.weight_len());
    let bias = normal(2, shape.outputs);
    let gy = normal(3, shape.output_len());
    let [mut y, mut dx, mut dw, mut db] = [&gy, &x, &weight, &bias].map(|v| Sums::new(v.len()));
    (0..gy.len()).for_each(|i| y.add(i, f64::from(bias[i % shape.outputs])));
    let [rx, rw, rgy] = [&x, &weight, &gy].map(|v| rounded(v, shape.precision));
    products(shape, |i, w, o| {
        y.add(o, rx[i] * rw[w]);
        dx.add(i, rgy[o] * rw[w]);
        dw.add(w, rgy[o] * rx[i]);
    });
    gy.iter().enumerate().for_each(|(i, g)| db.add(i % shape.outputs, f64::from(*g)));
    let r = run(shape);
    y.assert_close(&r.y, 1e-5, &format!("y of {shape:?}"));
    dx.assert_close(&r.dx, 1e-5, &format!("dx of {shape:?}"));
    dw.assert_close(&r.dw, 1e-5, &format!("dw of {shape:?}"));
    db.assert_close(&r.db, 1e-5, &format!("db of {shape:?}"));
}

/// Under Miri a product takes many microseconds.
const SMALL: bool = cfg!(miri);

const BASE: Conv2d = Conv2d {
    batch: if SMALL { 1 } else { 2 },
    height: if SMALL { 3 } else { 7 },
    width: if SMALL { 4 } else { 9 },
    inputs: if SMALL { 2 } else { 5 },
    outputs: if SMALL { 9 } else { 19 },
    kernel: 3,
    stride: 1,
    before: 1,
    after: 1,
    order: WeightOrder::OutIn,
    precision: Precision::F32,
};

#[test]
fn the_shapes_of_the_networks_agree_with_plain_loops() {
    for shape in [
        BASE,
        Conv2d { stride: 2, ..BASE },
        // NCSN++'s input pyramid pads only on the right and below.
        Conv2d { stride: 2, before: 0, after: 1, height: 8, width: 8, ..BASE },
        Conv2d { kernel: 1, before: 0, after: 0, ..BASE },
        Conv2d { kernel: 1, before: 0, after: 0, stride: 2, ..BASE },
        Conv2d { kernel: 5, before: 2, after: 2, ..BASE },
        Conv2d { height: 1, width: 1, ..BASE },
        Conv2d { height: 3, width: 1, stride: 2, ..BASE },
        Conv2d { batch: 9, height: 2, width: 2, inputs: 1, outputs: 3, ..BASE },
        Conv2d { batch: 1, height: 2, width: 2, inputs: 3, outputs: 17, ..BASE },
        Conv2d { batch: 1, height: 2, width: 2, inputs: 16, outputs: 16, ..BASE },
        Conv2d { inputs: 1, outputs: 1, ..BASE },
        Conv2d { inputs: 3, outputs: 16, height: 32, width: 32, ..BASE },
        Conv2d { inputs: 16, outputs: 3, height: 32, width: 32, ..BASE },
        Conv2d { inputs: 70, outputs: 100, ..BASE },
        Conv2d { inputs: 32, outputs: 48, height: 8, width: 8, ..BASE },
        Conv2d { batch: 40, height: 4, width: 4, inputs: 33, outputs: 48, ..BASE },
        Conv2d { batch: 37, height: 5, width: 5, stride: 2, ..BASE },
        Conv2d::linear(64, 20, 33),
        Conv2d::linear(101, 64, 64),
        Conv2d::linear(1, 3, 1),
        Conv2d::linear(2, 1, 5),
        Conv2d { height: 2, width: 3, inputs: 1, outputs: 70, ..BASE },
    ] {
        check(&shape);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    #[cfg_attr(miri, ignore = "too many products")]
    fn any_shape_agrees_with_plain_loops(
        batch in 1usize..20, height in 1usize..14, width in 1usize..22, inputs in 1usize..24, outputs in 1usize..40,
        kernel in 1usize..6, stride in 1usize..4, before in 0usize..4, after in 0usize..4,
    ) {
        let shape = Conv2d { batch, height, width, inputs, outputs, kernel, stride, before, after, ..BASE };
        prop_assume!(height.min(width) + before + after >= kernel);
        prop_assume!(shape.operations() < 20_000_000);
        check(&shape);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 30, failure_persistence: None, ..ProptestConfig::default() })]
    // Wide 3×3 convolutions of stride 1 go through Winograd's transforms.
    #[test]
    #[cfg_attr(miri, ignore = "too many products")]
    fn any_wide_3x3_convolution_agrees_with_plain_loops(
        batch in 1usize..12, height in 2usize..11, width in 2usize..11, inputs in 16usize..50, outputs in 16usize..100,
        before in 0usize..4, after in 0usize..5,
    ) {
        let shape = Conv2d { batch, height, width, inputs, outputs, kernel: 3, before, after, ..BASE };
        prop_assume!(height.min(width) + before + after >= 3);
        prop_assume!(shape.operations() < 20_000_000);
        check(&shape);
    }
}

/// Whatever path a shape takes, what surrounds the convolution gives what separate passes give.
#[test]
fn surrounding_operations_give_what_separate_passes_give() {
    let wide = Conv2d { batch: 5, height: 9, width: 7, inputs: 20, outputs: 70, ..BASE };
    let shapes = [
        wide,
        BASE,
        Conv2d { stride: 2, ..BASE },
        Conv2d { height: 2, width: 3, batch: 40, ..BASE },
        Conv2d { height: 2, width: 3, batch: 40, ..wide },
        Conv2d { kernel: 1, before: 0, after: 0, ..wide },
        Conv2d { before: 0, after: 2, ..wide },
        Conv2d { batch: 33, height: 8, width: 8, ..wide },
    ];
    for (shape, precision) in shapes.iter().flat_map(|s| Precision::ALL.map(|p| (s, p))) {
        let shape = Conv2d { precision, ..*shape };
        if SMALL && shape.operations() > 20_000 {
            continue;
        }
        let activations = [Activation::Silu, Activation::Relu, Activation::Identity];
        for activation in activations.into_iter().take(if SMALL { 1 } else { 3 }) {
            let x = normal(0, shape.input_len());
            let weight = normal(1, shape.weight_len());
            let [scale, shift] = [4, 5].map(|row| normal(row, shape.inputs));
            let (factors, offset) = (normal(6, shape.outputs), normal(7, shape.batch * shape.outputs));
            let residual = normal(8, shape.output_len());
            let before = Before { scale: &scale, shift: &shift, activation };
            let after = After {
                affine: Some((&factors, &offset)),
                activation,
                residual: Some(&residual),
                factor: 0.7,
            };
            let mut y = vec![f32::NAN; shape.output_len()];
            forward_around(&shape, &x, &weight, None, Some(&before), Some(&after), &mut y);

            let mut normed = x.clone();
            affine::forward(&x, &scale, &shift, activation, &mut normed);
            let mut plain = vec![f32::NAN; shape.output_len()];
            forward(&shape, &normed, &weight, None, &mut plain);
            let image = plain.len() / shape.batch;
            let offsets = plain.chunks_mut(image).zip(offset.chunks(shape.outputs));
            for (plain, offset) in offsets {
                let mut out = vec![0.0; image];
                affine::forward(plain, &factors, offset, activation, &mut out);
                plain.copy_from_slice(&out);
            }
            let mut expected = plain.clone();
            elementwise::add_scaled(&plain, &residual, 0.7, &mut expected);
            for (i, (y, expected)) in y.iter().zip(&expected).enumerate() {
                assert!(
                    (y - expected).abs() <= 1e-5 * expected.abs().max(1.0),
                    "{i}: {y} {expected} {shape:?}"
                );
            }
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "too many products")]
fn results_are_bit_identical_for_any_number_of_threads() {
    for shape in [
        Conv2d { batch: 17, inputs: 32, outputs: 80, height: 16, width: 16, ..BASE },
        Conv2d { batch: 40, inputs: 32, outputs: 80, height: 4, width: 4, ..BASE },
        Conv2d { batch: 1, inputs: 32, outputs: 32, height: 32, width: 32, stride: 2, ..BASE },
    ] {
        for precision in Precision::ALL {
            let shape = Conv2d { precision, ..shape };
            let one = with_threads(1, || run(&shape));
            for threads in [2, 5] {
                let more = with_threads(threads, || run(&shape));
                assert_eq!((&one.y, &one.dx, &one.dw, &one.db), (&more.y, &more.dx, &more.dw, &more.db));
            }
        }
    }
}

#[test]
fn an_image_does_not_depend_on_its_batch() {
    let (batch, side) = if SMALL { (9, 2) } else { (40, 4) };
    let many = Conv2d { batch, height: side, width: side, ..BASE };
    let one = Conv2d { batch: 1, ..many };
    let (x, weight) = (normal(0, many.input_len()), normal(1, many.weight_len()));
    let (mut y, mut first) = (vec![0.0; many.output_len()], vec![0.0; one.output_len()]);
    forward(&many, &x, &weight, None, &mut y);
    forward(&one, &x[..one.input_len()], &weight, None, &mut first);
    assert_eq!(y[..first.len()], first);
}

#[test]
fn bf16_rounds_ties_to_even_and_keeps_what_is_no_number() {
    let shape = Conv2d { precision: Precision::Bf16, ..Conv2d::linear(1, 3, 40) };
    let product = |x: f32| {
        // One channel of three, so that pairs have an odd one and vectors a tail.
        let mut y = [0.0; 40];
        let weight: Vec<f32> = (0..120).map(|i| if i < 40 { 1.0 } else { 0.0 }).collect();
        forward(&shape, &[x, 0.0, 0.0], &weight, None, &mut y);
        // Which NaN comes out is the processor's choice.
        assert!(y.iter().all(|v| v.to_bits() == y[0].to_bits() || v.is_nan() && y[0].is_nan()));
        y[0]
    };
    // A bf16 between 1 and 2 is a multiple of 2⁻⁷.
    let step = 1.0 / 128.0;
    assert_eq!(product(1.0 + 0.5 * step), 1.0);
    assert_eq!(product(1.0 + 1.5 * step), 1.0 + 2.0 * step);
    assert_eq!(product(1.0 + 0.51 * step), 1.0 + step);
    assert_eq!(product(-1.0 - 1.5 * step), -1.0 - 2.0 * step);
    assert_eq!(product(f32::MAX), f32::INFINITY);
    assert!(product(f32::NAN).is_nan());
    assert!(product(f32::from_bits(0x7f80_0001)).is_nan());
}

#[test]
fn an_empty_batch_has_an_empty_output_and_no_gradient() {
    let shape = Conv2d { batch: 0, ..BASE };
    let weight = normal(1, shape.weight_len());
    forward(&shape, &[], &weight, None, &mut []);
    backward_data(&shape, &weight, &[], &mut []);
    let mut dw = vec![f32::NAN; weight.len()];
    backward_weight(&shape, &[], &[], &mut dw);
    assert!(dw.iter().all(|&v| v == 0.0));
}
