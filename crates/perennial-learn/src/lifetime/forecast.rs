//! What do a customer's history and a model's parameters say about the next orders?
//!
//! Assumes  a customer who is gone stays gone; a living one's future follows from the model's posterior.
//! Input    a model with parameters, and [`History`]s; a horizon in the unit of time of the parameters.
//! Output   P(alive), E[orders in the horizon] and P(no order in the horizon) for every row.
//! Cost     one answer for every distinct history; the future given life once for every distinct (x, T) where t_x does not matter.
//! Ref      Fader & Hardie (2005), A Note on Deriving the Pareto/NBD Model: alive first, then the future given life.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::FitError;

use super::bgnbd::History;
use super::purchases::{Columns, check_row};
use crate::chunks;

/// The columns that a prediction adds.
pub const PREDICTED: [&str; 3] = ["p_alive", "orders_expected", "p_zero_orders"];

/// The next `t` of a customer who is alive at T.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Future {
    pub orders: f64,
    /// P(no order).
    pub p_silent: f64,
}

pub trait Forecast: Sync {
    /// ln((1 − P(alive))/P(alive)) given the history; −∞ for a customer who cannot be gone.
    fn ln_odds_gone(&self, seen: &History) -> f64;
    fn if_alive(&self, seen: &History, t: f64) -> Future;
    /// E[X(t)]: orders in (0, t] of a new customer, the first order not counted.
    fn orders_expected(&self, t: f64) -> f64;

    /// Whether a living customer's future depends on when the last order was.
    fn minds_last_order(&self) -> bool {
        false
    }

    fn p_alive(&self, seen: &History) -> f64 {
        logistic(-self.ln_odds_gone(seen))
    }

    fn orders_expected_after(&self, seen: &History, t: f64) -> f64 {
        self.p_alive(seen) * self.if_alive(seen, t).orders
    }

    /// P(no order in the next `t`): gone, or alive and silent. This, not 1 − P(alive), is churn.
    fn p_no_order(&self, seen: &History, t: f64) -> f64 {
        logistic(self.ln_odds_gone(seen)) + self.p_alive(seen) * self.if_alive(seen, t).p_silent
    }
}

/// 1/(1 + e^−u) without overflow on either side.
pub(super) fn logistic(u: f64) -> f64 {
    if u >= 0.0 { 1.0 / (1.0 + libm::exp(-u)) } else { libm::exp(u) / (1.0 + libm::exp(u)) }
}

/// The three answers for every row of `x`, `t_x` and the age column.
pub fn predict(model: &dyn Forecast, table: &Table, columns: Columns, horizon: f64) -> Result<Table, FitError> {
    answered(&answers(model, &histories(table, columns)?, horizon, super::flat::THREADS))
}

/// Every row of a table as a history, checked.
pub(super) fn histories(table: &Table, columns: Columns) -> Result<Vec<History>, FitError> {
    let (x, t_x, t) = (table.f64s(columns.x)?, table.f64s(columns.t_x)?, table.f64s(columns.t)?);
    let mut rows = Vec::with_capacity(x.len());
    for (row, ((&x, &t_x), &t)) in x.iter().zip(&t_x).zip(&t).enumerate() {
        check_row(row, [x, t_x, t], columns)?;
        rows.push(History { x, t_x, t });
    }
    Ok(rows)
}

pub(super) fn answered(answers: &[[f64; 3]]) -> Result<Table, FitError> {
    let column = |i: usize| Arc::new(answers.iter().map(|answer| Some(answer[i])).collect::<Float64Array>());
    Ok(Table::from_columns(vec![(PREDICTED[0], column(0)), (PREDICTED[1], column(1)), (PREDICTED[2], column(2))])?)
}

/// Equal histories are answered once. `threads` changes the time it takes and no bit of the result.
pub fn answers(model: &dyn Forecast, rows: &[History], horizon: f64, threads: usize) -> Vec<[f64; 3]> {
    let order = sorted(rows);
    let is_same = |left: &u32, right: &u32| bits(&rows[*left as usize]) == bits(&rows[*right as usize]);
    let starts: Vec<&[u32]> = order.chunk_by(is_same).collect();
    let distinct = chunks::map(starts.len(), threads, |range| {
        let mut known: Option<(History, Future)> = None;
        let answer = |run: &&[u32]| {
            let seen = rows[run[0] as usize];
            let future = match known {
                Some((last, future)) if last.x == seen.x && last.t == seen.t && !model.minds_last_order() => future,
                _ => model.if_alive(&seen, horizon),
            };
            known = Some((seen, future));
            let u = model.ln_odds_gone(&seen);
            let p_alive = logistic(-u);
            [p_alive, p_alive * future.orders, logistic(u) + p_alive * future.p_silent]
        };
        starts[range].iter().map(answer).collect::<Vec<_>>()
    });
    let mut answers = vec![[0.0; 3]; rows.len()];
    for (run, answer) in starts.iter().zip(distinct.iter().flatten()) {
        run.iter().for_each(|row| answers[*row as usize] = *answer);
    }
    answers
}

fn bits(seen: &History) -> [u64; 3] {
    // Numbers from 0 up sort like their bits, once −0 is 0.
    [seen.x, seen.t, seen.t_x].map(|value| (value + 0.0).to_bits())
}

/// Row numbers with equal histories side by side, ordered by x, T, t_x.
pub(super) fn sorted(rows: &[History]) -> Vec<u32> {
    let max = |f: fn(&History) -> f64| rows.iter().map(f).fold(0.0, f64::max) + 1.0;
    let (x, age) = (max(|h| h.x), max(|h| h.t));
    let is_grid = rows.iter().all(|h| h.t.fract() == 0.0 && h.t_x.fract() == 0.0);
    let count = rows.len() as u64;
    // On a whole-number grid history and row number fit into one number, whose sort is several times as fast.
    if is_grid && x * age * age * (count as f64) < 9e18 {
        let age = age as u64;
        let mut keys: Vec<u64> =
            (0_u64..).zip(rows).map(|(row, h)| (((h.x as u64) * age + h.t as u64) * age + h.t_x as u64) * count + row).collect();
        keys.sort_unstable();
        return keys.into_iter().map(|key| (key % count) as u32).collect();
    }
    let mut order: Vec<u32> = (0..rows.len() as u32).collect();
    order.sort_unstable_by_key(|row| (bits(&rows[*row as usize]), *row));
    order
}
