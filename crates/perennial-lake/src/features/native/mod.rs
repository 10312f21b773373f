//! Hot groups in one pass over the sorted rows, for any number of as-of days at once.
//!
//! The SQL files are the definition; a test holds every cell here equal to theirs, bit for bit. Sums are whole numbers, so the only
//! float operations are the last division or root, and those are the same on both sides.

mod baskets;
mod categories;
mod discounts;
mod history;
mod labels;
mod orders;
mod pieces;
mod products;
mod reader;
mod returns;
mod sessions;
mod walk;

use perennial_contract::Day;

use history::Known;
pub(super) use labels::COLUMNS as LABEL_COLUMNS;
pub(super) use pieces::Laid;
pub(super) use walk::{Pass, run};

/// A group with a native implementation.
pub(super) struct Native {
    pub group: &'static str,
    /// Appends one cell per declared column, in their order.
    cells: for<'a> fn(&Known<'a>, &mut Vec<Cell<'a>>),
    /// Whether order lines are read whole (products, prices) and not only their money.
    item_details: bool,
    coupons: bool,
    events: bool,
}

const MONEY_ONLY: Native = Native { group: "orders", cells: orders::cells, item_details: false, coupons: false, events: false };

pub(super) const NATIVES: &[Native] = &[
    MONEY_ONLY,
    Native { group: "baskets", cells: baskets::cells, item_details: true, ..MONEY_ONLY },
    Native { group: "categories", cells: categories::cells, item_details: true, ..MONEY_ONLY },
    Native { group: "discounts", cells: discounts::cells, item_details: true, coupons: true, ..MONEY_ONLY },
    Native { group: "returns", cells: returns::cells, ..MONEY_ONLY },
    Native { group: "sessions", cells: sessions::cells, events: true, ..MONEY_ONLY },
];

/// An as-of day and the instant at which it begins in the shop's zone, UTC microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub as_of: Day,
    pub start_us: i64,
}

/// One value of one customer.
#[derive(Clone, Copy, Debug)]
enum Cell<'a> {
    Whole(Option<i64>),
    Float(Option<f64>),
    Text(Option<&'a str>),
}

impl Cell<'_> {
    fn whole(value: i64) -> Self {
        Self::Whole(Some(value))
    }

    /// `CAST(a AS DOUBLE) / CAST(NULLIF(b, 0) AS DOUBLE)`.
    fn ratio(a: i64, b: i64) -> Self {
        Self::Float((b != 0).then(|| a as f64 / b as f64))
    }
}
