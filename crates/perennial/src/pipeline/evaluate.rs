//! What a model showed on the test window: numbers for the gate and curves for the report, as the registry keeps them.

use std::collections::BTreeMap;

use perennial_contract::Table;
use perennial_contract::estimator::column;
use perennial_contract::table::TableError;
use perennial_learn::metric::{Forecast, measure_churn, measure_value};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A model's answers on the test window beside what happened.
pub enum Judged {
    Churn { churned: Vec<bool>, p_churn: Vec<f64> },
    Value { actual: Vec<f64>, spend: Vec<f64>, lo80: Vec<f64>, hi80: Vec<f64> },
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Reliability {
    pub predicted: f64,
    pub observed: f64,
    pub customers: u64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Gain {
    pub contacted: f64,
    pub captured: f64,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Decile {
    pub customers: u64,
    pub predicted_cents: f64,
    pub actual_cents: f64,
    pub lo80_cents: f64,
    pub hi80_cents: f64,
}

impl Judged {
    pub fn churn(test: &Table, scores: &Table) -> Result<Self, TableError> {
        let churned = test.f64s(column::LABEL_CHURN)?.iter().map(|&label| label > 0.5).collect();
        Ok(Self::Churn { churned, p_churn: scores.f64s(column::P_CHURN)? })
    }

    pub fn value(test: &Table, scores: &Table) -> Result<Self, TableError> {
        Ok(Self::Value {
            actual: test.f64s(column::LABEL_SPEND_CENTS)?,
            spend: scores.f64s(column::SPEND)?,
            lo80: scores.f64s(column::SPEND_LO80)?,
            hi80: scores.f64s(column::SPEND_HI80)?,
        })
    }

    /// Every metric of the task, and the curves.
    #[must_use]
    pub fn metrics(&self) -> Value {
        match self {
            Self::Churn { churned, p_churn } => {
                let base = churned.iter().filter(|&&label| label).count() as f64 / churned.len().max(1) as f64;
                json!({
                    "test": self.measured(),
                    "customers": churned.len(),
                    "base_rate": base,
                    "reliability": reliability(churned, p_churn),
                    "gain": gain(churned, p_churn),
                })
            }
            Self::Value { actual, spend, lo80, hi80 } => {
                json!({
                    "test": self.measured(),
                    "customers": actual.len(),
                    "predicted_total_cents": spend.iter().sum::<f64>(),
                    "actual_total_cents": actual.iter().sum::<f64>(),
                    "deciles": deciles(actual, spend, lo80, hi80),
                })
            }
        }
    }

    /// Customers judged.
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Churn { churned, .. } => churned.len(),
            Self::Value { actual, .. } => actual.len(),
        }
    }

    /// Every metric of the task by name.
    #[must_use]
    pub fn measured(&self) -> BTreeMap<&'static str, f64> {
        match self {
            Self::Churn { churned, p_churn } => measure_churn(churned, p_churn),
            Self::Value { actual, spend, lo80, hi80 } => measure_value(actual, Forecast { spend, lo80, hi80 }),
        }
    }
}

/// Rows in ascending order of a score; ties by row, so that the order is one.
fn ascending(score: &[f64]) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..score.len()).collect();
    rows.sort_by(|&a, &b| score[a].total_cmp(&score[b]).then(a.cmp(&b)));
    rows
}

/// Tenths of equal size, lowest score first.
fn tenths(rows: &[usize]) -> impl Iterator<Item = &[usize]> {
    let count = rows.len();
    (0..10).map(move |tenth| &rows[count * tenth / 10..count * (tenth + 1) / 10]).filter(|part| !part.is_empty())
}

fn mean(rows: &[usize], value: impl Fn(usize) -> f64) -> f64 {
    rows.iter().map(|&row| value(row)).sum::<f64>() / rows.len() as f64
}

fn reliability(churned: &[bool], p: &[f64]) -> Vec<Reliability> {
    let rows = ascending(p);
    let bin = |part: &[usize]| Reliability {
        predicted: mean(part, |row| p[row]),
        observed: mean(part, |row| f64::from(u8::from(churned[row]))),
        customers: part.len() as u64,
    };
    tenths(&rows).map(bin).collect()
}

/// Share of the leavers among the highest scores, at every 5% contacted.
fn gain(churned: &[bool], p: &[f64]) -> Vec<Gain> {
    let mut rows = ascending(p);
    rows.reverse();
    let leavers = churned.iter().filter(|&&label| label).count().max(1) as f64;
    let captured = |share: usize| rows[..rows.len() * share / 100].iter().filter(|&&row| churned[row]).count() as f64 / leavers;
    (0..=100).step_by(5).map(|share| Gain { contacted: share as f64 / 100.0, captured: captured(share) }).collect()
}

fn deciles(actual: &[f64], spend: &[f64], lo80: &[f64], hi80: &[f64]) -> Vec<Decile> {
    let rows = ascending(spend);
    let decile = |part: &[usize]| Decile {
        customers: part.len() as u64,
        predicted_cents: mean(part, |row| spend[row]),
        actual_cents: mean(part, |row| actual[row]),
        lo80_cents: mean(part, |row| lo80[row]),
        hi80_cents: mean(part, |row| hi80[row]),
    };
    tenths(&rows).map(decile).collect()
}
