//! Which letters and coefficients are most likely, how surely, and do the data determine them at all?
//!
//! Assumes  see `covaried`; enough repeaters for the coefficients.
//! Input    histories and covariates of every customer.
//! Output   letters at covariates of 0, coefficients, standard errors of both (delta method), or why there are none.
//! Cost     5 to 15 likelihood calls here, and the fits without covariates and without leaving.
//! Ref      Fader & Hardie (2007); the test against no leaving is the likelihood ratio test, Wilks (1938).

use perennial_contract::Table;
use perennial_contract::estimator::{FitError, FitSummary};
use serde_json::{Map, Value};

use super::likelihood::{self, Customers, letters_at};
use super::{Covaried, Individual, Staying};
use crate::ascent::{self, NoSummit, Region, Summit};
use crate::covariates::{self, Covariates, Scales};
use crate::lifetime::bgnbd::History;
use crate::lifetime::forecast;
use crate::lifetime::letters::{Escape, Fit, LETTER_MAX, LN_FAR};
use crate::lifetime::purchases::{Columns, Purchases};
use crate::optim::Search;
use crate::survival::tails;

/// Fewer repeaters than this for a coefficient determine none.
const REPEATERS_PER_COEFFICIENT: usize = 10;
/// What chance alone brings as often as one time in twenty is no evidence that customers leave.
const P_MAX: f64 = 0.05;

/// Customers with what is known of them.
pub struct Known {
    data: Purchases,
    histories: Vec<History>,
    covariates: Covariates,
}

impl Known {
    /// The histories of a table with these of its columns as covariates; a row that cannot be, and a column that names rows, are refused.
    pub fn from_table(table: &Table, columns: Columns, names: Vec<String>) -> Result<Self, FitError> {
        if names.is_empty() {
            let why =
                "no covariate: beside the histories at least one column of numbers is needed; without one fit the model itself";
            return Err(FitError::Refused(why.to_owned()));
        }
        let covariates = Covariates::from_table(table, names)?;
        covariates.refuse_identities()?;
        Ok(Self { data: Purchases::from_table(table, columns)?, histories: forecast::histories(table, columns)?, covariates })
    }

    #[must_use]
    pub fn purchases(&self) -> &Purchases {
        &self.data
    }
}

/// By how much a column moves a letter.
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficient {
    /// `alpha.NAME`.
    pub name: String,
    pub value: f64,
    pub standard_error: f64,
}

/// A fit with covariates; the letters are those of a customer whose covariates are all 0.
#[derive(Clone, Debug, PartialEq)]
pub struct CovariateFit<P> {
    pub base: Fit<P>,
    pub coefficients: Vec<Coefficient>,
    /// The log-likelihood of the model without covariates, where it has a maximum.
    pub without: Option<f64>,
    form: &'static str,
}

impl<P: Covaried> CovariateFit<P> {
    /// Twice the gain over no covariates, and the chance of as much if they say nothing.
    #[must_use]
    pub fn likelihood_ratio(&self) -> Option<(f64, f64)> {
        let chi_squared = 2.0 * (self.base.log_likelihood - self.without?);
        Some((chi_squared, tails::chi_squared(chi_squared, self.coefficients.len())))
    }

    #[must_use]
    pub fn summary(&self) -> FitSummary {
        let mut summary = self.base.summary();
        for of in &self.coefficients {
            summary.parameters.insert(of.name.clone(), of.value.into());
            summary.standard_errors.insert(of.name.clone(), of.standard_error.into());
        }
        let mut extra = Map::from_iter([("letters_of_a_customer".to_owned(), Value::from(self.form))]);
        if let (Some(without), Some((chi_squared, p_value))) = (self.without, self.likelihood_ratio()) {
            extra.insert("log_likelihood_without_covariates".to_owned(), without.into());
            let test = [
                ("chi_squared", chi_squared.into()),
                ("degrees_of_freedom", self.coefficients.len().into()),
                ("p_value", p_value.into()),
            ];
            let test = test.map(|(name, value): (&str, Value)| (name.to_owned(), value));
            extra.insert("likelihood_ratio".to_owned(), Value::Object(Map::from_iter(test)));
        }
        summary.extra = extra;
        summary
    }
}

