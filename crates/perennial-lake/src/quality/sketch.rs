//! Small summaries of many values: how many distinct, and how they are spread. Both keep the values whose hash is smallest, so they are
//! exact on small columns, and on large ones the same whatever the order of rows or the number of threads.
//!
//! Ref  Bar-Yossef et al. (2002), "Counting distinct elements in a data stream", algorithm 2 (k minimum values);
//!      Cohen & Kaplan (2007), "Summarizing data using bottom-k sketches".

use std::collections::BTreeSet;

/// Distinct values of a column; exact below `KEPT`, then an estimate with a relative error of about 1/√KEPT.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    smallest: BTreeSet<u64>,
}

const KEPT: usize = 2_048;

impl Distinct {
    pub fn add(&mut self, hash: u64) {
        if self.smallest.len() < KEPT {
            self.smallest.insert(hash);
        } else if self.smallest.last().is_some_and(|&largest| hash < largest) && self.smallest.insert(hash) {
            self.smallest.pop_last();
        }
    }

    /// How many, and whether that is exact.
    #[must_use]
    pub fn count(&self) -> (u64, bool) {
        match self.smallest.last() {
            Some(&largest) if self.smallest.len() == KEPT => {
                let share = (largest as f64 + 1.0) / (u64::MAX as f64 + 1.0);
                (((KEPT - 1) as f64 / share).round() as u64, false)
            }
            _ => (self.smallest.len() as u64, true),
        }
    }
}

/// A uniform sample of a numeric column, keyed by the hash of the row.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    rows: Vec<(u64, f64)>,
    seen: u64,
}

const SAMPLED: usize = 8_192;

impl Sample {
    pub fn add(&mut self, row_hash: u64, value: f64) {
        self.seen += 1;
        self.rows.push((row_hash, value));
        if self.rows.len() == 2 * SAMPLED {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        if self.rows.len() > SAMPLED {
            self.rows.select_nth_unstable_by(SAMPLED, |a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            self.rows.truncate(SAMPLED);
        }
    }

    /// The sampled values, ascending, and how many rows each stands for.
    #[must_use]
    pub fn sorted(&self) -> (Vec<f64>, f64) {
        let mut sample = self.clone();
        sample.shrink();
        let mut values: Vec<f64> = sample.rows.iter().map(|row| row.1).collect();
        values.sort_by(f64::total_cmp);
        let weight = self.seen as f64 / values.len().max(1) as f64;
        (values, weight)
    }
}

/// Quantile of ascending values by linear interpolation (type 7 of Hyndman & Fan, 1996); `None` without values.
#[must_use]
pub fn quantile(ascending: &[f64], q: f64) -> Option<f64> {
    let position = q * (ascending.len().checked_sub(1)?) as f64;
    let (low, high) = (ascending[position.floor() as usize], ascending[position.ceil() as usize]);
    Some(low + (high - low) * position.fract())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::hash::hash;

    #[test]
    fn distinct_is_exact_when_small_and_close_when_large() {
        for (values, tolerance) in [(0_u64, 0.0), (1, 0.0), (2_000, 0.0), (500_000, 0.06)] {
            let mut distinct = Distinct::default();
            for value in (0..values).chain(0..values / 2) {
                distinct.add(hash(&value.to_le_bytes(), 1));
            }
            let (count, is_exact) = distinct.count();
            assert!((count as f64 - values as f64).abs() <= tolerance * values as f64, "{count} for {values}");
            assert_eq!(is_exact, values < 2_048);
        }
    }

    #[test]
    fn a_sample_does_not_depend_on_order() {
        let key = |row: u64| hash(&row.to_le_bytes(), 2);
        let (mut forward, mut backward) = (Sample::default(), Sample::default());
        for row in 0..100_000_u64 {
            forward.add(key(row), row as f64);
            backward.add(key(99_999 - row), (99_999 - row) as f64);
        }
        assert_eq!(forward.sorted(), backward.sorted());
        let median = quantile(&forward.sorted().0, 0.5).unwrap();
        assert!((median - 50_000.0).abs() < 2_500.0, "{median}");
        assert_eq!(quantile(&[1.0, 2.0], 0.5), Some(1.5));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
