//! Customers as of a day, and what they did in a window that has closed since.
//!
//! Assumes  same-day orders are one occasion, so x ≤ T in days; the window begins on the as-of day and is seen to its end.
//! Input    columns of a feature table, or slices: x, t_x, T in days, mean spend per repeat order in minor units (NaN: unknown).
//! Output   [`Customers`] and [`ClosedWindow`], checked; a row that is null in x and T is a customer without an order and stays, unanswered.
//! Cost     one pass; one sort of the histories for everything that works on distinct ones.
//! Ref      Fader & Hardie: the (x, t_x, T) convention.

use std::ops::Range;

use perennial_contract::Table;
use perennial_contract::estimator::column;

use super::refusal::Refusal;
use crate::learner::windows;
use crate::lifetime::bgnbd::History;
use crate::lifetime::churn::COLUMNS;
use crate::lifetime::forecast;
use crate::lifetime::purchases::{Purchases, X_MAX};

/// Longest horizon, days.
pub const HORIZON_DAYS_MAX: i32 = 3650;
/// Rows a task works on at a time.
const TASK_ROWS: usize = 8192;

/// One row per customer as of one day.
#[derive(Clone, Debug)]
pub struct Customers {
    x: Vec<f64>,
    t_x: Vec<f64>,
    t: Vec<f64>,
    /// NaN where unknown.
    spend_mean: Vec<f64>,
    /// The same number for a customer in every table; what chance decides about a customer hangs on it.
    key: Vec<u64>,
}

/// The columns of [`Customers`], one value a customer.
#[derive(Clone, Copy, Debug)]
pub struct Slices<'a> {
    pub x: &'a [f64],
    pub t_x: &'a [f64],
    pub t: &'a [f64],
    pub repeat_spend_cents_mean: &'a [f64],
}

impl Customers {
    /// From a feature table; without the column of mean spend nothing is known about amounts.
    pub fn from_table(table: &Table) -> Result<Self, Refusal> {
        let [x, t_x, t] = [table.f64s(column::X)?, table.f64s(column::T_X)?, table.f64s(column::T)?];
        let means = if table.has(column::REPEAT_SPEND_CENTS_MEAN) {
            table.f64s(column::REPEAT_SPEND_CENTS_MEAN)?
        } else {
            vec![f64::NAN; x.len()]
        };
        let slices = Slices { x: &x, t_x: &t_x, t: &t, repeat_spend_cents_mean: &means };
        Ok(Self { key: windows::customer_hash(table)?, ..Self::from_slices(slices)? })
    }

    /// From slices; the row number stands for the customer.
    pub fn from_slices(slices: Slices<'_>) -> Result<Self, Refusal> {
        let Slices { x, t_x, t, repeat_spend_cents_mean } = slices;
        let named = [(column::T_X, t_x), (column::T, t), (column::REPEAT_SPEND_CENTS_MEAN, repeat_spend_cents_mean)];
        for (name, values) in named {
            same_length(name, values.len(), x.len())?;
        }
        for row in 0..x.len() {
            check_row(row, [x[row], t_x[row], t[row]])?;
        }
        Ok(Self {
            x: x.to_vec(),
            t_x: t_x.to_vec(),
            t: t.to_vec(),
            spend_mean: repeat_spend_cents_mean.to_vec(),
            key: (0..x.len() as u64).collect(),
        })
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.x.len()
    }

    /// Whether the row is a customer with an order.
    pub(super) fn is_known(&self, row: usize) -> bool {
        !self.x[row].is_nan()
    }

    pub(super) fn history(&self, row: usize) -> History {
        History { x: self.x[row], t_x: self.t_x[row], t: self.t[row] }
    }

    pub(super) fn key(&self, row: usize) -> u64 {
        self.key[row]
    }

