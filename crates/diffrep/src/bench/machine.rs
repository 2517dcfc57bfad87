//! What computes.
use crate::nn::Precision;
use diffrep_kernels::{InstructionSet, peak};

/// The processor as the kernels use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Threads of the kernels.
    pub threads: usize,
    /// Instruction set of the kernels: `amx`, `avx512bf16`, `avx512`, `avx2`, `neon` or `portable`.
    pub instruction_set: &'static str,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        Self { threads: rayon::current_num_threads(), instruction_set: InstructionSet::current().name() }
    }
}

/// Measures operations a second of multiply-adds in registers on all threads ([`peak::operations_per_second`]), which takes
/// about a third of a second.
pub fn measure_peak(precision: Precision) -> f64 {
    peak::operations_per_second(precision)
}

/// Lets the kernels of this process run on `count` threads; must come before anything that computes.
///
/// # Errors
/// The threads have been started already, or the operating system gives none.
pub fn use_threads(count: usize) -> Result<(), rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new().num_threads(count).build_global()
}
