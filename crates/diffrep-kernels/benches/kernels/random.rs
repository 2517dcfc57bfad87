//! Random numbers of one row, on the calling thread.
use crate::support::memory;
use criterion::Criterion;
use diffrep_kernels::random::Key;

pub fn bench(criterion: &mut Criterion) {
    let key = Key::new(1, 2, 3);
    let mut out = vec![0.0; 32 * 32 * 32];
    let mut group = criterion.benchmark_group("random 32768");
    group.throughput(memory(out.len()));
    group.bench_function("normal", |b| b.iter(|| key.fill_normal(0, &mut out)));
    group.bench_function("uniform", |b| b.iter(|| key.fill_uniform(0, &mut out)));
}
