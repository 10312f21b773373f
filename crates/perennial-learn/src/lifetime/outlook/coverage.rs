//! Did so many outcomes fall inside as the intervals promised?
//!
//! Assumes  a window that neither laws nor recalibration have seen.
//! Input    an [`Outlook`] and a [`ClosedWindow`].
//! Output   for each interval the share of customers inside, overall and by tenth of the forecast; counted in two ways. `by_pit` spreads an
//!          outcome on an atom (no spend; no order yet) over the atom's chances, as the intervals are made; `plain` counts lo ≤ outcome ≤ hi,
//!          which is more wherever an end lies on an atom: where nine of ten spend nothing, 0..0 holds nine of ten and cannot hold fewer.
//! Cost     one pass over the window.
//! Ref      Czado, Gneiting & Held (2009), Biometrics 65(4).

use serde::{Deserialize, Serialize};

use super::answer::Ask;
use super::calendar::Calendar;
use super::customers::ClosedWindow;
use super::judge::{Next, judge, uniform};
use super::model::Outlook;
use super::recalibration::{Recalibration, widened};
use super::refusal::Refusal;
use super::walk::walk;

const TENTHS: usize = 10;

/// How one interval did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    pub percent: u32,
    pub customers: usize,
    pub by_pit: f64,
    pub plain: f64,
    /// By rising forecast.
    pub tenths: Vec<TenthCoverage>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenthCoverage {
    pub customers: usize,
    pub forecast_mean: f64,
    pub by_pit: f64,
    pub plain: f64,
}

/// One customer: forecast, whether inside by PIT, whether inside plainly.
pub(super) type Counted = (f64, bool, bool);

impl Outlook {
    /// Coverage of the spend intervals of the window's horizon, which need not be one of the outlook's; the tenths are by expected spend.
    pub fn spend_coverage(&self, window: &ClosedWindow, percents: &[u32], seed: u64) -> Result<Vec<Coverage>, Refusal> {
        let asked = Self { horizons_days: vec![window.horizon_days], ..self.clone() };
        let ask = Ask { spend_horizons_days: &asked.horizons_days, bands: percents, threads: 2 };
        let answers = asked.answer(&window.customers, ask)?;
        let spend = &answers.spend()[0];
        let nearest = self.nearest(window.horizon_days);
        let levels = nearest.and_then(|window| window.spend.as_ref());
        let level_days = f64::from(nearest.map_or(window.horizon_days, |window| window.horizon_days()));
        let judged = judge(&self.laws, window, seed, 2);
        let as_told = Recalibration::none();
        let one = |(band, &percent): (usize, &u32)| {
            let miss = 0.5 - 0.005 * f64::from(percent);
            let rows = judged.iter().filter_map(|judged| {
                let (row, law) = (judged.row as usize, judged.spend?);
                let seen = window.customers.history(row);
                let orders = judged.p_alive * self.laws.orders.law.living(seen.x, seen.t).orders_expected(level_days);
                let local = levels.unwrap_or(&as_told).at(orders * law.order_cents);
                let [from, to] = [miss, 1.0 - miss]
                    .map(|end| if spend.is_extrapolated { local.chance(widened(local.law_chance(end))) } else { end });
                let pit = law.pit?.recalibrated(local);
                let (lo, hi, cents) = (spend.bands[band].lo[row], spend.bands[band].hi[row], window.spend_cents[row].max(0.0));
                Some((spend.expected[row], from < pit && pit <= to, lo <= cents && cents <= hi))
            });
            coverage(percent, rows.collect())
        };
        Ok(percents.iter().enumerate().map(one).collect())
    }

    /// Coverage of the days between the chances ½ ± percent/2 of the next order (80: from q10 to q90); the tenths are by P(order).
    #[must_use]
    pub fn next_order_coverage(&self, window: &ClosedWindow, percent: u32, seed: u64) -> Coverage {
        let (customers, law, horizon) = (&window.customers, &self.laws.orders.law, f64::from(window.horizon_days));
        let miss = 0.5 - 0.005 * f64::from(percent);
        let walked = walk(customers, 2, |all: &mut Vec<Counted>, _, pair| {
            let wait = law.living(pair.x, pair.t).wait();
            for rows in pair.triples(customers) {
                let p_alive = law.p_alive(&customers.history(rows[0] as usize)).unwrap_or(1.0);
                let calendar = Calendar::of(&wait, p_alive, &self.windows);
                let reached = calendar.p_order(horizon);
                let [from, to] = [miss, 1.0 - miss].map(|chance| calendar.days_until(chance).unwrap_or(f64::INFINITY));
                for &row in rows {
                    let luck = |stream| uniform(customers.key(row as usize), seed, stream);
                    let Some(next) = window.next_order(row as usize, luck(1)) else { continue };
                    let (pit, plain) = match next {
                        Next::At(t) => (calendar.p_order(t), from <= t && t <= to),
                        Next::Within => (luck(2) * reached, from <= horizon),
                        // What is not over may still fall inside, unless the interval is.
                        Next::Beyond => (1.0 - luck(2) * (1.0 - reached), to > horizon),
                    };
                    all.push((reached, miss < pit && pit <= 1.0 - miss, plain));
                }
            }
        });
        coverage(percent, walked.done.concat())
    }
}

pub(super) fn coverage(percent: u32, mut rows: Vec<Counted>) -> Coverage {
    // Equal forecasts stay in the order of the rows, which chance has no part in.
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    let share =
        |rows: &[Counted], inside: fn(&Counted) -> bool| rows.iter().filter(|row| inside(row)).count() as f64 / rows.len() as f64;
    let tenth = |i: usize| {
        let own = &rows[rows.len() * i / TENTHS..rows.len() * (i + 1) / TENTHS];
        (!own.is_empty()).then(|| TenthCoverage {
            customers: own.len(),
            forecast_mean: own.iter().map(|row| row.0).sum::<f64>() / own.len() as f64,
            by_pit: share(own, |row| row.1),
            plain: share(own, |row| row.2),
        })
    };
    Coverage {
        percent,
        customers: rows.len(),
        by_pit: share(&rows, |row| row.1),
        plain: share(&rows, |row| row.2),
        tenths: (0..TENTHS).filter_map(tenth).collect(),
    }
}
