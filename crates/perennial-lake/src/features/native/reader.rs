//! From sorted batches to one customer's rows at a time.

use arrow::array::{Array, ArrayRef, AsArray, Date32Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type};
use perennial_contract::Entity;

use super::super::FeatureError;
use super::super::store::Rows;
use super::history::{Event, EventName, History, Item, Order, Return};
use super::products::Numbers;

/// How the rows of one table become part of a history.
pub(super) trait Decode: Sized {
    const ENTITY: Entity;
    /// The columns after `customer_id`.
    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError>;
    fn push(&self, row: usize, history: &mut History, numbers: &mut Numbers);
}

/// A table's rows in one bucket, read customer by customer.
pub(super) struct Reader<D> {
    rows: Rows,
    ids: StringArray,
    decoded: Option<D>,
    at: usize,
}

impl<D: Decode> Reader<D> {
    pub fn over(rows: Rows) -> Self {
        Self { rows, ids: StringArray::new_null(0), decoded: None, at: 0 }
    }

    /// The customer whose rows come next.
    pub fn next_customer(&mut self) -> Result<Option<&str>, FeatureError> {
        loop {
            while self.at < self.ids.len() && self.ids.is_null(self.at) {
                self.at += 1;
            }
            if self.at < self.ids.len() {
                return Ok(Some(self.ids.value(self.at)));
            }
            let Some(batch) = self.rows.next() else { return Ok(None) };
            let batch = batch?;
            self.at = 0;
            self.ids = text(&batch, "customer_id")?;
            self.decoded = (self.ids.null_count() < self.ids.len()).then(|| D::decode(&batch)).transpose()?;
            if self.decoded.is_none() {
                self.at = self.ids.len();
            }
        }
    }

    /// Move the rows of `customer`, if they come next, into the history.
    pub fn take(&mut self, customer: &str, history: &mut History, numbers: &mut Numbers) -> Result<(), FeatureError> {
        while let Some(next) = self.next_customer()? {
            if next < customer {
                return Err(FeatureError::Rows(format!(
                    "{} is not sorted by customer_id: {next:?} comes after {customer:?}",
                    D::ENTITY
                )));
            }
            if next > customer {
                break;
            }
            let Some(decoded) = &self.decoded else { break };
            while self.at < self.ids.len() && self.ids.is_valid(self.at) && self.ids.value(self.at) == customer {
                decoded.push(self.at, history, numbers);
                self.at += 1;
            }
        }
        Ok(())
    }
}

pub(super) struct Items {
    day: Date32Array,
    total_cents: Int64Array,
    details: Option<ItemDetails>,
}

struct ItemDetails {
    product: StringArray,
    kind: StringArray,
    quantity: Int64Array,
    unit_price_cents: Int64Array,
    discount_cents: Int64Array,
}

impl Items {
    /// What the money of a day needs; everything else is only read where a group asks for it.
    pub const MONEY: &[&str] = &["customer_id", "ordered_on", "total_cents"];
    pub const ALL: &[&str] =
        &["customer_id", "ordered_on", "total_cents", "product_id", "kind", "quantity", "unit_price_cents", "discount_cents"];
}

impl Decode for Items {
    const ENTITY: Entity = Entity::OrderItems;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        let details = batch.column_by_name("product_id").map(|_| {
            Ok::<_, FeatureError>(ItemDetails {
                product: text(batch, "product_id")?,
                kind: text(batch, "kind")?,
                quantity: whole(batch, "quantity")?,
                unit_price_cents: whole(batch, "unit_price_cents")?,
                discount_cents: whole(batch, "discount_cents")?,
            })
        });
        Ok(Self { day: days(batch, "ordered_on")?, total_cents: whole(batch, "total_cents")?, details: details.transpose()? })
    }

    fn push(&self, row: usize, history: &mut History, numbers: &mut Numbers) {
        let mut item = Item { day: self.day.value(row), total_cents: self.total_cents.value(row), ..Item::default() };
        if let Some(details) = &self.details {
            let kind = details.kind.value(row);
            item.is_product = kind == "product";
            item.is_charge = kind == "charge";
            if item.is_product {
                item.product = numbers.number(details.product.value(row));
            }
            item.quantity = details.quantity.value(row);
            item.unit_price_cents = details.unit_price_cents.value(row);
            item.discount_cents = details.discount_cents.value(row);
        }
        history.items.push(item);
    }
}

