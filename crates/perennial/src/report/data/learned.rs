//! What was learned: segments, churn, value, the customers to call first, and every model that was tried.

use perennial_contract::Day;
use serde::{Deserialize, Serialize};

use super::{Phrase, Section};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Segments {
    /// Named RFM groups, best first.
    pub rfm: Vec<SegmentFacts>,
    pub clusters: Section<Clusters>,
    /// Between the RFM groups of an earlier day and today's.
    pub migration: Option<Migration>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentFacts {
    /// The key in the `segment` column: `champions`, `at_risk` …, `k2`; a key that nobody names is shown as it is.
    pub name: String,
    pub customers: u64,
    /// Net spend so far of its customers.
    pub spend_cents: i64,
    pub days_since_last_order_median: Option<f64>,
    pub orders_mean: f64,
    /// Of them, those with one purchase day.
    pub customers_once: u64,
    /// Of them, those who bought in the look-back: the ones churn is asked about.
    pub customers_active: u64,
    /// Mean over the active customers; `None` where there is none, or no churn model answers.
    pub p_churn_mean: Option<f64>,
    /// What sets it apart, strongest first.
    pub traits: Vec<SegmentTrait>,
}

/// What a group that a model found by itself is called, and what sets it apart.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupWords {
    pub name: Phrase,
    pub description: Phrase,
}

/// A feature in which a segment differs from the rest of the shop.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SegmentTrait {
    pub feature: String,
    /// The segment's own mean or median.
    pub value: f64,
    /// The same for everybody.
    pub everybody: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Clusters {
    /// By size, largest first.
    pub groups: Vec<SegmentFacts>,
    /// Mean silhouette, −1..1.
    pub silhouette: f64,
    /// Mean agreement (adjusted Rand index) of the same clustering on bootstrap samples.
    pub stability: Option<f64>,
    /// Why there are as many groups as there are.
    pub chosen_because: Phrase,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Migration {
    pub from: Day,
    pub to: Day,
    /// Segment names, best first, as in [`Segments::rfm`].
    pub names: Vec<String>,
    /// `counts[i][j]`: customers that were in `names[i]` on `from` and are in `names[j]` on `to`.
    pub counts: Vec<Vec<u64>>,
    /// Of these, those without an order since `from`: time alone moved them.
    pub silent: Vec<Vec<u64>>,
    /// Customers per segment on `to` who had not bought before `from`.
    pub arrivals: Vec<u64>,
}

/// A metric with its bootstrap interval.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Estimate {
    pub value: f64,
    /// 95%.
    pub interval: Option<(f64, f64)>,
}

/// The champion beside the baseline row on one metric of the test cut.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MetricRow {
    /// `auroc`, `pr_auc`, `log_loss`, `brier`, `ece`, `lift_10`, `mae_cents`, `total_ratio`, `gini`, `spearman`, `coverage_80` …
    pub metric: String,
    pub champion: Estimate,
    pub baseline: Option<Estimate>,
    /// Champion less baseline, paired on the same bootstrap samples.
    pub difference: Option<Estimate>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Churn {
    pub champion: String,
    pub baseline: String,
    /// Eligible customers of the test cut.
    pub test_customers: u64,
    pub base_rate: f64,
    pub metrics: Vec<MetricRow>,
    /// Reliability in bins of equal size, ascending by prediction.
    pub reliability: Vec<ReliabilityBin>,
    /// Share of the leavers found when the share `contacted` with the highest scores is contacted; 0 to 1, ascending.
    pub gain: Vec<GainPoint>,
    pub gain_baseline: Vec<GainPoint>,
    pub slices: Vec<CalibrationSlice>,
    pub drift: Vec<CalibrationPoint>,
    /// Of today's scores: equal bins over 0..1.
    pub scores: Vec<u64>,
    /// Mean absolute contribution per feature on the log-odds, largest first; empty for models without exact contributions.
    pub importance: Vec<Importance>,
    pub today: ChurnToday,
}

