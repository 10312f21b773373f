//! Are the covariates fit for coefficients, and what are they in units of their own spread?
//!
//! Assumes  nothing: what no coefficient could be found for is refused by name.
//! Input    names and values, row-major [rows × names].
//! Output   the values less their mean in units of their standard deviation, and both.
//! Cost     O(rows × names²) for the correlations.
//! Ref      Golub & Van Loan (2013), Matrix Computations, §4.2: a pivot of Cholesky is what the columns before do not explain.

use perennial_contract::Table;
use perennial_contract::estimator::FitError;

use crate::learner::linear::inverse;

/// What a column may share with the columns before it until it counts as made of them: 1 − R².
const OWN_SHARE_MIN: f64 = 1e-10;

/// Mean and standard deviation of each covariate.
#[derive(Clone, Debug, PartialEq)]
pub struct Scales {
    pub mean: Vec<f64>,
    pub sd: Vec<f64>,
}

/// Columns of finite numbers, one row a customer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Covariates {
    pub names: Vec<String>,
    /// Row-major, `rows × names`.
    pub values: Vec<f64>,
}

impl Covariates {
    /// These columns of a table; a null is no number and is refused with its row.
    pub fn from_table(table: &Table, names: Vec<String>) -> Result<Self, FitError> {
        let mut values = vec![0.0; table.rows() * names.len()];
        for (at, name) in names.iter().enumerate() {
            for (row, value) in table.f64s(name)?.into_iter().enumerate() {
                values[row * names.len() + at] = value;
            }
        }
        refuse_not_finite(&names, &values)?;
        Ok(Self { names, values })
    }

    /// A number that only says which customer a row is explains nothing, and its coefficient would hold for no other customer.
    pub fn refuse_identities(&self) -> Result<(), FitError> {
        let rows = self.values.len() / self.width().max(1);
        for (at, name) in self.names.iter().enumerate() {
            let lower = name.to_lowercase();
            let is_named =
                ["id", "customer"].contains(&lower.as_str()) || ["_id", " id", "-id"].iter().any(|end| lower.ends_with(end));
            let is_count = rows > 1 && (1..rows).all(|row| self.row(row)[at] - self.row(row - 1)[at] == 1.0);
            if is_named || is_count {
                return Err(refused(format!(
                    "column {name} says which customer a row is and is no covariate; leave it out, or rename it if it does measure something"
                )));
            }
        }
        Ok(())
    }

    pub fn width(&self) -> usize {
        self.names.len()
    }

    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.width()..(row + 1) * self.width()]
    }
}

pub(crate) fn refuse_not_finite(names: &[String], values: &[f64]) -> Result<(), FitError> {
    for (row, values) in values.chunks_exact(names.len()).enumerate() {
        if let Some((name, value)) = names.iter().zip(values).find(|(_, value)| !value.is_finite()) {
            return Err(refused(format!("row {}: {name} is {value}, allowed are finite numbers; mend the row", row + 1)));
        }
    }
    Ok(())
}

/// Covariates less their mean in units of their standard deviation. Constant columns and columns that follow from others are refused:
/// their coefficients would be anybody's guess.
pub(crate) fn standardised(names: &[String], values: &[f64]) -> Result<(Vec<f64>, Scales), FitError> {
    let width = names.len();
    let rows = (values.len() / width) as f64;
    let mut mean = vec![0.0; width];
    for row in values.chunks_exact(width) {
        mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / rows);
    }
    let mut sd = vec![0.0; width];
    for row in values.chunks_exact(width) {
        for (sum, (value, mean)) in sd.iter_mut().zip(row.iter().zip(&mean)) {
            *sum += (value - mean) * (value - mean) / rows;
        }
    }
    for (at, name) in names.iter().enumerate() {
        sd[at] = sd[at].sqrt();
        // A spread at the rounding error of the mean is a constant.
        if sd[at].is_nan() || sd[at] <= 1e-12 * mean[at].abs() || sd[at] < 1e-150 {
            return Err(refused(format!("{name} is {} on every row and explains nothing; leave it out", values[at])));
        }
        if !sd[at].is_finite() {
            return Err(refused(format!("{name} is too large to be squared; give it in another unit")));
        }
    }
    let mut values = values.to_vec();
    for row in values.chunks_exact_mut(width) {
        for (value, (mean, sd)) in row.iter_mut().zip(mean.iter().zip(&sd)) {
            *value = (*value - mean) / sd;
        }
    }
    refuse_collinear(names, &values)?;
    Ok((values, Scales { mean, sd }))
}

/// Cholesky on the correlations: a pivot is the share of a column that the columns before it do not explain.
fn refuse_collinear(names: &[String], values: &[f64]) -> Result<(), FitError> {
    let width = names.len();
    let rows = (values.len() / width) as f64;
    let mut correlation = vec![0.0; width * width];
    for row in values.chunks_exact(width) {
        for a in 0..width {
            for b in 0..=a {
                correlation[a * width + b] += row[a] * row[b] / rows;
            }
        }
    }
    for last in 0..width {
        let size = last + 1;
        let cell = |a: usize, b: usize| correlation[a.max(b) * width + a.min(b)];
        let leading: Vec<f64> = (0..size * size).map(|at| cell(at / size, at % size)).collect();
        // The last diagonal cell of the inverse is one over the last pivot.
        let own = inverse(&leading, size).map_or(0.0, |inverse| 1.0 / inverse[size * size - 1]);
        if own < OWN_SHARE_MIN {
            let before = names[..last].join(", ");
            let name = &names[last];
            return Err(refused(format!("{name} follows from {before} (a weighted sum of them equals it); leave one out")));
        }
    }
    Ok(())
}

fn refused(why: String) -> FitError {
    FitError::Refused(why)
}
