//! Fits on a flat table, as `perennial fit` prints them: the paper's letters, nothing scaled or renamed.

use perennial_contract::Table;
use perennial_contract::estimator::{FitError, FitSummary};
use serde_json::{Map, Value};

use super::bgbb::BgBbParameters;
use super::bgnbd;
use super::cnbd_k::Gaps;
use super::covaried::fit::Known;
use super::covaried::forecast::Equation;
use super::covaried::{self, Covaried};
use super::forecast::{self, Forecast};
use super::gamma_gamma::{self, GammaGammaFit, Spenders};
use super::letters::{Fit, Letters};
use super::purchases::{Columns, Purchases};
use super::sbg::{self, SbgParameters, Subscribers};
use super::{bgbb, cnbd_k, ggomp_nbd, mbgnbd, pareto_nbd};

const HISTORY: Columns = Columns { x: "x", t_x: "t_x", t: "T" };
const OPPORTUNITIES: Columns = Columns { x: "x", t_x: "t_x", t: "n" };
/// A thousand years of milliseconds: beyond it a horizon is a slip.
const HORIZON_MAX: f64 = 3.2e13;
const PERIODS_MAX: f64 = 10_000.0;

/// What the models of buying and leaving in continuous time read.
pub const HISTORY_COLUMNS: &[&str] = &["x", "t_x", "T"];
pub const BGBB_COLUMNS: &[&str] = &["x", "t_x", "n"];
pub const SBG_COLUMNS: &[&str] = &["period", "event"];
/// The sum of the logarithms of a customer's gaps.
pub const LITT: &[&str] = &["litt"];
/// How many subscribers a row stands for.
pub const COUNT: &[&str] = &["count"];
pub const GAMMA_GAMMA_COLUMNS: &[&str] = &["x", "mean_spend"];

/// What other models read of the same file: sums over the orders themselves, and so no covariates.
const OF_THE_ORDERS: &[&str] = &["mean_spend", LITT[0]];

/// Threads of a flat fit. The result has the same bits with any number.
pub(super) const THREADS: usize = 2;

/// BG/NBD on the columns `x`, `t_x`, `T`, in the unit of time they are in, and on every other column as a covariate.
pub fn bgnbd(table: &Table) -> Result<FitSummary, FitError> {
    covaried(table, bgnbd::fit)
}

/// MBG/NBD on the same columns.
pub fn mbgnbd(table: &Table) -> Result<FitSummary, FitError> {
    Ok(mbgnbd::fit(&purchases(table)?, THREADS)?.summary())
}

/// Pareto/NBD on the same columns.
pub fn pareto_nbd(table: &Table) -> Result<FitSummary, FitError> {
    covaried(table, pareto_nbd::fit)
}

type Plain<P> = fn(&Purchases, usize) -> Result<Fit<P>, FitError>;

/// With covariates where the table has columns beside the histories.
fn covaried<P: Covaried>(table: &Table, plain: Plain<P>) -> Result<FitSummary, FitError> {
    let beside = |name: &&str| !HISTORY_COLUMNS.contains(name) && !OF_THE_ORDERS.contains(name);
    let names: Vec<String> = table.names().filter(beside).map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(plain(&purchases(table)?, THREADS)?.summary());
    }
    let known = Known::from_table(table, HISTORY, names)?;
    let without = plain(known.purchases(), THREADS).ok();
    Ok(covaried::fit::fit(&known, without.as_ref(), THREADS)?.summary())
}

/// Gamma-Gompertz/NBD on the same columns.
pub fn ggomp_nbd(table: &Table) -> Result<FitSummary, FitError> {
    Ok(ggomp_nbd::fit(&purchases(table)?, THREADS)?.summary())
}

/// BG/CNBD-k (`EXTRA` 0) and MBG/CNBD-k (1) on the same columns, and on `litt` where the table has it.
pub fn cnbd_k<const EXTRA: usize>(table: &Table) -> Result<FitSummary, FitError> {
    let litt = if table.has(LITT[0]) { Some(table.f64s(LITT[0])?) } else { None };
    let gaps = Gaps::of(purchases(table)?, litt.as_deref())?;
    Ok(cnbd_k::fit::<EXTRA>(&gaps, THREADS)?.summary())
}

/// BG/BB on the columns `x`, `t_x`, `n`.
pub fn bgbb(table: &Table) -> Result<FitSummary, FitError> {
    bgbb::check_opportunities(&table.f64s("x")?, &table.f64s("t_x")?, &table.f64s("n")?)?;
    Ok(bgbb::fit(&Purchases::from_table(table, OPPORTUNITIES)?, THREADS)?.summary())
}

