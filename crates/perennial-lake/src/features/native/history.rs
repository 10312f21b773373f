//! One customer's rows, small and sorted by day, and the part of them that is known before an as-of day.

use std::collections::HashMap;

use super::products::Products;
use super::{Cell, Cut};

/// A day with anything that moves money or counts as a purchase.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct MoneyDay {
    pub day: i32,
    pub bought: bool,
    pub sold_cents: i64,
    pub net_cents: i64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Item {
    pub day: i32,
    /// Number of the product in [`super::products::Products`].
    pub product: u32,
    pub is_product: bool,
    pub is_charge: bool,
    /// Whether its order was called off: kept, and worth nothing.
    pub is_cancelled: bool,
    /// Whether this is the customer's first line of the product.
    pub first: bool,
    pub quantity: i64,
    pub unit_price_cents: i64,
    pub discount_cents: i64,
    pub total_cents: i64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Order {
    pub day: i32,
    pub cancelled: bool,
    pub coupon: bool,
    pub ordered_us: i64,
    pub delivered_us: Option<i64>,
    pub promised_us: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Return {
    pub day: i32,
    pub quantity: i64,
    pub amount_cents: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EventName {
    ProductViewed,
    ProductAdded,
    CheckoutStarted,
    ProductsSearched,
    OrderCompleted,
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub day: i32,
    pub name: EventName,
    /// Number of the session among the customer's, if the event has one.
    pub session: Option<u32>,
}

/// Something the shop sent and what came of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touch {
    pub day: i32,
    pub opened_us: Option<i64>,
    pub clicked_us: Option<i64>,
    pub redeemed_us: Option<i64>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Review {
    pub day: i32,
    pub rating: i64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub day: i32,
    pub closed_us: Option<i64>,
    pub csat: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SurveyKind {
    Nps,
    Csat,
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Survey {
    pub day: i32,
    pub kind: SurveyKind,
    pub score: i64,
}

/// Everything of one customer that the native groups read. Its memory is used again for the next customer.
#[derive(Debug, Default)]
pub(super) struct History {
    pub days: Vec<MoneyDay>,
    pub items: Vec<Item>,
    pub orders: Vec<Order>,
    pub returns: Vec<Return>,
    pub events: Vec<Event>,
    pub touches: Vec<Touch>,
    pub reviews: Vec<Review>,
    pub tickets: Vec<Ticket>,
    pub surveys: Vec<Survey>,
    pub sessions: HashMap<String, u32>,
    moves: Vec<MoneyDay>,
}

/// What is known of a customer before an as-of day.
pub(super) struct Known<'a> {
    pub as_of: i32,
    /// The instant at which that day begins, UTC microseconds.
    pub as_of_us: i64,
    pub products: &'a Products,
    pub days: &'a [MoneyDay],
    pub items: &'a [Item],
    pub orders: &'a [Order],
    pub returns: &'a [Return],
    pub events: &'a [Event],
    pub touches: &'a [Touch],
    pub reviews: &'a [Review],
    pub tickets: &'a [Ticket],
    pub surveys: &'a [Survey],
    pub sessions: usize,
}

impl History {
    pub fn clear(&mut self) {
        self.items.clear();
        self.orders.clear();
        self.returns.clear();
        self.events.clear();
        self.touches.clear();
        self.reviews.clear();
        self.tickets.clear();
        self.surveys.clear();
        self.sessions.clear();
    }

    /// The number of a session.
    pub fn session(&mut self, id: &str) -> u32 {
        let count = self.sessions.len() as u32;
        match self.sessions.get(id) {
            Some(&number) => number,
            None => {
                self.sessions.insert(id.to_owned(), count);
                count
            }
        }
    }

    /// Bring the rows into the order of days and add up the money of each day.
    pub fn finish(&mut self) {
        // Rows come in order of their instants. Days nearly always follow, but a zone whose clock goes back over midnight breaks that.
        sort_by_day(&mut self.items, |item| item.day);
        sort_by_day(&mut self.orders, |order| order.day);
        sort_by_day(&mut self.returns, |sent_back| sent_back.day);
        sort_by_day(&mut self.events, |event| event.day);
        sort_by_day(&mut self.touches, |touch| touch.day);
        sort_by_day(&mut self.reviews, |review| review.day);
        sort_by_day(&mut self.tickets, |ticket| ticket.day);
        sort_by_day(&mut self.surveys, |survey| survey.day);
        self.moves.clear();
        for item in &self.items {
            let (day, cents) = (item.day, item.total_cents);
            self.moves.push(MoneyDay { day, bought: cents > 0, sold_cents: cents, net_cents: cents });
        }
        for order in &self.orders {
            self.moves.push(MoneyDay { day: order.day, bought: !order.cancelled, ..MoneyDay::default() });
        }
        for sent_back in &self.returns {
            let net_cents = sent_back.amount_cents.wrapping_neg();
            self.moves.push(MoneyDay { day: sent_back.day, net_cents, ..MoneyDay::default() });
        }
        self.moves.sort_unstable_by_key(|moved| moved.day);
        self.days.clear();
        for moved in &self.moves {
            match self.days.last_mut().filter(|last| last.day == moved.day) {
                Some(last) => {
                    last.bought |= moved.bought;
                    last.sold_cents = last.sold_cents.wrapping_add(moved.sold_cents);
                    last.net_cents = last.net_cents.wrapping_add(moved.net_cents);
                }
                None => self.days.push(*moved),
            }
        }
    }

    /// The rows before an as-of day.
    pub fn before<'a>(&'a self, cut: Cut, products: &'a Products) -> Known<'a> {
        let as_of = cut.as_of.0;
        Known {
            as_of,
            as_of_us: cut.start_us,
            products,
            days: before(&self.days, as_of, |row| row.day),
            items: before(&self.items, as_of, |row| row.day),
            orders: before(&self.orders, as_of, |row| row.day),
            returns: before(&self.returns, as_of, |row| row.day),
            events: before(&self.events, as_of, |row| row.day),
            touches: before(&self.touches, as_of, |row| row.day),
            reviews: before(&self.reviews, as_of, |row| row.day),
            tickets: before(&self.tickets, as_of, |row| row.day),
            surveys: before(&self.surveys, as_of, |row| row.day),
            sessions: self.sessions.len(),
        }
    }

    /// The days of a horizon: `as_of` and the days after it.
    pub fn horizon(&self, cut: Cut, days: i32) -> &[MoneyDay] {
        let from = self.days.partition_point(|day| day.day < cut.as_of.0);
        let to = self.days.partition_point(|day| i64::from(day.day) < i64::from(cut.as_of.0) + i64::from(days));
        self.days.get(from..to).unwrap_or_default()
    }
}

impl Known<'_> {
    /// Whether the customer has a purchase day: then there is a row.
    pub fn has_purchase(&self) -> bool {
        self.days.iter().any(|day| day.bought)
    }

    /// Those of `rows` within `window` days before the as-of day.
    pub fn since<'r, T>(&self, rows: &'r [T], window: i32, day: impl Fn(&T) -> i32) -> &'r [T] {
        let from = self.as_of.saturating_sub(window);
        &rows[rows.partition_point(|row| day(row) < from)..]
    }

    /// Days from the last of `rows` to the as-of day.
    pub fn days_since_last<T>(&self, rows: &[T], day: impl Fn(&T) -> i32) -> Cell<'static> {
        Cell::Whole(rows.last().map(|last| i64::from(self.as_of) - i64::from(day(last))))
    }

    /// Whether something has happened before the as-of day begins.
    pub fn has_passed(&self, at_us: Option<i64>) -> bool {
        at_us.is_some_and(|at_us| at_us < self.as_of_us)
    }
}

