//! BG/NBD and Pareto/NBD as members of the stack: log-odds of silence that need no label.
//!
//! Assumes  see `lifetime::bgnbd` and `lifetime::pareto_nbd`; the rows of the last as-of day are every customer, selected by nothing.
//! Input    `x`, `t_x`, `t` in days.
//! Output   log-odds [rows] that no order comes within the horizon; for a row without a first order the mean of the rows fitted on.
//! Cost     one fit; one answer for every distinct history.
//! Ref      Fader, Hardie & Lee (2005), Marketing Science 24(2); Schmittlein, Morrison & Colombo (1987), Management Science 33(1).

use perennial_contract::Table;
use perennial_contract::estimator::{FitError, LoadError, Run, column};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::blend::logit;
use crate::learner::windows;
use crate::lifetime::bgnbd::{self, BgNbdFit, History};
use crate::lifetime::forecast::{self, Forecast};
use crate::lifetime::letters::Letters;
use crate::lifetime::pareto_nbd::{self, ParetoNbdFit};
use crate::lifetime::purchases::{Columns, Purchases, X_MAX};

const COLUMNS: Columns = Columns { x: column::X, t_x: column::T_X, t: column::T };
/// Log-odds beyond this say nothing that a shop's data could bear out.
const LOG_ODDS_MAX: f64 = 20.0;

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "law", content = "fit", rename_all = "snake_case")]
enum Law {
    BgNbd(BgNbdFit),
    ParetoNbd(ParetoNbdFit),
}

/// Which law to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropout {
    /// After an order, with a chance of the customer's own.
    AfterOrder,
    /// At any moment, at a rate of the customer's own.
    AnyMoment,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LifetimeMember {
    law: Law,
    horizon_days: i32,
    /// Mean log-odds of the rows fitted on: what is said of a row without a history, and the bias of the reasons.
    mean: f64,
}

impl LifetimeMember {
    pub fn fit(dropout: Dropout, train: &Table, run: &Run) -> Result<Self, FitError> {
        let last = windows::by_time(train, run.horizon_days)?.last;
        let x = last.f64s(column::X)?;
        let rows = windows::take(&last, |row| x[row].is_finite())?;
        let data = Purchases::from_table(&rows, COLUMNS)?;
        let law = match dropout {
            Dropout::AfterOrder => Law::BgNbd(bgnbd::fit(&data, run.threads)?),
            Dropout::AnyMoment => Law::ParetoNbd(pareto_nbd::fit(&data, run.threads)?),
        };
        let mut member = Self { law, horizon_days: run.horizon_days, mean: 0.0 };
        let known = member.log_odds(&rows, run.threads)?;
        member.mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
        Ok(member)
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let member = Self::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        let summary = match &member.law {
            Law::BgNbd(fit) => check(&fit.parameters),
            Law::ParetoNbd(fit) => check(&fit.parameters),
        };
        summary.map_err(LoadError)?;
        if member.horizon_days < 1 || !(-LOG_ODDS_MAX..=LOG_ODDS_MAX).contains(&member.mean) {
            return Err(LoadError(format!(
                "horizon_days is {} and mean {}, allowed are whole numbers from 1 and log-odds within {LOG_ODDS_MAX}",
                member.horizon_days, member.mean
            )));
        }
        Ok(member)
    }

    pub fn to_json(self) -> Value {
        json!(self)
    }

    #[must_use]
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The feature under which its reasons stand.
    #[must_use]
    pub const fn feature(&self) -> &'static str {
        match self.law {
            Law::BgNbd(_) => "bgnbd_p_order",
            Law::ParetoNbd(_) => "pareto_nbd_p_order",
        }
    }

    pub fn needs() -> Vec<String> {
        [column::X, column::T_X, column::T].map(str::to_owned).to_vec()
    }

    /// Log-odds of no order within the horizon.
    pub fn log_odds(&self, rows: &Table, threads: usize) -> Result<Vec<f64>, TableError> {
        let (x, t_x, t) = (rows.f64s(column::X)?, rows.f64s(column::T_X)?, rows.f64s(column::T)?);
        let is_history = |i: &usize| (0.0..=X_MAX).contains(&x[*i]) && t[*i] >= t_x[*i] && t_x[*i] >= 0.0 && t[*i].is_finite();
        let known: Vec<usize> = (0..rows.rows()).filter(is_history).collect();
        let histories: Vec<History> = known.iter().map(|&i| History { x: x[i], t_x: t_x[i], t: t[i] }).collect();
        let law: &dyn Forecast = match &self.law {
            Law::BgNbd(fit) => &fit.parameters,
            Law::ParetoNbd(fit) => &fit.parameters,
        };
        let answers = forecast::answers(law, &histories, f64::from(self.horizon_days), threads);
        let mut log_odds = vec![self.mean; rows.rows()];
        for (&row, [_, _, p_silent]) in known.iter().zip(&answers) {
            // What overflowed says as little as no history.
            if p_silent.is_finite() {
                log_odds[row] = logit(*p_silent).clamp(-LOG_ODDS_MAX, LOG_ODDS_MAX);
            }
        }
        Ok(log_odds)
    }
}

fn check<P: Letters>(letters: &P) -> Result<(), String> {
    let named: serde_json::Map<String, Value> =
        P::NAMES.iter().zip(letters.values()).map(|(name, value)| ((*name).to_owned(), Value::from(value))).collect();
    P::from_json(&Value::Object(named)).map(|_| ())
}
