//! What holds between tables: references, money, guests, and customers who are each other's copy. One pass over orders, lines and returns.

use std::collections::{BTreeMap, HashSet};

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Int64Type};
use perennial_contract::Entity;
use perennial_contract::engine::{Snapshot, Who};

use super::QualityError;
use crate::lake::{BucketScan, Lake};
use crate::table::hash::{hash, mix};

/// Counts between the tables of a shop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Relations {
    pub orders: u64,
    /// Of those, called off or never paid, and those that only correct the stock.
    pub orders_cancelled: u64,
    pub orders_adjusting: u64,
    /// Sales without a customer.
    pub orders_of_guests: u64,
    /// Orders that are sales and state an amount, and have no line: nothing of it counts anywhere.
    pub orders_without_lines: u64,
    pub lines: u64,
    pub lines_without_order: u64,
    /// Product lines (charges are not products) whose product is unknown; counted only when there is a product table.
    pub lines_without_product: u64,
    pub lines_of_charges: u64,
    /// Lines of orders that are no sales.
    pub lines_cancelled: u64,
    pub lines_of_zero: u64,
    pub lines_below_zero: u64,
    pub returns: u64,
    /// Returns whose reason is that the invoice was cancelled.
    pub returns_by_cancellation: u64,
    pub returns_without_order: u64,
    pub sales_cents: i64,
    pub returned_cents: i64,
    /// Customers with lines.
    pub customers: u64,
    /// Customers whose history of at least three days is another's, to the cent.
    pub customers_copied: u64,
    /// A pair of such customers, to look at.
    pub copied_example: Option<(String, String)>,
}

/// Fewer purchase days than this are the same by chance.
const COPIED_DAYS_MIN: u32 = 3;

#[derive(Default)]
struct Customer {
    id: String,
    history: u64,
    days: u32,
    last_day: i32,
}

struct Pass {
    found: Relations,
    products: HashSet<u64>,
    histories: BTreeMap<u64, String>,
    at_hand: Customer,
}

impl Relations {
    pub fn read(lake: &Lake, at: &Snapshot) -> Result<Self, QualityError> {
        let mut pass =
            Pass { found: Self::default(), products: HashSet::new(), histories: BTreeMap::new(), at_hand: Customer::default() };
        for bucket in lake.scan(at, Entity::Products, &["product_id"], &Who::Everyone)? {
            for batch in bucket {
                pass.products.extend(texts(&batch?, "product_id").iter().flatten().map(|id| hash(id.as_bytes(), 0)));
            }
        }
        let orders = lake.scan(at, Entity::Orders, &["customer_id", "order_id", "status", "total_cents"], &Who::Everyone)?;
        let columns = ["customer_id", "order_id", "ordered_on", "product_id", "kind", "quantity", "total_cents"];
        let lines = lake.scan(at, Entity::OrderItems, &columns, &Who::Everyone)?;
        let returns = lake.scan(at, Entity::Returns, &["customer_id", "order_id", "amount_cents", "reason"], &Who::Everyone)?;
        // An order, its lines and its returns have one customer and so one bucket.
        for ((orders, lines), returns) in orders.into_iter().zip(lines).zip(returns) {
            let (ids, mut bare) = pass.orders(orders)?;
            for batch in lines {
                let batch = batch?;
                texts(&batch, "order_id").iter().flatten().for_each(|id| {
                    bare.remove(&hash(id.as_bytes(), 0));
                });
                pass.lines(&batch, &ids);
            }
            pass.found.orders_without_lines += bare.len() as u64;
            pass.close_customer();
            for batch in returns {
                pass.returns(&batch?, &ids);
            }
        }
        Ok(pass.found)
    }

    /// Orders that are sales.
    #[must_use]
    pub fn sales(&self) -> u64 {
        self.orders - self.orders_cancelled - self.orders_adjusting
    }

    #[must_use]
    pub fn net_revenue_cents(&self) -> i64 {
        self.sales_cents.saturating_sub(self.returned_cents)
    }
}

