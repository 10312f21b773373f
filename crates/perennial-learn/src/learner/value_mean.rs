//! The baseline for value: a customer goes on spending at their own past rate, shrunk to everybody's, the less the longer they are silent.
//!
//! Assumes  spend per day fades by a constant rate of silence; κ days of the average customer's rate are worth as much as κ days of one's own.
//! Input    `x`, `repeat_spend_cents_mean`, `t_x`, `t` in days; `label_spend_cents`.
//! Output   `spend_cents` = level × horizon × (repeat spend + κ m) / (t + κ) × 2^(−(t − t_x) / h), m the mean rate in the training
//!          windows, κ and the half-life h by least squares on them, the level so that their total is right.
//!          The first order is no part of a rate: it is why the customer is known at all.
//! Cost     a pass per pair of κ and h.
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

/// Candidates for the half-life, in horizons; the last one is no fading at all.
const HALF_LIVES: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 1e9];

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMean {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ValueMeanModel {
    rate_cents_per_day: f64,
    shrink_days: f64,
    half_life_days: f64,
    level: f64,
    horizon_days: i32,
    #[serde(skip, default = "needs")]
    needs: Vec<String>,
}

fn needs() -> Vec<String> {
    [column::X, column::REPEAT_SPEND_CENTS_MEAN, column::T_X, column::T].map(str::to_owned).to_vec()
}

impl Estimator for ValueMean {
    const NAME: &'static str = "value_mean";
    const TASK: Task = Task::Value;
    const PARAMS: &'static [Param] = &[];
    type Model = ValueMeanModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<ValueMeanModel, FitError> {
        let train = windows::labelled(train, column::LABEL_SPEND_CENTS)?;
        let pasts = pasts(&train)?;
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
            half_life_days: f64::from(run.horizon_days),
            level: 1.0,
            horizon_days: run.horizon_days,
            needs: needs(),
        };
        let mut least = f64::INFINITY;
        let half_lives = HALF_LIVES.map(|horizons| horizons * f64::from(run.horizon_days));
        for (shrink_days, half_life_days) in SHRINK_DAYS.into_iter().flat_map(|days| half_lives.map(|half| (days, half))) {
            let candidate = ValueMeanModel { shrink_days, half_life_days, ..model.clone() };
            let forecast: Vec<f64> = pasts.iter().map(|past| candidate.shape(*past)).collect();
            let level = total / forecast.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            let miss: f64 = forecast.iter().zip(&labels).map(|(f, y)| (f * level - y) * (f * level - y)).sum();
            if miss < least && level.is_finite() {
                (least, model) = (miss, ValueMeanModel { level, ..candidate });
            }
        }
        Ok(model)
    }
}

/// What is known of a customer; not a number where it is not known.
#[derive(Clone, Copy)]
struct Past {
    /// Spent after the first order, cents.
    spend: f64,
    silent_days: f64,
    t: f64,
}

fn pasts(rows: &Table) -> Result<Vec<Past>, TableError> {
    let (spend, t_x, t) = (repeat_spend(rows)?, rows.f64s(column::T_X)?, rows.f64s(column::T)?);
    Ok((0..t.len()).map(|row| Past { spend: spend[row], silent_days: t[row] - t_x[row], t: t[row] }).collect())
}

/// Spend after the first order, cents; none without a repeat.
fn repeat_spend(rows: &Table) -> Result<Vec<f64>, TableError> {
    let (x, mean) = (rows.f64s(column::X)?, rows.f64s(column::REPEAT_SPEND_CENTS_MEAN)?);
    Ok(x.into_iter().zip(mean).map(|(x, mean)| if x >= 1.0 && mean.is_finite() { x * mean } else { 0.0 }).collect())
}

impl ValueMeanModel {
    /// A customer without an order is the average customer; a negative past (more returned than bought) counts as none.
    fn shape(&self, past: Past) -> f64 {
        let known = past.spend.is_finite() && past.t.is_finite() && past.silent_days.is_finite();
        let (spend, t) = if known { (past.spend.max(0.0), past.t.max(0.0)) } else { (0.0, 0.0) };
        let silent_days = if known { past.silent_days.max(0.0) } else { 0.0 };
        let rate = (spend + self.shrink_days * self.rate_cents_per_day) / (t + self.shrink_days);
        f64::from(self.horizon_days) * rate * (-silent_days / self.half_life_days).exp2()
    }

    fn forecast(&self, past: Past) -> f64 {
        self.level * self.shape(past)
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let model = Self::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        let above = |number: f64| number.is_finite() && number > 0.0;
        let numbers = [model.rate_cents_per_day, model.shrink_days, model.half_life_days, model.level];
        if !numbers.into_iter().all(above) || model.horizon_days < 1 {
            return Err(LoadError(
                "rate, shrink_days, half_life_days, level and horizon_days must be finite and above 0".to_owned(),
            ));
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
        let forecast: Float64Array = pasts(rows)?.into_iter().map(|past| Some(self.model.forecast(past))).collect();
        Ok(Table::from_columns(vec![(column::SPEND, Arc::new(forecast))])?)
    }
}
