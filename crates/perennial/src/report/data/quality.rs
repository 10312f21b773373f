//! The quality verdict as the report shows it.

use perennial_contract::Day;
use serde::{Deserialize, Serialize};

use super::Phrase;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Quality {
    pub open: bool,
    /// Why a shut gate was passed all the same, as recorded with `--override`.
    pub overridden: Option<String>,
    /// The rules that were asked, most severe first.
    pub rules: Vec<RuleResult>,
    /// Rows that were refused at import, by table and reason, most first.
    pub rejects: Vec<RejectGroup>,
    /// `None` where the source states no money.
    pub reconciliation: Option<Balance>,
    /// Cleaning that the settings asked for, and what it changed; empty when nothing was asked.
    pub policies: Vec<PolicyEffect>,
    pub tables: Vec<TableFacts>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Broken, it shuts the gate.
    Error,
    Warning,
    Info,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RuleResult {
    pub name: String,
    pub table: String,
    pub severity: Severity,
    pub passed: bool,
    /// Rows that break it, of how many.
    pub count: u64,
    pub of: u64,
    /// What was found, in a sentence.
    pub finding: Phrase,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RejectGroup {
    pub table: String,
    pub reason: Phrase,
    pub rows: u64,
}

/// Net revenue, from the file to the lake: `stated = loaded + rejected + rounding`. In minor units; the exact sums may hold
/// fractions of them, so they are written as decimals in major units.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Balance {
    pub stated: String,
    pub rejected: String,
    pub rounding: String,
    pub loaded: String,
    /// Whether the equation holds exactly.
    pub balanced: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PolicyEffect {
    pub table: String,
    /// What was done, for example "drop exact duplicates".
    pub policy: Phrase,
    pub rows_changed: u64,
    pub rows_dropped: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TableFacts {
    pub name: String,
    pub rows: u64,
    pub rejected: u64,
    /// Rows equal to an earlier one in every column.
    pub duplicates: u64,
    /// Cells outside three interquartile ranges of their column.
    pub outliers: u64,
    pub first_day: Option<Day>,
    pub last_day: Option<Day>,
    /// Calendar days between the two without a row.
    pub days_without_rows: u64,
    pub columns: Vec<ColumnFacts>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ColumnFacts {
    pub name: String,
    pub nulls: u64,
    /// `None` where it was not counted; approximate counts say so in `distinct_approximate`.
    pub distinct: Option<u64>,
    pub distinct_approximate: bool,
    /// Smallest, median and largest value as the column writes them.
    pub min: Option<String>,
    pub median: Option<String>,
    pub max: Option<String>,
    pub histogram: Vec<u64>,
}
