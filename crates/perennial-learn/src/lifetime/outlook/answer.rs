//! What is every customer told?
//!
//! Assumes  an [`Outlook`] and customers as of any day, as its laws know them.
//! Input    [`Customers`], and which spend is asked for.
//! Output   [`Answers`]: P(alive), chances of no order and expected orders by horizon, days to the next order, spend with intervals.
//! Cost     a few dozen operations a customer for spend; all else once for every distinct (x, t_x, T) or (x, T).
//! Ref      see `calendar`, `recalibration`, `spend`.

use super::answers::{Answers, Spend};
use super::calendar::Calendar;
use super::customers::Customers;
use super::model::{Outlook, Window};
use super::recalibration::{Recalibration, widened};
use super::refusal::Refusal;
use super::spend::{FittedSpend, Mixture};
use super::walk::{Asked, Kernels, Pair, kind, kinds, walk};

/// The chances of the next order's days.
pub const NEXT_ORDER_CHANCES: [f64; 3] = [0.1, 0.5, 0.9];
/// The intervals of spend, percent.
pub const BANDS: [u32; 3] = [50, 80, 95];

/// What is asked about spend.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Some of the outlook's horizons, rising.
    pub spend_horizons_days: &'a [i32],
    /// Intervals that shall hold so many percent.
    pub bands: &'a [u32],
    /// Threads to use; the answers do not depend on it.
    pub threads: usize,
}

/// What a task gathers: a record for every distinct history with the number of its rows, and for every row its spend.
#[derive(Default)]
pub(super) struct Gathered {
    pub histories: Vec<f64>,
    pub rows: Vec<u32>,
    pub spend: Vec<f64>,
}

/// One spend question with all that is the same for every customer.
struct SpendAsked<'a> {
    /// Which of the outlook's horizons.
    at: usize,
    days: f64,
    /// The horizon by whose forecast levels are told.
    level_days: f64,
    levels: Option<&'a Recalibration>,
    scale: f64,
    is_extrapolated: bool,
    /// The chances of the median and of every lower and upper end.
    chances: Vec<f64>,
}

impl Outlook {
    /// Answers about every customer; a row without an order has none.
    pub fn answer(&self, customers: &Customers, ask: Ask<'_>) -> Result<Answers, Refusal> {
        let asked = self.spend_asked(ask)?;
        let walked = walk(customers, ask.threads, |gathered: &mut Gathered, kernels, pair| {
            let telling = Telling { outlook: self, customers, asked: &asked };
            telling.pair(pair, kernels, gathered);
        });
        let mut answers = Answers::empty(self, customers.rows());
        answers.spend = asked
            .iter()
            .map(|asked| Spend::empty(self.horizons_days[asked.at], asked.is_extrapolated, ask.bands, customers.rows()))
            .collect();
        answers.fill(&walked, ask.threads);
        Ok(answers)
    }

    fn spend_asked(&self, ask: Ask<'_>) -> Result<Vec<SpendAsked<'_>>, Refusal> {
        if let Some(band) = ask.bands.iter().find(|band| !(1..=99).contains(*band)) {
            return Err(Refusal::Band(*band));
        }
        let ends = ask.bands.iter().flat_map(|band| {
            let miss = 0.5 - 0.005 * f64::from(*band);
            [miss, 1.0 - miss]
        });
        let chances: Vec<f64> = std::iter::once(0.5).chain(ends).collect();
        let one = |&days: &i32| {
            let not_asked = || Refusal::NotAsked { days, known: self.horizons_days.clone() };
            let at = self.horizons_days.binary_search(&days).map_err(|_| not_asked())?;
            let window = self.nearest(days);
            Ok(SpendAsked {
                at,
                days: f64::from(days),
                level_days: f64::from(window.map_or(days, Window::horizon_days)),
                levels: window.and_then(|window| window.spend.as_ref()),
                scale: window.map_or(1.0, |window| window.spend_scale),
                is_extrapolated: self.is_extrapolated(days),
                chances: chances.clone(),
            })
        };
        ask.spend_horizons_days.iter().map(one).collect()
    }
}

/// What is spent in a longer horizon holds what is spent in a shorter one. Maps of different windows need not agree on that, so the shorter
/// one's word stands where the longer says less. `values`: the numbers of every question, one question after another, by rising horizon.
fn never_fall(values: &mut [f64], questions: usize) {
    let width = values.len() / questions.max(1);
    for at in width..values.len() {
        if values[at] < values[at - width] {
            values[at] = values[at - width];
        }
    }
}

/// Tells the customers of one pair.
struct Telling<'a> {
    outlook: &'a Outlook,
    customers: &'a Customers,
    asked: &'a [SpendAsked<'a>],
}

