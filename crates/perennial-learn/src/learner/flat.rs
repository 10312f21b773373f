//! A learner of the catalogue on a flat file, as `perennial fit` prints it.

use perennial_contract::Table;
use perennial_contract::estimator::{FitError, FitSummary, Run, Task, column};
use serde_json::{Map, Value, json};

use crate::catalog::Entry;
use crate::metric::{Forecast, measure_churn, measure_value};

/// The columns that a fit on a flat file must name; every other column is a feature.
#[must_use]
pub fn columns(entry: &Entry) -> Vec<&'static str> {
    entry.needs.iter().copied().chain(entry.label().filter(|label| !entry.needs.contains(label))).collect()
}

/// Fit on every row. The metrics are those of the same rows, so they flatter, and say so.
pub fn fit(entry: &Entry, rows: &Table, run: &Run) -> Result<FitSummary, FitError> {
    let model = (entry.fit)(&Value::Null, rows, run)?.model;
    let scores = model.scorer().score(rows)?;
    let (metrics, log_likelihood) = match entry.task {
        Task::Churn => {
            let churned: Vec<bool> = rows.f64s(column::LABEL_CHURN)?.into_iter().map(|label| label > 0.5).collect();
            let metrics = json!(measure_churn(&churned, &scores.f64s(column::P_CHURN)?));
            let log_likelihood = metrics["log_loss"].as_f64().map_or(f64::NAN, |loss| -loss * churned.len() as f64);
            (metrics, log_likelihood)
        }
        Task::Value => {
            let [spend, lo80, hi80] = [column::SPEND, column::SPEND_LO80, column::SPEND_HI80].map(|name| scores.f64s(name));
            let (spend, lo80, hi80) = (spend?, lo80?, hi80?);
            let forecast = Forecast { spend: &spend, lo80: &lo80, hi80: &hi80 };
            (json!(measure_value(&rows.f64s(column::LABEL_SPEND_CENTS)?, forecast)), f64::NAN)
        }
        Task::Segment => (groups(&scores)?, f64::NAN),
        Task::Outlook => (Value::Null, f64::NAN),
    };
    let told = model.summary();
    let (parameters, standard_errors) = told.map(|told| (told.parameters, told.standard_errors)).unwrap_or_default();
    let mut extra = Map::new();
    extra.insert("metrics_of_the_rows_fitted_on".to_owned(), metrics);
    extra.insert("reads".to_owned(), json!(model.needs()));
    Ok(FitSummary { model: entry.name.to_owned(), parameters, standard_errors, log_likelihood, rows: rows.rows(), extra })
}

/// How many rows each group has.
fn groups(scores: &Table) -> Result<Value, FitError> {
    let mut counts: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for key in scores.texts(column::SEGMENT)?.iter().flatten() {
        *counts.entry(key.to_owned()).or_default() += 1;
    }
    Ok(json!(counts))
}
