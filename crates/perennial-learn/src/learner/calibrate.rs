//! Any churn learner, corrected on the last closed window.
//!
//! Assumes  the error made when a fit of one horizon ago predicts the last closed window is the error made next time too.
//! Input    a training table with several as-of days; a way to fit.
//! Output   the learner fitted on every row, and a rising map learned from a fit on the windows that were closed one horizon earlier,
//!          applied to the last window: forward in time, as the model will be used. Contributions stay those of the margin before the map.
//! Cost     two fits. Where few windows were closed by then, the map comes from two half fits that score each other's customers.
//!          Once the next window has closed one more fit is enough: the one at hand has not seen that window.
//! Ref      Kull et al. (2017) and Zadrozny & Elkan (2002) for the maps; windows in time as in Tashman (2000).

use std::sync::Arc;

use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{Contributions, FitError, FitSummary, LoadError, Model, Run, ScoreError, Scorer, column};
use perennial_contract::season::SeasonalIndex;
use perennial_contract::table::TableError;
use perennial_contract::{Day, Table};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::calibrator::{Calibrator, HeldOut};
use super::windows::{self, Windows};
use crate::metric::classify;

/// A way to fit a model on some rows.
pub type FitOn<'a> = &'a dyn Fn(&Table) -> Result<Arc<dyn Model>, FitError>;

/// Where the map was learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CalibratedOn {
    /// Last closed window, scored by a fit on windows closed before it.
    LastWindow,
    /// Last window, each half of the customers scored by a fit without them.
    HeldOutCustomers,
    /// The two newest closed windows: the older one in one of the ways above, the newest scored by a fit on all windows before it.
    TwoWindows,
}

/// What calibration did, for the model card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    pub on: CalibratedOn,
    pub rows: usize,
    pub log_loss_before: f64,
    pub log_loss_after: f64,
    pub calibrator: Calibrator,
    /// How the year goes: log-odds are moved by the index of the day they are as of, before the map.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<SeasonalIndex>,
}

#[derive(Clone)]
pub struct Calibrated {
    inner: Arc<dyn Model>,
    calibration: Calibration,
}

/// A calibrated model and what its map was learned from.
pub struct Fitted {
    pub model: Calibrated,
    pub evidence: Judged,
}

/// Scores and labels of rows that the scoring model has not learned from.
#[derive(Clone, Debug)]
pub struct Judged {
    on: CalibratedOn,
    p: Vec<f64>,
    labels: Vec<bool>,
    hashes: Vec<u64>,
    season: Option<Arc<SeasonalIndex>>,
}

impl Judged {
    /// `p`, `labels` and hashes of the customers, one a row.
    pub(super) const fn of(on: CalibratedOn, p: Vec<f64>, labels: Vec<bool>, hashes: Vec<u64>) -> Self {
        Self { on, p, labels, hashes, season: None }
    }

    fn nothing(on: CalibratedOn, run: &Run) -> Self {
        Self { season: run.season.clone(), ..Self::of(on, Vec::new(), Vec::new(), Vec::new()) }
    }

    fn add(&mut self, model: &dyn Model, rows: &Table) -> Result<(), FitError> {
        let p = in_season(scores_of(model, rows)?, rows, self.season.as_deref())?;
        let labels = rows.f64s(column::LABEL_CHURN)?;
        let hashes = windows::customer_hash(rows)?;
        for ((p, label), hash) in p.into_iter().zip(labels).zip(hashes) {
            if p.is_finite() && label.is_finite() {
                self.p.push(p);
                self.labels.push(label == 1.0);
                self.hashes.push(hash);
            }
        }
        Ok(())
    }

    /// With a window that closed since, scored by a model that has not seen it.
    pub fn with(mut self, model: &dyn Model, newest: &Table) -> Result<Self, FitError> {
        self.add(model, newest)?;
        self.on = CalibratedOn::TwoWindows;
        Ok(self)
    }

    /// A model under the map that these rows ask for.
    #[must_use]
    pub fn calibrate(&self, inner: Arc<dyn Model>) -> Calibrated {
        let calibrator = Calibrator::choose(HeldOut { p: &self.p, labels: &self.labels, hashes: &self.hashes });
        let after: Vec<f64> = self.p.iter().map(|&p| calibrator.apply(p)).collect();
        let loss = |p: &[f64]| classify::log_loss(&self.labels, p).unwrap_or(0.0);
        let (log_loss_before, log_loss_after) = (loss(&self.p), loss(&after));
        Calibrated {
            inner,
            calibration: Calibration {
                on: self.on,
                rows: self.p.len(),
                log_loss_before,
                log_loss_after,
                calibrator,
                season: self.season.as_deref().cloned(),
            },
        }
    }
}

/// `p_churn` of rows, NaN where the model has none.
pub fn scores_of(model: &dyn Model, rows: &Table) -> Result<Vec<f64>, FitError> {
    Ok(model.scorer().score(rows)?.f64s(column::P_CHURN)?)
}

