//! Threads of one's own for a sequence of kernels.
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Threads that run kernels called one after another, as many as the rayon pool that it is made in has.
///
/// A kernel that is called from outside the pool's threads wakes them all and sleeps itself; thousands of times a
/// training step, this costs up to a tenth of it. A caller that runs [inside](Team::run) works along instead. The
/// threads are the caller's alone, not the global pool's: there, a caller that waits could be made to start another
/// caller's work in between, which would have to wait for locks that the first one holds.
#[derive(Debug)]
pub struct Team {
    /// None if no threads could be started; then kernels run on the pool of the caller.
    pool: Option<ThreadPool>,
}

impl Team {
    /// Starts the threads.
    pub fn new() -> Self {
        let threads = rayon::current_num_threads();
        Self { pool: ThreadPoolBuilder::new().num_threads(threads).build().ok() }
    }

    /// Runs `work` on one of the threads and waits for it; kernels that it calls spread over all of them. A panic in
    /// `work` goes on in the caller.
    pub fn run<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        match &self.pool {
            Some(pool) => pool.install(work),
            None => work(),
        }
    }
}

impl Default for Team {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_team_has_the_threads_of_the_pool_that_it_is_made_in() {
        let three = ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let team = three.install(Team::new);
        assert_eq!(team.run(rayon::current_num_threads), 3);
        assert!(team.run(rayon::current_thread_index).is_some(), "the work runs on one of the threads");
    }

    #[test]
    fn a_team_within_a_team_runs() {
        let (outer, inner) = (Team::new(), Team::new());
        assert_eq!(outer.run(|| inner.run(|| 1) + 1), 2);
    }
}
