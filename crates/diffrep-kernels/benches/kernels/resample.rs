//! Doubling and halving of feature maps.
use crate::support::{BATCH, memory, normal};
use criterion::Criterion;
use diffrep_kernels::resample;

pub fn bench(criterion: &mut Criterion) {
    let (side, channels) = (16, 32);
    let len = BATCH * side * side * channels;
    let small = normal(0, len);
    let mut big = normal(1, 4 * len);
    let mut group = criterion.benchmark_group("resample 16x16 32");
    group.throughput(memory(5 * len));
    group.bench_function("double", |b| {
        b.iter(|| resample::double(&small, BATCH, side, side, 1.0, &mut big));
    });
    let mut out = small.clone();
    group.bench_function("halve", |b| {
        b.iter(|| resample::halve(&big, BATCH, 2 * side, 2 * side, 0.25, &mut out));
    });
}
