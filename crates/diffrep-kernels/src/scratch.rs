//! Working memory of one thread, kept for the next task.
use crate::buffer::Buffer;
use std::cell::RefCell;

thread_local! {
    static SCRATCH: RefCell<Option<Buffer>> = const { RefCell::new(None) };
}

/// Calls `work` with `len` numbers of unspecified value. Calls can't be nested.
pub(crate) fn with_scratch<R>(len: usize, work: impl FnOnce(&mut [f32]) -> R) -> R {
    SCRATCH.with_borrow_mut(|kept| {
        if kept.as_ref().is_none_or(|b| b.len() < len) {
            *kept = None;
            *kept = Some(Buffer::new(len));
        }
        let buffer = kept.as_mut().expect("just filled");
        work(&mut buffer[..len])
    })
}
