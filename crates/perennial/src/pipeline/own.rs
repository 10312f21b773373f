//! A model and the shop's own feature files it has learned from belong together: with other files it would answer about something else.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use perennial_contract::estimator::{Model, column};
use perennial_lake::features;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::dataset::own_features;
use super::score::Champion;
use crate::shop::Shop;

/// Name and hash of every own file, where the model reads a column that no built-in group gives; null elsewhere.
pub fn facts(shop: &Shop, model: &dyn Model) -> Result<Value> {
    Ok(if columns(model)?.is_empty() { Value::Null } else { json!(hashes(shop)?) })
}

/// Refuse to answer with files that are not those the model has learned from.
pub fn check(shop: &Shop, champion: &Champion) -> Result<()> {
    let columns = columns(champion.model.as_ref())?;
    let (known, row) = (&champion.row.metrics["own_features"], &champion.row);
    if columns.is_empty() || known.is_null() {
        return Ok(());
    }
    let now = hashes(shop)?;
    let learned: BTreeMap<String, String> = serde_json::from_value(known.clone()).unwrap_or_default();
    let other: Vec<&str> =
        learned.iter().filter(|(file, hash)| now.get(*file) != Some(hash)).map(|(file, _)| file.as_str()).collect();
    if other.is_empty() {
        return Ok(());
    }
    let (task, name, version) = (row.task, &row.name, row.version);
    bail!(
        "{task} is answered by {name} v{version}, which reads the shop's own features {}; since it was trained features/{} changed or went \
         away: put it back, train again and promote (`perennial run`), or promote a model that does not read them",
        columns.join(", "),
        other.join(", features/")
    )
}

/// The columns of a model that no built-in group gives.
fn columns(model: &dyn Model) -> Result<Vec<String>> {
    let mut own = Vec::new();
    for name in model.needs() {
        if !features::is_built_in(name)? && name != column::CHURN_WINDOW_DAYS {
            own.push(name.clone());
        }
    }
    Ok(own)
}

fn hashes(shop: &Shop) -> Result<BTreeMap<String, String>> {
    let hash = |sql: &str| Sha256::digest(sql.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    Ok(own_features(shop).groups()?.iter().map(|group| (format!("{}.sql", group.name), hash(&group.sql))).collect())
}