/// Maximum likelihood; `without` is the fit without covariates. `threads` changes the time it takes and no bit of the result.
pub fn fit<P: Covaried>(known: &Known, without: Option<&Fit<P>>, threads: usize) -> Result<CovariateFit<P>, FitError> {
    let Known { data, histories, covariates } = known;
    data.carries_a_model()?;
    let width = covariates.width();
    let needed = REPEATERS_PER_COEFFICIENT * P::MOVED.len() * width;
    if data.repeaters() < needed {
        return Err(FitError::Refused(format!(
            "{} customers bought again, at least {needed} are needed for {} coefficients; leave out columns",
            data.repeaters(),
            P::MOVED.len() * width
        )));
    }
    let (z, scales) = covariates::standardised(&covariates.names, &covariates.values)?;
    let customers = Customers::of(histories, &z, width);
    let near = without.map(|fit| Search {
        start: array(&fit.parameters.values().iter().map(|letter| libm::log(*letter)).collect::<Vec<_>>()),
        ..P::searches(data)[0]
    });
    let starts: Vec<Search<4>> = near.into_iter().chain(P::searches(data)).collect();
    let names = theta_names::<P>(&covariates.names);
    let found = climb::<4, P>(&customers, &starts, threads).map_err(|reason| explain::<P>(&reason, &names, data))?;
    refuse_undetermined(&found, &names, P::LETTERS.len())?;
    refuse_without_leaving(&customers, &found, threads)?;
    on_scale(&found, covariates, &scales, data.rows()).map(|(base, coefficients)| CovariateFit {
        base,
        coefficients,
        without: without.map(|fit| fit.log_likelihood),
        form: P::FORM,
    })
}

fn array<const N: usize>(values: &[f64]) -> [f64; N] {
    std::array::from_fn(|i| values.get(i).copied().unwrap_or(f64::NAN))
}

/// Letters, then `letter.column` for every moved letter.
fn theta_names<P: Covaried>(columns: &[String]) -> Vec<String> {
    let moved = P::MOVED.iter().flat_map(|moved| columns.iter().map(|column| format!("{}.{column}", P::LETTERS[moved.axis])));
    P::LETTERS.iter().map(|letter| (*letter).to_owned()).chain(moved).collect()
}

/// From coefficients of 0 and each start until one leads to a maximum; the last reason where none does.
fn climb<const N: usize, M: Individual<N>>(
    customers: &Customers,
    starts: &[Search<N>],
    threads: usize,
) -> Result<Summit, NoSummit> {
    let mut last = NoSummit::NotFinite { at: Vec::new() };
    let coefficients = M::MOVED.len() * customers.width;
    let with =
        |letters: &[f64; N], far: f64| letters.iter().copied().chain(std::iter::repeat_n(far, coefficients)).collect::<Vec<_>>();
    for Search { start, low, high } in starts {
        let (start, low, high) = (with(start, 0.0), with(low, -LN_FAR), with(high, LN_FAR));
        let region = Region { start: &start, low: &low, high: &high };
        match ascent::climb(region, |theta| likelihood::evaluate::<N, M>(customers, theta, threads)) {
            Ok(found) => return Ok(found),
            Err(reason) => last = reason,
        }
    }
    Err(last)
}

fn explain<P: Covaried>(reason: &NoSummit, names: &[String], data: &Purchases) -> FitError {
    let say = |at: &[f64]| {
        let value = |i: usize| if i < P::LETTERS.len() { libm::exp(at[i]) } else { at[i] };
        let all: Vec<_> = names.iter().enumerate().take(at.len()).map(|(i, name)| format!("{name} {:.3e}", value(i))).collect();
        format!("{} (covariates less their mean, in standard deviations)", all.join(", "))
    };
    FitError::NoMaximum(match reason {
        NoSummit::RunsAway { axis, at, value } if *axis < P::LETTERS.len() => {
            let letters: [f64; 4] = array(&at.iter().map(|ln| libm::exp(*ln)).collect::<Vec<_>>());
            let is_up = P::searches(data).first().is_some_and(|search| at[*axis] > search.high[*axis]);
            let why = P::why(Escape { axis: *axis, is_up, letters: &letters }, data);
            format!(
                "the likelihood still rises at {} (log-likelihood {value:.3}); {why}; use a model that does not need it",
                say(at)
            )
        }
        NoSummit::RunsAway { axis, at, value } => format!(
            "the likelihood still rises as the coefficient {} grows without bound, at {} (log-likelihood {value:.3}): the column tells without \
             exception who orders or stays; leave it out, or merge its rare groups",
            names[*axis],
            say(at)
        ),
        NoSummit::NotFinite { at } => format!("the likelihood has no finite value at {}", say(at)),
        NoSummit::Stalled { at, value } => format!(
            "the likelihood is flat around {} (log-likelihood {value:.3}), so the parameters cannot be told apart; leave out columns",
            say(at)
        ),
    })
}

