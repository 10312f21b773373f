//! Where did the outcomes of a closed window fall in the laws that forecast them?
//!
//! Assumes  the laws have not seen the outcomes.
//! Input    laws and a [`ClosedWindow`].
//! Output   for every customer the chance of an order, expected orders and spend, and the PITs of the next order's day and of spend.
//!          Atoms are spread by luck, a number between 0 and 1 that hangs on the customer and the seed alone: no order by the window's end is
//!          spread above F(end), no spend over P(N = 0), an order's time of day over its day.
//! Cost     as the answers.
//! Ref      Smith (1985), J. Forecasting 4(3); Czado, Gneiting & Held (2009), Biometrics 65(4): PITs of what has atoms.

use super::customers::ClosedWindow;
use super::model::Laws;
use super::recalibration::Pit;
use super::walk::{Asked, kind, kinds, walk};

/// One customer of the window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Judged {
    pub row: u32,
    pub p_alive: f64,
    /// P(an order in the window) by the law.
    pub p_order: f64,
    /// E[orders in the window] by the law.
    pub orders: f64,
    /// Of the day of the next order; `None` where unknown.
    pub next: Option<Pit>,
    pub spend: Option<JudgedSpend>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct JudgedSpend {
    /// E[spend of an order] by the law, minor units.
    pub order_cents: f64,
    /// Of the spend in the window; `None` where unknown.
    pub pit: Option<Pit>,
}

/// Every known customer, in an order that does not depend on `threads`.
pub(super) fn judge(laws: &Laws, window: &ClosedWindow, seed: u64, threads: usize) -> Vec<Judged> {
    let (customers, law, days) = (&window.customers, &laws.orders.law, f64::from(window.horizon_days));
    let walked = walk(customers, threads, |all: &mut Vec<Judged>, kernels, pair| {
        let living = law.living(pair.x, pair.t);
        let (wait, orders) = (living.wait(), living.orders_expected(days));
        let p_order = wait.p_order(days);
        let counts = laws.spend.as_ref().map(|_| living.order_probabilities(days)).unwrap_or_default();
        let mixtures = laws.spend.as_ref().map(|spend| {
            let needs = kinds(customers, pair.rows);
            kernels.grow(Asked { law, spend, at: 0, days }, pair, needs, counts.len());
            (spend, kernels.mix(0, needs, &counts))
        });
        for rows in pair.triples(customers) {
            let p_alive = law.p_alive(&customers.history(rows[0] as usize)).unwrap_or(1.0);
            for &row in rows {
                let luck = |stream| uniform(customers.key(row as usize), seed, stream);
                let reached = p_alive * p_order;
                let next = window.next_order(row as usize, luck(1)).map(|next| match next {
                    Next::At(t) => Pit::At(p_alive * wait.p_order(t)),
                    Next::Within => Pit::Below { chance: reached, luck: luck(2) },
                    Next::Beyond => Pit::Above { chance: reached, luck: luck(2) },
                });
                let spend = mixtures.as_ref().and_then(|(spend, mixtures)| {
                    let (mixture, spent) = (mixtures[kind(customers, row)].as_ref()?, customers.spent(row as usize));
                    let (cents, chance) = (window.spend_cents[row as usize], |p: f64| 1.0 - p_alive + p_alive * p);
                    let pit = if cents > 0.0 {
                        Pit::At(chance(mixture.p_below(cents / spend.scale(spent))))
                    } else {
                        Pit::Below { chance: chance(mixture.none), luck: luck(3) }
                    };
                    let pit = (!cents.is_nan()).then_some(pit);
                    Some(JudgedSpend { order_cents: spend.order_expected(spent), pit })
                });
                all.push(Judged { row, p_alive, p_order: reached, orders: p_alive * orders, next, spend });
            }
        }
    });
    walked.done.concat()
}

/// What a window shows of the next order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// Days from the as-of day.
    At(f64),
    /// Somewhere in the window.
    Within,
    Beyond,
}

impl ClosedWindow {
    /// `None` where the outcome is unknown. `luck` is the time of the day.
    pub(super) fn next_order(&self, row: usize, luck: f64) -> Option<Next> {
        let orders = self.orders[row];
        if orders.is_nan() {
            return None;
        }
        let day = self.next_order_days.as_ref().map_or(f64::NAN, |days| days[row]);
        Some(if day.is_finite() {
            Next::At(day + luck)
        } else if orders > 0.0 {
            Next::Within
        } else {
            Next::Beyond
        })
    }
}

/// A number in 0..1 that hangs on the customer, the seed and the stream alone (SplitMix64: Steele, Lea & Flood 2014).
pub(super) fn uniform(key: u64, seed: u64, stream: u64) -> f64 {
    let mix = |state: u64| {
        let mut z = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (mix(mix(mix(key) ^ seed) ^ stream) >> 11) as f64 / (1_u64 << 53) as f64
}
