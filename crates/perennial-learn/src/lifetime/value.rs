//! What will a customer spend in the horizon, and between which bounds?
//!
//! Assumes  BG/NBD for the orders, Gamma-Gamma for their spend, the two independent given the customer's history.
//! Input    `x`, `t_x`, `t` in days; `repeat_spend_cents_mean` in minor units, null without repeats; labels are not read.
//! Output   `spend_cents` [rows], the mean; `spend_cents_lo80`, `spend_cents_hi80`, the 10% and 90% quantiles of the compound
//!          distribution, the upper one raised to the mean where most chance is on no order at all.
//! Cost     two fits; a quantile is 5 to 10 evaluations of Σ P(n) I_y(p n, q + p x), once for every distinct (x, t_x, T).
//! Ref      Fader, Hardie & Lee (2005) and Fader & Hardie (2013); the compound distribution is derived in docs/models/gamma_gamma.md.

use std::collections::BTreeMap;
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
use super::compound::SpendMixture;
use super::gamma_gamma::{self, GammaGammaFit, Spenders};

/// Order counts that are together less likely than this are not looked at; it moves a quantile's level by no more.
const COUNT_REST: f64 = 1e-7;
/// Distinct histories remembered by a scorer before it forgets them all; a limit on memory, not on results.
const REMEMBERED_MAX: usize = 500_000;

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
    pub const NAME: &'static str = BtydValue::NAME;

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

    /// What depends on the history alone; the customer's own mean spend, known of `spend_x` orders, only scales it.
    fn outlook(&self, seen: &History, spend_x: f64) -> Outlook {
        let horizon = f64::from(self.horizon_days);
        let counts = self.orders.parameters.order_probabilities_after(seen, horizon, COUNT_REST);
        let spend = self.spend.parameters;
        let mixture = SpendMixture::of(&counts, spend.p, spend.q + spend.p * spend_x);
        Outlook {
            orders: self.orders.parameters.orders_expected_after(seen, horizon),
            low: mixture.quantile(0.1),
            high: mixture.quantile(0.9),
        }
    }
}

impl Model for BtydValueModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(ValueScorer { model: self, remembered: BTreeMap::new() })
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

/// Expected orders, and the two quantiles of spend in units of v + x m.
#[derive(Clone, Copy)]
struct Outlook {
    orders: f64,
    low: f64,
    high: f64,
}

struct ValueScorer<'model> {
    model: &'model BtydValueModel,
    remembered: BTreeMap<[u64; 4], Outlook>,
}

impl ValueScorer<'_> {
    fn outlook(&mut self, seen: &History, spend_x: f64) -> Outlook {
        let key = [seen.x, seen.t_x, seen.t, spend_x].map(f64::to_bits);
        if let Some(outlook) = self.remembered.get(&key) {
            return *outlook;
        }
        let outlook = self.model.outlook(seen, spend_x);
        if self.remembered.len() >= REMEMBERED_MAX {
            self.remembered.clear();
        }
        self.remembered.insert(key, outlook);
        outlook
    }

    /// Mean and bounds, minor units. A mean spend below 0 (more returned than bought) is taken as 0: the model knows no negative spend.
    fn spend(&mut self, seen: &History, m: f64) -> [f64; 3] {
        let spend = self.model.spend.parameters;
        // A repeater without a known spend is one of whom nothing is known: the prior, not a customer who spends 0.
        let (x, m) = if m.is_finite() { (seen.x, m.max(0.0)) } else { (0.0, 0.0) };
        let outlook = self.outlook(seen, x);
        let mean = outlook.orders * spend.spend_expected(x, m);
        let scale = spend.v + x * m;
        [mean, outlook.low * scale, (outlook.high * scale).max(mean)]
    }
}

impl Scorer for ValueScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let histories = Histories::of(rows)?;
        let means = rows.f64s(column::REPEAT_SPEND_CENTS_MEAN)?;
        let scores: Vec<Option<[f64; 3]>> =
            histories.iter().zip(means).map(|(seen, m)| seen.map(|seen| self.spend(&seen, m))).collect();
        let column = |i: usize| -> Arc<Float64Array> { Arc::new(scores.iter().map(|s| s.map(|s| s[i])).collect()) };
        Ok(Table::from_columns(vec![
            (column::SPEND, column(0)),
            (column::SPEND_LO80, column(1)),
            (column::SPEND_HI80, column(2)),
        ])?)
    }
}
