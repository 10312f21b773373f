//! Cox regression: by what factor does each covariate raise the hazard?
//!
//! Assumes  hazards of any two rows are in one proportion at all times; log-hazard linear in the covariates; censoring independent given them.
//! Input    `duration`, `event` [n], covariates [n × p] without missing values.
//! Output   log hazard ratios with standard errors, Breslow's baseline hazard at mean covariates, concordance.
//! Cost     one sort; about 6 Newton steps of p² multiplications a row (see `risk_sets`).
//! Ref      Cox (1972), JRSS B 34; Efron (1977), JASA 72 (ties); Breslow (1972), discussion of Cox, pp. 216-217 (baseline);
//!          Heinze & Schemper (2001), Biometrics 57 (monotone likelihood).

use perennial_contract::estimator::FitError;

use super::concordance::concordance;
use super::newton::{self, NoPeak};
use super::risk_sets::RiskSets;
use super::subjects::{Scales, Subjects, refused};
use super::tails;

#[derive(Clone, Debug, PartialEq)]
pub struct CoxFit {
    pub names: Vec<String>,
    pub coefficients: Vec<f64>,
    pub standard_errors: Vec<f64>,
    /// Of the covariates: where the baseline hazard is taken.
    pub means: Vec<f64>,
    /// Time and cumulative baseline hazard from there on, one pair per event time.
    pub baseline: Vec<(f64, f64)>,
    pub log_likelihood: f64,
    /// With all coefficients 0.
    pub log_likelihood_null: f64,
    pub concordance: Option<f64>,
    pub rows: usize,
    pub events: usize,
}

impl CoxFit {
    /// ln of the hazard of these covariates over that of mean ones.
    #[must_use]
    pub fn log_ratio(&self, covariates: &[f64]) -> f64 {
        let terms = self.coefficients.iter().zip(covariates.iter().zip(&self.means));
        terms.map(|(coefficient, (x, mean))| coefficient * (x - mean)).sum()
    }

    /// P(it happens after `time`); beyond the last event the curve stays where it is.
    #[must_use]
    pub fn survival(&self, covariates: &[f64], time: f64) -> f64 {
        let passed = self.baseline.partition_point(|step| step.0 <= time);
        if passed == 0 { 1.0 } else { libm::exp(-self.baseline[passed - 1].1 * libm::exp(self.log_ratio(covariates))) }
    }

    /// Likelihood ratio against no covariates: χ² and p.
    #[must_use]
    pub fn likelihood_ratio(&self) -> (f64, f64) {
        let chi_squared = 2.0 * (self.log_likelihood - self.log_likelihood_null);
        (chi_squared, tails::chi_squared(chi_squared, self.names.len()))
    }
}

/// Maximum partial likelihood; `threads` changes the time it takes and no bit of the result.
pub fn fit(subjects: &Subjects, threads: usize) -> Result<CoxFit, FitError> {
    subjects.carries("Cox")?;
    let (standardised, Scales { mean, sd }) = subjects.standardised()?;
    let sets = RiskSets::of(&subjects.lives, &standardised, threads);
    drop(standardised);
    let start = vec![0.0; subjects.width()];
    let log_likelihood_null = sets.evaluate(&start).value;
    let peak = newton::climb(start, |beta| sets.evaluate(beta)).map_err(|reason| explain(&reason, &subjects.names))?;
    let width = subjects.width();
    let mut fit = CoxFit {
        names: subjects.names.clone(),
        coefficients: peak.at.iter().zip(&sd).map(|(beta, sd)| beta / sd).collect(),
        standard_errors: (0..width).map(|j| peak.covariance[j * width + j].sqrt() / sd[j]).collect(),
        means: mean,
        baseline: sets.baseline(&peak.at),
        log_likelihood: peak.value,
        log_likelihood_null,
        concordance: None,
        rows: subjects.lives.rows(),
        events: subjects.lives.events(),
    };
    let risk: Vec<f64> = (0..fit.rows).map(|row| fit.log_ratio(subjects.row(row))).collect();
    fit.concordance = concordance(&subjects.lives, &risk);
    Ok(fit)
}

fn explain(reason: &NoPeak, names: &[String]) -> FitError {
    match reason {
        NoPeak::RunsAway { axis, at, value } => {
            let name = &names[*axis];
            let way = if at[*axis] < 0.0 { "falls" } else { "grows" };
            FitError::NoMaximum(format!(
                "the coefficient of {name} {way} without bound while the partial log-likelihood still rises ({value:.3}): alone or with others it \
                 tells exactly who goes first, or whom it never happens to; leave {name} out or merge it with a broader group"
            ))
        }
        NoPeak::Stuck { value, .. } => refused(format!(
            "the partial likelihood found no maximum (log-likelihood {value:.3}); a covariate is too large or too odd in scale"
        )),
    }
}