impl Pass {
    /// Every order's id, and those of sales that state an amount.
    fn orders(&mut self, bucket: BucketScan) -> Result<(HashSet<u64>, HashSet<u64>), QualityError> {
        let (mut ids, mut stating) = (HashSet::new(), HashSet::new());
        for batch in bucket {
            let batch = batch?;
            self.found.orders += batch.num_rows() as u64;
            let customers = texts(&batch, "customer_id");
            let (names, statuses, totals) = (texts(&batch, "order_id"), texts(&batch, "status"), cents(&batch, "total_cents"));
            for row in 0..batch.num_rows() {
                let id = hash(names.value(row).as_bytes(), 0);
                ids.insert(id);
                match statuses.value(row) {
                    "cancelled" => self.found.orders_cancelled += 1,
                    "adjustment" => self.found.orders_adjusting += 1,
                    _ => self.found.orders_of_guests += u64::from(customers.is_null(row)),
                }
                if statuses.value(row) != "cancelled" && totals.value(row) > 0 {
                    stating.insert(id);
                }
            }
        }
        Ok((ids, stating))
    }

    fn lines(&mut self, batch: &RecordBatch, orders: &HashSet<u64>) {
        let (customers, ids, products) = (texts(batch, "customer_id"), texts(batch, "order_id"), texts(batch, "product_id"));
        let (kinds, quantities, totals) = (texts(batch, "kind"), cents(batch, "quantity"), cents(batch, "total_cents"));
        let Some(days) = batch.column_by_name("ordered_on").and_then(|days| days.as_primitive_opt::<Date32Type>()) else {
            return;
        };
        for row in 0..batch.num_rows() {
            let (product, total) = (hash(products.value(row).as_bytes(), 0), totals.value(row));
            let kind = kinds.value(row);
            let is_cancelled = kind == "cancelled";
            self.found.lines += 1;
            self.found.sales_cents = self.found.sales_cents.saturating_add(total);
            self.found.lines_of_charges += u64::from(kind == "charge");
            self.found.lines_cancelled += u64::from(is_cancelled);
            self.found.lines_of_zero += u64::from(total == 0 && !is_cancelled);
            self.found.lines_below_zero += u64::from(total < 0);
            self.found.lines_without_order += u64::from(!orders.contains(&hash(ids.value(row).as_bytes(), 0)));
            self.found.lines_without_product +=
                u64::from(kind == "product" && !self.products.is_empty() && !self.products.contains(&product));
            if customers.is_null(row) || is_cancelled {
                continue;
            }
            if self.at_hand.id != customers.value(row) {
                self.close_customer();
                self.at_hand.id.push_str(customers.value(row));
            }
            let (customer, day) = (&mut self.at_hand, days.value(row));
            customer.days += u32::from(customer.days == 0 || customer.last_day != day);
            customer.last_day = day;
            for word in [day as u64, product, quantities.value(row) as u64, total as u64] {
                customer.history = mix(customer.history, word);
            }
        }
    }

    /// The customer at hand is complete: have we seen this history before?
    fn close_customer(&mut self) {
        let customer = std::mem::take(&mut self.at_hand);
        if customer.days == 0 {
            return;
        }
        self.found.customers += 1;
        if customer.days < COPIED_DAYS_MIN {
            return;
        }
        if let Some(first) = self.histories.get(&customer.history) {
            self.found.customers_copied += 1;
            self.found.copied_example.get_or_insert_with(|| (first.clone(), customer.id));
        } else {
            self.histories.insert(customer.history, customer.id);
        }
    }

    fn returns(&mut self, batch: &RecordBatch, orders: &HashSet<u64>) {
        let (ids, amounts, reasons) = (texts(batch, "order_id"), cents(batch, "amount_cents"), texts(batch, "reason"));
        for row in 0..batch.num_rows() {
            self.found.returns += 1;
            self.found.returns_by_cancellation += u64::from(reasons.is_valid(row) && reasons.value(row) == "cancellation");
            self.found.returned_cents = self.found.returned_cents.saturating_add(amounts.value(row));
            let is_known = ids.is_null(row) || orders.contains(&hash(ids.value(row).as_bytes(), 0));
            self.found.returns_without_order += u64::from(!is_known);
        }
    }
}

fn texts<'a>(batch: &'a RecordBatch, name: &str) -> &'a StringArray {
    batch[name].as_string::<i32>()
}

fn cents<'a>(batch: &'a RecordBatch, name: &str) -> &'a Int64Array {
    batch[name].as_primitive::<Int64Type>()
}
