//! Work over row chunks whose boundaries never depend on the number of threads, so that neither do the results.

use std::ops::Range;

/// Rows per chunk: large enough that a thread's start does not matter, small enough that two threads share evenly.
const ROWS: usize = 8192;

/// `work` over consecutive chunks of `0..rows`, results in chunk order whatever `threads` is.
pub fn map<T: Send>(rows: usize, threads: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    tasks(rows.div_ceil(ROWS), threads, |chunk| work(chunk * ROWS..((chunk + 1) * ROWS).min(rows)))
}

/// `work` of the numbers `0..count`, a run of them per thread; results in their order.
pub fn tasks<T: Send>(count: usize, threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let workers = threads.clamp(1, count.max(1));
    if workers == 1 {
        return (0..count).map(work).collect();
    }
    let per_worker = count.div_ceil(workers);
    let work = &work;
    std::thread::scope(|scope| {
        let handles: Vec<_> = (0..count)
            .step_by(per_worker)
            .map(|first| scope.spawn(move || (first..(first + per_worker).min(count)).map(work).collect::<Vec<T>>()))
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

/// Σ of what `work` returns for the chunks of `0..rows`, added in chunk order.
pub fn sums<const N: usize>(rows: usize, threads: usize, work: impl Fn(Range<usize>) -> [f64; N] + Sync) -> [f64; N] {
    let mut total = [0.0; N];
    for part in map(rows, threads, work) {
        total.iter_mut().zip(part).for_each(|(sum, value)| *sum += value);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_change_no_bit_of_a_sum() {
        let values: Vec<f64> = (0..100_000).map(|i| 1.0 / f64::from(i + 1)).collect();
        let sum = |threads| sums(values.len(), threads, |rows| [values[rows].iter().sum::<f64>()])[0];
        assert!((1..=7).all(|threads| sum(threads).to_bits() == sum(1).to_bits()));
        assert!((sum(3) - values.iter().sum::<f64>()).abs() < 1e-11);
        assert_eq!(sums(0, 2, |_| [1.0]), [0.0]);
    }
}
