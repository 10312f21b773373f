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
use perennial_contract::season::SeasonalIndex;
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
    /// How the year goes: after the map log-odds are moved by the index of the day they are as of, less that of the rows the map is from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub season: Option<SeasonalIndex>,
    /// Mean index of those rows.
    #[serde(default)]
    pub season_mean: f64,
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
    /// The index of the day each row is as of.
    moves: Vec<f64>,
}

impl Judged {
    /// `p`, `labels` and hashes of the customers, one a row.
    pub(super) const fn of(on: CalibratedOn, p: Vec<f64>, labels: Vec<bool>, hashes: Vec<u64>) -> Self {
        Self { on, p, labels, hashes, season: None, moves: Vec::new() }
    }

    /// The same rows with the season of the days they are as of.
    pub(super) fn in_season(self, season: Option<Arc<SeasonalIndex>>, moves: Vec<f64>) -> Self {
        Self { season, moves, ..self }
    }

    fn nothing(on: CalibratedOn, run: &Run) -> Self {
        Self { season: run.season.clone(), ..Self::of(on, Vec::new(), Vec::new(), Vec::new()) }
    }

    fn add(&mut self, model: &dyn Model, rows: &Table) -> Result<(), FitError> {
        let (p, moves) = (scores_of(model, rows)?, moves(rows, self.season.as_deref())?);
        let labels = rows.f64s(column::LABEL_CHURN)?;
        let hashes = windows::customer_hash(rows)?;
        for (((p, moved), label), hash) in p.into_iter().zip(moves).zip(labels).zip(hashes) {
            if p.is_finite() && label.is_finite() {
                self.p.push(p);
                self.moves.push(moved);
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
        // The map says how leaving was on these rows; only what another season adds to that is moved.
        let season_mean = self.moves.iter().sum::<f64>() / self.moves.len().max(1) as f64;
        let moves = self.moves.iter().copied().chain(std::iter::repeat(season_mean));
        let after: Vec<f64> = self.p.iter().zip(moves).map(|(&p, by)| moved(calibrator.apply(p), by - season_mean)).collect();
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
                season_mean,
            },
        }
    }
}

/// `p_churn` of rows, NaN where the model has none.
pub fn scores_of(model: &dyn Model, rows: &Table) -> Result<Vec<f64>, FitError> {
    Ok(model.scorer().score(rows)?.f64s(column::P_CHURN)?)
}

/// The seasonal index of the day each row is as of.
pub(super) fn moves(rows: &Table, season: Option<&SeasonalIndex>) -> Result<Vec<f64>, TableError> {
    let Some(season) = season.filter(|_| rows.has(column::AS_OF)) else { return Ok(vec![0.0; rows.rows()]) };
    Ok(rows.days(column::AS_OF)?.into_iter().map(|day| day.map_or(0.0, |day| season.at(day).leaving)).collect())
}

/// A chance whose log-odds are moved; a certain one stays certain.
fn moved(p: f64, by: f64) -> f64 {
    let odds = p / (1.0 - p) * libm::exp(by);
    if by == 0.0 || !odds.is_finite() { p } else { odds / (1.0 + odds) }
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
        if !calibration.season_mean.is_finite() {
            return Err(LoadError(format!("season_mean is {}, allowed are finite numbers", calibration.season_mean)));
        }
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
        let Calibration { calibrator, season, season_mean, .. } = self.calibration;
        let p = self.inner.score(rows)?.f64s(column::P_CHURN)?;
        // Without an index every row is as of the season the map is from.
        let by = moves(rows, season.as_ref())?.into_iter().map(|by| if season.is_some() { by - season_mean } else { 0.0 });
        let p = p.into_iter().zip(by).map(|(p, by)| (!p.is_nan()).then(|| moved(calibrator.apply(p), by)));
        let p: Float64Array = p.collect();
        Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(p))])?)
    }

    fn explain(&mut self, rows: &Table) -> Result<Option<Contributions>, ScoreError> {
        self.inner.explain(rows)
    }
}

#[cfg(test)]
mod tests {
    use perennial_contract::Day;
    use perennial_contract::arrow::array::Date32Array;
    use perennial_contract::season::Week;

    use super::*;

    #[test]
    fn log_odds_move_by_the_season_of_their_day() {
        let days: Date32Array = [Some(10), Some(17), Some(90), None].into_iter().collect();
        let rows = Table::from_columns(vec![(column::AS_OF, Arc::new(days))]).unwrap();
        let week = |leaving| Week { leaving, spend: 0.0 };
        let season = SeasonalIndex { first: Day(10), weeks: vec![week(std::f64::consts::LN_2), week(-1.0)] };
        assert_eq!(moves(&rows, Some(&season)).unwrap(), [std::f64::consts::LN_2, -1.0, 0.0, 0.0]);
        assert_eq!(moves(&rows, None).unwrap(), [0.0; 4]);
        assert!((moved(0.5, std::f64::consts::LN_2) - 2.0 / 3.0).abs() < 1e-15);
        assert_eq!([moved(0.0, 1.0), moved(1.0, 1.0), moved(0.3, 0.0)], [0.0, 1.0, 0.3]);
    }

    /// A score that ranks nobody gets a map that tells everybody the mean of its rows; another season must still show.
    #[test]
    fn a_flat_map_swallows_no_season() {
        let rows = 2_000;
        let labels: Vec<bool> = (0..rows).map(|row| row % 5 == 0).collect();
        let p: Vec<f64> = (0..rows).map(|row| 0.3 + 0.4 * f64::from(row * 7_919 % 2_003) / 2_003.0).collect();
        let week = |leaving| Week { leaving, spend: 0.0 };
        let season = Arc::new(SeasonalIndex { first: Day(0), weeks: vec![week(-2.0), week(1.0)] });
        let judged = Judged {
            season: Some(season),
            moves: vec![-2.0; rows as usize],
            ..Judged::of(
                CalibratedOn::LastWindow,
                p,
                labels,
                (0..rows as u64).map(|row| row.wrapping_mul(0x9E37_79B9_7F4A_7C15)).collect(),
            )
        };
        let model = judged.calibrate(Arc::new(Constant { needs: Vec::new() }));
        let told = |day: i32| {
            let days: Date32Array = [Some(day)].into_iter().collect();
            let rows = Table::from_columns(vec![(column::AS_OF, Arc::new(days))]).unwrap();
            model.scorer().score(&rows).unwrap().f64s(column::P_CHURN).unwrap()[0]
        };
        let odds = |p: f64| libm::log(p / (1.0 - p));
        assert!((told(0) - 0.2).abs() < 0.03, "{}", told(0));
        assert!((odds(told(7)) - odds(told(0)) - 3.0).abs() < 1e-9, "{} {}", told(0), told(7));
    }

    struct Constant {
        needs: Vec<String>,
    }

    impl Model for Constant {
        fn needs(&self) -> &[String] {
            &self.needs
        }

        fn scorer(&self) -> Box<dyn Scorer + '_> {
            Box::new(Half)
        }

        fn to_json(&self) -> Value {
            Value::Null
        }
    }

    struct Half;

    impl Scorer for Half {
        fn score(&mut self, rows: &Table) -> Result<Table, ScoreError> {
            let p: Float64Array = (0..rows.rows()).map(|_| Some(0.5)).collect();
            Ok(Table::from_columns(vec![(column::P_CHURN, Arc::new(p))])?)
        }
    }
}