pub(super) struct Orders {
    day: Date32Array,
    status: StringArray,
    coupons: Option<ArrayRef>,
}

impl Orders {
    pub const MONEY: &[&str] = &["customer_id", "ordered_on", "status"];
    pub const ALL: &[&str] = &["customer_id", "ordered_on", "status", "coupon_codes"];
}

impl Decode for Orders {
    const ENTITY: Entity = Entity::Orders;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        let coupons = batch.column_by_name("coupon_codes").cloned();
        Ok(Self { day: days(batch, "ordered_on")?, status: text(batch, "status")?, coupons })
    }

    fn push(&self, row: usize, history: &mut History, _: &mut Numbers) {
        let cancelled = self.status.value(row) == "cancelled";
        let coupon = self.coupons.as_ref().is_some_and(|coupons| coupons.is_valid(row));
        history.orders.push(Order { day: self.day.value(row), cancelled, coupon });
    }
}

pub(super) struct Returns {
    day: Date32Array,
    quantity: Int64Array,
    amount_cents: Int64Array,
}

impl Returns {
    pub const ALL: &[&str] = &["customer_id", "returned_on", "quantity", "amount_cents"];
}

impl Decode for Returns {
    const ENTITY: Entity = Entity::Returns;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        let (quantity, amount_cents) = (whole(batch, "quantity")?, whole(batch, "amount_cents")?);
        Ok(Self { day: days(batch, "returned_on")?, quantity, amount_cents })
    }

    fn push(&self, row: usize, history: &mut History, _: &mut Numbers) {
        let (quantity, amount_cents) = (self.quantity.value(row), self.amount_cents.value(row));
        history.returns.push(Return { day: self.day.value(row), quantity, amount_cents });
    }
}

pub(super) struct Events {
    day: Date32Array,
    name: StringArray,
    session: StringArray,
}

impl Events {
    pub const ALL: &[&str] = &["customer_id", "occurred_on", "name", "session_id"];
}

impl Decode for Events {
    const ENTITY: Entity = Entity::Events;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        let (name, session) = (text(batch, "name")?, text(batch, "session_id")?);
        Ok(Self { day: days(batch, "occurred_on")?, name, session })
    }

    fn push(&self, row: usize, history: &mut History, _: &mut Numbers) {
        let session = self.session.is_valid(row).then(|| history.session(self.session.value(row)));
        let name = match self.name.value(row) {
            "product_viewed" => EventName::ProductViewed,
            "product_added" => EventName::ProductAdded,
            "checkout_started" => EventName::CheckoutStarted,
            "products_searched" => EventName::ProductsSearched,
            "order_completed" => EventName::OrderCompleted,
            _ => EventName::Other,
        };
        history.events.push(Event { day: self.day.value(row), name, session });
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, FeatureError> {
    batch.column_by_name(name).ok_or_else(|| FeatureError::Rows(format!("the scan lacks column {name}")))
}

fn text(batch: &RecordBatch, name: &str) -> Result<StringArray, FeatureError> {
    Ok(cast(column(batch, name)?, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn whole(batch: &RecordBatch, name: &str) -> Result<Int64Array, FeatureError> {
    Ok(cast(column(batch, name)?, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

fn days(batch: &RecordBatch, name: &str) -> Result<Date32Array, FeatureError> {
    Ok(cast(column(batch, name)?, &DataType::Date32)?.as_primitive::<Date32Type>().clone())
}
