//! How many orders will a customer place, and how surely?
//!
//! Assumes  the chance of an order and the mean of those beyond the first as they are served; between counts, the odds of the law.
//! Input    [`Customers`], a horizon, intervals in percent.
//! Output   `lo`, `hi` [rows], whole orders; or, beside a closed window, the share inside.
//! Cost     the counts of each distinct (x, T), tilted by a search of some thirty steps.
//! Ref      Efron (1981), Canadian Journal of Statistics 9(2): a law of another mean by exponential tilting.

use super::calendar::Calendar;
use super::coverage::{Counted, Coverage, coverage};
use super::customers::{ClosedWindow, Customers};
use super::judge::uniform;
use super::model::Outlook;
use super::walk::walk;

/// Tilts beyond this would put all weight on one count.
const TILT_MAX: f64 = 5.0;
const TILT_STEPS: usize = 30;
/// The result does not depend on it.
const THREADS: usize = 2;

/// Whole orders that hold so many percent of the outcomes, one value a row; NaN for a row without an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct OrdersBand {
    pub percent: u32,
    pub lo: Vec<f64>,
    pub hi: Vec<f64>,
}

impl Outlook {
    /// Intervals of the number of orders within `days`.
    #[must_use]
    pub fn orders_bands(&self, customers: &Customers, days: i32, percents: &[u32]) -> Vec<OrdersBand> {
        let walked = self.with_laws(customers, days, |all: &mut Vec<(u32, Vec<[f64; 2]>)>, law, rows| {
            let ends: Vec<[f64; 2]> = percents.iter().map(|percent| law.interval(*percent)).collect();
            all.extend(rows.iter().map(|row| (*row, ends.clone())));
        });
        let nothing = || vec![f64::NAN; customers.rows()];
        let mut bands: Vec<OrdersBand> =
            percents.iter().map(|&percent| OrdersBand { percent, lo: nothing(), hi: nothing() }).collect();
        for (row, ends) in walked.into_iter().flatten() {
            for (band, [lo, hi]) in bands.iter_mut().zip(ends) {
                (band.lo[row as usize], band.hi[row as usize]) = (lo, hi);
            }
        }
        bands
    }

    /// Coverage of these intervals; the tenths are by expected orders.
    #[must_use]
    pub fn orders_coverage(&self, window: &ClosedWindow, percents: &[u32], seed: u64) -> Vec<Coverage> {
        let customers = &window.customers;
        let walked = self.with_laws(customers, window.horizon_days, |all: &mut Vec<(f64, f64, u32, u32)>, law, rows| {
            for &row in rows.iter().filter(|row| window.orders[**row as usize].is_finite()) {
                let seen = window.orders[row as usize];
                let [below, reached] = law.around(seen);
                let pit = below + uniform(customers.key(row as usize), seed, 4) * (reached - below);
                let holds = |percent: u32| {
                    let [lo, hi] = law.interval(percent);
                    lo <= seen && seen <= hi
                };
                let plain = percents.iter().enumerate().fold(0, |bits, (at, &percent)| bits | u32::from(holds(percent)) << at);
                all.push((law.mean(), pit, row, plain));
            }
        });
        let mut rows = walked.concat();
        rows.sort_by_key(|row| row.2);
        let one = |(at, &percent): (usize, &u32)| {
            let [from, to] = ends(percent);
            let inside = rows.iter().map(|&(mean, pit, _, plain)| (mean, from < pit && pit <= to, plain & 1 << at != 0));
            coverage(percent, inside.collect::<Vec<Counted>>())
        };
        percents.iter().enumerate().map(one).collect()
    }

