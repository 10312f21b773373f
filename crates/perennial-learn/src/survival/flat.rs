//! Survival fits on a flat table, as `perennial fit` prints them.

use perennial_contract::Table;
use perennial_contract::arrow::array::Array;
use perennial_contract::estimator::{FitError, FitSummary, Run};
use serde_json::{Map, Value, json};

use super::aft::{self, AftFit};
use super::cox::{self, CoxFit};
use super::hazard::{self, HazardParams};
use super::kaplan_meier::{self, Curve, Z_95};
use super::log_rank;
use super::subjects::{DURATION, EVENT, Lives, Subjects, refused};

pub const COLUMNS: &[&str] = &[DURATION, EVENT];
pub const GROUP: &str = "group";

/// Threads of a flat fit. The result has the same bits with any number.
const THREADS: usize = 2;
/// A printed curve of more steps is thinned evenly; its first and last step stay.
const STEPS_SHOWN_MAX: usize = 200;
const GROUPS_MAX: usize = 50;

/// Kaplan-Meier on `duration`, `event`, and per `group` where the table has one, with the log-rank test.
pub fn kaplan_meier(table: &Table) -> Result<FitSummary, FitError> {
    let lives = Lives::from_table(table)?;
    let curve = kaplan_meier::fit(&lives);
    let mut extra = curve_words(&curve);
    if table.has(GROUP) {
        let (names, group) = groups(table)?;
        let test = log_rank::test(&lives, &group, names.len())?;
        extra.insert(
            "log_rank".to_owned(),
            json!({ "chi_squared": test.chi_squared, "degrees_of_freedom": test.degrees_of_freedom, "p_value": test.p_value,
                    "events_expected": test.expected }),
        );
        let mut curves = Vec::new();
        for (at, name) in names.iter().enumerate() {
            let lives = lives.take((0..lives.rows()).filter(|row| group[*row] == at));
            let mut words = curve_words(&kaplan_meier::fit(&lives));
            words.insert(GROUP.to_owned(), name.clone().into());
            words.insert("rows".to_owned(), lives.rows().into());
            curves.push(Value::Object(words));
        }
        extra.insert("groups".to_owned(), Value::Array(curves));
    }
    Ok(FitSummary {
        model: "kaplan_meier".to_owned(),
        parameters: Map::new(),
        standard_errors: Map::new(),
        log_likelihood: curve.log_likelihood,
        rows: curve.rows,
        extra,
    })
}

/// Names of the groups in the order of the alphabet, and the group of each row.
fn groups(table: &Table) -> Result<(Vec<String>, Vec<usize>), FitError> {
    let texts = table.texts(GROUP)?;
    if let Some(row) = (0..texts.len()).find(|row| texts.is_null(*row)) {
        return Err(refused(format!("row {}: {GROUP} is empty; name a group on every row or leave the column out", row + 1)));
    }
    let mut names: Vec<String> = texts.iter().flatten().map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    if !(2..=GROUPS_MAX).contains(&names.len()) {
        return Err(refused(format!("{GROUP} has {} values, allowed are 2 to {GROUPS_MAX}", names.len())));
    }
    let group = texts.iter().flatten().map(|text| names.partition_point(|name| name.as_str() < text)).collect();
    Ok((names, group))
}

fn curve_words(curve: &Curve) -> Map<String, Value> {
    let step = |at: usize| {
        let step = &curve.steps[at];
        json!({ "time": step.time, "at_risk": step.at_risk, "events": step.events, "survival": step.survival,
                "standard_error": step.standard_error, "lo95": step.lo95, "hi95": step.hi95 })
    };
    object(json!({
        "events": curve.events,
        "median": curve.median,
        "median_lo95": curve.median_lo95,
        "median_hi95": curve.median_hi95,
        "restricted_mean": curve.restricted_mean,
        "restricted_mean_standard_error": curve.restricted_mean_error,
        "restricted_to": curve.until,
        "survival": shown(curve.steps.len()).into_iter().map(step).collect::<Vec<_>>(),
    }))
}

