//! Fits on a flat table, as `perennial fit` prints them: the paper's letters, nothing scaled or renamed.

use perennial_contract::Table;
use perennial_contract::estimator::{FitError, FitSummary};
use serde_json::{Map, Value};

use super::bgnbd::{self, BgNbdFit};
use super::gamma_gamma::{self, GammaGammaFit, Spenders};
use super::purchases::{Columns, Purchases};

pub const BGNBD_COLUMNS: &[&str] = &["x", "t_x", "T"];
pub const GAMMA_GAMMA_COLUMNS: &[&str] = &["x", "mean_spend"];

/// Threads of a flat fit. The result has the same bits with any number.
const THREADS: usize = 2;

/// BG/NBD on the columns `x`, `t_x`, `T`, in the unit of time they are in.
pub fn bgnbd(table: &Table) -> Result<FitSummary, FitError> {
    let data = Purchases::from_table(table, Columns { x: "x", t_x: "t_x", t: "T" })?;
    Ok(bgnbd::fit(&data, THREADS)?.summary())
}

/// Gamma-Gamma on the columns `x`, `mean_spend`. Rows without a repeat order or without spend above 0 are left out,
/// because the model says nothing about them; `rows` of the result counts those that were used.
pub fn gamma_gamma(table: &Table) -> Result<FitSummary, FitError> {
    let data = Spenders::with_spend(&table.f64s("x")?, &table.f64s("mean_spend")?, ["x", "mean_spend"])?;
    Ok(gamma_gamma::fit(&data, THREADS)?.summary())
}

impl BgNbdFit {
    #[must_use]
    pub fn summary(&self) -> FitSummary {
        let (is, se) = (&self.parameters, &self.standard_errors);
        FitSummary {
            model: "bgnbd".to_owned(),
            parameters: letters(&[("r", is.r), ("alpha", is.alpha), ("a", is.a), ("b", is.b)]),
            standard_errors: letters(&[("r", se.r), ("alpha", se.alpha), ("a", se.a), ("b", se.b)]),
            log_likelihood: self.log_likelihood,
            rows: self.rows,
            extra: Map::new(),
        }
    }
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
