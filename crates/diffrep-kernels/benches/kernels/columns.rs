//! Sums over rows and over the pixels of images.
use crate::support::{BATCH, memory, normal};
use criterion::Criterion;
use diffrep_kernels::columns;

pub fn bench(criterion: &mut Criterion) {
    let (pixels, channels) = (32 * 32, 32);
    let mut x = normal(0, BATCH * pixels * channels);
    let (mut row, mut rows) = (vec![0.0; channels], vec![0.0; BATCH * channels]);
    let mut group = criterion.benchmark_group("columns 32x32 32");
    group.throughput(memory(x.len()));
    group.bench_function("sum rows", |b| b.iter(|| columns::sum_rows(&x, &mut row)));
    group.bench_function("sum pixels", |b| b.iter(|| columns::sum_pixels(&x, BATCH, 0.5, &mut rows)));
    group.bench_function("spread pixels", |b| b.iter(|| columns::spread_pixels(&rows, BATCH, 0.5, &mut x)));
}
