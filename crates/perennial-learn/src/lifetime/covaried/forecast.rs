//! What do a customer's history, covariates and a fitted model say about the next orders?
//!
//! Assumes  covariates in the units they were fitted in.
//! Input    parameters as `fit` prints them, histories with the columns that the coefficients name; a horizon in the unit of time.
//! Output   P(alive), E[orders in the horizon] and P(no order in the horizon) for every row.
//! Cost     one answer for every distinct row; customers of equal covariates share a model.
//! Ref      Fader & Hardie (2007): every forecast is that of the model without covariates, at the customer's own letters.

use perennial_contract::Table;
use perennial_contract::estimator::FitError;
use serde_json::Value;

use super::Covaried;
use super::likelihood::letters_at;
use crate::chunks;
use crate::covariates::Covariates;
use crate::lifetime::bgnbd::History;
use crate::lifetime::forecast;
use crate::lifetime::letters::LETTER_MAX;

/// Letters at covariates of 0, and what moves them.
#[derive(Clone, Debug, PartialEq)]
pub struct Equation {
    /// ln letters, then the coefficients of each moved letter in the order of the names.
    theta: Vec<f64>,
    pub names: Vec<String>,
}

/// The columns that coefficients such as `alpha.NAME` among parameters speak of, in the order of the alphabet.
#[must_use]
pub fn columns_of(parameters: &Value) -> Vec<String> {
    let Some(letters) = parameters.get("parameters").unwrap_or(parameters).as_object() else { return Vec::new() };
    let mut names: Vec<String> = letters.keys().filter_map(|key| Some(key.split_once('.')?.1.to_owned())).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Equation {
    /// Reads what `perennial fit --json` printed, or a bare object of letters and coefficients; a sentence where it cannot be one.
    pub fn from_json<P: Covaried>(json: &Value) -> Result<Self, String> {
        let base = P::from_json(json)?;
        let (given, names) = (json.get("parameters").unwrap_or(json), columns_of(json));
        let mut theta: Vec<f64> = base.values().into_iter().map(libm::log).collect();
        let mut known = Vec::new();
        for moved in P::MOVED {
            for name in &names {
                let key = format!("{}.{name}", P::LETTERS[moved.axis]);
                let value = given.get(&key).ok_or_else(|| format!("no parameter {key}, though {name} moves another letter"))?;
                let number = value.as_f64().filter(|number| number.is_finite());
                theta.push(number.ok_or_else(|| format!("parameter {key} is {value}, allowed are finite numbers"))?);
                known.push(key);
            }
        }
        let keys = given.as_object().into_iter().flat_map(|letters| letters.keys());
        if let Some(key) = keys.filter(|key| key.contains('.')).find(|key| !known.contains(key)) {
            let moved: Vec<_> = P::MOVED.iter().map(|moved| P::LETTERS[moved.axis]).collect();
            return Err(format!(
                "parameter {key} moves no letter of {} that a column can move; these are {}",
                P::MODEL,
                moved.join(", ")
            ));
        }
        Ok(Self { theta, names })
    }

    /// The model of a customer with these covariates.
    fn at<P: Covaried>(&self, z: &[f64], row: usize) -> Result<P, FitError> {
        let letters = letters_at::<4, P>(&self.theta, z);
        if let Some(axis) = letters.iter().position(|letter| !(1.0 / LETTER_MAX..=LETTER_MAX).contains(letter)) {
            let said: Vec<_> = self.names.iter().zip(z).map(|(name, z)| format!("{name} {z}")).collect();
            return Err(FitError::Refused(format!(
                "row {}: {} is {:e} at {}, allowed are covariates like those the model was fitted on; mend the row",
                row + 1,
                P::LETTERS[axis],
                letters[axis],
                said.join(", ")
            )));
        }
        P::from_values(&letters).ok_or_else(|| FitError::Refused(format!("{} has other letters", P::MODEL)))
    }

    /// The three answers for every row. `threads` changes the time it takes and no bit of the result.
    pub(in crate::lifetime) fn predict<P: Covaried>(
        &self,
        table: &Table,
        (rows, horizon): (&[History], f64),
        threads: usize,
    ) -> Result<Table, FitError> {
        let of = Covariates::from_table(table, self.names.clone())?;
        let bits = |row: u32| of.row(row as usize).iter().map(|value| (value + 0.0).to_bits());
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        order.sort_unstable_by(|left, right| bits(*left).cmp(bits(*right)).then(left.cmp(right)));
        let alike: Vec<&[u32]> = order.chunk_by(|left, right| bits(*left).eq(bits(*right))).collect();
        // A refusal names the first bad row of the file, whichever group comes first.
        for (row, _) in rows.iter().enumerate() {
            self.at::<P>(of.row(row), row)?;
        }
        let answers_of = |at: usize| -> Result<Vec<[f64; 3]>, FitError> {
            let group = alike[at];
            let model = self.at::<P>(of.row(group[0] as usize), group[0] as usize)?;
            let seen: Vec<History> = group.iter().map(|row| rows[*row as usize]).collect();
            Ok(forecast::answers(&model, &seen, horizon, 1))
        };
        let parts = chunks::tasks(alike.len(), threads, answers_of);
        let mut answers = vec![[0.0; 3]; rows.len()];
        for (group, part) in alike.iter().zip(parts) {
            for (row, answer) in group.iter().zip(part?) {
                answers[*row as usize] = answer;
            }
        }
        forecast::answered(&answers)
    }
}
