//! When will the next order come? Boosted trees on the chance of it in each part of the horizon, to those who still wait.
//!
//! Assumes  within a part of the horizon the chance depends on the part and on the features, in steps and interactions.
//! Input    a feature table with `label_churn` and `label_next_order_days`; missing values and text columns as they are.
//! Output   `p_churn`: the chance still to wait when the horizon ends, or the customer's own `churn_window_days` where the table has them.
//! Cost     one boosting fit on rows × parts waited through; one forecast a row and part.
//! Ref      Singer & Willett (1993), Journal of Educational Statistics 18 (person-periods, logistic hazard); Friedman (2001) for the trees.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{Estimator, FitError, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::boosted::{BoostChurn, BoostedModel, Training};
use super::logistic::churn_labels;
use super::windows;
use crate::lifetime::churn::churn_windows;

/// The feature that says which part of the horizon it is.
const PART: &str = "(part of the horizon)";

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HazardChurn {
    /// Parts of the horizon, at most; each holds about equally many next orders.
    pub parts: usize,
    pub trees: usize,
    pub learning_rate: f64,
}

impl Default for HazardChurn {
    fn default() -> Self {
        Self { parts: 4, trees: 300, learning_rate: 0.03 }
    }
}

const PARTS: Param = Param { name: "parts", default: 4.0, min: 1.0, max: 50.0, help: "parts of the horizon, at most" };
const TREES: Param =
    Param { name: "trees", default: 300.0, min: 1.0, max: 10_000.0, help: "trees to grow, at most one per 100 rows and parts" };
const LEARNING_RATE: Param =
    Param { name: "learning_rate", default: 0.03, min: 1e-4, max: 1.0, help: "share of each tree's answer that is kept" };

impl Estimator for HazardChurn {
    const NAME: &'static str = "hazard_churn";
    const TASK: Task = Task::Churn;
    const PARAMS: &'static [Param] = &[PARTS, TREES, LEARNING_RATE];
    type Model = HazardChurnModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<HazardChurnModel, FitError> {
        let rows = windows::labelled(train, column::LABEL_CHURN)?;
        // Of its two classes, both must be there.
        churn_labels(&rows)?;
        let waits = waits(&rows, run.horizon_days)?;
        let ends = ends(&waits, self.parts, run.horizon_days);
        let (mut tables, mut labels) = (Vec::new(), Vec::new());
        let mut begin = 0.0;
        for (part, &end) in ends.iter().enumerate() {
            let waiting: Vec<u32> = (0..rows.rows() as u32).filter(|&row| waits[row as usize] > begin).collect();
            labels.extend(waiting.iter().map(|&row| f32::from(u8::from(waits[row as usize] > end))));
            tables.push(in_part(&rows.take(&waiting)?, part)?);
            begin = end;
        }
        let mut boosting = BoostChurn::default();
        (boosting.0.trees, boosting.0.learning_rate) = (self.trees, self.learning_rate);
        let expanded = Training { everyone: train, rows: &Table::concat(&tables)?, labels: &labels };
        let waits_on = BoostedModel::fit_churn(expanded, &boosting, run)?;
        HazardChurnModel::of(ends, waits_on).map_err(|error| FitError::Refused(error.0))
    }
}

/// Days until the next order, the day it comes included; endless where none comes within the horizon.
fn waits(rows: &Table, horizon_days: i32) -> Result<Vec<f64>, FitError> {
    let next = rows.f64s(column::LABEL_NEXT_ORDER_DAYS)?;
    let is_within = |days: &f64| (0.0..f64::from(horizon_days)).contains(days);
    Ok(next.into_iter().map(|days| if is_within(&days) { days + 1.0 } else { f64::INFINITY }).collect())
}

