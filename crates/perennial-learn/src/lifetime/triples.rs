//! How often, when last and since when has each customer ordered? From orders to (x, t_x, T).
//!
//! Assumes  orders of one day are one occasion; an order after the as-of day has not happened yet.
//! Input    (customer, day) for every order, in any order; the as-of day.
//! Output   a row for every customer with an order by then, in the order in which they first stand in the input; ages in days.
//! Cost     one look-up an order, and a sort of the orders unless they come by customer and day.
//! Ref      Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2), p. 277.

use std::collections::HashMap;

use perennial_contract::{Day, estimator::FitError};

use super::purchases::{Columns, Purchases};

/// The histories of customers, one column each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Triples<'a> {
    pub customer: Vec<&'a str>,
    /// Repeat days.
    pub x: Vec<f64>,
    /// Days from the first order to the last …
    pub t_x: Vec<f64>,
    /// … and to the as-of day.
    pub t: Vec<f64>,
}

impl<'a> Triples<'a> {
    #[must_use]
    pub fn of(orders: impl IntoIterator<Item = (&'a str, Day)>, as_of: Day) -> Self {
        let (customer, mut keys) = numbered(orders, as_of);
        // Shops export by time, data sets by customer; what is in order already needs no sort.
        if !keys.is_sorted() {
            keys.sort_unstable();
        }
        let mut all = Self { customer, ..Self::default() };
        for run in keys.chunk_by(|left, right| left >> 32 == right >> 32) {
            let (first, last) = (day_of(run[0]), day_of(run[run.len() - 1]));
            let days = 1 + run.windows(2).filter(|pair| pair[0] != pair[1]).count();
            all.x.push(days as f64 - 1.0);
            all.t_x.push(f64::from(last.0) - f64::from(first.0));
            all.t.push(f64::from(as_of.0) - f64::from(first.0));
        }
        all
    }

    /// For a fit, ages in units of so many days: 7 for weeks.
    pub fn purchases(&self, unit: f64) -> Result<Purchases, FitError> {
        const COLUMNS: Columns = Columns { x: "x", t_x: "t_x", t: "T" };
        let scaled = |ages: &[f64]| ages.iter().map(|age| age / unit).collect::<Vec<_>>();
        Purchases::from_slices(&self.x, &scaled(&self.t_x), &scaled(&self.t), COLUMNS)
    }
}

/// Customers numbered as they come, and one sortable number for each of their orders: customer, then day.
fn numbered<'a>(orders: impl IntoIterator<Item = (&'a str, Day)>, as_of: Day) -> (Vec<&'a str>, Vec<u64>) {
    let (mut customers, mut numbers): (Vec<&str>, HashMap<&str, u32>) = (Vec::new(), HashMap::new());
    let mut keys = Vec::new();
    for (customer, day) in orders {
        if day > as_of {
            continue;
        }
        let number = match customers.last() {
            Some(last) if *last == customer => customers.len() as u32 - 1,
            _ => *numbers.entry(customer).or_insert_with(|| {
                customers.push(customer);
                customers.len() as u32 - 1
            }),
        };
        // Flipping the sign's bit lets days before 1970 sort first.
        keys.push((u64::from(number) << 32) | u64::from(day.0 as u32 ^ SIGN));
    }
    (customers, keys)
}

const SIGN: u32 = 1 << 31;

fn day_of(key: u64) -> Day {
    Day((key as u32 ^ SIGN) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_of_a_day_are_one_and_those_to_come_are_none() {
        let orders = [("b", 3), ("a", -2), ("b", 3), ("b", 10), ("a", 5), ("c", 12), ("b", 1), ("b", 11)];
        let is = Triples::of(orders.map(|(customer, day)| (customer, Day(day))), Day(10));
        assert_eq!(is.customer, ["b", "a"]);
        assert_eq!((is.x, is.t_x, is.t), (vec![2.0, 1.0], vec![9.0, 7.0], vec![9.0, 12.0]));
        assert_eq!(Triples::of([], Day(0)), Triples::default());
    }
}
