//! Accelerated failure time: by what factor does each covariate stretch the time until it happens?
//!
//! Assumes  ln T = intercept + xβ + σ ε with ε of one known law (Weibull, log-normal or log-logistic time); censoring independent given x.
//! Input    `duration` [n] above 0, `event` [n], covariates [n × p] without missing values.
//! Output   intercept, β, σ with standard errors; the law with the least AIC; survival and median of any covariates.
//! Cost     about 8 Newton steps of p² multiplications and one exponential a row, for each law.
//! Ref      Kalbfleisch & Prentice (2002), The Statistical Analysis of Failure Time Data, §3.3; Burridge (1981), JRSS B 43 (concave in β/σ, 1/σ);
//!          Akaike (1974), IEEE Transactions on Automatic Control 19.

use perennial_contract::estimator::FitError;

use super::concordance::concordance;
pub use super::error_law::Law;
use super::newton::{self, NoPeak, Peak, Point, symmetric};
use super::subjects::{DURATION, Scales, Subjects, refused};
use crate::chunks;

/// Names the table must not use for a covariate.
pub const INTERCEPT: &str = "intercept";
pub const SIGMA: &str = "sigma";
/// A spread of log time below this share of its overall spread is none.
const SIGMA_SHARE_MIN: f64 = 1e-6;

#[derive(Clone, Debug, PartialEq)]
pub struct AftFit {
    pub law: Law,
    pub names: Vec<String>,
    pub intercept: f64,
    pub coefficients: Vec<f64>,
    pub sigma: f64,
    /// Of the intercept, the coefficients, σ.
    pub standard_errors: Vec<f64>,
    /// Of the times themselves, not of their logarithms.
    pub log_likelihood: f64,
    pub concordance: Option<f64>,
    pub rows: usize,
    pub events: usize,
}

impl AftFit {
    #[must_use]
    pub fn aic(&self) -> f64 {
        2.0 * (self.names.len() as f64 + 2.0) - 2.0 * self.log_likelihood
    }

    /// Where ln T is centred for these covariates.
    #[must_use]
    pub fn location(&self, covariates: &[f64]) -> f64 {
        self.intercept + self.coefficients.iter().zip(covariates).map(|(b, x)| b * x).sum::<f64>()
    }

    /// P(it happens after `time`).
    #[must_use]
    pub fn survival(&self, covariates: &[f64], time: f64) -> f64 {
        if time <= 0.0 {
            return 1.0;
        }
        libm::exp(self.law.ln_survival((libm::log(time) - self.location(covariates)) / self.sigma).value)
    }

    /// The time that half stay below.
    #[must_use]
    pub fn median(&self, covariates: &[f64]) -> f64 {
        libm::exp(self.location(covariates) + self.sigma * self.law.median())
    }
}

/// Rows as the likelihood needs them: log time and covariates standardised.
struct Prepared<'a> {
    subjects: &'a Subjects,
    x: Vec<f64>,
    scales: Scales,
    y: Vec<f64>,
    y_mean: f64,
    y_sd: f64,
    threads: usize,
}

/// Fit one law.
pub fn fit(subjects: &Subjects, law: Law, threads: usize) -> Result<AftFit, FitError> {
    Prepared::of(subjects, threads)?.fit(law)
}

/// Fit every law; the one with the least AIC comes first.
pub fn fit_all(subjects: &Subjects, threads: usize) -> Result<Vec<AftFit>, FitError> {
    let prepared = Prepared::of(subjects, threads)?;
    let mut fits = Vec::new();
    let mut last = None;
    for law in Law::ALL {
        match prepared.fit(law) {
            Ok(fit) => fits.push(fit),
            Err(error) => last = Some(error),
        }
    }
    fits.sort_by(|a, b| a.aic().total_cmp(&b.aic()));
    match last {
        Some(error) if fits.is_empty() => Err(error),
        _ => Ok(fits),
    }
}

impl<'a> Prepared<'a> {
    fn of(subjects: &'a Subjects, threads: usize) -> Result<Self, FitError> {
        subjects.carries("accelerated failure time")?;
        if let Some(name) = subjects.names.iter().find(|name| [INTERCEPT, SIGMA].contains(&name.as_str())) {
            return Err(refused(format!("a covariate is named {name:?}, as one of the model's own parameters; rename it")));
        }
        if let Some(row) = subjects.lives.duration().iter().position(|duration| *duration == 0.0) {
            return Err(refused(format!(
                "row {}: {DURATION} is 0, which has no logarithm; leave out who was never watched, or add half a unit to every row",
                row + 1
            )));
        }
        let (x, scales) = subjects.standardised()?;
        let mut y: Vec<f64> = subjects.lives.duration().iter().map(|duration| libm::log(*duration)).collect();
        let rows = y.len() as f64;
        let y_mean = y.iter().sum::<f64>() / rows;
        let y_sd = (y.iter().map(|y| (y - y_mean) * (y - y_mean)).sum::<f64>() / rows).sqrt();
        if y_sd <= 1e-12 * y_mean.abs().max(1.0) {
            let duration = subjects.lives.duration()[0];
            return Err(refused(format!(
                "{DURATION} is {duration} on every row; times without a spread have no distribution to fit"
            )));
        }
        y.iter_mut().for_each(|y| *y = (*y - y_mean) / y_sd);
        Ok(Self { subjects, x, scales, y, y_mean, y_sd, threads })
    }

