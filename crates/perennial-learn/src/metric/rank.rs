//! Rows ordered by score once, ties kept together, so that resampling only changes weights.

/// An order of rows by score, and where each group of equal scores ends.
#[derive(Clone, Debug)]
pub struct Ranking {
    order: Vec<u32>,
    /// End (exclusive) of each tie group in `order`.
    ends: Vec<u32>,
}

impl Ranking {
    /// Highest score first; NaN, which no valid score is, comes last.
    #[must_use]
    pub fn descending(scores: &[f64]) -> Self {
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        let key = |row: u32| {
            let score = scores[row as usize];
            if score.is_nan() { f64::NEG_INFINITY } else { score }
        };
        order.sort_by(|&a, &b| key(b).total_cmp(&key(a)).then(a.cmp(&b)));
        let mut ends = Vec::new();
        for position in 1..=order.len() {
            // total_cmp sorts −0 below +0; as numbers they are equal and so tie.
            if position == order.len() || key(order[position]) < key(order[position - 1]) {
                ends.push(position as u32);
            }
        }
        Self { order, ends }
    }

    /// Groups of rows with equal scores, best first.
    pub fn groups(&self) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        self.ends.iter().map(move |&end| {
            let group = &self.order[start..end as usize];
            start = end as usize;
            group
        })
    }
}

/// The weight of a row: 1 without weights.
pub(crate) fn weight(weights: Option<&[f64]>, row: u32) -> f64 {
    weights.map_or(1.0, |w| w[row as usize])
}

/// Ranks from 1, equal values share their mean rank.
#[must_use]
pub fn mean_ranks(values: &[f64]) -> Vec<f64> {
    let mut ranks = vec![0.0; values.len()];
    let mut above = 0_usize;
    for group in Ranking::descending(values).groups() {
        // Positions above+1 ..= above+len counted from the top; from the bottom that is n − above − (len − 1)/2.
        let rank = (values.len() - above) as f64 - (group.len() as f64 - 1.0) / 2.0;
        for &row in group {
            ranks[row as usize] = rank;
        }
        above += group.len();
    }
    ranks
}
