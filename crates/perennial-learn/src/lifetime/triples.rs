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
    pub as_of: Day,
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
        let orders: Vec<(&str, Day)> = orders.into_iter().filter(|(_, day)| *day <= as_of).collect();
        let mut all = Self { as_of, ..Self::default() };
        // A sort would find it out itself, but this pass costs a tenth of one.
        if orders.is_sorted() {
            all.add(&orders);
            return all;
        }
        let shared = shared_prefix(&orders);
        let mut keys: Vec<u128> = (0_u128..).zip(&orders).map(|(row, order)| key(order, shared) | row).collect();
        keys.sort_unstable();
        let mut alike = Vec::new();
        for run in keys.chunk_by(|left, right| left >> HEAD_FROM == right >> HEAD_FROM) {
            alike.clear();
            alike.extend(run.iter().map(|key| orders[*key as u32 as usize]));
            // Names may go on after the head.
            if alike.iter().any(|(customer, _)| *customer != alike[0].0) {
                alike.sort_unstable();
            }
            all.add(&alike);
        }
        all
    }

    /// Customers whose orders stand together, by day.
    fn add(&mut self, orders: &[(&'a str, Day)]) {
        for run in orders.chunk_by(|left, right| left.0 == right.0) {
            let ((customer, first), (_, last)) = (run[0], run[run.len() - 1]);
            let repeats = run.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
            self.customer.push(customer);
            self.x.push(repeats as f64);
            self.t_x.push(f64::from(last.0) - f64::from(first.0));
            self.t.push(f64::from(self.as_of.0) - f64::from(first.0));
        }
    }

    /// For a fit, ages in units of so many days: 7 for weeks.
    pub fn purchases(&self, unit: f64) -> Result<Purchases, FitError> {
        const COLUMNS: Columns = Columns { x: "x", t_x: "t_x", t: "T" };
        let scaled = |ages: &[f64]| ages.iter().map(|age| age / unit).collect::<Vec<_>>();
        Purchases::from_slices(&self.x, &scaled(&self.t_x), &scaled(&self.t), COLUMNS)
    }
}

/// Where the head of a name begins in a key; below it stand 32 bits of the day and 32 of the row.
const HEAD_FROM: u32 = 64;

/// Sorts by the eight bytes of the name after the shared ones, then by day.
fn key((customer, day): &(&str, Day), shared: usize) -> u128 {
    let (mut head, rest) = ([0; 8], &customer.as_bytes()[shared..]);
    let length = rest.len().min(head.len());
    head[..length].copy_from_slice(&rest[..length]);
    // Flipping the sign's bit lets days before 1970 sort first.
    let day = u128::from(day.0 as u32 ^ (1 << 31));
    u128::from(u64::from_be_bytes(head)) << HEAD_FROM | day << 32
}

/// How many bytes all names begin with alike.
fn shared_prefix(orders: &[(&str, Day)]) -> usize {
    let Some((first, _)) = orders.first() else { return 0 };
    let with_first = |shared: usize, (name, _): &(&str, Day)| {
        if name.as_bytes().starts_with(&first.as_bytes()[..shared]) {
            return shared;
        }
        name.bytes().zip(first.bytes()).take_while(|(left, right)| left == right).count()
    };
    orders.iter().fold(first.len(), with_first)
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
        let is = Triples::of(alike, Day(1));
        assert_eq!((is.customer, is.x), (vec!["customer", "customer\0", "customer-1", "customer-2"], vec![0.0; 4]));
    }
}