/// A coefficient whose confidence region spans more than a letter may move is no estimate, however small the last step was.
fn refuse_undetermined(found: &Summit, names: &[String], letters: usize) -> Result<(), FitError> {
    let size = names.len();
    let error = |i: usize| found.covariance[i * size + i].sqrt();
    // A coefficient that has no end takes its letter with it, so coefficients are named first.
    let loose = (letters..size).chain(0..letters).filter(|i| error(*i).is_nan() || error(*i) > LN_FAR);
    let Some(worst) =
        loose.reduce(|worst, i| if worst >= letters && i >= letters && error(i) > error(worst) { i } else { worst })
    else {
        return Ok(());
    };
    let unit = if worst < letters { "in its logarithm" } else { "per standard deviation of the column" };
    Err(FitError::NoMaximum(format!(
        "none that the data determine: {} has a standard error of {:.1e} {unit}, more than a factor of a million; leave out columns, or merge \
         their rare groups",
        names[worst],
        error(worst)
    )))
}

/// Refused where customers who never leave, their rates moved by the same covariates, explain the data as well.
fn refuse_without_leaving(customers: &Customers, found: &Summit, threads: usize) -> Result<(), FitError> {
    let start = [found.at[0], found.at[1]];
    let search = Search { start, low: start.map(|at| at - LN_FAR), high: start.map(|at| at + LN_FAR) };
    // Without even that to compare with, leaving is what explains the data.
    let Ok(staying) = climb::<2, Staying>(customers, &[search], threads) else { return Ok(()) };
    let (gain, more) = (found.value - staying.value, found.at.len() - staying.at.len());
    let p = tails::chi_squared(2.0 * gain, more);
    if p <= P_MAX {
        return Ok(());
    }
    Err(FitError::NoMaximum(format!(
        "none that the data can tell from customers who never leave: the log-likelihood is {:.3} at its best and {:.3} without leaving, a gain of \
         {gain:.3} from {more} parameters that chance brings with probability {p:.2} (evidence begins below {P_MAX}); use a model that does not need it",
        found.value, staying.value
    )))
}

/// From standardised covariates to those of the file: ln letter − sign γ'(mean/sd), γ/sd, and the errors of both.
fn on_scale<P: Covaried>(
    found: &Summit,
    of: &Covariates,
    scales: &Scales,
    rows: usize,
) -> Result<(Fit<P>, Vec<Coefficient>), FitError> {
    let (size, letters, width) = (found.at.len(), P::LETTERS.len(), of.width());
    let mut change = vec![0.0; size * size];
    for axis in 0..letters {
        change[axis * size + axis] = 1.0;
    }
    for (m, moved) in P::MOVED.iter().enumerate() {
        for j in 0..width {
            let at = letters + m * width + j;
            change[at * size + at] = 1.0 / scales.sd[j];
            change[moved.axis * size + at] = -moved.sign * scales.mean[j] / scales.sd[j];
        }
    }
    let row = |i: usize| &change[i * size..(i + 1) * size];
    let value = |i: usize| row(i).iter().zip(&found.at).map(|(c, at)| c * at).sum::<f64>();
    let error = |i: usize| {
        let by = |k: usize| (0..size).map(|l| found.covariance[k * size + l] * row(i)[l]).sum::<f64>();
        (0..size).map(|k| row(i)[k] * by(k)).sum::<f64>().sqrt()
    };
    let theta: Vec<f64> = (0..size).map(value).collect();
    let names = theta_names::<P>(&of.names);
    let at_zero = letters_at::<4, P>(&theta, &vec![0.0; width]);
    if let Some(axis) = (0..letters).find(|&axis| !(1.0 / LETTER_MAX..LETTER_MAX).contains(&at_zero[axis])) {
        return Err(FitError::Refused(format!(
            "{} would be {:e} for a customer whose covariates are 0, which no customer is near; subtract its mean from each column ({})",
            names[axis],
            at_zero[axis],
            of.names.join(", ")
        )));
    }
    let errors: Vec<f64> = (0..letters).map(|axis| at_zero[axis] * error(axis)).collect();
    let read = |values| P::from_values(values).ok_or_else(|| FitError::Refused(format!("{} has other letters", P::MODEL)));
    let base = Fit { parameters: read(&at_zero)?, standard_errors: read(&errors)?, log_likelihood: found.value, rows };
    let coefficient = |i: usize| Coefficient { name: names[i].clone(), value: theta[i], standard_error: error(i) };
    Ok((base, (letters..size).map(coefficient).collect()))
}
