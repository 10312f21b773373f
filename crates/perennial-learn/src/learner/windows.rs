//! A training table cut by time: what was known one horizon earlier, and the last closed window.

use perennial_contract::estimator::{FitError, column};
use perennial_contract::table::TableError;
use perennial_contract::{Day, Table};

/// The last closed window and everything whose labels were known when it began.
#[derive(Clone, Debug)]
pub struct Windows {
    /// Rows whose label windows close by the as-of day of `last`; `None` where they are not more than half of all rows: what is learned
    /// from so much less is another model, and its errors say little about the one that will answer.
    pub early: Option<Table>,
    /// Rows of the latest as-of day.
    pub last: Table,
}

/// Rows whose label is known. A null label says "not in the population this task is about" (a customer who was already
/// gone): supervised learners leave the row out, lifetime models still count the customer.
pub fn labelled(train: &Table, label: &str) -> Result<Table, FitError> {
    let labels = train.f64s(label)?;
    if labels.iter().all(|label| label.is_finite()) {
        return Ok(train.clone());
    }
    Ok(take(train, |row| labels[row].is_finite())?)
}

/// The rows for which `keep` holds.
pub fn take(table: &Table, keep: impl Fn(usize) -> bool) -> Result<Table, TableError> {
    let rows: Vec<u32> = (0..table.rows() as u32).filter(|&row| keep(row as usize)).collect();
    table.take(&rows)
}

/// Cut by the `as_of` column; without one, all rows are one window.
pub fn by_time(train: &Table, horizon_days: i32) -> Result<Windows, FitError> {
    if !train.has(column::AS_OF) {
        return Ok(Windows { early: None, last: train.clone() });
    }
    let days = train.days(column::AS_OF)?;
    let Some(last) = days.iter().flatten().max().copied() else {
        return Ok(Windows { early: None, last: train.clone() });
    };
    let closed = |day: Option<Day>| day.is_some_and(|day| day.plus(horizon_days) <= last);
    let early = take(train, |row| closed(days[row]))?;
    let is_enough = learnable(&early)? * 2 > learnable(train)?;
    Ok(Windows { early: is_enough.then_some(early), last: take(train, |row| days[row] == Some(last))? })
}

/// Rows that a supervised learner may learn from.
fn learnable(rows: &Table) -> Result<usize, TableError> {
    if !rows.has(column::LABEL_CHURN) {
        return Ok(rows.rows());
    }
    Ok(rows.f64s(column::LABEL_CHURN)?.iter().filter(|label| label.is_finite()).count())
}

/// A number per row that is the same for all rows of a customer and spreads customers evenly: FNV-1a of the id.
/// Without ids the row number stands for the customer.
pub fn customer_hash(table: &Table) -> Result<Vec<u64>, TableError> {
    if !table.has(column::CUSTOMER_ID) {
        return Ok((0..table.rows() as u64).map(|row| hash(&row.to_le_bytes())).collect());
    }
    Ok(table.texts(column::CUSTOMER_ID)?.iter().map(|id| hash(id.unwrap_or_default().as_bytes())).collect())
}

fn hash(bytes: &[u8]) -> u64 {
    let fnv = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    // The low bits of FNV-1a depend on the low bits of the input only; fold the high ones in.
    fnv ^ (fnv >> 29) ^ (fnv >> 47)
}
