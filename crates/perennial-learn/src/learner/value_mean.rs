//! The baseline for value: a customer goes on spending at their own past rate, shrunk to everybody's.
//!
//! Assumes  spend per day is constant; κ days of the average customer's rate are worth as much as κ days of one's own.
//! Input    `x`, `repeat_spend_cents_mean`, `t` in days; `label_spend_cents`.
//! Output   `spend_cents` = horizon × (repeat spend + κ m) / (t + κ), m the mean rate in the training windows, κ by least squares on them.
//!          The first order is no part of a rate: it is why the customer is known at all.
//! Cost     a pass per candidate κ.
//! Ref      Bühlmann (1967), ASTIN Bulletin 4(3): credibility k / (k + κ).

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{Estimator, FitError, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::windows;

/// Candidates for κ, days.
const SHRINK_DAYS: [f64; 10] = [7.0, 14.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0];

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMean {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMeanModel {
    rate_cents_per_day: f64,
    shrink_days: f64,
    horizon_days: i32,
    #[serde(skip, default = "needs")]
    needs: Vec<String>,
}

fn needs() -> Vec<String> {
    [column::X, column::REPEAT_SPEND_CENTS_MEAN, column::T].map(str::to_owned).to_vec()
}

impl Estimator for ValueMean {
    const NAME: &'static str = "value_mean";
    const TASK: Task = Task::Value;
    const PARAMS: &'static [Param] = &[];
    type Model = ValueMeanModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<ValueMeanModel, FitError> {
        let train = windows::labelled(train, column::LABEL_SPEND_CENTS)?;
        let (spend, t) = (repeat_spend(&train)?, train.f64s(column::T)?);
        let labels = train.f64s(column::LABEL_SPEND_CENTS)?;
        let total: f64 = labels.iter().sum();
        let buyers = labels.iter().filter(|label| **label > 0.0).count();
        if buyers < super::logistic::CLASS_ROWS_MIN || total <= 0.0 {
            return Err(FitError::Refused(format!(
                "{buyers} customers spent anything in the training windows; at least {} are needed",
                super::logistic::CLASS_ROWS_MIN
            )));
        }
        let mut model = ValueMeanModel {
            rate_cents_per_day: total / labels.len() as f64 / f64::from(run.horizon_days),
            shrink_days: SHRINK_DAYS[0],
            horizon_days: run.horizon_days,
            needs: needs(),
        };
        let mut least = f64::INFINITY;
        for shrink_days in SHRINK_DAYS {
            let candidate = ValueMeanModel { shrink_days, ..model.clone() };
            let forecast: Vec<f64> = spend.iter().zip(&t).map(|(&s, &t)| candidate.forecast(s, t)).collect();
            // The total is corrected later, so only the best multiple of the forecast counts here.
            let scale = labels.iter().sum::<f64>() / forecast.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            let miss: f64 = forecast.iter().zip(&labels).map(|(f, y)| (f * scale - y) * (f * scale - y)).sum();
            if miss < least {
                (least, model.shrink_days) = (miss, shrink_days);
            }
        }
        Ok(model)
    }
}

/// Spend after the first order, cents; none without a repeat.
fn repeat_spend(rows: &Table) -> Result<Vec<f64>, TableError> {
    let (x, mean) = (rows.f64s(column::X)?, rows.f64s(column::REPEAT_SPEND_CENTS_MEAN)?);
    Ok(x.into_iter().zip(mean).map(|(x, mean)| if x >= 1.0 && mean.is_finite() { x * mean } else { 0.0 }).collect())
}

impl ValueMeanModel {
    /// A customer without an order is the average customer; a negative past (more returned than bought) counts as none.
    fn forecast(&self, spend: f64, t: f64) -> f64 {
        let known = spend.is_finite() && t.is_finite();
        let (spend, t) = if known { (spend.max(0.0), t.max(0.0)) } else { (0.0, 0.0) };
        f64::from(self.horizon_days) * (spend + self.shrink_days * self.rate_cents_per_day) / (t + self.shrink_days)
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let model = Self::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        let above = |number: f64| number.is_finite() && number > 0.0;
        if !above(model.rate_cents_per_day) || !above(model.shrink_days) || model.horizon_days < 1 {
            return Err(LoadError("rate, shrink_days and horizon_days must be finite and above 0".to_owned()));
        }
        Ok(model)
    }
}

impl Model for ValueMeanModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(ValueMeanScorer { model: self })
    }

    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

struct ValueMeanScorer<'model> {
    model: &'model ValueMeanModel,
}

impl Scorer for ValueMeanScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let (spend, t) = (repeat_spend(rows)?, rows.f64s(column::T)?);
        let forecast: Float64Array = spend.iter().zip(&t).map(|(&s, &t)| Some(self.model.forecast(s, t))).collect();
        Ok(Table::from_columns(vec![(column::SPEND, Arc::new(forecast))])?)
    }
}
