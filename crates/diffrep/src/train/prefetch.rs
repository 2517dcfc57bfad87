//! One persistent thread that reads and preprocesses the next batches while the current one trains.
use crate::data::{BatchOrder, DataError, ImageSet, Preprocess};
use std::io;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{Builder, JoinHandle};

/// Batches ready before they are asked for.
const AHEAD: usize = 2;

/// Images of one step, in host memory.
pub(super) struct HostBatch {
    /// Padded and standardised, `[N, H, W, C]`.
    pub standardised: Vec<f32>,
    /// Padded, in [0, 1], `[N, H, W, C]`.
    pub unit: Vec<f32>,
}

/// The batches of a run from some step on, in order: a pure function of the order and the data.
pub(super) struct Prefetch {
    receiver: Option<Receiver<Result<HostBatch, DataError>>>,
    thread: Option<JoinHandle<()>>,
}

impl Prefetch {
    /// Starts reading the batches of `order` from step `first` on.
    pub fn start(
        images: ImageSet,
        preprocess: Preprocess,
        mut order: BatchOrder,
        first: u64,
    ) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(AHEAD);
        let work = move || {
            for step in first.. {
                let batch = read_batch(&images, &preprocess, &order.rows_at(step));
                let failed = batch.is_err();
                // The receiver is gone when training is over.
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
        };
        let thread = Builder::new().name("batches".to_owned()).spawn(work)?;
        Ok(Self { receiver: Some(receiver), thread: Some(thread) })
    }

    /// The next batch. Errors if an image can't be read.
    pub fn next(&mut self) -> Result<HostBatch, DataError> {
        match self.receiver.as_ref().and_then(|receiver| receiver.recv().ok()) {
            Some(batch) => batch,
            None => self.rethrow(),
        }
    }

    /// The thread ends without a batch only by a panic: it goes on here.
    fn rethrow(&mut self) -> ! {
        match self.thread.take().map(JoinHandle::join) {
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            _ => unreachable!("no batch is asked for after an error"),
        }
    }
}

impl Drop for Prefetch {
    fn drop(&mut self) {
        // Without a receiver the thread's next send fails, and it returns.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            // Whatever it ended with, nobody waits for its batches any more.
            let _ = thread.join();
        }
    }
}

/// Images `rows` as training and measuring see them.
pub(super) fn read_batch(
    images: &ImageSet,
    preprocess: &Preprocess,
    rows: &[usize],
) -> Result<HostBatch, DataError> {
    let shape = images.shape();
    let mut pixels = vec![0.0; rows.len() * shape.len()];
    images.read(rows, &mut pixels)?;
    let mut batch = HostBatch { standardised: Vec::new(), unit: Vec::new() };
    preprocess.apply(shape, &pixels, &mut batch.standardised);
    preprocess.pad(shape, &pixels, &mut batch.unit);
    Ok(batch)
}
