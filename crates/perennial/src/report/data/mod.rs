//! What a report is made of: plain data, filled by the pipeline, drawn here.
//!
//! Every part that a run can fail to deliver is a [`Section`], so that a refusal is shown with its reason and never as an empty
//! chart. Money is minor units of the shop's currency; a model's expectation of money is `f64` minor units. Shares are 0..1.

mod learned;
mod outlook;
mod quality;

pub use learned::*;
pub use outlook::*;
pub use quality::*;

use std::collections::BTreeMap;

use perennial_contract::Day;
use serde::{Deserialize, Serialize};

/// Everything the HTML report shows. The same data gives the same bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReportData {
    pub shop: Shop,
    pub frame: Frame,
    pub overview: Overview,
    pub quality: Section<Quality>,
    pub cohorts: Section<Cohorts>,
    pub segments: Section<Segments>,
    pub churn: Section<Churn>,
    pub value: Section<Value>,
    pub at_risk: Section<AtRisk>,
    pub outlook: Section<Outlook>,
    /// Every candidate of the run, champions and baselines included, by task and then as they were fitted.
    pub models: Vec<ModelRow>,
    /// What a feature's name means, by name; a feature without an entry is shown under its own name.
    pub words: BTreeMap<String, FeatureWords>,
    /// What a group is called that a model found by itself, by key.
    pub groups: BTreeMap<String, GroupWords>,
    pub provenance: Provenance,
}

/// A part of the report that may be missing, with the reason.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Section<T> {
    Shown(T),
    /// A gate or a model said no.
    Refused(Phrase),
    /// There is nothing to show: no such data, or the step was not asked for.
    Absent(Phrase),
}

impl<T> Section<T> {
    pub fn shown(&self) -> Option<&T> {
        match self {
            Self::Shown(part) => Some(part),
            Self::Refused(_) | Self::Absent(_) => None,
        }
    }
}

/// A sentence in both languages. A reason that exists in English alone is shown as it is and marked as English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phrase {
    pub en: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zh: Option<String>,
}

impl Phrase {
    pub fn both(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { en: en.into(), zh: Some(zh.into()) }
    }
}

impl<S: Into<String>> From<S> for Phrase {
    fn from(en: S) -> Self {
        Self { en: en.into(), zh: None }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Shop {
    pub name: String,
    /// ISO 4217.
    pub currency: String,
    /// IANA zone in which the shop's days are counted.
    pub zone: String,
    /// What the page opens in, as in the attribute `lang`; readers with a Chinese browser open it in Chinese anyway.
    #[serde(default)]
    pub language: String,
    /// Whether the data come from `simulate`: said on the first line, so that nobody takes it for a real shop.
    pub simulated: bool,
}

/// What was decided before anything was learned.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Frame {
    /// Exclusive: facts of this day and later are not known.
    pub as_of: Day,
    pub horizon_days: i32,
    pub horizon_reason: Phrase,
    pub look_back_days: i32,
    pub look_back_reason: Phrase,
    /// What makes a customer one who left, and whom that is asked of.
    pub leaving: Phrase,
    /// In which time an order keeps a customer, to end a sentence with.
    pub within: Phrase,
    /// Customers with a purchase day before `as_of`.
    pub customers_known: u64,
    /// Those with a purchase day in the look-back: the ones churn is asked about.
    pub customers_eligible: u64,
    /// Share of the eligible of the test cut who placed no order in the horizon; `None` without a closed window.
    pub base_rate: Option<f64>,
    /// Days between two purchase days of one customer.
    pub gap_days: Option<GapDays>,
    /// As-of days that the model that answers had learned from when it was judged, ascending.
    pub train_cuts: Vec<Day>,
    /// As-of day it was judged on: its horizon was the last one that was over at training.
    pub test_cut: Option<Day>,
    #[serde(default)]
    pub hindsight: Option<Hindsight>,
    #[serde(default)]
    pub season: Option<Season>,
}

/// Models that have learned from days on or after the as-of day.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hindsight {
    /// Their tasks.
    pub tasks: Vec<String>,
    /// The latest of the days they were trained as of.
    pub trained_as_of: Day,
}

