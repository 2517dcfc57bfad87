//! Convolutions and linear layers: forward, gradient of the data, gradient of the weights.
use crate::support::{BATCH, normal, operations};
use criterion::Criterion;
use diffrep_kernels::conv::{
    After, Before, Conv2d, WeightOrder, backward_data, backward_weight, forward, forward_around,
};
use diffrep_kernels::{Activation, Precision};

/// Side, channels in and out, kernel, stride.
const SHAPES: [(usize, [usize; 2], usize, usize); 14] = [
    // The encoder: stem, the three stages, a shortcut.
    (32, [3, 16], 3, 1),
    (32, [32, 32], 3, 1),
    (32, [32, 64], 3, 1),
    (32, [64, 64], 3, 2),
    (16, [64, 64], 3, 1),
    (8, [128, 128], 3, 1),
    (32, [32, 64], 1, 2),
    // The score network: its levels, the way up, shortcuts, output.
    (32, [16, 16], 3, 1),
    (16, [32, 32], 3, 1),
    (4, [64, 64], 3, 1),
    (16, [64, 32], 3, 1),
    (16, [64, 32], 1, 1),
    (8, [32, 32], 1, 1),
    (32, [16, 3], 3, 1),
];

pub fn bench(criterion: &mut Criterion) {
    for (side, [inputs, outputs], kernel, stride) in SHAPES {
        let padding = kernel / 2;
        let shape = Conv2d {
            batch: BATCH,
            height: side,
            width: side,
            inputs,
            outputs,
            kernel,
            stride,
            before: padding,
            after: padding,
            order: WeightOrder::OutIn,
            precision: Precision::F32,
        };
        let name = format!("{side}x{side} {inputs}→{outputs} k{kernel} s{stride}");
        one(criterion, &name, &shape);
        one(criterion, &format!("{name} bf16"), &Conv2d { precision: Precision::Bf16, ..shape });
        around(criterion, &name, &shape);
    }
    one(criterion, "linear 64x128→512", &Conv2d::linear(BATCH, 128, 512));
    one(criterion, "linear 16384x32→32", &Conv2d::linear(BATCH * 16 * 16, 32, 32));
}

fn one(criterion: &mut Criterion, name: &str, shape: &Conv2d) {
    let x = normal(0, shape.input_len());
    let weight = normal(1, shape.weight_len());
    let bias = normal(2, shape.outputs);
    let gy = normal(3, shape.output_len());
    let (mut y, mut dx, mut dw) = (gy.clone(), x.clone(), weight.clone());
    let mut group = criterion.benchmark_group(format!("conv {name}"));
    group.throughput(operations(shape.operations()));
    group.bench_function("forward", |b| b.iter(|| forward(shape, &x, &weight, Some(&bias), &mut y)));
    group.bench_function("data", |b| b.iter(|| backward_data(shape, &weight, &gy, &mut dx)));
    group.bench_function("weight", |b| b.iter(|| backward_weight(shape, &x, &gy, &mut dw)));
}

/// Normalised before, rescaled and added to something afterwards, in one pass.
fn around(criterion: &mut Criterion, name: &str, shape: &Conv2d) {
    let (x, weight) = (normal(0, shape.input_len()), normal(1, shape.weight_len()));
    let [scale, shift] = [4, 5].map(|row| normal(row, shape.inputs));
    let (factors, offset) = (normal(6, shape.outputs), normal(7, shape.batch * shape.outputs));
    let residual = normal(8, shape.output_len());
    let activation = Activation::Relu;
    let before = Before { scale: &scale, shift: &shift, activation };
    let after =
        After { affine: Some((&factors, &offset)), activation, residual: Some(&residual), factor: 0.7 };
    let mut y = residual.clone();
    let mut group = criterion.benchmark_group(format!("conv {name}"));
    group.throughput(operations(shape.operations()));
    group.bench_function("around", |b| {
        b.iter(|| forward_around(shape, &x, &weight, None, Some(&before), Some(&after), &mut y));
    });
}
