//! Any value learner, its total corrected and its interval measured on the last closed window.
//!
//! Assumes  the error of a fit of one horizon ago on the last closed window is the error made next time too.
//! Input    a training table with several as-of days; a way to fit a model that scores `spend_cents`.
//! Output   `spend_cents` scaled so that totals agree; an 80% interval with 0 ≤ lo ≤ spend ≤ hi.
//! Cost     two fits. Where few windows were closed by then, two half fits score each other's customers. Once the next window has
//!          closed one more fit is enough, as in `calibrate`.
//! Ref      see `interval` and `calibrate`.

use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{Contributions, FitError, FitSummary, LoadError, Model, Run, ScoreError, Scorer, column};
use perennial_contract::season::SeasonalIndex;
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::calibrate::{CalibratedOn, FitOn};
use super::interval::{Intervals, ROWS_MIN};
use super::windows;

/// A correction beyond this says the learner failed, not that it is off; it is not made.
const SCALE_MAX: f64 = 4.0;

/// What the last window changed, for the model card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ranging {
    pub on: CalibratedOn,
    pub rows: usize,
    /// Actual over forecast total on those rows: what every forecast is multiplied by.
    pub scale: f64,
    pub intervals: Intervals,
    /// How the year goes: forecasts are multiplied by the index of the day they are as of, before the scale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<SeasonalIndex>,
}

pub struct Ranged {
    inner: Arc<dyn Model>,
    ranging: Ranging,
}

/// A ranged model and what its interval was measured on.
pub struct Fitted {
    pub model: Ranged,
    pub evidence: Judged,
}

/// Forecasts and spend of rows that the forecasting model has not learned from.
#[derive(Clone, Debug)]
pub struct Judged {
    on: CalibratedOn,
    forecast: Vec<f64>,
    actual: Vec<f64>,
    season: Option<Arc<SeasonalIndex>>,
}

impl Judged {
    fn nothing(on: CalibratedOn, run: &Run) -> Self {
        Self { on, forecast: Vec::new(), actual: Vec::new(), season: run.season.clone() }
    }

    fn add(&mut self, model: &dyn Model, rows: &Table) -> Result<(), FitError> {
        let spend = in_season(spend_of(model, rows)?, rows, self.season.as_deref())?;
        for (spend, actual) in spend.into_iter().zip(rows.f64s(column::LABEL_SPEND_CENTS)?) {
            if spend.is_finite() && actual.is_finite() {
                self.forecast.push(spend);
                self.actual.push(actual);
            }
        }
        Ok(())
    }

    /// With a window that closed since, forecast by a model that has not seen it.
    pub fn with(mut self, model: &dyn Model, newest: &Table) -> Result<Self, FitError> {
        self.add(model, newest)?;
        self.on = CalibratedOn::TwoWindows;
        Ok(self)
    }

    /// A model with its total corrected and its interval measured on these rows.
    pub fn range(&self, inner: Arc<dyn Model>) -> Result<Ranged, FitError> {
        let (forecast, actual): (f64, f64) = (self.forecast.iter().sum(), self.actual.iter().sum());
        let ratio = actual / forecast;
        let scale = if (1.0 / SCALE_MAX..=SCALE_MAX).contains(&ratio) { ratio } else { 1.0 };
        let scaled: Vec<f64> = self.forecast.iter().map(|spend| spend * scale).collect();
        let Some(intervals) = Intervals::fit(&scaled, &self.actual) else {
            return Err(FitError::Refused(format!(
                "{} customers to measure the 80% interval on, at least {ROWS_MIN} with a forecast above 0 are needed",
                scaled.iter().filter(|spend| **spend > 0.0).count()
            )));
        };
        Ok(Ranged {
            inner,
            ranging: Ranging { on: self.on, rows: scaled.len(), scale, intervals, season: self.season.as_deref().cloned() },
        })
    }
}

/// The forecasts multiplied by the season of the day each row is as of.
fn in_season(spend: Vec<f64>, rows: &Table, season: Option<&SeasonalIndex>) -> Result<Vec<f64>, TableError> {
    let Some(season) = season.filter(|_| rows.has(column::AS_OF)) else { return Ok(spend) };
    let days = rows.days(column::AS_OF)?;
    Ok(spend.into_iter().zip(days).map(|(cents, day)| cents * day.map_or(1.0, |day| libm::exp(season.at(day).spend))).collect())
}

