//! What each customer will do next, and how well such promises were kept.

use perennial_contract::Day;
use serde::{Deserialize, Serialize};

use super::Phrase;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outlook {
    /// What the law of orders is called: `bgnbd`, `mbgnbd`, `pareto_nbd`, `nbd`.
    pub law: String,
    /// From customer-new to gone; stages nobody is in are there too.
    pub stages: Vec<StageFacts>,
    /// From the stages of one horizon ago to today's; absent where the past is too short.
    pub migration: Option<StageMigration>,
    /// Today's customers, by rising horizon.
    pub horizons: Vec<HorizonTotals>,
    /// First day of the closed window that the shop's horizon was set right on.
    #[serde(default)]
    pub set_right_from: Option<Day>,
    pub test: Option<OutlookTest>,
    pub matrix: OrdersMatrix,
    /// Share of each quarter's first-time customers who had ordered again by a month of their life, newest last.
    pub second_orders: Vec<SecondOrders>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageFacts {
    /// How good it is for the shop; stages alike have one rank.
    pub rank: i32,
    pub name: Phrase,
    pub meaning: Phrase,
    pub customers: u64,
    pub spend_cents_expected: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageMigration {
    pub from: Day,
    pub to: Day,
    /// `counts[i][j]`, in the order of [`Outlook::stages`].
    pub counts: Vec<Vec<u64>>,
}

/// Sums over today's customers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct HorizonTotals {
    pub days: i32,
    /// Longer than every window that has closed.
    pub is_extrapolated: bool,
    pub buyers_expected: f64,
    pub orders_expected: f64,
    pub spend_cents_expected: f64,
    /// The same before returns.
    pub gross_cents_expected: f64,
    /// What it leaves after the cost of the goods; `None` where no cost is known.
    pub margin_cents_expected: Option<f64>,
}

/// The same recipe, one horizon earlier, on the window it had not seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutlookTest {
    pub from: Day,
    pub days: i32,
    pub customers: u64,
    /// Spend, the next order, orders; each by rising width.
    pub coverage: Vec<CoverageRow>,
    pub weeks: Vec<TrackedWeek>,
    /// Of the active customers.
    #[serde(default)]
    pub money: Option<MoneyTest>,
    pub by_repeats: Vec<RepeatRow>,
}

/// What an interval is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    Spend,
    /// The day of the next order.
    NextOrder,
    /// The number of orders.
    Orders,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CoverageRow {
    pub of: Promise,
    pub percent: u32,
    /// An outcome that many share (no spend, no order yet) counted by its part inside.
    pub by_pit: f64,
    /// Lowest and highest tenth by forecast.
    pub tenths: (f64, f64),
    pub plain: f64,
}

/// Orders from the window's first day to the end of a week.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct TrackedWeek {
    pub days: i32,
    pub expected: f64,
    pub actual: f64,
}

/// Mean orders in the window by repeat orders before it; the last row holds all above.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct RepeatRow {
    pub repeats: u64,
    pub or_more: bool,
    pub customers: u64,
    pub expected: f64,
    pub actual: f64,
}

/// Expected orders by repeat orders (rows) and days since the last one (columns); `None` where nobody can be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct OrdersMatrix {
    pub days_since_last_order: Vec<i32>,
    pub horizon_days: i32,
    pub orders_expected: Vec<Vec<Option<f64>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecondOrders {
    /// First day of the quarter.
    pub quarter: Day,
    pub customers: u64,
    /// By month 1, 2, … as long as somebody has been watched so far.
    pub share: Vec<f64>,
}

/// Spend of the test window, forecast over what came.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct MoneyTest {
    pub net_ratio: f64,
    pub gross_ratio: f64,
}