fn before<T>(rows: &[T], as_of: i32, day: impl Fn(&T) -> i32) -> &[T] {
    &rows[..rows.partition_point(|row| day(row) < as_of)]
}

fn sort_by_day<T>(rows: &mut [T], day: impl Fn(&T) -> i32) {
    if !rows.is_sorted_by_key(&day) {
        rows.sort_by_key(&day);
    }
}

#[cfg(test)]
mod tests {
    use perennial_contract::Day;

    use super::super::super::sample::Sample;
    use super::*;

    #[test]
    fn a_returns_only_day_moves_money_but_is_no_purchase() {
        let mut history = History::default();
        history.items.push(Item { day: 10, total_cents: 500, ..Item::default() });
        history.orders.push(Order { day: 10, cancelled: true, ..Order::default() });
        history.returns.push(Return { day: 12, quantity: 1, amount_cents: 200 });
        history.finish();
        let days: Vec<_> = history.days.iter().map(|day| (day.day, day.bought, day.sold_cents, day.net_cents)).collect();
        assert_eq!(days, [(10, true, 500, 500), (12, false, 0, -200)]);
        let products = Products::default();
        let has_purchase = |day| {
            history
                .before(Cut { as_of: Day(day), start_us: 0, horizon_days: None, sample: Sample::EVERYBODY }, &products)
                .has_purchase()
        };
        assert!(has_purchase(11) && !has_purchase(10));
    }
}
