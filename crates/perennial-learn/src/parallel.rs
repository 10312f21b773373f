//! Work spread over a few threads. Who does which task is left to chance, so a task may only write what it owns.

use std::sync::{Mutex, PoisonError};
use std::thread;

/// Does every task once, on at most `threads` threads, this one included.
pub fn each<T: Send>(threads: usize, tasks: Vec<T>, work: impl Fn(T) + Sync) {
    let spare = threads.min(tasks.len()).saturating_sub(1);
    if spare == 0 {
        tasks.into_iter().for_each(work);
        return;
    }
    let queue = Mutex::new(tasks.into_iter());
    let drain = || {
        loop {
            let task = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
            match task {
                Some(task) => work(task),
                None => return,
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..spare {
            // Where the system gives no further thread, this one does the work alone.
            if thread::Builder::new().spawn_scoped(scope, drain).is_err() {
                break;
            }
        }
        drain();
    });
}

/// Does every task once and gives the results in the order of the tasks, whoever did them.
pub fn map<T: Send, R: Send>(threads: usize, tasks: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let mut results: Vec<Option<R>> = tasks.iter().map(|_| None).collect();
    each(threads, results.iter_mut().zip(tasks).collect(), |(slot, task)| *slot = Some(work(task)));
    results.into_iter().flatten().collect()
}

/// Cuts `len` things into at most `parts` runs of nearly equal length.
pub fn runs(len: usize, parts: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let parts = parts.clamp(1, len.max(1));
    (0..parts).map(move |part| len * part / parts..len * (part + 1) / parts)
}
