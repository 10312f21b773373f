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

use perennial_contract::Table;
use perennial_contract::arrow::array::Float64Array;
use perennial_contract::estimator::{Contributions, FitError, FitSummary, LoadError, Model, Run, ScoreError, Scorer, column};
use perennial_contract::table::TableError;
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
}

impl Judged {
    /// `p`, `labels` and hashes of the customers, one a row.
    pub(super) const fn of(on: CalibratedOn, p: Vec<f64>, labels: Vec<bool>, hashes: Vec<u64>) -> Self {
        Self { on, p, labels, hashes }
    }

    const fn nothing(on: CalibratedOn) -> Self {
        Self { on, p: Vec::new(), labels: Vec::new(), hashes: Vec::new() }
    }

    fn add(&mut self, model: &dyn Model, rows: &Table) -> Result<(), FitError> {
        let p = scores_of(model, rows)?;
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
            calibration: Calibration { on: self.on, rows: self.p.len(), log_loss_before, log_loss_after, calibrator },
        }
    }
}

/// `p_churn` of rows, NaN where the model has none.
pub fn scores_of(model: &dyn Model, rows: &Table) -> Result<Vec<f64>, FitError> {
    Ok(model.scorer().score(rows)?.f64s(column::P_CHURN)?)
}

/// Fit on every row of `train` and calibrate forward in time.
pub fn fit(train: &Table, run: &Run, fit_on: FitOn<'_>) -> Result<Fitted, FitError> {
    let inner = fit_on(train)?;
    let Windows { early, last } = windows::by_time(train, run.horizon_days)?;
    let last = windows::labelled(&last, column::LABEL_CHURN)?;
    // Early windows may be too thin for the learner; that is no reason to give up the model.
    let evidence = match early.as_ref().map(fit_on) {
        Some(Ok(earlier)) => {
            let mut judged = Judged::nothing(CalibratedOn::LastWindow);
            judged.add(earlier.as_ref(), &last)?;
            judged
        }
        _ => held_out(train, &last, fit_on)?,
    };
    Ok(Fitted { model: evidence.calibrate(inner), evidence })
}

/// Halves of the customers score each other. Where a half cannot carry the learner there is nothing to calibrate on.
fn held_out(train: &Table, last: &Table, fit_on: FitOn<'_>) -> Result<Judged, FitError> {
    let mut judged = Judged::nothing(CalibratedOn::HeldOutCustomers);
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
        Ok(Self { inner: Arc::from(inner(model)?), calibration })
    }
}

impl Model for Calibrated {
    fn needs(&self) -> &[String] {
        self.inner.needs()
    }

    fn scorer(&self) -> Box<dyn Scorer + '_> {
        Box::new(CalibratedScorer { inner: self.inner.scorer(), calibrator: &self.calibration.calibrator })
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
    calibrator: &'model Calibrator,
}

impl Scorer for CalibratedScorer<'_> {
    fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
        let p = self.inner.score(rows)?.f64s(column::P_CHURN)?;
        let p: Float64Array = p.into_iter().map(|p| (!p.is_nan()).then(|| self.calibrator.apply(p))).collect();
        Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(p))])?)
    }

    fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        self.inner.explain(rows)
    }
}