/// What one spend question comes to for a pair.
struct SpendOfPair<'a> {
    asked: &'a SpendAsked<'a>,
    mixtures: [Option<Mixture<'a>>; 2],
    /// E[orders] of a living customer until `level_days`.
    orders_level: f64,
}

impl Telling<'_> {
    fn pair(&self, pair: Pair<'_>, kernels: &mut Kernels, gathered: &mut Gathered) {
        let (outlook, law) = (self.outlook, &self.outlook.laws.orders.law);
        let living = law.living(pair.x, pair.t);
        let wait = living.wait();
        // P(order) and E[orders beyond the first | an order] of a living customer at every horizon.
        let ahead: Vec<[f64; 2]> = outlook
            .horizons_days
            .iter()
            .map(|days| {
                let (days, p) = (f64::from(*days), wait.p_order(f64::from(*days)));
                [p, if p > 0.0 { (living.orders_expected(days) / p - 1.0).max(0.0) } else { 0.0 }]
            })
            .collect();
        let mut spend = Vec::new();
        if let Some(amounts) = &outlook.laws.spend {
            let needs = kinds(self.customers, pair.rows);
            let counts: Vec<_> = self.asked.iter().map(|asked| living.order_probabilities(asked.days)).collect();
            for (at, (asked, counts)) in self.asked.iter().zip(&counts).enumerate() {
                kernels.grow(Asked { law, spend: amounts, at, days: asked.days }, pair, needs, counts.len());
            }
            for (at, (asked, counts)) in self.asked.iter().zip(&counts).enumerate() {
                let orders_level = living.orders_expected(asked.level_days);
                spend.push(SpendOfPair { asked, mixtures: kernels.mix(at, needs, counts), orders_level });
            }
        }
        for rows in pair.triples(self.customers) {
            let seen = self.customers.history(rows[0] as usize);
            let p_alive = law.p_alive(&seen);
            let is_alive = p_alive.unwrap_or(1.0);
            let calendar = Calendar::of(&wait, is_alive, &outlook.windows);
            let first = gathered.histories.len();
            gathered.rows.push(rows.len() as u32);
            gathered.histories.push(p_alive.unwrap_or(f64::NAN));
            gathered.histories.push(if seen.x > 0.0 { seen.t_x / seen.x } else { f64::NAN });
            let next = NEXT_ORDER_CHANCES.map(|chance| calendar.days_until(chance).unwrap_or(f64::NAN));
            gathered.histories.extend(next);
            let mut orders_before = 0.0;
            for (days, [_, more]) in outlook.horizons_days.iter().zip(&ahead) {
                let p = calendar.p_order(f64::from(*days));
                let factor = outlook.nearest(*days).map_or(1.0, |window| window.more_orders);
                orders_before = (p * (1.0 + factor * more)).max(orders_before);
                gathered.histories.extend([1.0 - p, orders_before]);
            }
            if let Some(amounts) = &outlook.laws.spend {
                for &row in rows {
                    let start = gathered.spend.len();
                    for spend in &spend {
                        let orders = gathered.histories[first + Answers::orders_at(spend.asked.at)];
                        self.spend(row, amounts, spend, [is_alive, orders], &mut gathered.spend);
                    }
                    never_fall(&mut gathered.spend[start..], spend.len());
                }
            }
        }
    }

    fn spend(&self, row: u32, law: &FittedSpend, of: &SpendOfPair<'_>, [p_alive, orders]: [f64; 2], out: &mut Vec<f64>) {
        let spent = self.customers.spent(row as usize);
        let (order_cents, scale) = (law.order_expected(spent), law.scale(spent));
        out.push(orders * order_cents * of.asked.scale);
        let Some(mixture) = &of.mixtures[kind(self.customers, row)] else {
            out.extend(of.asked.chances.iter().map(|_| f64::NAN));
            return;
        };
        let local = of.asked.levels.map(|levels| levels.at(p_alive * of.orders_level * order_cents));
        for &chance in &of.asked.chances {
            let u = local.map_or(chance, |local| local.law_chance(chance));
            let u = if of.asked.is_extrapolated && chance != 0.5 { widened(u) } else { u };
            out.push(if u <= 1.0 - p_alive { 0.0 } else { scale * mixture.ratio_at((u - 1.0 + p_alive) / p_alive) });
        }
    }
}
