//! Memory of tensors: aligned to cache lines and recycled.
//!
//! A training step asks for the same sizes again and again. Fresh memory of such sizes comes from the operating system
//! page by page, which costs more than many kernels; so freed buffers are kept for the next request.
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;
use std::sync::{Mutex, MutexGuard, PoisonError};

const ALIGNMENT: usize = 64;

/// `len` numbers of f32 at an address that is a multiple of 64. The memory goes back to a process-wide pool when
/// dropped; the blocks of the pool together with those in use never exceed those that were in use at once before by more
/// than a quarter. A block may be up to four times what was asked for.
#[derive(Debug)]
pub struct Buffer {
    block: Block,
    len: usize,
}

impl Buffer {
    /// What the address is a multiple of, in bytes.
    pub const ALIGNMENT: usize = ALIGNMENT;

    /// Numbers of unspecified value (what the previous user left, or zero).
    pub fn new(len: usize) -> Self {
        Self { block: pool().take(size_class(len)), len }
    }
}

impl Deref for Buffer {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: the block holds at least `len` numbers, initialised (zero) when it was allocated, and is ours alone.
        unsafe { std::slice::from_raw_parts(self.block.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as in `deref`.
        unsafe { std::slice::from_raw_parts_mut(self.block.start.as_ptr(), self.len) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        pool().give(Block { ..self.block });
    }
}

/// A piece of memory of `size` numbers, allocated with [`layout`].
#[derive(Debug)]
struct Block {
    start: NonNull<f32>,
    size: usize,
}

// SAFETY: a block is plain memory with one owner.
unsafe impl Send for Block {}
// SAFETY: sharing a reference allows only reads.
unsafe impl Sync for Block {}

/// Sizes are rounded up to one of eight steps an octave, so that similar requests share memory.
fn size_class(len: usize) -> usize {
    let len = len.max(ALIGNMENT / size_of::<f32>());
    let step = (len.next_power_of_two() / 16).max(ALIGNMENT / size_of::<f32>());
    len.next_multiple_of(step)
}

fn layout(size: usize) -> Layout {
    Layout::array::<f32>(size)
        .and_then(|l| l.align_to(ALIGNMENT))
        .expect("a tensor is smaller than the address space")
}

struct Pool {
    idle: BTreeMap<usize, Vec<Block>>,
    idle_size: usize,
    used_size: usize,
    most_used: usize,
}

static POOL: Mutex<Pool> =
    Mutex::new(Pool { idle: BTreeMap::new(), idle_size: 0, used_size: 0, most_used: 0 });

fn pool() -> MutexGuard<'static, Pool> {
    // Nothing in the pool can panic halfway through a change, so a poisoned lock is still sound.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pool {
    fn take(&mut self, size: usize) -> Block {
        let block = self.idle_block(size).unwrap_or_else(|| self.allocate(size));
        self.used_size += block.size;
        self.most_used = self.most_used.max(self.used_size);
        block
    }

    /// An idle block of that size; of up to four times the size, where a new one would go beyond the limit.
    fn idle_block(&mut self, size: usize) -> Option<Block> {
        let room = self.used_size + self.idle_size + size <= self.limit();
        let largest = if room { size } else { 4 * size };
        let block = self.idle.range_mut(size..=largest).find_map(|(_, blocks)| blocks.pop())?;
        self.idle_size -= block.size;
        Some(block)
    }

    fn allocate(&mut self, size: usize) -> Block {
        self.trim(size);
        let layout = layout(size);
        // SAFETY: the layout has a positive size.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start.cast()) else { handle_alloc_error(layout) };
        Block { start, size }
    }

    fn give(&mut self, block: Block) {
        self.used_size -= block.size;
        self.idle_size += block.size;
        self.idle.entry(block.size).or_default().push(block);
    }

    /// What used and idle memory may come to. The quarter more than was ever in use is for blocks that wait while
    /// other sizes are asked for; without it, each step would give some back and ask for them again.
    fn limit(&self) -> usize {
        self.most_used + self.most_used / 4
    }

    /// Frees idle blocks, the largest first, until used and idle memory and `more` are within the limit.
    fn trim(&mut self, more: usize) {
        while self.used_size + self.idle_size + more > self.limit() {
            let Some(mut largest) = self.idle.last_entry() else { return };
            match largest.get_mut().pop() {
                Some(block) => {
                    self.idle_size -= block.size;
                    // SAFETY: the block was allocated with this layout and nobody holds it any more.
                    unsafe { dealloc(block.start.as_ptr().cast(), layout(block.size)) };
                }
                None => {
                    largest.remove();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_are_aligned_and_as_long_as_asked() {
        for len in [0, 1, 15, 16, 17, 1000, if cfg!(miri) { 1001 } else { 65_537 }] {
            let buffer = Buffer::new(len);
            assert_eq!(buffer.len(), len);
            assert_eq!(buffer.as_ptr() as usize % 64, 0);
        }
    }

    #[test]
    fn a_size_class_wastes_at_most_an_eighth() {
        for len in 256..5000 {
            let size = size_class(len);
            assert!(size >= len && size <= len + len / 8, "{len} {size}");
        }
    }

    #[test]
    fn the_pool_keeps_at_most_a_quarter_more_than_was_used_at_once() {
        let mut pool = Pool { idle: BTreeMap::new(), idle_size: 0, used_size: 0, most_used: 0 };
        for size in [100, 200, 400, 300, 50] {
            let block = pool.take(size * 16);
            pool.give(block);
            assert!(4 * pool.idle_size <= 5 * 400 * 16);
        }
        assert_eq!(pool.used_size, 0);
        pool.most_used = 0;
        pool.trim(0);
        assert_eq!(pool.idle_size, 0);
    }

    #[test]
    fn a_freed_block_is_used_again() {
        let mut pool = Pool { idle: BTreeMap::new(), idle_size: 0, used_size: 0, most_used: 0 };
        let block = pool.take(1024);
        let start = block.start;
        pool.give(block);
        let again = pool.take(1024);
        assert_eq!(again.start, start);
        pool.give(again);
        pool.most_used = 0;
        pool.trim(0);
    }
}
