//! Which rows make up the batch of a training step.
use crate::random::{Purpose, Seed};

/// The order in which training visits the rows: every epoch a new permutation, nothing dropped (a batch may end one
/// epoch and begin the next). A pure function of seed and step, so a resumed run goes on where it stopped.
#[derive(Clone, Debug)]
pub struct BatchOrder {
    rows: usize,
    batch: usize,
    seed: Seed,
    stream: u16,
    /// The permutation used last, with its epoch.
    current: Option<(u64, Vec<usize>)>,
}

impl BatchOrder {
    /// Batches of `batch` out of `rows` rows. Without rows, batches are empty.
    pub fn new(rows: usize, batch: usize, seed: Seed) -> Self {
        Self::with_stream(rows, batch, seed, 0)
    }

    /// The same, for one of several orders of one seed: different streams are independent.
    pub fn with_stream(rows: usize, batch: usize, seed: Seed, stream: u16) -> Self {
        Self { rows, batch, seed, stream, current: None }
    }

    /// Steps are numbered from 0.
    pub fn rows_at(&mut self, step: u64) -> Vec<usize> {
        if self.rows == 0 {
            return Vec::new();
        }
        let (first, rows) = (u128::from(step) * self.batch as u128, self.rows as u128);
        let places = (0..self.batch as u128).map(|offset| first + offset);
        places.map(|place| self.permutation((place / rows) as u64)[(place % rows) as usize]).collect()
    }

    fn permutation(&mut self, epoch: u64) -> &[usize] {
        let (rows, seed, stream) = (self.rows, self.seed, self.stream);
        // Epochs beyond 2³² would repeat earlier ones: out of reach.
        let draw = || (epoch, seed.key(Purpose::Shuffle, stream, epoch as u32).permutation(0, rows));
        let current = self.current.get_or_insert_with(draw);
        if current.0 != epoch {
            *current = draw();
        }
        &current.1
    }
}
