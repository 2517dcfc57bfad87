//! Times of all kernels on the shapes of the preset `cifar10`: `cargo bench --workspace --bench kernels -- conv` for those
//! whose name contains `conv`. `RAYON_NUM_THREADS` and `DIFFREP_SIMD` choose threads and instruction set.
//!
//! Elements a second are operations a second (FLOP/s) where a kernel computes products, bytes a second count what is
//! read and written.
mod adam;
mod attention;
mod columns;
mod conv;
mod elementwise;
mod matmul;
mod norm;
mod random;
mod resample;
mod support;

use criterion::Criterion;
use std::time::Duration;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(500))
        .configure_from_args();
    conv::bench(&mut criterion);
    norm::bench(&mut criterion);
    attention::bench(&mut criterion);
    elementwise::bench(&mut criterion);
    resample::bench(&mut criterion);
    columns::bench(&mut criterion);
    adam::bench(&mut criterion);
    random::bench(&mut criterion);
    matmul::bench(&mut criterion);
    criterion.final_summary();
}
