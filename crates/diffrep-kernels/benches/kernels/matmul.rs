//! Matrix products of probes and neighbours, on the calling thread.
use crate::support::{normal, operations};
use criterion::Criterion;
use diffrep_kernels::matmul::{Matrix, multiply};

pub fn bench(criterion: &mut Criterion) {
    let (rows, inner, columns) = (256, 128, 2000);
    let (a, b) = (normal(0, rows * inner), normal(1, inner * columns));
    let mut out = vec![0.0; rows * columns];
    let mut group = criterion.benchmark_group("matmul 256x128 2000");
    group.throughput(operations(2 * rows * inner * columns));
    let (a, plain, other) =
        (Matrix::new(&a, rows, inner), Matrix::new(&b, inner, columns), Matrix::new(&b, columns, inner));
    group.bench_function("plain", |x| x.iter(|| multiply(a, plain, false, &mut out)));
    group.bench_function("transposed", |x| x.iter(|| multiply(a, other.t(), false, &mut out)));
}
