//! Kernels that treat every number by itself.
use crate::support::{BATCH, memory, normal};
use criterion::Criterion;
use diffrep_kernels::random::Key;
use diffrep_kernels::{Activation, elementwise};

pub fn bench(criterion: &mut Criterion) {
    let (pixels, channels) = (32 * 32, 32);
    let len = BATCH * pixels * channels;
    let (a, b, bias) = (normal(0, len), normal(1, len), normal(2, BATCH * channels));
    let mut out = a.clone();
    let mut group = criterion.benchmark_group("elementwise 32x32 32");
    group.throughput(memory(3 * len));
    group.bench_function("add scaled", |x| x.iter(|| elementwise::add_scaled(&a, &b, 0.7, &mut out)));
    group.throughput(memory(2 * len));
    group.bench_function("scale", |x| x.iter(|| elementwise::scale(&a, 0.7, &mut out)));
    group.bench_function("add per image", |x| {
        x.iter(|| elementwise::add_per_image(&a, &bias, BATCH, &mut out));
    });
    let key = Key::new(1, 2, 3);
    group.bench_function("dropout", |x| x.iter(|| elementwise::dropout(&a, 0.1, key, BATCH, &mut out)));
    for activation in [Activation::Relu, Activation::Silu] {
        group.throughput(memory(2 * len));
        group.bench_function(format!("{activation:?}"), |x| {
            x.iter(|| elementwise::activate(&a, activation, &mut out));
        });
        group.throughput(memory(3 * len));
        group.bench_function(format!("{activation:?} backward"), |x| {
            x.iter(|| elementwise::activate_backward(&a, &b, activation, &mut out));
        });
    }
}
