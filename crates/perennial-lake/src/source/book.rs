//! What is known of every order while the files are read: whose it is, when it was, how many lines it has and what they come to.

use perennial_contract::{Day, Entity};

use super::names::Names;
use super::rows::Value;
use super::sink::Sink;

/// An order as far as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Number of the customer in [`Book::customers`], if there is one.
    pub customer: Option<u32>,
    pub at: i64,
    pub on: Day,
    pub status: &'static str,
    pub lines: u32,
    pub subtotal: i64,
    pub discount: i64,
    pub shipping: i64,
    pub tax: i64,
    pub delivered_at: Option<i64>,
    pub promised_at: Option<i64>,
}

impl Order {
    #[must_use]
    pub fn new(customer: Option<u32>, (at, on): (i64, Day), status: &'static str) -> Self {
        Self {
            customer,
            at,
            on,
            status,
            lines: 0,
            subtotal: 0,
            discount: 0,
            shipping: 0,
            tax: 0,
            delivered_at: None,
            promised_at: None,
        }
    }

    fn total(&self) -> i64 {
        let parts = [self.subtotal, -self.discount, self.shipping, self.tax];
        parts.into_iter().fold(0_i64, i64::saturating_add)
    }
}

/// The orders of an import, in the order they were first met. About 150 bytes each.
#[derive(Default)]
pub struct Book {
    pub customers: Names,
    ids: Names,
    orders: Vec<Order>,
    /// The last order found: lines of an order mostly follow each other.
    last: u32,
    emitted: usize,
}

/// Rows written by one call of [`Book::emit`].
const ROWS_AT_ONCE: usize = 8_192;

impl Book {
    #[must_use]
    pub fn find(&mut self, id: &str) -> Option<&mut Order> {
        if self.last as usize >= self.orders.len() || self.ids.name(self.last) != id {
            self.last = self.ids.find(id)?;
        }
        self.orders.get_mut(self.last as usize)
    }

    /// The order with this id, made by `new` if it is met for the first time.
    pub fn order(&mut self, id: &str, new: impl FnOnce() -> Order) -> &mut Order {
        if self.last as usize >= self.orders.len() || self.ids.name(self.last) != id {
            let (number, is_new) = self.ids.number(id);
            self.last = number;
            if is_new {
                self.orders.push(new());
            }
        }
        &mut self.orders[self.last as usize]
    }

    /// Memory held, near enough.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.customers.bytes() + self.ids.bytes() + self.orders.capacity() * size_of::<Order>()
    }

    /// Number of a customer's id; none for an empty one.
    pub fn customer(&mut self, id: &str) -> Option<u32> {
        (!id.is_empty()).then(|| self.customers.number(id).0)
    }

    #[must_use]
    pub fn customer_id(&self, number: Option<u32>) -> &str {
        number.map_or("", |number| self.customers.name(number))
    }

    /// Write the next rows of `orders`; false when all are written.
    pub fn emit(&mut self, currency: &str, channel: Value<'_>, out: &mut Sink) -> bool {
        let until = (self.emitted + ROWS_AT_ONCE).min(self.orders.len());
        for number in self.emitted..until {
            let order = &self.orders[number];
            // Every line of it was bad.
            if order.status.is_empty() {
                continue;
            }
            let instant = |at: Option<i64>| at.map_or(Value::Null, Value::Instant);
            out.push(
                Entity::Orders,
                &[
                    Value::text(self.customer_id(order.customer)),
                    Value::Text(self.ids.name(number as u32)),
                    Value::Instant(order.at),
                    Value::Day(order.on),
                    Value::Text(order.status),
                    Value::Text(currency),
                    Value::Whole(order.subtotal),
                    Value::Whole(order.discount),
                    Value::Whole(order.shipping),
                    Value::Whole(order.tax),
                    Value::Whole(order.total()),
                    channel.clone(),
                    Value::Null,
                    instant(order.delivered_at),
                    instant(order.promised_at),
                ],
            );
        }
        self.emitted = until;
        until < self.orders.len()
    }
}
