//! What will a customer spend in the horizon?
//!
//! Assumes  BG/NBD for the orders, Gamma-Gamma for their spend, the two independent given the customer's history.
//! Input    `x`, `t_x`, `t` in days; `repeat_spend_cents_mean` in minor units, null without repeats; labels are not read.
//! Output   `spend_cents` [rows], the mean; null for a row without a first order. The catalogue adds the interval (`learner::ranged`).
//! Cost     two fits; a short sum a row to score.
//! Ref      Fader, Hardie & Lee (2005), eq. (10); Fader & Hardie (2013), eq. (5).

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{
    Estimator, FitError, FitSummary, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::bgnbd::{self, BgNbdFit, History};
use super::churn::{Histories, check_loaded, last_as_of};
use super::gamma_gamma::{self, GammaGammaFit, Spenders};

/// What to learn: it has no setting.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BtydValue {}

impl Estimator for BtydValue {
    const NAME: &'static str = "bgnbd_gamma_gamma";
    const TASK: Task = Task::Value;
    const PARAMS: &'static [Param] = &[];
    type Model = BtydValueModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<BtydValueModel, FitError> {
        let rows = last_as_of(train)?;
        let orders = bgnbd::fit(&Histories::of(&rows)?.purchases()?, run.threads)?;
        let (x, m) = (rows.f64s(column::X)?, rows.f64s(column::REPEAT_SPEND_CENTS_MEAN)?);
        // Rows without an order are null in x; they have no spend to learn from either.
        let x: Vec<f64> = x.iter().map(|x| if x.is_nan() { 0.0 } else { *x }).collect();
        let spenders = Spenders::with_spend(&x, &m, [column::X, column::REPEAT_SPEND_CENTS_MEAN])?;
        let spend = gamma_gamma::fit(&spenders, run.threads)?;
        if spend.parameters.q <= 1.0 {
            return Err(FitError::Refused(format!(
                "Gamma-Gamma q is {:.3}, allowed is above 1: spend per order has so heavy a tail here that its mean over customers is infinite; \
                 look for wholesale buyers or wrong amounts among the largest orders",
                spend.parameters.q
            )));
        }
        Ok(BtydValueModel { orders, spend, horizon_days: run.horizon_days, needs: needs() })
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BtydValueModel {
    orders: BgNbdFit,
    spend: GammaGammaFit,
    horizon_days: i32,
    #[serde(skip, default = "needs")]
    needs: Vec<String>,
}

fn needs() -> Vec<String> {
    [column::X, column::T_X, column::T, column::REPEAT_SPEND_CENTS_MEAN].map(str::to_owned).to_vec()
}

impl BtydValueModel {
    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let model = Self::deserialize(json).map_err(|e| LoadError(e.to_string()))?;
        check_loaded(&model.orders, model.horizon_days)?;
        let is = model.spend.parameters;
        let is_sound = [is.p, is.q, is.v].iter().all(|letter| letter.is_finite() && *letter > 0.0) && is.q > 1.0;
        if is_sound {
            Ok(model)
        } else {
            Err(LoadError(format!("Gamma-Gamma parameters are {is:?}, allowed are numbers above 0 and q above 1")))
        }
    }

    /// Mean spend in the horizon, minor units.
    fn spend_cents(&self, seen: &History, m: f64) -> f64 {
        let orders = self.orders.parameters.orders_expected_after(seen, f64::from(self.horizon_days));
        // A repeater without a known spend is one of whom nothing is known: the prior, not a customer who spends 0.
        // A mean below 0 (more returned than bought) is taken as 0: the model knows no negative spend.
        let (x, m) = if m.is_finite() { (seen.x, m.max(0.0)) } else { (0.0, 0.0) };
        orders * self.spend.parameters.spend_expected(x, m)
    }
}

impl Model for BtydValueModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(ValueScorer { model: self })
    }

    fn to_json(&self) -> Value {
        serde_json::json!({ "orders": self.orders, "spend": self.spend, "horizon_days": self.horizon_days })
    }

    fn summary(&self) -> Option<FitSummary> {
        let (mut orders, spend) = (self.orders.summary(), self.spend.summary());
        orders.model = BtydValue::NAME.to_owned();
        orders.parameters.extend(spend.parameters);
        orders.standard_errors.extend(spend.standard_errors);
        orders.log_likelihood += spend.log_likelihood;
        Some(orders)
    }
}

struct ValueScorer<'model> {
    model: &'model BtydValueModel,
}

impl Scorer for ValueScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let means = rows.f64s(column::REPEAT_SPEND_CENTS_MEAN)?;
        let histories = Histories::of(rows)?;
        let spend: Float64Array =
            histories.iter().zip(means).map(|(seen, m)| seen.map(|seen| self.model.spend_cents(&seen, m))).collect();
        Ok(Table::from_columns(vec![(column::SPEND, Arc::new(spend))])?)
    }
}
