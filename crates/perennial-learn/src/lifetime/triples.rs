//! How often, when last and since when has each customer ordered? From orders to (x, t_x, T).
//!
//! Assumes  orders of one day are one occasion; an order after the as-of day has not happened yet.
//! Input    (customer, day) for every order, in any order; the as-of day.
//! Output   a row for every customer with an order by then, in the order of their names' bytes; ages in days.
//! Cost     a sort of the orders, or one pass where they come by customer and day.
//! Ref      Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2), p. 277.

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
        let known = orders.into_iter().filter(|(_, day)| *day <= as_of);
        let mut orders: Vec<Order> = known.map(|(customer, day)| Order { head: head(customer), customer, day }).collect();
        // A sort would find it out itself, but this pass costs a tenth of one.
        if !orders.is_sorted() {
            orders.sort_unstable();
        }
        let mut all = Self::default();
        for run in orders.chunk_by(|left, right| left.head == right.head && left.customer == right.customer) {
            let (first, last) = (run[0].day.0, run[run.len() - 1].day.0);
            let repeats = run.windows(2).filter(|pair| pair[0].day != pair[1].day).count();
            all.customer.push(run[0].customer);
            all.x.push(repeats as f64);
            all.t_x.push(f64::from(last) - f64::from(first));
            all.t.push(f64::from(as_of.0) - f64::from(first));
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

/// Sorted by customer, then day; the head decides most comparisons without a look at the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Order<'a> {
    head: u64,
    customer: &'a str,
    day: Day,
}

/// The first eight bytes as a number that sorts as they do.
fn head(text: &str) -> u64 {
    let mut bytes = [0; 8];
    let length = text.len().min(8);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_of_a_day_are_one_and_those_to_come_are_none() {
        let orders = [("b", 3), ("a", -2), ("b", 3), ("b", 10), ("a", 5), ("c", 12), ("b", 1), ("b", 11)];
        let is = Triples::of(orders.map(|(customer, day)| (customer, Day(day))), Day(10));
        assert_eq!(is.customer, ["a", "b"]);
        assert_eq!((is.x, is.t_x, is.t), (vec![1.0, 2.0], vec![7.0, 9.0], vec![12.0, 9.0]));
        assert_eq!(Triples::of([], Day(0)), Triples::default());
        let alike = ["customer-1", "customer-2", "customer", "customer\0"].map(|customer| (customer, Day(1)));
        assert_eq!(Triples::of(alike, Day(1)).x, [0.0; 4]);
    }
}
