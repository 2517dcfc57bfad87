//! What all topics use.
use criterion::Throughput;
use diffrep_kernels::random::Key;

/// Images of a batch.
pub const BATCH: usize = 64;

/// Standard normal numbers; different for every `row`.
pub fn normal(row: u32, len: usize) -> Vec<f32> {
    let mut values = vec![0.0; len];
    Key::new(1, 0, 0).fill_normal(row, &mut values);
    values
}

/// Reading or writing so many numbers of f32.
pub fn memory(numbers: usize) -> Throughput {
    Throughput::Bytes((numbers * size_of::<f32>()) as u64)
}

/// So many multiplications and additions.
pub fn operations(count: usize) -> Throughput {
    Throughput::Elements(count as u64)
}
