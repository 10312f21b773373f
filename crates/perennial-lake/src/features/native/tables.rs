//! The rows of money and of visits, table by table.

use arrow::array::{Array, ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use perennial_contract::Entity;

use super::super::FeatureError;
use super::history::{Event, EventName, History, Item, Order, Return};
use super::products::Numbers;
use super::reader::{Decode, Source, days, instants, text, value, whole};

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
    pub const MONEY: Source = Source::of::<Self>(&["customer_id", "ordered_on", "total_cents"]);
    pub const ALL: Source = Source::of::<Self>(&[
        "customer_id",
        "ordered_on",
        "total_cents",
        "product_id",
        "kind",
        "quantity",
        "unit_price_cents",
        "discount_cents",
    ]);
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
            item.is_cancelled = kind == "cancelled";
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
    details: Option<OrderDetails>,
}

struct OrderDetails {
    coupons: ArrayRef,
    ordered_at: TimestampMicrosecondArray,
    delivered_at: TimestampMicrosecondArray,
    promised_at: TimestampMicrosecondArray,
}

impl Orders {
    pub const MONEY: Source = Source::of::<Self>(&["customer_id", "ordered_on", "status"]);
    pub const ALL: Source =
        Source::of::<Self>(&["customer_id", "ordered_on", "status", "coupon_codes", "ordered_at", "delivered_at", "promised_at"]);
}

impl Decode for Orders {
    const ENTITY: Entity = Entity::Orders;

    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError> {
        let details = batch.column_by_name("coupon_codes").map(|coupons| {
            Ok::<_, FeatureError>(OrderDetails {
                coupons: coupons.clone(),
                ordered_at: instants(batch, "ordered_at")?,
                delivered_at: instants(batch, "delivered_at")?,
                promised_at: instants(batch, "promised_at")?,
            })
        });
        Ok(Self { day: days(batch, "ordered_on")?, status: text(batch, "status")?, details: details.transpose()? })
    }

    fn push(&self, row: usize, history: &mut History, _: &mut Numbers) {
        let cancelled = self.status.value(row) == "cancelled";
        let mut order = Order { day: self.day.value(row), cancelled, ..Order::default() };
        if let Some(details) = &self.details {
            order.coupon = details.coupons.is_valid(row);
            order.ordered_us = details.ordered_at.value(row);
            order.delivered_us = value(&details.delivered_at, row);
            order.promised_us = value(&details.promised_at, row);
        }
        history.orders.push(order);
    }
}

pub(super) struct Returns {
    day: Date32Array,
    quantity: Int64Array,
    amount_cents: Int64Array,
}

impl Returns {
    pub const ALL: Source = Source::of::<Self>(&["customer_id", "returned_on", "quantity", "amount_cents"]);
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
    pub const ALL: Source = Source::of::<Self>(&["customer_id", "occurred_on", "name", "session_id"]);
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
