//! The allocator, and that it keeps what was freed.
use libmimalloc_sys::mi_option_set_default;
use std::ffi::{c_int, c_long};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` of mimalloc's header, which its crate doesn't name: milliseconds after which freed memory goes back
/// to the system, −1 for never.
const PURGE_DELAY: c_int = 15;
const NEVER: c_long = -1;

/// Freed memory (in pieces of less than 2 GiB) stays with the process, unless `MIMALLOC_PURGE_DELAY` says otherwise. Each
/// step needs again what the step before has freed; having it back page by page takes 7 % of a training step.
pub fn keep_freed_memory() {
    // SAFETY: writes an option's value; called before there are other threads.
    unsafe { mi_option_set_default(PURGE_DELAY, NEVER) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use libmimalloc_sys::mi_option_get;

    #[test]
    fn the_number_of_the_option_is_still_that_of_the_delay() {
        // Its present and its former name.
        if ["MIMALLOC_PURGE_DELAY", "MIMALLOC_RESET_DELAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some())
        {
            return;
        }
        // SAFETY: reads and writes an option's value, a word that tests beside this one only read, when they free memory.
        unsafe {
            let usual = 1000;
            assert_eq!(mi_option_get(PURGE_DELAY), usual, "mimalloc has numbered its options anew");
            keep_freed_memory();
            assert_eq!(mi_option_get(PURGE_DELAY), NEVER);
        }
    }
}
