//! How often does the one with the higher risk go first?
//!
//! Assumes  censoring says nothing about risk.
//! Input    `duration`, `event`, `risk` [n], higher for an earlier event.
//! Output   share of comparable pairs in the right order, 0.5 for tied risks; none where no pair can be compared.
//! Cost     O(n log n).
//! Ref      Harrell, Lee & Mark (1996), Statistics in Medicine 15. A pair is comparable when the shorter life ended with an event; of equal
//!          lives, one with an event and one censored is comparable, two events are not.

use super::subjects::Lives;

#[must_use]
pub fn concordance(lives: &Lives, risk: &[f64]) -> Option<f64> {
    let mut levels = risk.to_vec();
    levels.sort_by(f64::total_cmp);
    levels.dedup_by(|a, b| a.total_cmp(b).is_eq());
    let level = |risk: f64| levels.partition_point(|other| other.total_cmp(&risk).is_lt());
    let mut later = Counts { sums: vec![0; levels.len() + 1], total: 0 };
    let order = lives.by_duration();
    let (mut doubled, mut pairs) = (0_u64, 0_u64);
    let mut end = order.len();
    while end > 0 {
        let duration = lives.duration()[order[end - 1] as usize];
        let start = order[..end].partition_point(|row| lives.duration()[*row as usize] < duration);
        // Events stand first; the censored of the same duration outlived them.
        let events = order[start..end].partition_point(|row| lives.event()[*row as usize]);
        let (events, censored) = order[start..end].split_at(events);
        censored.iter().for_each(|row| later.add(level(risk[*row as usize])));
        for row in events {
            let level = level(risk[*row as usize]);
            let (below, up_to) = (later.below(level), later.below(level + 1));
            doubled += 2 * below + (up_to - below);
            pairs += later.total;
        }
        events.iter().for_each(|row| later.add(level(risk[*row as usize])));
        end = start;
    }
    (pairs > 0).then(|| doubled as f64 / (2.0 * pairs as f64))
}

/// How many of each level, summed as a Fenwick tree.
struct Counts {
    sums: Vec<u64>,
    total: u64,
}

impl Counts {
    fn add(&mut self, level: usize) {
        self.total += 1;
        let mut at = level + 1;
        while at < self.sums.len() {
            self.sums[at] += 1;
            at += at & at.wrapping_neg();
        }
    }

    /// How many of lower levels.
    fn below(&self, level: usize) -> u64 {
        let (mut at, mut sum) = (level, 0);
        while at > 0 {
            sum += self.sums[at];
            at &= at - 1;
        }
        sum
    }
}
