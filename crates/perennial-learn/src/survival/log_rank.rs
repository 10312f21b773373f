//! Do groups live equally long?
//!
//! Assumes  censoring does not depend on how long a row would have lived, within each group.
//! Input    lives and the group of each [n].
//! Output   χ², degrees of freedom and p; events seen and expected per group.
//! Cost     one sort; groups² additions per event time.
//! Ref      Mantel (1966), Cancer Chemotherapy Reports 50; Peto & Peto (1972), JRSS A 135 (any number of groups).

use perennial_contract::estimator::FitError;

use super::subjects::{Lives, refused};
use super::tails;
use crate::learner::linear::inverse;

#[derive(Clone, Debug, PartialEq)]
pub struct LogRank {
    pub chi_squared: f64,
    pub degrees_of_freedom: usize,
    pub p_value: f64,
    pub seen: Vec<usize>,
    pub expected: Vec<f64>,
}

/// `group` numbers the groups from 0 to `groups` − 1.
pub fn test(lives: &Lives, group: &[usize], groups: usize) -> Result<LogRank, FitError> {
    let order = lives.by_duration();
    let mut at_risk = vec![0_usize; groups];
    group.iter().for_each(|group| at_risk[*group] += 1);
    let (mut seen, mut expected, mut variance) = (vec![0; groups], vec![0.0; groups], vec![0.0; groups * groups]);
    let mut start = 0;
    while start < order.len() {
        let time = lives.duration()[order[start] as usize];
        let end = start + order[start..].partition_point(|row| lives.duration()[*row as usize] <= time);
        let rows = &order[start..end];
        for row in rows.iter().filter(|row| lives.event()[**row as usize]) {
            seen[group[*row as usize]] += 1;
        }
        let events = rows.iter().filter(|row| lives.event()[**row as usize]).count() as f64;
        let n = (order.len() - start) as f64;
        // Of one left, it happens to that one: no variance.
        let spread = if n > 1.0 { events * (n - events) / (n - 1.0) } else { 0.0 };
        for a in 0..groups {
            let share = at_risk[a] as f64 / n;
            expected[a] += events * share;
            for b in 0..groups {
                variance[a * groups + b] += spread * share * (f64::from(u8::from(a == b)) - at_risk[b] as f64 / n);
            }
        }
        rows.iter().for_each(|row| at_risk[group[*row as usize]] -= 1);
        start = end;
    }
    let freedom = groups.saturating_sub(1);
    // One group less: the last one's surplus is what the others lack.
    let cut: Vec<f64> = (0..freedom * freedom).map(|at| variance[at / freedom * groups + at % freedom]).collect();
    let Some(inverse) = inverse(&cut, freedom).filter(|_| freedom > 0) else {
        return Err(refused("the groups cannot be compared: one of them was gone before the first event of another".to_owned()));
    };
    let surplus: Vec<f64> = (0..freedom).map(|a| seen[a] as f64 - expected[a]).collect();
    let pull = |row: &[f64]| row.iter().zip(&surplus).map(|(cell, s)| cell * s).sum::<f64>();
    let chi_squared = inverse.chunks_exact(freedom).zip(&surplus).map(|(row, s)| s * pull(row)).sum::<f64>();
    Ok(LogRank { chi_squared, degrees_of_freedom: freedom, p_value: tails::chi_squared(chi_squared, freedom), seen, expected })
}
