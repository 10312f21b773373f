//! BG/NBD as a churn model: the chance that a customer places no order in the horizon.
//!
//! Assumes  see `bgnbd`; the rows of the last as-of day of the training table are every customer with an order, selected by nothing.
//! Input    `x`, `t_x`, `t` in days; labels are not read.
//! Output   `p_churn` [rows], 0..1, of no order in the horizon, or in `churn_window_days` where the table has that column; null for a
//!          row without a first order, about which the model says nothing.
//! Cost     one fit; four logarithms and exponentials a row to score.
//! Ref      Fader, Hardie & Lee (2005); the chance of silence is derived in docs/models/bgnbd.md.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{
    Estimator, FitError, FitSummary, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column,
};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bgnbd::{self, BgNbdFit, History};
use super::purchases::{Columns, Purchases, X_MAX};

/// The columns of the feature table that the lifetime models read.
pub(super) const COLUMNS: Columns = Columns { x: column::X, t_x: column::T_X, t: column::T };

/// What to learn: it has no setting.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BgNbd {}

impl Estimator for BgNbd {
    const NAME: &'static str = "bgnbd";
    const TASK: Task = Task::Churn;
    const PARAMS: &'static [Param] = &[];
    type Model = BgNbdChurn;

    fn fit(&self, train: &Table, run: &Run) -> Result<BgNbdChurn, FitError> {
        let rows = Histories::to_learn_from(train)?;
        let fit = bgnbd::fit(&rows.purchases()?, run.threads)?;
        Ok(BgNbdChurn { fit, horizon_days: run.horizon_days, needs: needs() })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BgNbdChurn {
    fit: BgNbdFit,
    horizon_days: i32,
    #[serde(skip, default = "needs")]
    needs: Vec<String>,
}

fn needs() -> Vec<String> {
    [column::X, column::T_X, column::T].map(str::to_owned).to_vec()
}

impl BgNbdChurn {
    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let model = Self::deserialize(json).map_err(|e| LoadError(e.to_string()))?;
        check_loaded(&model.fit, model.horizon_days)?;
        Ok(model)
    }
}

/// Parameters beyond this cannot come from a fit, whose search ends at a factor of a million.
const LETTER_MAX: f64 = 1e12;

/// A file may hold anything; a model is only what could have been fitted.
pub(super) fn check_loaded(fit: &BgNbdFit, horizon_days: i32) -> Result<(), LoadError> {
    let is = fit.parameters;
    if [is.r, is.alpha, is.a, is.b].iter().any(|letter| !(*letter > 0.0 && *letter < LETTER_MAX)) {
        return Err(LoadError(format!("BG/NBD parameters are {is:?}, allowed are numbers above 0 and below {LETTER_MAX:e}")));
    }
    if horizon_days < 1 {
        return Err(LoadError(format!("horizon_days is {horizon_days}, allowed are whole numbers from 1")));
    }
    Ok(())
}

impl Model for BgNbdChurn {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(ChurnScorer { model: self })
    }

    fn to_json(&self) -> Value {
        serde_json::json!({ "fit": self.fit, "horizon_days": self.horizon_days })
    }

    fn summary(&self) -> Option<FitSummary> {
        Some(self.fit.summary())
    }
}

struct ChurnScorer<'model> {
    model: &'model BgNbdChurn,
}

impl Scorer for ChurnScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let windows = churn_windows(rows, self.model.horizon_days)?;
        let histories = Histories::of(rows)?;
        let p_no_order = |(seen, days): (Option<History>, &f64)| Some(self.model.fit.parameters.p_no_order(&seen?, *days));
        let p_churn: Float64Array = histories.iter().zip(&windows).map(p_no_order).collect();
        Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(p_churn))])?)
    }
}

/// The three columns of a feature table; a row that is not a history (a customer without an order) is `None`.
pub(super) struct Histories {
    x: Vec<f64>,
    t_x: Vec<f64>,
    t: Vec<f64>,
}

impl Histories {
    pub fn of(rows: &Table) -> Result<Self, TableError> {
        Ok(Self { x: rows.f64s(column::X)?, t_x: rows.f64s(column::T_X)?, t: rows.f64s(column::T)? })
    }

    /// The rows of the last as-of day. Earlier days repeat the same customers with less history, which would count them twice.
    pub fn to_learn_from(train: &Table) -> Result<Self, FitError> {
        Ok(Self::of(&last_as_of(train)?)?)
    }

    pub fn iter(&self) -> impl Iterator<Item = Option<History>> {
        self.x.iter().zip(&self.t_x).zip(&self.t).map(|((&x, &t_x), &t)| {
            ((0.0..=X_MAX).contains(&x) && t >= t_x && t_x >= 0.0 && t.is_finite()).then_some(History { x, t_x, t })
        })
    }

    /// Customers with an order, for a fit. A null row has no order; a wrong one is refused by name.
    pub fn purchases(&self) -> Result<Purchases, FitError> {
        let has_order = |i: &usize| !(self.x[*i].is_nan() && self.t[*i].is_nan());
        let pick = |column: &[f64]| (0..column.len()).filter(has_order).map(|i| column[i]).collect::<Vec<_>>();
        Purchases::from_slices(&pick(&self.x), &pick(&self.t_x), &pick(&self.t), COLUMNS)
    }
}

/// In how many days no order makes a customer one who left: their own window where the table has one, else the horizon.
pub fn churn_windows(rows: &Table, horizon_days: i32) -> Result<Vec<f64>, TableError> {
    let horizon = f64::from(horizon_days);
    if !rows.has(column::CHURN_WINDOW_DAYS) {
        return Ok(vec![horizon; rows.rows()]);
    }
    let windows = rows.f64s(column::CHURN_WINDOW_DAYS)?;
    Ok(windows.into_iter().map(|days| if days >= 1.0 { days.min(horizon) } else { horizon }).collect())
}

/// The rows of the last as-of day, or all where the table has no such column.
pub(super) fn last_as_of(train: &Table) -> Result<Table, FitError> {
    if !train.has(column::AS_OF) {
        return Ok(train.clone());
    }
    let days = train.days(column::AS_OF)?;
    let last = days.iter().flatten().max().copied();
    let rows: Vec<u32> = (0_u32..).zip(&days).filter(|(_, day)| **day == last).map(|(row, _)| row).collect();
    Ok(train.take(&rows)?)
}