fn spend_of(model: &dyn Model, rows: &Table) -> Result<Vec<f64>, FitError> {
    Ok(model.scorer().score(rows)?.f64s(column::SPEND)?)
}

/// Fit on every row of `train`; correct and range forward in time.
pub fn fit(train: &Table, run: &Run, fit_on: FitOn<'_>) -> Result<Fitted, FitError> {
    let inner = fit_on(train)?;
    let cut = windows::by_time(train, run.horizon_days)?;
    let evidence = match cut.early.as_ref().map(fit_on) {
        Some(Ok(earlier)) => {
            let mut judged = Judged::nothing(CalibratedOn::LastWindow, run);
            judged.add(earlier.as_ref(), &cut.last)?;
            judged
        }
        _ => held_out(train, &cut.last, run, fit_on)?,
    };
    Ok(Fitted { model: evidence.range(inner)?, evidence })
}

/// Halves of the customers forecast each other. Where a half cannot carry the learner there is nothing to measure on.
fn held_out(train: &Table, last: &Table, run: &Run, fit_on: FitOn<'_>) -> Result<Judged, FitError> {
    let mut judged = Judged::nothing(CalibratedOn::HeldOutCustomers, run);
    let (of_train, of_last) = (windows::customer_hash(train)?, windows::customer_hash(last)?);
    for half in 0..2 {
        let others = windows::take(train, |row| of_train[row] % 2 != half)?;
        let Ok(model) = fit_on(&others) else { continue };
        judged.add(model.as_ref(), &windows::take(last, |row| of_last[row] % 2 == half)?)?;
    }
    Ok(judged)
}

impl Ranged {
    #[must_use]
    pub fn ranging(&self) -> &Ranging {
        &self.ranging
    }

    /// The model before the correction.
    #[must_use]
    pub fn unranged(&self) -> Arc<dyn Model> {
        Arc::clone(&self.inner)
    }

    pub fn load(json: &Value, inner: fn(&Value) -> Result<Box<dyn Model>, LoadError>) -> Result<Self, LoadError> {
        let (Some(ranging), Some(model)) = (json.get("ranging"), json.get("model")) else {
            return Err(LoadError("it lacks \"ranging\" or \"model\"".to_owned()));
        };
        let ranging = Ranging::deserialize(ranging).map_err(|error| LoadError(error.to_string()))?;
        ranging.intervals.check().map_err(LoadError)?;
        ranging.season.as_ref().map_or(Ok(()), SeasonalIndex::check).map_err(LoadError)?;
        if !(ranging.scale.is_finite() && ranging.scale > 0.0) {
            return Err(LoadError(format!("scale is {}, allowed are finite numbers above 0", ranging.scale)));
        }
        Ok(Self { inner: Arc::from(inner(model)?), ranging })
    }
}

impl Model for Ranged {
    fn needs(&self) -> &[String] {
        self.inner.needs()
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(RangedScorer { inner: self.inner.scorer(), ranging: &self.ranging })
    }

    fn inputs(&self, rows: &Table) -> Result<Table, TableError> {
        self.inner.inputs(rows)
    }

    fn to_json(&self) -> Value {
        json!({ "ranging": self.ranging, "model": self.inner.to_json() })
    }

    fn summary(&self) -> Option<FitSummary> {
        self.inner.summary()
    }
}

struct RangedScorer<'model> {
    inner: Box<dyn Scorer + 'model>,
    ranging: &'model Ranging,
}

impl Scorer for RangedScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let spend = in_season(self.inner.score(rows)?.f64s(column::SPEND)?, rows, self.ranging.season.as_ref())?;
        let scored: Vec<Option<[f64; 3]>> = spend
            .into_iter()
            .map(|spend| {
                let spend = (spend.is_finite()).then_some(spend * self.ranging.scale)?.max(0.0);
                let (lo, hi) = self.ranging.intervals.around(spend);
                Some([spend, lo, hi])
            })
            .collect();
        let column = |i: usize| -> Arc<Float64Array> { Arc::new(scored.iter().map(|s| s.map(|s| s[i])).collect()) };
        Ok(Table::from_columns(vec![
            (column::SPEND, column(0)),
            (column::SPEND_LO80, column(1)),
            (column::SPEND_HI80, column(2)),
        ])?)
    }

    fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        self.inner.explain(rows)
    }
}