    /// Value and derivatives by θ = (γ₀, γ, δ) with z = δ y − γ₀ − x γ: concave, because all three densities are log-concave.
    fn evaluate(&self, law: Law, theta: &[f64]) -> Point {
        let (size, width) = (theta.len(), self.subjects.width());
        let delta = theta[size - 1];
        let (value_at, first_at, second_at) = (0, 1, 1 + size);
        let parts = chunks::map(self.y.len(), self.threads, |rows| {
            let mut sums = vec![0.0; 1 + size + size * (size + 1) / 2];
            let mut slope = vec![-1.0; size];
            for row in rows {
                let (x, y) = (&self.x[row * width..(row + 1) * width], self.y[row]);
                slope[1..size - 1].iter_mut().zip(x).for_each(|(slope, x)| *slope = -x);
                slope[size - 1] = y;
                let z = slope.iter().zip(theta).map(|(slope, theta)| slope * theta).sum::<f64>();
                let term = if self.subjects.lives.event()[row] { law.ln_density(z) } else { law.ln_survival(z) };
                sums[value_at] += term.value;
                let mut cells = sums[first_at..].iter_mut();
                slope.iter().zip(cells.by_ref()).for_each(|(slope, sum)| *sum += term.first * slope);
                for a in 0..size {
                    let left = -term.second * slope[a];
                    slope[a..].iter().zip(cells.by_ref()).for_each(|(slope, sum)| *sum += left * slope);
                }
            }
            sums
        });
        let sums = chunks::sum(parts);
        let events = self.subjects.lives.events() as f64;
        let mut gradient = sums[first_at..second_at].to_vec();
        let mut information = symmetric(&sums[second_at..], size);
        gradient[size - 1] += events / delta;
        information[size * size - 1] += events / (delta * delta);
        // The logarithm of what is not above 0 is no number, which sends the search back.
        Point { value: sums[value_at] + events * libm::log(delta), gradient, information }
    }

    fn fit(&self, law: Law) -> Result<AftFit, FitError> {
        let mut start = vec![0.0; self.subjects.width() + 2];
        if let Some(delta) = start.last_mut() {
            *delta = 1.0;
        }
        let peak = newton::climb(start, |theta| {
            let mut point = self.evaluate(law, theta);
            if theta.last().is_some_and(|delta| *delta > 1.0 / SIGMA_SHARE_MIN) {
                point.value = f64::NAN;
            }
            point
        });
        let peak = peak.map_err(|reason| self.explain(law, &reason))?;
        Ok(self.unscaled(law, &peak))
    }

    /// θ in the units of the table, standard errors by the delta method.
    fn unscaled(&self, law: Law, peak: &Peak) -> AftFit {
        let (width, size) = (self.subjects.width(), peak.at.len());
        let (delta, Scales { mean, sd }) = (peak.at[size - 1], &self.scales);
        let stretch = self.y_sd / delta;
        let coefficients: Vec<f64> = (0..width).map(|j| stretch * peak.at[1 + j] / sd[j]).collect();
        let centre = stretch * peak.at[0] - coefficients.iter().zip(mean).map(|(b, m)| b * m).sum::<f64>();
        // Rows: intercept, coefficients, σ; columns: θ.
        let mut jacobian = vec![0.0; size * size];
        jacobian[0] = stretch;
        jacobian[size - 1] = -centre / delta;
        for j in 0..width {
            jacobian[1 + j] = -stretch * mean[j] / sd[j];
            jacobian[(1 + j) * size + 1 + j] = stretch / sd[j];
            jacobian[(1 + j) * size + size - 1] = -coefficients[j] / delta;
        }
        jacobian[size * size - 1] = -stretch / delta;
        let variance = |row: &[f64]| {
            let pairs = (0..size * size).map(|at| row[at / size] * peak.covariance[at] * row[at % size]);
            pairs.sum::<f64>()
        };
        let standard_errors = jacobian.chunks_exact(size).map(|row| variance(row).max(0.0).sqrt()).collect();
        let lives = &self.subjects.lives;
        // From the density of standardised log time to that of time.
        let ln_unit: f64 = lives.pairs().filter(|pair| pair.1).map(|(duration, _)| libm::log(duration * self.y_sd)).sum();
        let mut fit = AftFit {
            law,
            names: self.subjects.names.clone(),
            intercept: self.y_mean + centre,
            coefficients,
            sigma: stretch,
            standard_errors,
            log_likelihood: peak.value - ln_unit,
            concordance: None,
            rows: lives.rows(),
            events: lives.events(),
        };
        let risk: Vec<f64> = (0..fit.rows).map(|row| -fit.location(self.subjects.row(row))).collect();
        fit.concordance = concordance(lives, &risk);
        fit
    }

    fn explain(&self, law: Law, reason: &NoPeak) -> FitError {
        let (at, name) = match reason {
            NoPeak::RunsAway { at, axis, .. } => (at, axis.checked_sub(1).and_then(|axis| self.subjects.names.get(axis))),
            NoPeak::Stuck { at, .. } => (at, None),
        };
        let law = law.name();
        if at.last().is_some_and(|delta| *delta > 1e-3 / SIGMA_SHARE_MIN) {
            return FitError::NoMaximum(format!(
                "the covariates tell every time exactly, so the spread of the {law} law shrinks to 0; leave out the column that holds the answer"
            ));
        }
        match name {
            Some(name) => FitError::NoMaximum(format!(
                "the coefficient of {name} grows without bound while the {law} likelihood still rises: alone or with others it tells exactly \
                 whom it never happens to; leave {name} out or merge it with a broader group"
            )),
            None => refused(format!("the {law} likelihood found no maximum; a covariate is too large or too odd in scale")),
        }
    }
}
