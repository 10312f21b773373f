//! What do a shop's customers and its closed windows teach about what comes next?
//!
//! Assumes  what the laws get wrong in the last closed windows they get wrong next time too.
//! Input    customers as of the newest day, and closed windows, each with the customers as of the day it began on.
//! Output   an [`Outlook`]: laws fitted on the newest day, and for each horizon of a closed window a recalibration learned from laws fitted on
//!          the day that window began, which have not seen it. Windows of one horizon are pooled.
//! Cost     three fits to choose the law of orders, one a window, and one pass over each window.
//! Ref      see `law`, `spend`, `recalibration`.

use super::customers::{ClosedWindow, Customers, check_horizon};
use super::judge::{Judged, judge};
use super::law;
use super::model::{FACTOR_MAX, LISTED_MAX, Laws, Outlook, Window};
use super::recalibration::{Pit, Recalibration};
use super::refusal::Refusal;
use super::spend::FittedSpend;
use crate::parallel;

/// What is asked about where nothing else is said.
pub const HORIZONS_DAYS: [i32; 5] = [30, 60, 90, 180, 365];
/// A total is trusted like one with so many more customers whose forecast came true.
const FACTOR_CUSTOMERS: f64 = 20.0;

/// What a fit may depend on besides its data.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The horizons to answer for.
    pub horizons_days: Vec<i32>,
    pub seed: u64,
    /// Threads to use; the result does not depend on it.
    pub threads: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { horizons_days: HORIZONS_DAYS.to_vec(), seed: 1, threads: 2 }
    }
}

impl Outlook {
    /// Laws from `now`, recalibrated on `closed`. A closed window that says nothing (nobody had ordered again when it began) is left out.
    pub fn fit(now: &Customers, closed: &[ClosedWindow], settings: &Settings) -> Result<Self, Refusal> {
        let horizons_days = settings.checked_horizons()?;
        let purchases = now.purchases()?;
        let orders = law::choose(&purchases, settings.threads);
        let laws = Laws { orders, spend: FittedSpend::fit(now, settings.threads) };
        let mut by_horizon: Vec<&ClosedWindow> = closed.iter().collect();
        by_horizon.sort_by_key(|window| window.horizon_days);
        let of_one = by_horizon.chunk_by(|a, b| a.horizon_days == b.horizon_days);
        // Windows are small: a thread each serves better than many threads for one after another.
        let alone = Settings { threads: 1, ..settings.clone() };
        let learnt = parallel::map(settings.threads, of_one.collect(), |windows| learn(&laws, windows, &alone));
        let windows = learnt.into_iter().flatten().collect();
        Ok(Self { horizons_days, customers: purchases.rows(), laws, windows })
    }
}

impl Settings {
    fn checked_horizons(&self) -> Result<Vec<i32>, Refusal> {
        let mut days = self.horizons_days.clone();
        days.sort_unstable();
        days.dedup();
        days.iter().try_for_each(|days| check_horizon(*days))?;
        if days.is_empty() || days.len() > LISTED_MAX {
            return Err(Refusal::Horizons { count: days.len(), max: LISTED_MAX });
        }
        Ok(days)
    }
}

/// The laws of a window's first day: the served law fitted again on what was known then. Where that cannot carry it, the served letters
/// stand in: an error of another law would say nothing about this one, while a few letters have seen little of the window.
fn laws_then(served: &Laws, customers: &Customers, threads: usize) -> Option<Laws> {
    let purchases = customers.purchases().ok()?;
    let (name, basis) = (served.orders.name(), served.orders.basis());
    let then = law::again(name, &purchases, threads);
    let orders = if then.name() == name && then.basis() == basis { then } else { served.orders };
    let spend = served
        .spend
        .map(|served| FittedSpend::fit(customers, threads).filter(|then| then.basis() == served.basis()).unwrap_or(served));
    Some(Laws { orders, spend })
}

/// What windows of one horizon teach; `None` where there is nothing to learn.
fn learn(served: &Laws, windows: &[&ClosedWindow], settings: &Settings) -> Option<Window> {
    let mut seen: Vec<(&ClosedWindow, Judged)> = Vec::new();
    for window in windows {
        let Some(laws) = laws_then(served, &window.customers, settings.threads) else { continue };
        let judged = judge(&laws, window, settings.seed, settings.threads);
        seen.extend(judged.into_iter().filter(|judged| judged.next.is_some()).map(|judged| (*window, judged)));
    }
    if seen.is_empty() {
        return None;
    }
    let next_order = seen.iter().filter_map(|(_, judged)| Some((judged.p_order, judged.next?)));
    let next_order = Recalibration::fit(next_order.collect());
    let spend: Vec<(f64, Pit)> = seen.iter().filter_map(|(_, judged)| judged.spend_of()).collect();
    let spend = (!spend.is_empty()).then(|| Recalibration::fit(spend));
    let mut window = Window {
        horizon_days: windows[0].horizon_days,
        customers: seen.len(),
        buyers: [0.0; 3],
        next_order,
        spend,
        more_orders: 1.0,
        spend_scale: 1.0,
    };
    correct(&mut window, &seen);
    Some(window)
}

impl Judged {
    /// Forecast and PIT of spend, where it is known.
    fn spend_of(&self) -> Option<(f64, Pit)> {
        let spend = self.spend?;
        Some((self.orders * spend.order_cents, spend.pit?))
    }
}

/// Makes the totals of the window come true: its buyers are told by the map, their further orders and their spend by a factor each.
fn correct(window: &mut Window, seen: &[(&ClosedWindow, Judged)]) {
    let (mut buyers, mut more) = ([0.0; 3], [0.0; 2]);
    for (of, judged) in seen {
        let (p, orders) = (window.next_order.at(judged.p_order).chance(judged.p_order), of.orders[judged.row as usize]);
        let bought = if orders > 0.0 { 1.0 } else { 0.0 };
        buyers = [buyers[0] + judged.p_order, buyers[1] + p, buyers[2] + bought];
        more = [more[0] + p * judged.more_orders(), more[1] + orders - bought];
    }
    window.buyers = buyers;
    window.more_orders = factor(more, seen.len());
    let mut spend = [0.0; 2];
    for (of, judged) in seen {
        let Some(law) = judged.spend.filter(|spend| spend.pit.is_some()) else { continue };
        let p = window.next_order.at(judged.p_order).chance(judged.p_order);
        let orders = p * (1.0 + window.more_orders * judged.more_orders());
        spend = [spend[0] + orders * law.order_cents, spend[1] + of.spend_cents[judged.row as usize]];
    }
    window.spend_scale = factor(spend, seen.len());
}

impl Judged {
    /// E[orders beyond the first | an order].
    fn more_orders(&self) -> f64 {
        if self.p_order > 0.0 { (self.orders / self.p_order - 1.0).max(0.0) } else { 0.0 }
    }
}

/// Seen over expected, drawn towards 1 by [`FACTOR_CUSTOMERS`].
fn factor([expected, seen]: [f64; 2], customers: usize) -> f64 {
    let known = expected * FACTOR_CUSTOMERS / customers as f64;
    let ratio = (seen + known) / (expected + known);
    if ratio.is_finite() { ratio.clamp(1.0 / FACTOR_MAX, FACTOR_MAX) } else { 1.0 }
}
