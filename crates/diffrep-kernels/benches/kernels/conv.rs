//! Convolutions and linear layers: forward, gradient of the data, gradient of the weights.
use crate::support::{BATCH, normal, operations};
use criterion::Criterion;
use diffrep_kernels::conv::{Conv2d, WeightOrder, backward_data, backward_weight, forward};

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
        };
        let name = format!("{side}x{side} {inputs}→{outputs} k{kernel} s{stride}");
        one(criterion, &name, &shape);
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