/// Last days of parts that hold about equally many next orders; the last part ends with the horizon.
fn ends(waits: &[f64], most: usize, horizon_days: i32) -> Vec<f64> {
    let mut times: Vec<f64> = waits.iter().copied().filter(|days| days.is_finite()).collect();
    times.sort_by(f64::total_cmp);
    let most = most.max(1);
    let mut ends: Vec<f64> = (1..most).filter_map(|part| times.get((part * times.len() / most).max(1) - 1).copied()).collect();
    ends.retain(|&end| end < f64::from(horizon_days));
    ends.push(f64::from(horizon_days));
    ends.dedup();
    ends
}

fn in_part(rows: &Table, part: usize) -> Result<Table, perennial_contract::table::TableError> {
    rows.with(PART, Arc::new(Float64Array::from(vec![part as f64; rows.rows()])))
}

#[derive(Clone, Debug)]
pub struct HazardChurnModel {
    /// Last day of each part of the horizon.
    ends: Vec<f64>,
    /// Chance still to wait when a part ends, for those who waited when it began.
    waits_on: BoostedModel,
    needs: Vec<String>,
}

impl HazardChurnModel {
    fn of(ends: Vec<f64>, waits_on: BoostedModel) -> Result<Self, LoadError> {
        let is_sound = !ends.is_empty() && ends[0] >= 1.0 && ends.windows(2).all(|pair| pair[0] < pair[1]);
        if !is_sound || ends.len() > PARTS.max as usize || ends.iter().any(|end| !end.is_finite() || *end > f64::from(i32::MAX)) {
            return Err(LoadError(format!(
                "parts of the horizon end on days {ends:?}, allowed are up to {} rising days from 1",
                PARTS.max
            )));
        }
        if !waits_on.forecasts_churn() {
            return Err(LoadError("its trees do not forecast a chance".to_owned()));
        }
        let needs = waits_on.needs().iter().filter(|name| *name != PART).cloned().collect();
        Ok(Self { ends, waits_on, needs })
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let (Some(ends), Some(trees)) = (json.get("ends"), json.get("waits_on")) else {
            return Err(LoadError("it lacks \"ends\" or \"waits_on\"".to_owned()));
        };
        let ends = Vec::<f64>::deserialize(ends).map_err(|error| LoadError(error.to_string()))?;
        Self::of(ends, BoostedModel::load(trees)?)
    }
}

impl Model for HazardChurnModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(HazardScorer { model: self })
    }

    fn to_json(&self) -> Value {
        json!({ "ends": self.ends, "waits_on": self.waits_on.to_json() })
    }
}

struct HazardScorer<'model> {
    model: &'model HazardChurnModel,
}

impl Scorer for HazardScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let HazardChurnModel { ends, waits_on, .. } = self.model;
        let horizon = ends.last().copied().unwrap_or(1.0);
        let windows = churn_windows(rows, horizon as i32)?;
        let (mut log_waits, mut begin) = (vec![0.0; rows.rows()], 0.0);
        for (part, &end) in ends.iter().enumerate() {
            let waits = waits_on.scorer().score(&in_part(rows, part)?)?.f64s(column::P_CHURN)?;
            for ((log, p), window) in log_waits.iter_mut().zip(waits).zip(&windows) {
                // Within a part the risk is even, so a window that ends in it takes its share of the logarithm.
                let share = ((window - begin) / (end - begin)).clamp(0.0, 1.0);
                if share > 0.0 {
                    *log += share * libm::log(p);
                }
            }
            begin = end;
        }
        let p_churn: Float64Array = log_waits.into_iter().map(|log| Some(libm::exp(log))).collect();
        Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(p_churn))])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_hold_equally_many_orders_and_end_with_the_horizon() {
        let mut waits: Vec<f64> = (1..=40).map(f64::from).collect();
        waits.extend([f64::INFINITY; 60]);
        assert_eq!(ends(&waits, 4, 90), [10.0, 20.0, 30.0, 90.0]);
        // Everybody who comes comes on the first day, and nobody at all.
        assert_eq!(ends(&[1.0; 9], 4, 90), [1.0, 90.0]);
        assert_eq!(ends(&[f64::INFINITY; 9], 4, 90), [90.0]);
        assert_eq!(ends(&[1.0; 9], 4, 1), [1.0]);
    }
}
