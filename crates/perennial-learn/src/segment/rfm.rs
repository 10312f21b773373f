//! RFM: how recently, how often and for how much, each in fifths, joined into eleven named groups.
//!
//! Assumes  fifths of the training customers; a score means the same later, because the borders are stored with the model.
//! Input    `days_since_last_order`, `orders_all`, `spend_cents_all`.
//! Output   `segment` [rows], a stable key; names in English and Chinese.
//! Cost     one sort a column.
//! Ref      Hughes (1994), Strategic Database Marketing (quintile scores); the 5 × 5 grid of names below is ours, in the usual words.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::StringArray;
use perennial_contract::estimator::{Estimator, FitError, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::profile::{Profile, profiles};
use crate::learner::windows;
use crate::words::Words;

/// Keys, names and what to do about each, English and Chinese.
pub const GROUPS: &[(&str, &str, &str)] = &[
    ("champions", "Champions", "重要价值客户"),
    ("loyal", "Loyal customers", "忠诚客户"),
    ("potential_loyalists", "Potential loyalists", "潜在忠诚客户"),
    ("new", "New customers", "新客户"),
    ("promising", "Promising", "有希望的客户"),
    ("need_attention", "Need attention", "需要关注"),
    ("about_to_sleep", "About to sleep", "即将沉睡"),
    ("at_risk", "At risk", "流失风险"),
    ("cant_lose", "Can't lose them", "不能失去的客户"),
    ("hibernating", "Hibernating", "沉睡客户"),
    ("lost", "Lost", "已流失"),
];

/// A customer about whom nothing is known.
pub const UNKNOWN: &str = "unknown";

/// Rows: recency score 1 to 5; columns: mean of frequency and money scores, 1 to 5.
const GRID: [[&str; 5]; 5] = [
    ["lost", "hibernating", "at_risk", "at_risk", "cant_lose"],
    ["hibernating", "about_to_sleep", "at_risk", "at_risk", "cant_lose"],
    ["about_to_sleep", "need_attention", "need_attention", "loyal", "loyal"],
    ["promising", "potential_loyalists", "potential_loyalists", "loyal", "champions"],
    ["new", "potential_loyalists", "potential_loyalists", "champions", "champions"],
];

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rfm {}

/// Borders between fifths: a value scores 1 + how many borders it is above.
type Borders = [f64; 4];

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RfmModel {
    days_since_last_order: Borders,
    orders: Borders,
    spend_cents: Borders,
    profiles: Vec<Profile>,
    #[serde(skip, default = "needs")]
    needs: Vec<String>,
}

fn needs() -> Vec<String> {
    [column::DAYS_SINCE_LAST_ORDER, column::ORDERS, column::SPEND_CENTS].map(str::to_owned).to_vec()
}

/// The fixed name of a key.
#[must_use]
pub fn name(key: &str) -> Option<Words> {
    let known = GROUPS.iter().find(|group| group.0 == key).map(|group| Words::of(group.1, group.2));
    known.or_else(|| (key == UNKNOWN).then(|| Words::of("Not known yet", "暂无信息")))
}

impl Estimator for Rfm {
    const NAME: &'static str = "rfm";
    const TASK: Task = Task::Segment;
    const PARAMS: &'static [Param] = &[];
    type Model = RfmModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<RfmModel, FitError> {
        let rows = windows::by_time(train, run.horizon_days)?.last;
        let borders = |name: &str| -> Result<Borders, FitError> {
            let mut known: Vec<f64> = rows.f64s(name)?.into_iter().filter(|value| value.is_finite()).collect();
            if known.len() < 5 {
                return Err(FitError::Refused(format!(
                    "{} customers with {name}, at least 5 are needed for fifths",
                    known.len()
                )));
            }
            known.sort_by(f64::total_cmp);
            Ok([1, 2, 3, 4].map(|fifth| known[(known.len() * fifth).div_ceil(5) - 1]))
        };
        let mut model = RfmModel {
            days_since_last_order: borders(column::DAYS_SINCE_LAST_ORDER)?,
            orders: borders(column::ORDERS)?,
            spend_cents: borders(column::SPEND_CENTS)?,
            profiles: Vec::new(),
            needs: needs(),
        };
        model.profiles = profiles(&rows, &model.assign(&rows)?, name)?;
        Ok(model)
    }
}

fn fifth(borders: &Borders, value: f64) -> usize {
    1 + borders.iter().filter(|border| value > **border).count()
}

impl RfmModel {
    fn group(&self, days: f64, orders: f64, spend: f64) -> &'static str {
        if !(days.is_finite() && orders.is_finite() && spend.is_finite()) {
            return UNKNOWN;
        }
        let recency = 6 - fifth(&self.days_since_last_order, days);
        let worth = (fifth(&self.orders, orders) + fifth(&self.spend_cents, spend)).div_ceil(2);
        GRID[recency - 1][worth - 1]
    }

    fn assign(&self, rows: &Table) -> Result<Vec<String>, perennial_contract::table::TableError> {
        let days = rows.f64s(column::DAYS_SINCE_LAST_ORDER)?;
        let (orders, spend) = (rows.f64s(column::ORDERS)?, rows.f64s(column::SPEND_CENTS)?);
        Ok((0..rows.rows()).map(|i| self.group(days[i], orders[i], spend[i]).to_owned()).collect())
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let model = Self::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        let borders = [&model.days_since_last_order, &model.orders, &model.spend_cents];
        if borders.iter().any(|b| !b.is_sorted() || b.iter().any(|v| !v.is_finite())) {
            return Err(LoadError("borders between fifths must be finite and rise".to_owned()));
        }
        Ok(model)
    }
}

impl Model for RfmModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(RfmScorer { model: self })
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

struct RfmScorer<'model> {
    model: &'model RfmModel,
}

impl Scorer for RfmScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let segments = StringArray::from(self.model.assign(rows)?);
        Ok(Table::from_columns(vec![(column::SEGMENT, Arc::new(segments))])?)
    }
}

#[cfg(test)]
mod tests {
    use perennial_contract::arrow::array::Float64Array;

    use super::*;

    #[test]
    fn every_cell_has_a_name_and_every_name_a_cell() {
        for key in GRID.iter().flatten() {
            assert!(name(key).is_some(), "{key}");
        }
        for (key, ..) in GROUPS {
            assert!(GRID.iter().flatten().any(|cell| cell == key), "{key}");
        }
    }

    #[test]
    fn the_best_are_champions_and_the_worst_are_lost() -> Result<(), Box<dyn std::error::Error>> {
        let rising: Float64Array = (1..=100).map(|i| Some(f64::from(i))).collect();
        let falling: Float64Array = (1..=100).rev().map(|i| Some(f64::from(i))).collect();
        let table = Table::from_columns(vec![
            (column::DAYS_SINCE_LAST_ORDER, Arc::new(falling)),
            (column::ORDERS, Arc::new(rising.clone())),
            (column::SPEND_CENTS, Arc::new(rising)),
        ])?;
        let model = Rfm {}.fit(&table, &Run { seed: 1, threads: 1, horizon_days: 30, season: None })?;
        let segments = model.assign(&table)?;
        assert_eq!((segments[99].as_str(), segments[0].as_str(), segments[50].as_str()), ("champions", "lost", "need_attention"));
        let champions = model.profiles.iter().find(|profile| profile.key == "champions").unwrap();
        assert_eq!((champions.rows, champions.name.zh.as_str()), (20, "重要价值客户"));
        assert!(champions.sentence.en.contains("spend much"), "{}", champions.sentence.en);
        assert_eq!(RfmModel::load(&model.to_json())?, model);
        Ok(())
    }
}