    /// Repeat orders of known amounts, and their total in minor units. A total below 0 (more returned than bought) is taken as 0.
    pub(super) fn spent(&self, row: usize) -> [f64; 2] {
        let (x, mean) = (self.x[row], self.spend_mean[row]);
        if x > 0.0 && mean.is_finite() { [x, x * mean.max(0.0)] } else { [0.0, 0.0] }
    }

    /// x and mean of the repeaters with spend above 0.
    pub(super) fn spenders(&self) -> (Vec<f64>, Vec<f64>) {
        let spends = |row: &usize| self.x[*row] > 0.0 && self.spend_mean[*row].is_finite() && self.spend_mean[*row] > 0.0;
        (0..self.rows()).filter(spends).map(|row| (self.x[row], self.spend_mean[row])).unzip()
    }

    pub(super) fn purchases(&self) -> Result<Purchases, Refusal> {
        let known: Vec<usize> = (0..self.rows()).filter(|row| self.is_known(*row)).collect();
        let pick = |column: &[f64]| known.iter().map(|row| column[*row]).collect::<Vec<_>>();
        let (x, t) = (pick(&self.x), pick(&self.t));
        if x.len() < 2 {
            return Err(Refusal::TooFew(x.len()));
        }
        if t.iter().all(|t| *t == 0.0) {
            return Err(Refusal::NoTime);
        }
        if x.iter().all(|x| *x == 0.0) {
            return Err(Refusal::NoRepeats(x.len()));
        }
        // The rows were checked when they came in, by the same rules.
        Purchases::from_slices(&x, &pick(&self.t_x), &t, COLUMNS).map_err(|_| Refusal::NoTime)
    }

    /// The known rows with equal histories side by side, and runs of them that one task works on; all of a run have one x.
    pub(super) fn sorted(&self) -> Sorted {
        let known: Vec<u32> = (0..self.rows() as u32).filter(|row| self.is_known(*row as usize)).collect();
        let histories: Vec<History> = known.iter().map(|row| self.history(*row as usize)).collect();
        let rows: Vec<u32> = forecast::sorted(&histories).into_iter().map(|at| known[at as usize]).collect();
        let mut tasks = Vec::new();
        let mut start = 0;
        for run in rows.chunk_by(|a, b| self.x[*a as usize] == self.x[*b as usize]) {
            let end = start + run.len();
            while start < end {
                let stop = (start + TASK_ROWS).min(end);
                tasks.push(start..stop);
                start = stop;
            }
        }
        Sorted { rows, tasks }
    }
}

pub(super) struct Sorted {
    pub rows: Vec<u32>,
    pub tasks: Vec<Range<usize>>,
}

fn same_length(column: &'static str, len: usize, rows: usize) -> Result<(), Refusal> {
    if len == rows { Ok(()) } else { Err(Refusal::Length { column, len, rows }) }
}

fn check_row(row: usize, [x, t_x, t]: [f64; 3]) -> Result<(), Refusal> {
    if x.is_nan() && t.is_nan() {
        return Ok(());
    }
    let say = |column, value, allowed, allowed_zh| Err(Refusal::Row { row: row + 1, column, value, allowed, allowed_zh });
    if !(0.0..=X_MAX).contains(&x) || x.fract() != 0.0 {
        return say(column::X, x, "whole numbers from 0 to 1000000", " 0 至 1000000 的整数");
    }
    if !(t.is_finite() && t >= 0.0) {
        return say(column::T, t, "numbers of days from 0", "不小于 0 的天数");
    }
    if x > t {
        return say(
            column::X,
            x,
            "at most t, the customer's age in days: orders of one day are one",
            "不超过 t（客户时长天数）的整数：同日订单计为一次",
        );
    }
    if !(0.0..=t).contains(&t_x) {
        return say(column::T_X, t_x, "0 to t; are the columns swapped?", " 0 至 t；两列是否颠倒？");
    }
    if x == 0.0 && t_x != 0.0 {
        return say(
            column::T_X,
            t_x,
            "0 where x is 0: without a repeat the last purchase is the first",
            " 0（x 为 0 时）：没有复购则末次购买即首次购买",
        );
    }
    Ok(())
}

