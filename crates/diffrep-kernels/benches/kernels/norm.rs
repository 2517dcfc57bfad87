//! Norms fused with their activations.
use crate::support::{BATCH, memory, normal};
use criterion::Criterion;
use diffrep_kernels::Activation;
use diffrep_kernels::norm::{affine, batch, group};

pub fn bench(criterion: &mut Criterion) {
    for (side, channels) in [(32, 32), (8, 128)] {
        batch_norm(criterion, side, channels);
    }
    for (side, channels) in [(32, 16), (16, 64)] {
        group_norm(criterion, side, channels);
    }
}

fn batch_norm(criterion: &mut Criterion, side: usize, channels: usize) {
    let len = BATCH * side * side * channels;
    let (x, gy) = (normal(0, len), normal(1, len));
    let (mut y, mut dx) = (x.clone(), x.clone());
    let (gamma, beta) = (normal(2, channels), normal(3, channels));
    let (mean, variance) = batch::statistics(&x, channels);
    let (gamma, beta, mean, variance) = (&gamma[..], &beta[..], &mean[..], &variance[..]);
    let parameters = batch::Parameters { gamma, beta, mean, variance, epsilon: 1e-5 };
    let (scale, shift) = parameters.fold();
    let relu = Activation::Relu;
    let mut group = criterion.benchmark_group(format!("batch norm {side}x{side} {channels}"));
    group.throughput(memory(len));
    group.bench_function("statistics", |b| b.iter(|| batch::statistics(&x, channels)));
    group.throughput(memory(2 * len));
    group.bench_function("affine+relu", |b| b.iter(|| affine::forward(&x, &scale, &shift, relu, &mut y)));
    group.throughput(memory(5 * len));
    group.bench_function("backward", |b| b.iter(|| batch::backward(&x, &gy, &parameters, relu, &mut dx)));
    group.bench_function("affine backward", |b| {
        b.iter(|| affine::backward(&x, &gy, &scale, &shift, relu, &mut dx));
    });
}

fn group_norm(criterion: &mut Criterion, side: usize, channels: usize) {
    let len = BATCH * side * side * channels;
    let (x, gy) = (normal(0, len), normal(1, len));
    let (mut y, mut dx) = (x.clone(), x.clone());
    let (gamma, beta) = (normal(2, channels), normal(3, channels));
    let shape = group::Shape { images: BATCH, channels, groups: channels / 4, epsilon: 1e-6 };
    let silu = Activation::Silu;
    let statistics = group::forward(&shape, &x, &gamma, &beta, silu, &mut y);
    let mut group = criterion.benchmark_group(format!("group norm {side}x{side} {channels}"));
    group.throughput(memory(3 * len));
    group.bench_function("silu", |b| b.iter(|| group::forward(&shape, &x, &gamma, &beta, silu, &mut y)));
    group.throughput(memory(5 * len));
    group.bench_function("backward", |b| {
        b.iter(|| group::backward(&shape, &x, &gy, &gamma, &beta, &statistics, silu, &mut dx))
    });
}
