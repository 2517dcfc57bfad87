//! Attention over the pixels of 16×16 feature maps.
use crate::support::{BATCH, normal, operations};
use criterion::Criterion;
use diffrep_kernels::Precision;
use diffrep_kernels::attention::{Shape, backward, forward};

pub fn bench(criterion: &mut Criterion) {
    for precision in Precision::ALL {
        in_precision(criterion, precision);
    }
}

fn in_precision(criterion: &mut Criterion, precision: Precision) {
    let shape = Shape { images: BATCH, positions: 16 * 16, channels: 32, scale: 32f32.powf(-0.5), precision };
    let len = shape.images * shape.positions * shape.channels;
    let [q, k, v, gy] = [0, 1, 2, 3].map(|row| normal(row, len));
    let [mut y, mut dq, mut dk, mut dv] = [(); 4].map(|()| gy.clone());
    let log_sums = forward(&shape, &q, &k, &v, &mut y);
    let product = 2 * len * shape.positions;
    let mut group = criterion.benchmark_group(format!("attention 16x16 32 {}", precision.name()));
    group.throughput(operations(2 * product));
    group.bench_function("forward", |b| b.iter(|| forward(&shape, &q, &k, &v, &mut y)));
    group.throughput(operations(4 * product));
    group.bench_function("backward", |b| {
        b.iter(|| backward(&shape, &q, &k, &v, &log_sums, &gy, &mut dq, &mut dk, &mut dv));
    });
}