/// What the customers of an as-of day did in the `horizon_days` from that day on.
#[derive(Clone, Debug)]
pub struct ClosedWindow {
    pub(super) horizon_days: i32,
    pub(super) customers: Customers,
    pub(super) orders: Vec<f64>,
    pub(super) spend_cents: Vec<f64>,
    /// Whole days from the as-of day to the next order, 0 for one on that day; NaN without one in the window.
    pub(super) next_order_days: Option<Vec<f64>>,
}

/// Outcomes, one value a customer; NaN where unknown.
#[derive(Clone, Copy, Debug)]
pub struct Outcomes<'a> {
    /// Days with an order in the window.
    pub orders: &'a [f64],
    /// Net spend in the window, minor units.
    pub spend_cents: &'a [f64],
    /// Whole days from the as-of day to the next order, NaN without one; `None` where no day is known, only whether there was an order.
    pub next_order_days: Option<&'a [f64]>,
}

impl ClosedWindow {
    pub fn of(customers: Customers, horizon_days: i32, outcomes: Outcomes<'_>) -> Result<Self, Refusal> {
        check_horizon(horizon_days)?;
        let Outcomes { orders, spend_cents, next_order_days } = outcomes;
        let rows = customers.rows();
        same_length(column::LABEL_ORDERS, orders.len(), rows)?;
        same_length(column::LABEL_SPEND_CENTS, spend_cents.len(), rows)?;
        same_length("next_order_days", next_order_days.map_or(rows, <[f64]>::len), rows)?;
        let last = f64::from(horizon_days) - 1.0;
        for row in 0..rows {
            let say = |column, value, allowed, allowed_zh| Err(Refusal::Row { row: row + 1, column, value, allowed, allowed_zh });
            if orders[row] < 0.0 || orders[row].is_infinite() {
                return say(column::LABEL_ORDERS, orders[row], "numbers from 0", "不小于 0 的数");
            }
            if spend_cents[row].is_infinite() {
                return say(column::LABEL_SPEND_CENTS, spend_cents[row], "finite numbers", "有限的数");
            }
            let day = next_order_days.map_or(f64::NAN, |days| days[row]);
            if !(day.is_nan() || (0.0..=last).contains(&day)) {
                return say("next_order_days", day, "0 to the last day of the window", " 0 至窗口最后一天");
            }
        }
        let next_order_days = next_order_days.map(<[f64]>::to_vec);
        Ok(Self { horizon_days, customers, orders: orders.to_vec(), spend_cents: spend_cents.to_vec(), next_order_days })
    }

    /// From a feature table with `label_orders` and `label_spend_cents` (or without: nothing is known about spend then).
    pub fn from_table(table: &Table, horizon_days: i32, next_order_days: Option<&[f64]>) -> Result<Self, Refusal> {
        let orders = table.f64s(column::LABEL_ORDERS)?;
        let spend = if table.has(column::LABEL_SPEND_CENTS) {
            table.f64s(column::LABEL_SPEND_CENTS)?
        } else {
            vec![f64::NAN; table.rows()]
        };
        let outcomes = Outcomes { orders: &orders, spend_cents: &spend, next_order_days };
        Self::of(Customers::from_table(table)?, horizon_days, outcomes)
    }

    #[must_use]
    pub const fn horizon_days(&self) -> i32 {
        self.horizon_days
    }

    /// The customers as of the day the window begins on.
    #[must_use]
    pub const fn customers(&self) -> &Customers {
        &self.customers
    }
}

pub(super) fn check_horizon(days: i32) -> Result<(), Refusal> {
    if (1..=HORIZON_DAYS_MAX).contains(&days) { Ok(()) } else { Err(Refusal::Horizon(days)) }
}
