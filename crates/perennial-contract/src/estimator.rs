//! The three steps of learning: `Estimator` (what to learn) → `Model` (learned, immutable) → `Scorer` (one per thread).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Table;
use crate::season::SeasonalIndex;
use crate::table::TableError;

/// Columns with a fixed meaning in training and feature tables. Every other column is a feature: numeric, boolean or text (a category).
pub mod column {
    pub const CUSTOMER_ID: &str = "customer_id";
    /// The as-of day of the row, `Date32`.
    pub const AS_OF: &str = "as_of";
    /// 1 when the customer placed no order in the horizon after the as-of day, else 0.
    pub const LABEL_CHURN: &str = "label_churn";
    /// Orders (days with an order) in the horizon.
    pub const LABEL_ORDERS: &str = "label_orders";
    /// Net spend in the horizon, minor units.
    pub const LABEL_SPEND_CENTS: &str = "label_spend_cents";
    /// Whole days from the as-of day to the next order, 0 for one on that day; null without one in the horizon.
    pub const LABEL_NEXT_ORDER_DAYS: &str = "label_next_order_days";
    /// Sales in the horizon before returns, minor units.
    pub const LABEL_SOLD_CENTS: &str = "label_sold_cents";

    /// Days from the as-of day on in which no order makes a customer one who left, where a shop measures that by the customer's own
    /// gaps; absent where all customers have the same horizon.
    pub const CHURN_WINDOW_DAYS: &str = "churn_window_days";

    /// The features every lifetime model and the baseline row read. Days are in the shop's zone, cents are net of returns.
    /// Repeat purchase days: distinct days with an order, less the first.
    pub const X: &str = "x";
    /// Age at the last purchase, days: last order day − first order day.
    pub const T_X: &str = "t_x";
    /// Age at the as-of day, days: as-of day − first order day.
    pub const T: &str = "t";
    pub const DAYS_SINCE_LAST_ORDER: &str = "days_since_last_order";
    pub const ORDERS: &str = "orders_all";
    pub const SPEND_CENTS: &str = "spend_cents_all";
    /// Mean spend per repeat purchase day, minor units (the first day is left out); null without repeats.
    pub const REPEAT_SPEND_CENTS_MEAN: &str = "repeat_spend_cents_mean";
    /// Value of what was sent back so far, minor units.
    pub const RETURN_CENTS: &str = "return_cents_all";
    /// What the sales leave after the cost of the goods, as a share of them; null where no cost is known.
    pub const MARGIN_SHARE: &str = "margin_cents_share";

    /// Whether a column is not a feature.
    #[must_use]
    pub fn is_reserved(name: &str) -> bool {
        name == CUSTOMER_ID || name == AS_OF || name.starts_with("label_")
    }

    pub const P_CHURN: &str = "p_churn";
    pub const SPEND: &str = "spend_cents";
    pub const SPEND_LO80: &str = "spend_cents_lo80";
    pub const SPEND_HI80: &str = "spend_cents_hi80";
    pub const SEGMENT: &str = "segment";
    /// Where in their life with the shop a customer is, by declared rules; see docs/models/outlook.md.
    pub const STAGE: &str = "stage";
    /// By the law of orders: not whether an order will come, and no churn score.
    pub const P_ALIVE: &str = "p_alive";
    pub const GAP_DAYS_MEAN: &str = "gap_days_mean";
    /// Days between the last two purchase days.
    pub const GAP_DAYS_LAST: &str = "gap_days_last";
    /// Days from the as-of day by which the next order has come with chances 0.1, 0.5 and 0.9; null where it is not expected.
    pub const NEXT_ORDER_DAYS: [&str; 3] = ["next_order_days_q10", "next_order_days_q50", "next_order_days_q90"];
    /// The horizons an outlook answers for, days.
    pub const OUTLOOK_HORIZONS_DAYS: [i32; 5] = [30, 60, 90, 180, 365];
    /// Every column of an outlook: the stage, what holds of all horizons, then seven columns a horizon.
    pub const OUTLOOK: &[&str] = &[
        STAGE,
        P_ALIVE,
        GAP_DAYS_MEAN,
        NEXT_ORDER_DAYS[0],
        NEXT_ORDER_DAYS[1],
        NEXT_ORDER_DAYS[2],
        "p_no_order_30d",
        "orders_expected_30d",
        "spend_cents_30d",
        "spend_cents_30d_lo80",
        "spend_cents_30d_hi80",
        "gross_cents_30d",
        "margin_cents_30d",
        "p_no_order_60d",
        "orders_expected_60d",
        "spend_cents_60d",
        "spend_cents_60d_lo80",
        "spend_cents_60d_hi80",
        "gross_cents_60d",
        "margin_cents_60d",
        "p_no_order_90d",
        "orders_expected_90d",
        "spend_cents_90d",
        "spend_cents_90d_lo80",
        "spend_cents_90d_hi80",
        "gross_cents_90d",
        "margin_cents_90d",
        "p_no_order_180d",
        "orders_expected_180d",
        "spend_cents_180d",
        "spend_cents_180d_lo80",
        "spend_cents_180d_hi80",
        "gross_cents_180d",
        "margin_cents_180d",
        "p_no_order_365d",
        "orders_expected_365d",
        "spend_cents_365d",
        "spend_cents_365d_lo80",
        "spend_cents_365d_hi80",
        "gross_cents_365d",
        "margin_cents_365d",
    ];