    /// Visits the law of every history with the rows that have it.
    fn with_laws<T: Default + Send>(
        &self,
        customers: &Customers,
        days: i32,
        visit: impl Fn(&mut T, &Counts<'_>, &[u32]) + Sync,
    ) -> Vec<T> {
        let law = &self.laws.orders.law;
        let walked = walk(customers, THREADS, |all: &mut T, _, pair| {
            let further = self.further_orders(pair.x, pair.t, days);
            let wait = law.living(pair.x, pair.t).wait();
            for rows in pair.triples(customers) {
                let p_alive = law.p_alive(&customers.history(rows[0] as usize)).unwrap_or(1.0);
                let p_order = Calendar::of(&wait, p_alive, &self.windows).p_order(f64::from(days));
                visit(all, &Counts { p_order, further: &further }, rows);
            }
        });
        walked.done
    }

    /// Chances of 1, 2, … orders, one having come, with the mean that closed windows ask for.
    fn further_orders(&self, x: f64, t: f64, days: i32) -> Vec<f64> {
        let counts = self.laws.orders.law.living(x, t).order_probabilities(f64::from(days));
        let some: f64 = counts.iter().skip(1).sum();
        if some <= 0.0 {
            return vec![1.0];
        }
        let law: Vec<f64> = counts.iter().skip(1).map(|p| p / some).collect();
        let wanted = self.nearest(days).map_or(1.0, |window| window.more_orders) * further(&law);
        tilted(&law, wanted)
    }
}

/// The chances below and up to which an interval leaves out.
fn ends(percent: u32) -> [f64; 2] {
    let miss = 0.5 - 0.005 * f64::from(percent);
    [miss, 1.0 - miss]
}

/// Mean of the orders beyond the first.
fn further(law: &[f64]) -> f64 {
    law.iter().enumerate().map(|(beyond, p)| beyond as f64 * p).sum()
}

/// The law with weights e^(θ n) that has the mean `wanted`, as near as [`TILT_MAX`] allows.
fn tilted(law: &[f64], wanted: f64) -> Vec<f64> {
    let by = |theta: f64| {
        // Of the largest weight, so that none overflows.
        let highest = if theta > 0.0 { law.len() as f64 - 1.0 } else { 0.0 };
        let mut weights: Vec<f64> =
            law.iter().enumerate().map(|(beyond, p)| p * libm::exp(theta * (beyond as f64 - highest))).collect();
        let all: f64 = weights.iter().sum();
        if all <= 0.0 {
            return law.to_vec();
        }
        weights.iter_mut().for_each(|weight| *weight /= all);
        weights
    };
    if (wanted - further(law)).abs() <= 1e-12 {
        return law.to_vec();
    }
    let (mut low, mut high) = (-TILT_MAX, TILT_MAX);
    for _ in 0..TILT_STEPS {
        let middle = 0.5 * (low + high);
        if further(&by(middle)) < wanted { low = middle } else { high = middle }
    }
    by(0.5 * (low + high))
}

/// The law of the number of orders of one history.
struct Counts<'a> {
    p_order: f64,
    /// Of 1, 2, … orders, one having come.
    further: &'a [f64],
}

impl Counts<'_> {
    fn mean(&self) -> f64 {
        self.p_order * (1.0 + further(self.further))
    }

    /// P(fewer than n) and P(at most n).
    fn around(&self, n: f64) -> [f64; 2] {
        let none = 1.0 - self.p_order;
        if n < 1.0 {
            return [0.0, none];
        }
        let up_to = |n: usize| none + self.p_order * self.further.iter().take(n).sum::<f64>();
        [up_to(n as usize - 1), up_to(n as usize)]
    }

    fn interval(&self, percent: u32) -> [f64; 2] {
        ends(percent).map(|chance| self.reaching(chance))
    }

    /// The fewest orders that at least this chance does not exceed.
    fn reaching(&self, chance: f64) -> f64 {
        let mut reached = 1.0 - self.p_order;
        let mut orders = 0.0;
        for p in self.further {
            if reached >= chance {
                break;
            }
            reached += self.p_order * p;
            orders += 1.0;
        }
        orders
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilted_law_has_the_wanted_mean() {
        let law = [0.5, 0.25, 0.15, 0.1];
        for wanted in [0.2, 0.6, 0.85, 1.4, 2.5] {
            let is = tilted(&law, wanted);
            assert!((further(&is) - wanted).abs() < 1e-6 && (is.iter().sum::<f64>() - 1.0).abs() < 1e-12, "{wanted}: {is:?}");
        }
        // A single count cannot be tilted.
        assert_eq!(tilted(&[1.0], 0.7), [1.0]);
    }

    #[test]
    fn chances_and_counts_agree() {
        let counts = Counts { p_order: 0.6, further: &[0.5, 0.3, 0.2] };
        assert!((counts.mean() - 0.6 * 1.7).abs() < 1e-12);
        let near = |is: [f64; 2], want: [f64; 2]| (is[0] - want[0]).abs() < 1e-12 && (is[1] - want[1]).abs() < 1e-12;
        assert!(
            near(counts.around(0.0), [0.0, 0.4]) && near(counts.around(1.0), [0.4, 0.7]) && near(counts.around(9.0), [1.0, 1.0])
        );
        assert_eq!([0.1, 0.4, 0.5, 0.7, 0.9, 1.0].map(|chance| counts.reaching(chance)), [0.0, 0.0, 1.0, 1.0, 3.0, 3.0]);
    }
}