/// Which of `count` steps are printed.
fn shown(count: usize) -> Vec<usize> {
    if count <= STEPS_SHOWN_MAX {
        return (0..count).collect();
    }
    (0..STEPS_SHOWN_MAX).map(|at| at * (count - 1) / (STEPS_SHOWN_MAX - 1)).collect()
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

fn named(names: &[String], values: impl IntoIterator<Item = f64>) -> Map<String, Value> {
    names.iter().cloned().zip(values.into_iter().map(Value::from)).collect()
}

/// Cox regression on `duration`, `event` and every other column.
pub fn cox(table: &Table) -> Result<FitSummary, FitError> {
    Ok(cox::fit(&Subjects::from_table(table)?, THREADS)?.summary())
}

impl CoxFit {
    #[must_use]
    pub fn summary(&self) -> FitSummary {
        let (chi_squared, p_value) = self.likelihood_ratio();
        let ratios = self.names.iter().zip(self.coefficients.iter().zip(&self.standard_errors)).map(|(name, (b, se))| {
            let [lo, hi] = [-Z_95, Z_95].map(|z| libm::exp(b + z * se));
            (name.clone(), json!({ "ratio": libm::exp(*b), "lo95": lo, "hi95": hi }))
        });
        let step = |at: usize| json!({ "time": self.baseline[at].0, "cumulative_hazard": self.baseline[at].1 });
        let extra = object(json!({
            "events": self.events,
            "ties": "efron",
            "concordance": self.concordance,
            "log_likelihood_null": self.log_likelihood_null,
            "likelihood_ratio": { "chi_squared": chi_squared, "degrees_of_freedom": self.names.len(), "p_value": p_value },
            "hazard_ratios": ratios.collect::<Map<String, Value>>(),
            "means": named(&self.names, self.means.iter().copied()),
            "baseline_at_means": shown(self.baseline.len()).into_iter().map(step).collect::<Vec<_>>(),
        }));
        FitSummary {
            model: "cox".to_owned(),
            parameters: named(&self.names, self.coefficients.iter().copied()),
            standard_errors: named(&self.names, self.standard_errors.iter().copied()),
            log_likelihood: self.log_likelihood,
            rows: self.rows,
            extra,
        }
    }
}

/// Accelerated failure time on `duration`, `event` and every other column, with the law of least AIC.
pub fn aft(table: &Table) -> Result<FitSummary, FitError> {
    let fits = aft::fit_all(&Subjects::from_table(table)?, THREADS)?;
    let tried =
        fits.iter().map(|fit| json!({ "distribution": fit.law.name(), "log_likelihood": fit.log_likelihood, "aic": fit.aic() }));
    let tried: Vec<Value> = tried.collect();
    let Some(best) = fits.first() else { return Err(refused("no distribution could be fitted".to_owned())) };
    let mut summary = best.summary();
    summary.extra.insert("tried".to_owned(), tried.into());
    Ok(summary)
}

impl AftFit {
    #[must_use]
    pub fn summary(&self) -> FitSummary {
        let all: Vec<String> = [aft::INTERCEPT.to_owned()].into_iter().chain(self.names.iter().cloned()).collect();
        let all: Vec<String> = all.into_iter().chain([aft::SIGMA.to_owned()]).collect();
        let values = [self.intercept].into_iter().chain(self.coefficients.iter().copied()).chain([self.sigma]);
        FitSummary {
            model: "aft".to_owned(),
            parameters: named(&all, values),
            standard_errors: named(&all, self.standard_errors.iter().copied()),
            log_likelihood: self.log_likelihood,
            rows: self.rows,
            extra: object(json!({
                "events": self.events,
                "distribution": self.law.name(),
                "aic": self.aic(),
                "concordance": self.concordance,
            })),
        }
    }
}

/// Boosted hazard on `duration`, `event` and every other column: learned on four of five rows, judged on the fifth.
pub fn hazard(table: &Table) -> Result<FitSummary, FitError> {
    let subjects = Subjects::from_table(table)?;
    let run = Run { seed: 1, threads: THREADS, horizon_days: 1, season: None };
    let (judged, learned): (Vec<u32>, Vec<u32>) = (0..subjects.lives.rows() as u32).partition(|row| row % 5 == 4);
    let model = hazard::fit(&subjects, &learned, &HazardParams::default(), &run)?;
    let (inside, outside) = (model.judge(&subjects, &learned)?, model.judge(&subjects, &judged)?);
    let failed = |error: perennial_contract::estimator::ScoreError| FitError::Refused(error.to_string());
    let curves = model.survival(&subjects, &judged).map_err(failed)?;
    let mean = |at: usize| curves.iter().skip(at).step_by(model.ends.len()).sum::<f64>() / judged.len() as f64;
    let periods: Vec<Value> =
        model.ends.iter().enumerate().map(|(at, end)| json!({ "until": end, "survival_mean": mean(at) })).collect();
    Ok(FitSummary {
        model: "hazard".to_owned(),
        parameters: Map::new(),
        standard_errors: Map::new(),
        log_likelihood: inside.log_likelihood,
        rows: learned.len(),
        extra: object(json!({
            "events": subjects.lives.events(),
            "held_out": { "rows": judged.len(), "log_likelihood": outside.log_likelihood, "concordance": outside.concordance },
            "share_of_quiet_periods_learned_from": model.share_kept,
            "periods": periods,
        })),
    })
}
