//! Sums over many rows on several threads, with the bits of one.
//!
//! Rows are cut into chunks of a fixed size and the chunks' sums are added in their order, so it does not matter which thread
//! computed which.

use std::ops::Range;

const CHUNK: usize = 8192;

/// Σ over 0..len of what `sums_of` returns for a range of rows.
pub(super) fn ordered_sum<const S: usize>(
    len: usize,
    threads: usize,
    sums_of: impl Fn(Range<usize>) -> [f64; S] + Sync,
) -> [f64; S] {
    let mut partial = vec![[0.0; S]; len.div_ceil(CHUNK)];
    let share = partial.len().div_ceil(threads.max(1)).max(1);
    let fill = |first: usize, partial: &mut [[f64; S]]| {
        for (chunk, sum) in (first..).zip(partial) {
            *sum = sums_of(chunk * CHUNK..len.min((chunk + 1) * CHUNK));
        }
    };
    std::thread::scope(|scope| {
        let mut work = partial.chunks_mut(share).enumerate();
        // The first share is this thread's own, so a small table starts no thread at all.
        let own = work.next();
        for (part, partial) in work {
            let fill = &fill;
            scope.spawn(move || fill(part * share, partial));
        }
        if let Some((_, partial)) = own {
            fill(0, partial);
        }
    });
    let mut total = [0.0; S];
    for sum in &partial {
        total.iter_mut().zip(sum).for_each(|(total, sum)| *total += sum);
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_change_no_bit() {
        let values: Vec<f64> = (0..100_000).map(|i| 1.0 / f64::from(i + 1)).collect();
        let sum = |threads| ordered_sum(values.len(), threads, |rows| [values[rows].iter().sum::<f64>()])[0].to_bits();
        assert!((1..=7).all(|threads| sum(threads) == sum(1)));
        assert!((f64::from_bits(sum(3)) - values.iter().sum::<f64>()).abs() < 1e-11);
        assert_eq!(ordered_sum(0, 2, |_| [1.0]), [0.0]);
    }
}