/// Shifted-beta-geometric on the columns `period`, `event`, and `count` where the table has it.
pub fn sbg(table: &Table) -> Result<FitSummary, FitError> {
    let (period, event) = (table.f64s("period")?, table.f64s("event")?);
    let count = if table.has(COUNT[0]) { table.f64s(COUNT[0])? } else { vec![1.0; period.len()] };
    Ok(sbg::fit(&Subscribers::from_slices(&period, &event, &count)?)?.summary())
}

fn purchases(table: &Table) -> Result<Purchases, FitError> {
    Purchases::from_table(table, HISTORY)
}

/// The three answers for every row, from parameters as `fit` prints them.
pub fn predict<P: Letters + Forecast>(parameters: &Value, table: &Table, horizon: f64) -> Result<Table, FitError> {
    let model = P::from_json(parameters).map_err(FitError::Refused)?;
    check_horizon(horizon)?;
    forecast::predict(&model, table, HISTORY, horizon)
}

/// The same where coefficients may move the letters: with the columns that they name.
pub fn predict_covaried<P: Covaried>(parameters: &Value, table: &Table, horizon: f64) -> Result<Table, FitError> {
    let equation = Equation::from_json::<P>(parameters).map_err(FitError::Refused)?;
    if equation.names.is_empty() {
        return predict::<P>(parameters, table, horizon);
    }
    check_horizon(horizon)?;
    equation.predict::<P>(table, (&forecast::histories(table, HISTORY)?, horizon), THREADS)
}

/// The same for BG/BB, whose horizon is a number of opportunities.
pub fn predict_bgbb(parameters: &Value, table: &Table, horizon: f64) -> Result<Table, FitError> {
    let model = BgBbParameters::from_json(parameters).map_err(FitError::Refused)?;
    bgbb::check_opportunities(&table.f64s("x")?, &table.f64s("t_x")?, &table.f64s("n")?)?;
    check_periods(horizon)?;
    forecast::predict(&model, table, OPPORTUNITIES, horizon)
}

/// The same for subscribers: being there, renewals, and no renewal.
pub fn predict_sbg(parameters: &Value, table: &Table, horizon: f64) -> Result<Table, FitError> {
    let model = SbgParameters::from_json(parameters).map_err(FitError::Refused)?;
    check_periods(horizon)?;
    sbg::predict(&model, table, horizon)
}

fn check_horizon(horizon: f64) -> Result<(), FitError> {
    if horizon > 0.0 && horizon <= HORIZON_MAX {
        return Ok(());
    }
    Err(FitError::Refused(format!(
        "horizon is {horizon}, allowed are numbers above 0 and up to {HORIZON_MAX}, in the unit of time of the parameters"
    )))
}

fn check_periods(horizon: f64) -> Result<(), FitError> {
    if horizon.fract() == 0.0 && (1.0..=PERIODS_MAX).contains(&horizon) {
        return Ok(());
    }
    Err(FitError::Refused(format!("horizon is {horizon}, allowed are whole numbers of periods from 1 to {PERIODS_MAX}")))
}

/// Gamma-Gamma on the columns `x`, `mean_spend`. Rows without a repeat order or without spend above 0 are left out,
/// because the model says nothing about them; `rows` of the result counts those that were used, `rows_left_out` the others.
pub fn gamma_gamma(table: &Table) -> Result<FitSummary, FitError> {
    let data = Spenders::with_spend(&table.f64s("x")?, &table.f64s("mean_spend")?, ["x", "mean_spend"])?;
    let mut summary = gamma_gamma::fit(&data, THREADS)?.summary();
    let left_out = table.rows() - summary.rows;
    if left_out > 0 {
        summary.extra.insert("rows_left_out".to_owned(), Value::from(left_out));
    }
    Ok(summary)
}

impl GammaGammaFit {
    #[must_use]
    pub fn summary(&self) -> FitSummary {
        let (is, se) = (&self.parameters, &self.standard_errors);
        FitSummary {
            model: "gamma_gamma".to_owned(),
            parameters: letters(&[("p", is.p), ("q", is.q), ("v", is.v)]),
            standard_errors: letters(&[("p", se.p), ("q", se.q), ("v", se.v)]),
            log_likelihood: self.log_likelihood,
            rows: self.rows,
            extra: Map::new(),
        }
    }
}

fn letters(values: &[(&str, f64)]) -> Map<String, Value> {
    values.iter().map(|&(letter, value)| (letter.to_owned(), Value::from(value))).collect()
}
