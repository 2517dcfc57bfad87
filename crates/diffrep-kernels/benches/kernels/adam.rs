//! The optimiser on as many parameters as the preset's networks have.
use crate::support::{memory, normal};
use criterion::Criterion;
use diffrep_kernels::adam;

const PARAMETERS: usize = 2_500_000;

pub fn bench(criterion: &mut Criterion) {
    let plan = adam::Step {
        number: 100,
        learning_rate: 2e-4,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weight_decay: 0.0,
        gradient_scale: 0.5,
        ema_decay: 0.999,
    };
    let gradients = normal(0, PARAMETERS);
    let mut weights = normal(1, PARAMETERS);
    let mut ema = weights.clone();
    let (mut mean, mut square) = (vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]);
    let mut group = criterion.benchmark_group("adam 2500000");
    // Five arrays are read, four of them written.
    group.throughput(memory(9 * PARAMETERS));
    group.bench_function("step", |b| {
        b.iter(|| adam::step(&plan, &mut weights, &gradients, &mut mean, &mut square, &mut ema));
    });
    group.throughput(memory(PARAMETERS));
    group.bench_function("global norm", |b| b.iter(|| adam::global_norm(&gradients)));
}
