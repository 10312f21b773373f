//! The canonical tables: their columns, units and keys, in one place.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// What a column holds; fixes its Arrow type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or a short word.
    Text,
    /// A list of short words.
    Texts,
    /// A JSON object as text.
    Json,
    /// Minor units of the row's currency.
    Cents,
    /// A whole number.
    Count,
    Float,
    Flag,
    /// A UTC instant in microseconds.
    Instant,
    /// A calendar day in the shop's zone.
    Date,
}

impl Kind {
    #[must_use]
    pub fn data_type(self) -> DataType {
        match self {
            Self::Text | Self::Json => DataType::Utf8,
            Self::Texts => DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            Self::Cents | Self::Count => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Flag => DataType::Boolean,
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Date => DataType::Date32,
        }
    }
}

/// One column of a canonical table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub nullable: bool,
}

const fn must(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: false }
}

const fn may(name: &'static str, kind: Kind) -> Column {
    Column { name, kind, nullable: true }
}

/// Columns every stored row ends with: where it came from, so that "as of" can also mean what we knew then.
pub const ORIGIN: &[Column] = &[must("ingested_at", Kind::Instant), must("batch_id", Kind::Text), must("source", Kind::Text)];

macro_rules! entities {
    ($($variant:ident, $name:literal, key $key:expr, time $time:expr, [$($column:expr),* $(,)?];)*) => {
        /// A canonical table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Entity { $($variant),* }

        impl Entity {
            /// Every canonical table, in the order they are documented.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// The columns that identify a row.
            #[must_use]
            pub const fn key(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &$key),* }
            }

            /// The instant column that says when the row happened, if the table has one.
            /// Its calendar day in the shop's zone is stored beside it under the same stem with `_on`.
            #[must_use]
            pub const fn time(self) -> Option<&'static str> {
                match self { $(Self::$variant => $time),* }
            }

            /// The table's own columns, without [`ORIGIN`].
            #[must_use]
            pub const fn columns(self) -> &'static [Column] {
                use Kind::*;
                match self {
                    $(Self::$variant => {
                        const COLUMNS: &[Column] = &[$($column),*];
                        COLUMNS
                    })*
                }
            }
        }
    };
}

entities! {
    Customers, "customers", key ["customer_id"], time None, [
        must("customer_id", Text), may("anonymous_ids", Texts), may("created_at", Instant), may("created_on", Date),
        may("country", Text), may("region", Text), may("birth_year", Count), may("gender", Text), may("acquisition_channel", Text),
        // Shop-specific demographics (income band, household size …) as one JSON object.
        may("attributes", Json),
    ];
    Orders, "orders", key ["order_id"], time Some("ordered_at"), [
        may("customer_id", Text), must("order_id", Text), must("ordered_at", Instant), must("ordered_on", Date), must("status", Text),
        must("currency", Text), must("subtotal_cents", Cents), must("discount_cents", Cents), must("shipping_cents", Cents),
        must("tax_cents", Cents), must("total_cents", Cents), may("channel", Text), may("coupon_codes", Texts),
        may("delivered_at", Instant), may("promised_at", Instant),
    ];
    // `customer_id`, `ordered_at` and `ordered_on` repeat the order's, so that a customer's lines lie together and need no join.
    // `kind` is `product`, `charge` (postage, fees, manual corrections: revenue, but not products) or `cancelled` (a line of an order
    // that is no sale: kept as it was ordered, with a discount and total of 0).
    OrderItems, "order_items", key ["order_id", "line_no"], time Some("ordered_at"), [
        may("customer_id", Text), must("order_id", Text), must("line_no", Count), must("ordered_at", Instant), must("ordered_on", Date),
        must("product_id", Text), must("kind", Text), must("quantity", Count), must("unit_price_cents", Cents),
        must("discount_cents", Cents), must("total_cents", Cents), must("currency", Text),
    ];
    Returns, "returns", key ["return_id"], time Some("returned_at"), [
        may("customer_id", Text), must("return_id", Text), may("order_id", Text), may("line_no", Count), may("product_id", Text),
        must("returned_at", Instant), must("returned_on", Date), must("quantity", Count), must("amount_cents", Cents),
        must("currency", Text), may("reason", Text),
    ];
    Products, "products", key ["product_id"], time None, [
        must("product_id", Text), may("name", Text), may("brand", Text), may("category_path", Texts), may("category", Text),
        may("price_cents", Cents), may("cost_cents", Cents), may("description", Text), may("image_path", Text),
        may("valid_from", Instant),
    ];
    Events, "events", key ["event_id"], time Some("occurred_at"), [
        may("customer_id", Text), must("event_id", Text), may("anonymous_id", Text), may("session_id", Text),
        must("occurred_at", Instant), must("occurred_on", Date), must("name", Text), may("product_id", Text), may("properties", Json),
    ];
    Reviews, "reviews", key ["review_id"], time Some("reviewed_at"), [
        may("customer_id", Text), must("review_id", Text), may("product_id", Text), may("order_id", Text),
        must("reviewed_at", Instant), must("reviewed_on", Date), must("rating", Count), may("title", Text), may("body", Text),
        may("language", Text), may("image_paths", Texts),
    ];
    Surveys, "surveys", key ["response_id"], time Some("answered_at"), [
        must("customer_id", Text), must("response_id", Text), must("answered_at", Instant), must("answered_on", Date),
        must("kind", Text), must("score", Count), may("comment", Text),
    ];
    Tickets, "tickets", key ["ticket_id"], time Some("opened_at"), [
        may("customer_id", Text), must("ticket_id", Text), must("opened_at", Instant), must("opened_on", Date),
        may("closed_at", Instant), may("channel", Text), may("topic", Text), may("csat", Count),
    ];
    Messages, "messages", key ["message_id"], time Some("sent_at"), [
        may("customer_id", Text), must("message_id", Text), must("ticket_id", Text), must("sent_at", Instant), must("sent_on", Date),
        must("sender", Text), must("body", Text), may("language", Text),
    ];
    Campaigns, "campaigns", key ["campaign_id"], time None, [
        must("campaign_id", Text), may("name", Text), may("channel", Text), may("starts_at", Instant), may("ends_at", Instant),
    ];
    Offers, "offers", key ["offer_id"], time None, [
        must("offer_id", Text), may("campaign_id", Text), must("kind", Text), may("value_cents", Cents), may("percent", Float),
        may("min_spend_cents", Cents), may("valid_from", Instant), may("valid_to", Instant),
    ];
    Touches, "touches", key ["touch_id"], time Some("sent_at"), [
        must("customer_id", Text), must("touch_id", Text), must("campaign_id", Text), may("offer_id", Text), may("channel", Text),
        may("variant", Text), must("holdout", Flag), may("propensity", Float), must("sent_at", Instant), must("sent_on", Date),
        may("delivered_at", Instant), may("opened_at", Instant), may("clicked_at", Instant), may("redeemed_at", Instant),
        may("cost_cents", Cents),
    ];
    Consents, "consents", key ["customer_id", "purpose", "channel"], time Some("decided_at"), [
        must("customer_id", Text), must("purpose", Text), must("channel", Text), must("state", Text), must("decided_at", Instant),
        must("decided_on", Date), may("proof", Text),
    ];
    // `value` and `raw` never hold a direct identifier: the source blanks those cells.
    Rejects, "rejects", key ["batch_id", "file", "row"], time None, [
        must("table", Text), must("file", Text), must("row", Count), may("column", Text), may("value", Text), must("reason", Text),
        may("raw", Text),
    ];
}