/// Predicted beside observed for a group of the test customers: mean probability of leaving, or mean spend in minor units.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CalibrationSlice {
    /// `segment`, `country`, `cohort` (quarter of the first order) or `orders`.
    pub by: String,
    /// Empty for all groups that are not told apart.
    pub group: String,
    pub customers: u64,
    pub predicted: f64,
    pub observed: f64,
    /// Chance alone keeps the two closer than this in 99 of 100 cases.
    pub error: f64,
}

/// The same for all customers of an earlier day, by the same recipe learned from what was known then.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct CalibrationPoint {
    pub from: Day,
    pub customers: u64,
    pub predicted: f64,
    pub observed: f64,
    pub error: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ReliabilityBin {
    pub predicted: f64,
    pub observed: f64,
    pub customers: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct GainPoint {
    pub contacted: f64,
    pub captured: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Importance {
    pub feature: String,
    pub mean_abs: f64,
}

/// The eligible customers of the as-of day, summed.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ChurnToday {
    pub customers: u64,
    /// Σ `p_churn`.
    pub leavers_expected: f64,
    /// Usual spend: the mean net spend of a repeat purchase day × repeats a day since the first order × horizon, not below 0; 0 without
    /// a repeat. This is its sum.
    pub usual_spend_cents: f64,
    /// Σ `p_churn` × usual spend.
    pub at_risk_cents: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Value {
    pub champion: String,
    /// Of who answers.
    pub horizon_days: i32,
    pub baseline: String,
    pub test_customers: u64,
    pub metrics: Vec<MetricRow>,
    /// Test customers by predicted spend, lowest tenth first.
    pub deciles: Vec<ValueDecile>,
    pub slices: Vec<CalibrationSlice>,
    pub drift: Vec<CalibrationPoint>,
    pub predicted_total_cents: f64,
    pub actual_total_cents: i64,
    /// Share of test customers whose spend fell within their own 80% interval.
    pub coverage_80: Option<f64>,
    /// Σ expected spend of today's customers over the next horizon.
    pub expected_total_cents: Option<f64>,
}

/// Means per customer of a tenth of the test customers.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct ValueDecile {
    pub customers: u64,
    pub predicted_cents: f64,
    pub actual_cents: f64,
    /// Means of the customers' own 80% interval ends.
    pub lo80_cents: f64,
    pub hi80_cents: f64,
}

/// Whom to call first: of those likelier to leave than the mean of all asked, the highest `p_churn` × usual spend.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AtRisk {
    /// The model that scored them.
    pub model: String,
    /// Whether that model says by how much each feature moved a score.
    pub explains: bool,
    pub customers: Vec<RiskCustomer>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RiskCustomer {
    pub customer_id: String,
    pub segment: Option<String>,
    pub p_churn: f64,
    /// See [`ChurnToday::usual_spend_cents`].
    pub usual_spend_cents: f64,
    pub expected: Option<SpendRange>,
    pub days_since_last_order: i64,
    pub orders: u64,
    /// Largest first.
    pub reasons: Vec<Reason>,
}

/// Expected net spend in the horizon with its 80% interval, minor units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpendRange {
    pub expected_cents: f64,
    pub lo80_cents: f64,
    pub hi80_cents: f64,
}

/// One exact additive contribution to a score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reason {
    pub feature: String,
    /// The customer's value; `None` is missing, which a model may find telling too.
    pub value: Option<FeatureValue>,
    /// On the log-odds of leaving: above 0 speaks for leaving.
    pub contribution: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FeatureValue {
    Number(f64),
    Flag(bool),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelRow {
    /// `churn`, `value`, `segment`.
    pub task: String,
    pub name: String,
    pub version: u64,
    pub status: ModelStatus,
    /// Whether it is the row the others have to beat.
    pub baseline: bool,
    pub reason: Option<Phrase>,
    /// On the test cut, in the order to show.
    pub metrics: Vec<ModelMetric>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelMetric {
    pub metric: String,
    pub estimate: Estimate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelStatus {
    Champion,
    Candidate,
    Refused,
}