    /// Whether a score column holds money, which leaves as whole minor units.
    #[must_use]
    pub fn is_money(name: &str) -> bool {
        ["spend_cents", "gross_cents", "margin_cents"].iter().any(|money| name.starts_with(money))
    }
}

/// What a model answers; fixes its score columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Will the customer place no order in the next `horizon_days`?
    Churn,
    /// Net spend in the next `horizon_days`.
    Value,
    /// Who belongs together?
    Segment,
    /// When and how often will the customer order, and for how much, over several horizons?
    Outlook,
}

impl Task {
    pub const ALL: &'static [Self] = &[Self::Churn, Self::Value, Self::Segment, Self::Outlook];

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Churn => "churn",
            Self::Value => "value",
            Self::Segment => "segment",
            Self::Outlook => "outlook",
        }
    }

    #[must_use]
    pub const fn score_columns(self) -> &'static [&'static str] {
        match self {
            Self::Churn => &[column::P_CHURN],
            Self::Value => &[column::SPEND, column::SPEND_LO80, column::SPEND_HI80],
            Self::Segment => &[column::SEGMENT],
            Self::Outlook => column::OUTLOOK,
        }
    }
}

impl std::fmt::Display for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One hyper-parameter, declared once: it feeds the settings, the help, the docs and the invalid-value tests.
#[derive(Clone, Copy, Debug)]
pub struct Param {
    pub name: &'static str,
    pub default: f64,
    pub min: f64,
    pub max: f64,
    pub help: &'static str,
}

/// What a fit may depend on besides its data.
#[derive(Clone, Debug)]
pub struct Run {
    pub seed: u64,
    /// Threads to use; the result must not depend on it.
    pub threads: usize,
    pub horizon_days: i32,
    /// How the year goes, where it is known.
    pub season: Option<Arc<SeasonalIndex>>,
}

#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// The data cannot carry this model: not a bug, a finding to report.
    #[error("{0}")]
    Refused(String),
    /// The likelihood has no finite maximum on this data.
    #[error("no finite maximum: {0}")]
    NoMaximum(String),
    #[error(transparent)]
    Table(#[from] TableError),
    #[error("parameter {name} is {value}, allowed are {min} to {max}")]
    Param { name: String, value: f64, min: f64, max: f64 },
}

#[derive(Debug, thiserror::Error)]
pub enum ScoreError {
    #[error(transparent)]
    Table(#[from] TableError),
    /// A row that no customer can be: its number, its value, what is allowed.
    #[error("{0}")]
    Row(String),
}

impl From<ScoreError> for FitError {
    fn from(error: ScoreError) -> Self {
        match error {
            ScoreError::Table(error) => Self::Table(error),
            ScoreError::Row(problem) => Self::Refused(problem),
        }
    }
}

#[derive(Debug, thiserror::Error)]
#[error("model file cannot be read: {0}")]
pub struct LoadError(pub String);

/// What to learn: plain data; `fit` is pure, same input and seed give the same bytes at any thread count.
pub trait Estimator: Default + Clone + Send + Sync + Serialize + for<'de> Deserialize<'de> + 'static {
    const NAME: &'static str;
    const TASK: Task;
    const PARAMS: &'static [Param];
    type Model: Model;
    /// The same recipe with every setting decided that it would choose from the data (the strength of a penalty), so that fits on parts
    /// of them need not choose again.
    fn settled(&self, _train: &Table, _run: &Run) -> Result<Self, FitError> {
        Ok(self.clone())
    }
    fn fit(&self, train: &Table, run: &Run) -> Result<Self::Model, FitError>;
}

/// Learned, immutable, stored as JSON: loading it executes nothing.
pub trait Model: Send + Sync {
    /// The columns a row must have to be scored.
    fn needs(&self) -> &[String];
    fn scorer(&self) -> Box<dyn Scorer + '_>;
    /// The rows as the model sees them: with the features it makes itself, which stand among its reasons.
    fn inputs(&self, rows: &Table) -> Result<Table, TableError> {
        Ok(rows.clone())
    }
    /// Canonical JSON: the same model always gives the same bytes.
    fn to_json(&self) -> Value;
    /// Parameters with standard errors, for the models that have them.
    fn summary(&self) -> Option<FitSummary> {
        None
    }
}

/// Scores rows; a request is a table of one row, and one row gives the same bits as the batch it stands in.
pub trait Scorer {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError>;
    /// Exact additive contributions to the score's margin, for the models that have them.
    fn explain(&mut self, _rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        Ok(None)
    }
}

/// `margin = bias + Σ values[row][feature]`; for churn the margin is the log-odds of churn, for value minor units or their logarithm.
#[derive(Clone, Debug)]
pub struct Contributions {
    pub features: Vec<String>,
    pub bias: f64,
    /// Row-major, `rows × features`.
    pub values: Vec<f64>,
}

/// What `perennial fit` prints. Keys are the paper's letters, `alpha` and `beta` spelled out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FitSummary {
    pub model: String,
    pub parameters: serde_json::Map<String, Value>,
    pub standard_errors: serde_json::Map<String, Value>,
    pub log_likelihood: f64,
    pub rows: usize,
    /// What is neither a parameter nor its error: a median, a test, a table. Left out of the JSON where there is nothing.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub extra: serde_json::Map<String, Value>,
}

/// What a fit on a flat file reads beside the columns it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    Ignored,
    /// This column, as text, where the file has it.
    Text(&'static str),
    /// These columns, as numbers, where the file has them.
    Optional(&'static [&'static str]),
    /// Every other column, as numbers.
    Numbers,
}
