//! The same work on many things at once, answers in the order of the things.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Apply `work` to every job on up to `threads` threads. After a failure no further job is begun and the first failure,
/// in job order, is the answer.
pub(crate) fn each<J: Sync, T: Send, E: Send>(
    jobs: &[J],
    threads: usize,
    work: impl Fn(&J) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    if threads <= 1 || jobs.len() <= 1 {
        return jobs.iter().map(work).collect();
    }
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let answers = Mutex::new(Vec::with_capacity(jobs.len()));
    let worker = || {
        while !stop.load(Relaxed) {
            let number = next.fetch_add(1, Relaxed);
            let Some(job) = jobs.get(number) else { break };
            let answer = work(job);
            if answer.is_err() {
                stop.store(true, Relaxed);
            }
            answers.lock().unwrap_or_else(PoisonError::into_inner).push((number, answer));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(jobs.len()) {
            scope.spawn(worker);
        }
        worker();
    });
    let mut answers = answers.into_inner().unwrap_or_else(PoisonError::into_inner);
    answers.sort_unstable_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}
