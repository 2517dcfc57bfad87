//! How kernels spread over the threads of the current rayon pool.
//!
//! Work is always cut in the same pieces, whatever the number of threads, and partial results are combined in order:
//! a result is bit-identical for every number of threads. Tasks flush denormal numbers to zero, and a kernel called by
//! a task runs on the task's thread.
use rayon::prelude::*;
use std::cell::Cell;

/// Numbers that one task of an element-wise kernel takes: 64 KiB, a part of a second-level cache.
pub(crate) const CHUNK: usize = 16 * 1024;

/// Rows of `width` numbers that make up about [`CHUNK`] numbers, at least one.
pub(crate) fn rows_per_task(width: usize) -> usize {
    (CHUNK / width.max(1)).max(1)
}

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Whether to work on one thread: inside a task all threads have work already.
fn inside() -> bool {
    INSIDE.get()
}

/// Runs one task.
fn enter<R>(task: impl FnOnce() -> R) -> R {
    /// What `INSIDE` was before; it is so again even if the task panics.
    struct Outer(bool);
    impl Drop for Outer {
        fn drop(&mut self) {
            INSIDE.set(self.0);
        }
    }
    let _flush = FlushDenormals::new();
    let _outer = Outer(INSIDE.replace(true));
    task()
}

/// Calls `task(i, item)` for every item.
pub(crate) fn for_each<T: Send>(items: Vec<T>, task: impl Fn(usize, T) + Sync) {
    if inside() {
        return items.into_iter().enumerate().for_each(|(i, item)| task(i, item));
    }
    items.into_par_iter().with_max_len(1).enumerate().for_each(|(i, item)| enter(|| task(i, item)));
}

/// Calls `task(i, part)` for the parts of `out` of `length` numbers (the last may be shorter).
pub(crate) fn for_each_part(out: &mut [f32], length: usize, task: impl Fn(usize, &mut [f32]) + Sync) {
    let length = length.max(1);
    if inside() {
        return out.chunks_mut(length).enumerate().for_each(|(i, part)| task(i, part));
    }
    out.par_chunks_mut(length).enumerate().for_each(|(i, part)| enter(|| task(i, part)));
}

/// `[task(0), …, task(count − 1)]`.
pub(crate) fn map<R: Send>(count: usize, task: impl Fn(usize) -> R + Sync) -> Vec<R> {
    if inside() {
        return (0..count).map(task).collect();
    }
    (0..count).into_par_iter().map(|i| enter(|| task(i))).collect()
}

/// The first numbers of a slice in pieces of these lengths, for tasks to write to.
pub(crate) fn cut(mut rest: &mut [f32], lengths: impl IntoIterator<Item = usize>) -> Vec<&mut [f32]> {
    lengths
        .into_iter()
        .map(|len| {
            let (part, others) = std::mem::take(&mut rest).split_at_mut(len);
            rest = others;
            part
        })
        .collect()
}

/// While alive, this thread's arithmetic takes denormal numbers as zero; they are slow on many processors.
pub(crate) struct FlushDenormals(u64);

impl FlushDenormals {
    pub(crate) fn new() -> Self {
        let before = control::read();
        control::write(before | control::FLUSH);
        Self(before)
    }
}

impl Drop for FlushDenormals {
    fn drop(&mut self) {
        control::write(self.0);
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
mod control {
    use core::arch::asm;

    /// Flush-to-zero and denormals-are-zero.
    pub(super) const FLUSH: u64 = 0x8040;

    pub(super) fn read() -> u64 {
        let mut state = 0u32;
        // SAFETY: stores the 32-bit control register at a valid address.
        unsafe { asm!("stmxcsr [{}]", in(reg) &mut state, options(nostack, preserves_flags)) };
        u64::from(state)
    }

    pub(super) fn write(state: u64) {
        let state = state as u32;
        // SAFETY: loads a value read before, with at most the two flush bits added. The compiler takes this mode for fixed
        // (`core::arch` calls another one undefined behaviour) and may move arithmetic across: it then keeps or flushes a
        // denormal, either of which is fine here.
        unsafe { asm!("ldmxcsr [{}]", in(reg) &state, options(nostack, readonly)) };
    }
}

#[cfg(all(target_arch = "aarch64", not(miri)))]
mod control {
    use core::arch::asm;

    /// Flush-to-zero.
    pub(super) const FLUSH: u64 = 1 << 24;

    pub(super) fn read() -> u64 {
        let state: u64;
        // SAFETY: reads the floating-point control register.
        unsafe { asm!("mrs {}, fpcr", out(reg) state, options(nomem, nostack, preserves_flags)) };
        state
    }

    pub(super) fn write(state: u64) {
        // SAFETY: writes a value read before, with at most the flush bit added. The compiler takes this mode for fixed and
        // may move arithmetic across: it then keeps or flushes a denormal, either of which is fine here.
        unsafe { asm!("msr fpcr, {}", in(reg) state, options(nostack)) };
    }
}

#[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri))))]
mod control {
    pub(super) const FLUSH: u64 = 0;

    pub(super) fn read() -> u64 {
        0
    }

    pub(super) fn write(_: u64) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(miri)))]
    #[test]
    fn denormals_are_flushed_inside_a_task_and_restored_after_it() {
        use std::hint::black_box;
        let denormal = || black_box(black_box(1e-30f32) * black_box(1e-10f32));
        assert_ne!(denormal(), 0.0);
        assert_eq!(map(2, |_| denormal()), [0.0; 2]);
        for_each(vec![0; 2], |_, _| assert_eq!(denormal(), 0.0));
        for_each_part(&mut [1.0; 2], 1, |_, part| assert_eq!((part[0], denormal()), (1.0, 0.0)));
        assert_ne!(denormal(), 0.0);
    }

    #[test]
    fn a_task_that_panics_leaves_its_thread_as_it_was() {
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        one.install(|| {
            let outcome = std::panic::catch_unwind(|| map(1, |_| panic!("a task that fails")));
            assert!(outcome.is_err() && !inside());
        });
    }

    #[test]
    fn results_are_in_the_order_of_the_tasks() {
        assert_eq!(map(100, |i| i), (0..100).collect::<Vec<_>>());
    }
}
