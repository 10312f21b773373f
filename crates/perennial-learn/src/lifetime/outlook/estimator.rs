//! The outlook as a model of the catalogue: one table of scores, columns [`column::OUTLOOK`].
//!
//! Assumes  a training table as every model's: rows of several as-of days, labels of one horizon; the newest day holds everybody.
//! Input    x, t_x, T, mean spend per repeat order, labels.
//! Output   an [`OutlookModel`]: laws, recalibration and the declared rules of the stages.
//! Cost     see `fit` and `answer`.
//! Ref      docs/models/outlook.md.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::{ArrayRef, Float64Array, StringArray};
use perennial_contract::estimator::{Estimator, FitError, LoadError, Model, Param, Run, ScoreError, Scorer, Task, column};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::answer::Ask;
use super::answers::{Answers, CustomerOutlook};
use super::customers::{ClosedWindow, Customers};
use super::fit::Settings;
use super::model::Outlook;
use super::money::{Factors, Money};
use super::refusal::Refusal;
use super::stage::{Facts, Stage, StageRules};
use crate::learner::windows;

/// The horizon whose chance of no order speaks in the rules of the stages: the middle one.
const STAGE_HORIZON: usize = 2;
/// The interval in the table of scores, percent.
const BAND: u32 = 80;
/// Where no repeat tells the shop's usual gap, days.
const GAP_DAYS_UNKNOWN: f64 = 30.0;

/// BG/NBD, MBG/NBD or Pareto/NBD with Gamma-Gamma, recalibrated on closed windows.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct BtydOutlook {}

/// What is served.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlookModel {
    outlook: Outlook,
    stages: StageRules,
    #[serde(default)]
    money: Money,
    #[serde(skip, default = "needs")]
    needs: Vec<String>,
}

fn needs() -> Vec<String> {
    let names =
        [column::X, column::T_X, column::T, column::REPEAT_SPEND_CENTS_MEAN, column::DAYS_SINCE_LAST_ORDER, column::ORDERS];
    names.map(str::to_owned).to_vec()
}

impl Estimator for BtydOutlook {
    const NAME: &'static str = "btyd_outlook";
    const TASK: Task = Task::Outlook;
    const PARAMS: &'static [Param] = &[];
    type Model = OutlookModel;

    fn fit(&self, train: &Table, run: &Run) -> Result<OutlookModel, FitError> {
        // What the stages read is missed now rather than at the first score.
        for name in [column::DAYS_SINCE_LAST_ORDER, column::ORDERS] {
            train.f64s(name)?;
        }
        let of_day = |rows: &Table| -> Result<Option<ClosedWindow>, FitError> {
            Ok(match rows.has(column::LABEL_ORDERS) {
                true => Some(ClosedWindow::from_table(rows, run.horizon_days, None)?),
                false => None,
            })
        };
        let mut closed = Vec::new();
        if train.has(column::AS_OF) {
            let days = train.days(column::AS_OF)?;
            let mut cuts: Vec<_> = days.iter().flatten().copied().collect();
            cuts.sort_unstable();
            cuts.dedup();
            for cut in cuts {
                closed.extend(of_day(&windows::take(train, |row| days[row] == Some(cut))?)?);
            }
        } else {
            closed.extend(of_day(train)?);
        }
        let now = windows::by_time(train, run.horizon_days)?.last;
        Ok(OutlookModel::fit(&now, &closed, run)?)
    }
}

impl OutlookModel {
    /// From customers as of the newest day and windows of any length; the usual gap is the median of the repeaters' mean gaps.
    pub fn fit(everybody: &Table, closed: &[ClosedWindow], run: &Run) -> Result<Self, Refusal> {
        let now = Customers::from_table(everybody)?;
        let horizons_days = column::OUTLOOK_HORIZONS_DAYS.to_vec();
        let settings = Settings { horizons_days, seed: run.seed, threads: run.threads };
        let outlook = Outlook::fit(&now, closed, &settings)?;
        let stages = StageRules::usual(now.gap_days_median().unwrap_or(GAP_DAYS_UNKNOWN));
        Ok(Self { outlook, stages, money: Money::of(everybody)?, needs: needs() })
    }

    pub fn load(json: &Value) -> Result<Self, LoadError> {
        let model = Self::deserialize(json).map_err(|error| LoadError(error.to_string()))?;
        // The parts check themselves; the horizons are those of the columns.
        let outlook = Outlook::load(&model.outlook.to_json())?;
        if outlook.horizons_days() != column::OUTLOOK_HORIZONS_DAYS {
            return Err(LoadError(format!(
                "horizons are {:?}, expected {:?}",
                outlook.horizons_days(),
                column::OUTLOOK_HORIZONS_DAYS
            )));
        }
        model.stages.check().map_err(LoadError)?;
        model.money.check().map_err(LoadError)?;
        Ok(model)
    }