/// The chances moved by the season of the day each row is as of.
fn in_season(p: Vec<f64>, rows: &Table, season: Option<&SeasonalIndex>) -> Result<Vec<f64>, TableError> {
    let Some(season) = season.filter(|_| rows.has(column::AS_OF)) else { return Ok(p) };
    let days = rows.days(column::AS_OF)?;
    let moved = |(p, day): (f64, Option<Day>)| {
        let leaving = day.map_or(0.0, |day| season.at(day).leaving);
        let odds = p / (1.0 - p) * libm::exp(leaving);
        // Certain chances stay certain.
        if leaving == 0.0 || !odds.is_finite() { p } else { odds / (1.0 + odds) }
    };
    Ok(p.into_iter().zip(days).map(moved).collect())
}

/// Fit on every row of `train` and calibrate forward in time.
pub fn fit(train: &Table, run: &Run, fit_on: FitOn<'_>) -> Result<Fitted, FitError> {
    let inner = fit_on(train)?;
    let Windows { early, last } = windows::by_time(train, run.horizon_days)?;
    let last = windows::labelled(&last, column::LABEL_CHURN)?;
    // Early windows may be too thin for the learner; that is no reason to give up the model.
    let evidence = match early.as_ref().map(fit_on) {
        Some(Ok(earlier)) => {
            let mut judged = Judged::nothing(CalibratedOn::LastWindow, run);
            judged.add(earlier.as_ref(), &last)?;
            judged
        }
        _ => held_out(train, &last, run, fit_on)?,
    };
    Ok(Fitted { model: evidence.calibrate(inner), evidence })
}

/// Halves of the customers score each other. Where a half cannot carry the learner there is nothing to calibrate on.
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

impl Calibrated {
    #[must_use]
    pub fn calibration(&self) -> &Calibration {
        &self.calibration
    }

    /// The model before the map.
    #[must_use]
    pub fn uncalibrated(&self) -> Arc<dyn Model> {
        Arc::clone(&self.inner)
    }

    pub fn load(json: &Value, inner: fn(&Value) -> Result<Box<dyn Model>, LoadError>) -> Result<Self, LoadError> {
        let (Some(calibration), Some(model)) = (json.get("calibration"), json.get("model")) else {
            return Err(LoadError("it lacks \"calibration\" or \"model\"".to_owned()));
        };
        let calibration = Calibration::deserialize(calibration).map_err(|error| LoadError(error.to_string()))?;
        calibration.calibrator.check().map_err(LoadError)?;
        calibration.season.as_ref().map_or(Ok(()), SeasonalIndex::check).map_err(LoadError)?;
        Ok(Self { inner: Arc::from(inner(model)?), calibration })
    }
}

impl Model for Calibrated {
    fn needs(&self) -> &[String] {
        self.inner.needs()
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(CalibratedScorer { inner: self.inner.scorer(), calibration: &self.calibration })
    }

    fn inputs(&self, rows: &Table) -> Result<Table, TableError> {
        self.inner.inputs(rows)
    }

    fn to_json(&self) -> Value {
        json!({ "calibration": self.calibration, "model": self.inner.to_json() })
    }

    fn summary(&self) -> Option<FitSummary> {
        self.inner.summary()
    }
}

struct CalibratedScorer<'model> {
    inner: Box<dyn Scorer + 'model>,
    calibration: &'model Calibration,
}

impl Scorer for CalibratedScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let Calibration { calibrator, season, .. } = self.calibration;
        let p = in_season(self.inner.score(rows)?.f64s(column::P_CHURN)?, rows, season.as_ref())?;
        let p: Float64Array = p.into_iter().map(|p| (!p.is_nan()).then(|| calibrator.apply(p))).collect();
        Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(p))])?)
    }

    fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        self.inner.explain(rows)
    }
}

#[cfg(test)]
mod tests {
    use perennial_contract::arrow::array::Date32Array;
    use perennial_contract::season::Week;

    use super::*;

    #[test]
    fn log_odds_move_by_the_season_of_their_day() {
        let days: Date32Array = [Some(10), Some(17), Some(90), None].into_iter().collect();
        let rows = Table::from_columns(vec![(column::AS_OF, Arc::new(days))]).unwrap();
        let week = |leaving| Week { leaving, spend: 0.0 };
        let season = SeasonalIndex { first: Day(10), weeks: vec![week(std::f64::consts::LN_2), week(-1.0)] };
        let moved = in_season(vec![0.5, 0.5, 0.3, 0.3], &rows, Some(&season)).unwrap();
        let e = std::f64::consts::E;
        assert!((moved[0] - 2.0 / 3.0).abs() < 1e-15 && (moved[1] - 1.0 / (1.0 + e)).abs() < 1e-15, "{moved:?}");
        assert_eq!(moved[2..], [0.3, 0.3]);
        assert_eq!(in_season(vec![0.0, 1.0, 0.3, 0.3], &rows, Some(&season)).unwrap()[..2], [0.0, 1.0]);
        assert_eq!(in_season(vec![0.5; 4], &rows, None).unwrap(), [0.5; 4]);
    }
}
