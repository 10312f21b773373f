//! What the lifetime models say of a customer, as features: they know how a customer ages beyond the training data, trees do not.
//!
//! Assumes  see `lifetime::bgnbd`, `lifetime::gamma_gamma`.
//! Input    `x`, `t_x`, `t`, `repeat_spend_cents_mean`.
//! Output   `btyd_p_order`, `btyd_orders_expected`, `btyd_spend_cents_expected`; none where the models have no fit on this data.
//! Cost     two fits; a few logarithms a row.
//! Ref      Fader, Hardie & Lee (2005); Fader & Hardie (2013).

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{FitError, Run, column};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};

use super::windows;
use crate::lifetime::bgnbd::{self, BgNbdFit, History};
use crate::lifetime::gamma_gamma::{self, GammaGammaFit, Spenders};
use crate::lifetime::purchases::{Columns, Purchases};

const COLUMNS: Columns = Columns { x: column::X, t_x: column::T_X, t: column::T };
pub const P_ORDER: &str = "btyd_p_order";
pub const ORDERS_EXPECTED: &str = "btyd_orders_expected";
pub const SPEND_EXPECTED: &str = "btyd_spend_cents_expected";

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifetimeFeatures {
    orders: Option<BgNbdFit>,
    spend: Option<GammaGammaFit>,
    horizon_days: i32,
}

impl LifetimeFeatures {
    /// Fit on the last as-of day. Data that cannot carry the models give no features; that is no error here.
    pub fn fit(train: &Table, run: &Run) -> Result<Self, FitError> {
        let mut features = Self { orders: None, spend: None, horizon_days: run.horizon_days };
        if ![column::X, column::T_X, column::T].iter().all(|name| train.has(name)) {
            return Ok(features);
        }
        let last = windows::by_time(train, run.horizon_days)?.last;
        let rows = windows::take(&last, {
            let x = last.f64s(column::X)?;
            move |row| x[row].is_finite()
        })?;
        let purchases = Purchases::from_table(&rows, COLUMNS);
        features.orders = purchases.and_then(|data| bgnbd::fit(&data, run.threads)).ok();
        if features.orders.is_some() && rows.has(column::REPEAT_SPEND_CENTS_MEAN) {
            let (x, mean) = (rows.f64s(column::X)?, rows.f64s(column::REPEAT_SPEND_CENTS_MEAN)?);
            let spenders = Spenders::with_spend(&x, &mean, [column::X, column::REPEAT_SPEND_CENTS_MEAN]);
            let fit = spenders.and_then(|data| gamma_gamma::fit(&data, run.threads)).ok();
            features.spend = fit.filter(|fit| fit.parameters.q > 1.0);
        }
        Ok(features)
    }

    /// The columns a row must have.
    #[must_use]
    pub fn needs(&self) -> Vec<String> {
        let mut names = Vec::new();
        if self.orders.is_some() {
            names.extend([column::X, column::T_X, column::T]);
        }
        if self.spend.is_some() {
            names.push(column::REPEAT_SPEND_CENTS_MEAN);
        }
        names.into_iter().map(str::to_owned).collect()
    }

    /// The columns [`Self::add`] adds.
    #[must_use]
    pub fn adds(&self) -> Vec<&'static str> {
        let orders = self.orders.iter().flat_map(|_| [P_ORDER, ORDERS_EXPECTED]);
        orders.chain(self.spend.iter().map(|_| SPEND_EXPECTED)).collect()
    }

    /// The rows with the features added; null where a customer has no order yet.
    pub fn add(&self, rows: &Table) -> Result<Table, TableError> {
        let Some(orders) = &self.orders else { return Ok(rows.clone()) };
        let horizon = f64::from(self.horizon_days);
        let (x, t_x, t) = (rows.f64s(column::X)?, rows.f64s(column::T_X)?, rows.f64s(column::T)?);
        let history = |i: usize| {
            let seen = History { x: x[i], t_x: t_x[i], t: t[i] };
            (seen.x >= 0.0 && seen.t_x >= 0.0 && seen.t >= seen.t_x && seen.t.is_finite()).then_some(seen)
        };
        let p_order: Float64Array =
            (0..rows.rows()).map(|i| history(i).map(|seen| 1.0 - orders.parameters.p_no_order(&seen, horizon))).collect();
        let expected: Vec<Option<f64>> =
            (0..rows.rows()).map(|i| history(i).map(|seen| orders.parameters.orders_expected_after(&seen, horizon))).collect();
        let mut table = rows.with(P_ORDER, Arc::new(p_order))?;
        table = table.with(ORDERS_EXPECTED, Arc::new(expected.iter().copied().collect::<Float64Array>()))?;
        let Some(spend) = &self.spend else { return Ok(table) };
        let mean = rows.f64s(column::REPEAT_SPEND_CENTS_MEAN)?;
        let value: Float64Array = expected
            .iter()
            .enumerate()
            .map(|(i, orders)| {
                let (x, m) = if mean[i].is_finite() { (x[i], mean[i].max(0.0)) } else { (0.0, 0.0) };
                Some((*orders)? * spend.parameters.spend_expected(x, m))
            })
            .collect();
        table.with(SPEND_EXPECTED, Arc::new(value))
    }

    pub fn check(&self) -> Result<(), String> {
        let orders = self.orders.as_ref().map(|fit| fit.parameters);
        let spend = self.spend.as_ref().map(|fit| fit.parameters);
        let letters = orders.map_or(vec![], |p| vec![p.r, p.alpha, p.a, p.b]);
        let others = spend.map_or(vec![], |p| vec![p.p, p.q - 1.0, p.v]);
        if self.horizon_days < 1 || letters.iter().chain(&others).any(|letter| !(letter.is_finite() && *letter > 0.0)) {
            return Err("lifetime parameters must be finite and above 0, q above 1".to_owned());
        }
        Ok(())
    }
}