    #[must_use]
    pub const fn outlook(&self) -> &Outlook {
        &self.outlook
    }

    /// What turns net spend into gross and margin.
    #[must_use]
    pub const fn money(&self) -> &Money {
        &self.money
    }

    #[must_use]
    pub const fn stages(&self) -> &StageRules {
        &self.stages
    }

    /// What each customer is told, with every interval asked for: for one row or a few.
    pub fn tell(&self, rows: &Table, bands: &[u32]) -> Result<Vec<Option<CustomerOutlook>>, Refusal> {
        let answers = self.answers(rows, bands, 1)?;
        Ok((0..rows.rows()).map(|row| answers.customer(row)).collect())
    }

    fn answers(&self, rows: &Table, bands: &[u32], threads: usize) -> Result<Answers, Refusal> {
        let ask = Ask { spend_horizons_days: self.outlook.horizons_days(), bands, threads };
        self.outlook.answer(&Customers::from_table(rows)?, ask)
    }

    /// The stage of every row.
    pub fn stages_at(&self, rows: &Table, threads: usize) -> Result<Vec<Stage>, Refusal> {
        let ask = Ask { spend_horizons_days: &[], bands: &[], threads };
        let answers = self.outlook.answer(&Customers::from_table(rows)?, ask)?;
        Ok(self.stages_of(rows, &answers.p_no_order(STAGE_HORIZON))?)
    }

    fn stages_of(&self, rows: &Table, p_no_order: &[f64]) -> Result<Vec<Stage>, TableError> {
        let (orders, since) = (rows.f64s(column::ORDERS)?, rows.f64s(column::DAYS_SINCE_LAST_ORDER)?);
        let (x, t_x, t) = (rows.f64s(column::X)?, rows.f64s(column::T_X)?, rows.f64s(column::T)?);
        let last_gap = match rows.has(column::GAP_DAYS_LAST) {
            true => rows.f64s(column::GAP_DAYS_LAST)?,
            false => vec![f64::NAN; rows.rows()],
        };
        let known = |value: f64| value.is_finite().then_some(value);
        let facts = |row: usize| Facts {
            orders: orders[row],
            days_since_first_order: t[row],
            days_since_last_order: since[row],
            gap_days_mean: known(t_x[row] / x[row]),
            gap_days_last: known(last_gap[row]),
            p_no_order: known(p_no_order[row]),
        };
        Ok((0..rows.rows()).map(|row| self.stages.stage(&facts(row))).collect())
    }
}

impl Model for OutlookModel {
    fn needs(&self) -> &[String] {
        &self.needs
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(OutlookScorer { model: self })
    }

    fn to_json(&self) -> Value {
        serde_json::json!(self)
    }
}

struct OutlookScorer<'model> {
    model: &'model OutlookModel,
}

impl Scorer for OutlookScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let told = self.model.answers(rows, &[BAND], 1);
        let answers = told.map_err(|refusal| match refusal {
            Refusal::Table(error) => ScoreError::Table(error),
            other => ScoreError::Row(other.to_string()),
        })?;
        let numbers = |values: &[f64]| -> ArrayRef {
            Arc::new(values.iter().map(|v| v.is_finite().then_some(*v)).collect::<Float64Array>())
        };
        let stages = self.model.stages_of(rows, &answers.p_no_order(STAGE_HORIZON))?;
        let mut columns: Vec<ArrayRef> = vec![Arc::new(stages.iter().map(|stage| Some(stage.key())).collect::<StringArray>())];
        columns.extend([numbers(&answers.p_alive()), numbers(&answers.gap_days_mean())]);
        columns.extend(answers.next_order_days().iter().map(|days| numbers(days)));
        let factors = self.model.money.factors(rows)?;
        let times = |cents: &[f64], factor: fn(&Factors) -> f64| -> Vec<f64> {
            cents.iter().zip(&factors).map(|(cents, factors)| cents * factor(factors)).collect()
        };
        for (horizon, spend) in answers.spend().iter().enumerate() {
            columns.extend([numbers(&answers.p_no_order(horizon)), numbers(&answers.orders_expected(horizon))]);
            let band = &spend.bands[0];
            columns.extend([&spend.expected, &band.lo, &band.hi].map(|cents| numbers(cents)));
            columns.push(numbers(&times(&spend.expected, |factors| factors.gross)));
            columns.push(numbers(&times(&spend.expected, |factors| factors.margin)));
        }
        Ok(Table::from_columns(column::OUTLOOK.iter().copied().zip(columns).collect())?)
    }
}