/// A year ago the weeks ahead were not like those the models were judged on.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Season {
    /// One year before the as-of day.
    pub ahead: SeasonWindow,
    /// One year before the day the models were judged on, or that day itself.
    pub judged: SeasonWindow,
    /// Whether the forecasts were moved by that difference.
    #[serde(default)]
    pub is_known: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct SeasonWindow {
    pub from: Day,
    /// Of the customers active then, those who ordered again within the horizon.
    pub share: f64,
}

/// Quantiles of the gaps between purchase days, in days.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct GapDays {
    pub q50: f64,
    pub q80: f64,
    pub q90: f64,
}

/// The shop in numbers that need no model.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Overview {
    /// First day with an order or a return, last day with a sale; `None` in a shop without either.
    pub first_day: Option<Day>,
    pub last_day: Option<Day>,
    pub customers: u64,
    /// Customers with two purchase days or more.
    pub customers_repeat: u64,
    /// Orders that are sales.
    pub orders: u64,
    /// Orders besides that are none: cancelled, never paid, or a correction of the stock.
    pub orders_no_sale: u64,
    /// Sales without a customer.
    pub orders_guest: u64,
    pub lines: u64,
    pub returns: u64,
    /// Sum of the order lines, discounts taken off.
    pub sales_cents: i64,
    /// Sum of the returns, a positive number.
    pub returned_cents: i64,
    /// `sales_cents − returned_cents`, exact.
    pub net_revenue_cents: i64,
    /// Part of the net revenue that no customer stands behind.
    pub guest_revenue_cents: i64,
    /// Every calendar month of the period, without holes, ascending.
    pub months: Vec<MonthFacts>,
    /// How net revenue is spread over customers, richest last; see [`LorenzPoint`].
    pub lorenz: Vec<LorenzPoint>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MonthFacts {
    /// First day of the month.
    pub month: Day,
    pub net_revenue_cents: i64,
    pub orders: u64,
    /// Customers with a purchase day in the month.
    pub customers_active: u64,
    /// Those of them whose first purchase day it was.
    pub customers_first: u64,
    /// Whether the data cover the whole month; a month cut off is drawn pale and never compared.
    pub complete: bool,
}

/// The poorest share `customers` of the customers bring the share `revenue` of the (positive) net spend. Both ascend from 0 to 1.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct LorenzPoint {
    pub customers: f64,
    pub revenue: f64,
}

/// Monthly cohorts: customers by the month of their first purchase day, and how many of them bought again in each later month.
/// This is bounded retention: month k counts those with a purchase day in exactly that calendar month.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cohorts {
    /// Ascending. Cohorts before the data begin cannot be told from old customers; say so in `note`.
    pub rows: Vec<Cohort>,
    pub note: Option<Phrase>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cohort {
    /// First day of the month.
    pub month: Day,
    pub customers: u64,
    /// `active[k]`: bought in the month `k + 1` months after the first; whole months only, so younger cohorts have fewer.
    pub active: Vec<u64>,
}

/// What a feature means in plain words.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FeatureWords {
    pub en: String,
    pub zh: String,
    pub unit: Unit,
}

/// How a feature's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Count,
    Days,
    Cents,
    Share,
    /// A plain number or a category.
    Plain,
}

/// What the numbers were made from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Provenance {
    pub version: String,
    pub seed: u64,
    /// When the report was made, as the shop's clock writes it; leave out for byte-identical replays.
    pub produced_at: Option<String>,
    pub batches: Vec<BatchFacts>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BatchFacts {
    pub id: String,
    pub format: String,
    pub imported_at: String,
    pub files: Vec<FileFacts>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileFacts {
    pub name: String,
    /// Hex.
    pub sha256: String,
    pub bytes: u64,
}
