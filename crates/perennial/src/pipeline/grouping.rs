//! How well apart and how stable the groups of a segmentation are.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};
use perennial_contract::Table;
use perennial_contract::estimator::{Model, Run, column};
use perennial_learn::catalog::Entry;
use perennial_learn::learner::encode::{Encoder, Skew};
use perennial_learn::metric::cluster;
use serde_json::Value;

/// Customers the stability is measured on, and resamples of them.
const ROWS_MAX: usize = 2_000;
const DRAWS: usize = 10;

/// `silhouette` and `stability`: the model's own where it chose its groups by them, else measured in the space of recency, spend and count.
pub fn measure(entry: &Entry, model: &dyn Model, today: &Table, run: &Run) -> Result<BTreeMap<&'static str, f64>> {
    if let Some(own) = chosen_by_itself(&model.to_json()) {
        return Ok(own);
    }
    let rows = cluster::sample(today.rows(), ROWS_MAX.min(today.rows()), run.seed);
    let rows: Vec<u32> = rows.into_iter().map(|row| row as u32).collect();
    let sample = today.take(&rows)?;
    let names = [column::DAYS_SINCE_LAST_ORDER, column::ORDERS, column::SPEND_CENTS].map(str::to_owned);
    let points = Encoder::fit(&sample, &names, Skew::Log)?.encode(&sample)?;
    let mut measured = BTreeMap::new();
    if let Some(silhouette) = cluster::silhouette(&points, &labels(model, &sample)?, run.seed) {
        measured.insert("silhouette", silhouette);
    }
    let refit = |drawn: &[usize]| -> Result<Vec<u32>> {
        let drawn: Vec<u32> = drawn.iter().map(|&row| row as u32).collect();
        let refitted = (entry.fit)(&Value::Null, &sample.take(&drawn)?, run).map_err(|error| anyhow!("{error}"))?;
        labels(refitted.model.as_ref(), &sample)
    };
    // A resample that cannot be grouped agrees with nothing.
    let stability =
        cluster::stability(sample.rows(), DRAWS, run.seed, |drawn| refit(drawn).unwrap_or_else(|_| vec![0; sample.rows()]));
    measured.extend(stability.map(|stability| ("stability", stability)));
    Ok(measured)
}

/// The choice a model made among numbers of groups, if it made one.
fn chosen_by_itself(model: &Value) -> Option<BTreeMap<&'static str, f64>> {
    let groups = model["profiles"].as_array()?.len() as u64;
    let choice = model["choices"].as_array()?.iter().find(|choice| choice["k"].as_u64() == Some(groups))?;
    Some(BTreeMap::from([("silhouette", choice["silhouette"].as_f64()?), ("stability", choice["stability"].as_f64()?)]))
}

/// Groups as numbers, in order of their names.
fn labels(model: &dyn Model, rows: &Table) -> Result<Vec<u32>> {
    let groups = model.scorer().score(rows)?.texts(column::SEGMENT)?;
    let mut names: Vec<&str> = groups.iter().flatten().collect();
    names.sort_unstable();
    names.dedup();
    let number = |name: &str| names.binary_search(&name).unwrap_or(0) as u32;
    Ok(groups.iter().map(|name| number(name.unwrap_or_default())).collect())
}