impl Entity {
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|entity| entity.name() == name)
    }

    /// The day column beside [`Entity::time`]: `ordered_at` has `ordered_on`.
    #[must_use]
    pub fn day(self) -> Option<String> {
        self.time().map(|time| format!("{}_on", time.trim_end_matches("_at")))
    }

    /// The column that says since when a row is known: its day, or the instant from which it holds. Where it is null, the row always was.
    #[must_use]
    pub fn known_from(self) -> Option<Column> {
        let name = match self {
            Self::Customers => Some("created_on".to_owned()),
            Self::Products | Self::Offers => Some("valid_from".to_owned()),
            Self::Campaigns => Some("starts_at".to_owned()),
            _ => self.day(),
        };
        name.and_then(|name| self.column(&name))
    }

    /// The instant that must have passed for a column of a known row to be known too: a delivery is not known with its order.
    #[must_use]
    pub fn learned_at(self, column: &str) -> Option<&'static str> {
        match (self, column) {
            (Self::Orders, "delivered_at") => Some("delivered_at"),
            (Self::Tickets, "closed_at" | "csat") => Some("closed_at"),
            (Self::Touches, "delivered_at") => Some("delivered_at"),
            (Self::Touches, "opened_at") => Some("opened_at"),
            (Self::Touches, "clicked_at") => Some("clicked_at"),
            (Self::Touches, "redeemed_at") => Some("redeemed_at"),
            _ => None,
        }
    }

    /// Whether rows belong to a customer, so that the lake keeps them sorted by `customer_id`, then time, then key.
    #[must_use]
    pub fn has_customer(self) -> bool {
        self.columns().iter().any(|column| column.name == "customer_id")
    }

    #[must_use]
    pub fn column(self, name: &str) -> Option<Column> {
        self.columns().iter().chain(ORIGIN).copied().find(|column| column.name == name)
    }

    /// Schema of the rows a source delivers: the table's own columns.
    #[must_use]
    pub fn source_schema(self) -> SchemaRef {
        schema(self.columns().iter())
    }

    /// Schema of the stored rows: the table's own columns, then [`ORIGIN`].
    #[must_use]
    pub fn schema(self) -> SchemaRef {
        schema(self.columns().iter().chain(ORIGIN))
    }
}

fn schema<'a>(columns: impl Iterator<Item = &'a Column>) -> SchemaRef {
    Arc::new(Schema::new(columns.map(|c| Field::new(c.name, c.kind.data_type(), c.nullable)).collect::<Vec<_>>()))
}

impl std::fmt::Display for Entity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_times_and_days_are_columns() {
        for &entity in Entity::ALL {
            assert_eq!(Entity::from_name(entity.name()), Some(entity));
            for key in entity.key() {
                assert!(entity.column(key).is_some_and(|c| !c.nullable), "{entity}.{key}");
            }
            if let (Some(time), Some(day)) = (entity.time(), entity.day()) {
                assert_eq!(entity.column(time).map(|c| c.kind), Some(Kind::Instant), "{entity}.{time}");
                assert_eq!(entity.column(&day).map(|c| c.kind), Some(Kind::Date), "{entity}.{day}");
            }
            // An instant of a row is its time, the instant it holds from, a plan, or something learned later.
            for column in entity.columns().iter().filter(|column| column.kind == Kind::Instant) {
                let is_time = entity.time() == Some(column.name) || column.name == "created_at";
                let is_plan = ["promised_at", "ends_at", "valid_to"].contains(&column.name);
                let is_start = entity.known_from().is_some_and(|from| from.name == column.name);
                assert!(
                    is_time || is_plan || is_start || entity.learned_at(column.name) == Some(column.name),
                    "{entity}.{}",
                    column.name
                );
            }
        }
    }
}
