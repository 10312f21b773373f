//! Hot groups in one pass over the sorted rows, for any number of as-of days at once.
//!
//! The SQL files are the definition; a test holds every cell here equal to theirs, bit for bit. Sums are whole numbers, so the only
//! float operations are the last division or root, and those are the same on both sides.

mod baskets;
mod campaigns;
mod categories;
mod contacts;
mod delivery;
mod discounts;
mod history;
mod labels;
mod margins;
mod orders;
mod pieces;
mod products;
mod reader;
mod returns;
mod sessions;
mod tables;
mod voice;
mod walk;

use perennial_contract::Day;
use perennial_contract::estimator::column;

use super::group::FeatureKind;
use super::sample::Sample;
use contacts::{Reviews, Surveys, Tickets, Touches};
use history::Known;
pub(super) use labels::COLUMNS as LABEL_COLUMNS;
pub(super) use pieces::Laid;
use reader::Source;
use tables::{Events, Items, Orders, Returns};
pub(super) use walk::{Pass, run};

/// A group with a native implementation.
pub(super) struct Native {
    pub group: &'static str,
    /// Appends one cell per declared column, in their order.
    cells: for<'a> fn(&Known<'a>, &mut Vec<Cell<'a>>),
    /// What it reads besides [`MONEY`].
    reads: &'static [Source],
}

/// What every pass reads: purchase days and their money decide who has a row.
const MONEY: &[Source] = &[Items::MONEY, Orders::MONEY, Returns::ALL];

pub(super) const NATIVES: &[Native] = &[
    Native { group: "orders", cells: orders::cells, reads: &[] },
    Native { group: "baskets", cells: baskets::cells, reads: &[Items::ALL] },
    Native { group: "categories", cells: categories::cells, reads: &[Items::ALL] },
    Native { group: "margins", cells: margins::cells, reads: &[Items::ALL] },
    Native { group: "discounts", cells: discounts::cells, reads: &[Items::ALL, Orders::ALL] },
    Native { group: "returns", cells: returns::cells, reads: &[] },
    Native { group: "sessions", cells: sessions::cells, reads: &[Events::ALL] },
    Native { group: "reviews", cells: voice::reviews, reads: &[Reviews::ALL] },
    Native { group: "support", cells: voice::support, reads: &[Tickets::ALL] },
    Native { group: "surveys", cells: voice::surveys, reads: &[Surveys::ALL] },
    Native { group: "campaigns", cells: campaigns::cells, reads: &[Touches::ALL] },
    Native { group: "delivery", cells: delivery::cells, reads: &[Orders::ALL] },
];

/// What lifetime models read, and nothing more: the first cells of the group `orders` under their names there.
pub(super) const LIFETIME: Native = Native { group: "lifetime", cells: orders::lifetime_cells, reads: &[] };
pub(super) const LIFETIME_COLUMNS: [(&str, FeatureKind); 4] = [
    (column::X, FeatureKind::Whole),
    (column::T_X, FeatureKind::Whole),
    (column::T, FeatureKind::Whole),
    (column::REPEAT_SPEND_CENTS_MEAN, FeatureKind::Float),
];

/// An as-of day and the instant at which it begins in the shop's zone, UTC microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub as_of: Day,
    pub start_us: i64,
    /// Whose rows are wanted.
    pub sample: Sample,
    /// For labels: how many days from the as-of day on they look at.
    pub horizon_days: Option<i32>,
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
