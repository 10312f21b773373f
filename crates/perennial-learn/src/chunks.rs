//! Work over row chunks whose boundaries never depend on the number of threads, so that neither do the results.

use std::ops::Range;

/// Rows per chunk: large enough that a thread's start does not matter, small enough that two threads share evenly.
const ROWS: usize = 8192;

/// `work` over consecutive chunks of `0..rows`, results in chunk order whatever `threads` is.
pub fn map<T: Send>(rows: usize, threads: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let chunks: Vec<Range<usize>> = (0..rows.div_ceil(ROWS)).map(|i| i * ROWS..((i + 1) * ROWS).min(rows)).collect();
    let workers = threads.clamp(1, chunks.len().max(1));
    if workers == 1 {
        return chunks.into_iter().map(work).collect();
    }
    let per_worker = chunks.len().div_ceil(workers);
    let work = &work;
    std::thread::scope(|scope| {
        let handles: Vec<_> = chunks
            .chunks(per_worker)
            .map(|mine| {
                let mine = mine.to_vec();
                scope.spawn(move || mine.into_iter().map(work).collect::<Vec<T>>())
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|handle| match handle.join() {
                Ok(results) => results,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    })
}

/// Element-wise sum of the chunks' vectors, in chunk order.
#[must_use]
pub fn sum(parts: Vec<Vec<f64>>) -> Vec<f64> {
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        for (sum, value) in total.iter_mut().zip(part) {
            *sum += value;
        }
    }
    total
}
