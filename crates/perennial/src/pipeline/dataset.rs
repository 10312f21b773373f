//! Rows to learn from: features as of past days, with what came after them.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array, BooleanArray};
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::column;
use perennial_contract::{Day, Table};
use perennial_lake::features::{self, OwnFeatures};
use perennial_lake::quality::{Cleaned, CleaningPolicy};

use crate::shop::Shop;

/// Features of customers as of a day, without those the settings leave out.
pub fn features_at(shop: &Shop, at: &Snapshot, as_of: Day, who: &Who) -> Result<Table> {
    let table = features::compute(&cleaned_store(shop), at, as_of, who, &own_features(shop))?;
    cleaned(shop, &table)
}

/// Features and labels as of several days, oldest first; a customer stands in a table when they were active in the look-back.
pub fn labelled(shop: &Shop, at: &Snapshot, cuts: &[Day], window: &Window) -> Result<Vec<Table>> {
    let store = cleaned_store(shop);
    let tables = features::compute_many(&store, at, cuts, &Who::Everyone, &own_features(shop))?;
    let labels = features::labels_many(&store, at, cuts, window.horizon_days, &Who::Everyone)?;
    let mut labelled = Vec::with_capacity(cuts.len());
    for (mut table, labels) in tables.into_iter().zip(labels) {
        for name in [column::LABEL_CHURN, column::LABEL_ORDERS, column::LABEL_SPEND_CENTS] {
            table = table.with(name, labels.column(name)?.clone())?;
        }
        let table = eligible(&cleaned(shop, &table)?, window.look_back_days)?;
        labelled.push(sampled(&table, window.rows_max)?);
    }
    Ok(labelled)
}

/// What a labelled table looks at.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub horizon_days: i32,
    pub look_back_days: i32,
    /// Rows per cut, at most.
    pub rows_max: usize,
}

/// The lake's rows under the shop's cleaning policies.
pub fn cleaned_store(shop: &Shop) -> Cleaned<'_> {
    let cleaning = &shop.settings.cleaning;
    let policy = CleaningPolicy {
        drop_duplicate_lines: cleaning.duplicate_lines == "drop",
        line_cents_max: i64::try_from(cleaning.line_cents_max).ok().filter(|&cents| cents > 0),
    };
    Cleaned { store: &shop.lake, policy, effect: Arc::default() }
}

/// Users' own SQL files stand in the shop's folder under `features/`.
pub fn own_features(shop: &Shop) -> OwnFeatures {
    OwnFeatures { dir: Some(shop.dir.join("features")) }
}

/// Customers who ordered in the look-back.
pub fn eligible(table: &Table, look_back_days: i32) -> Result<Table> {
    let since = table.f64s(column::DAYS_SINCE_LAST_ORDER)?;
    let rows: Vec<u32> = (0..since.len() as u32).filter(|&row| since[row as usize] <= f64::from(look_back_days)).collect();
    if rows.len() == since.len() { Ok(table.clone()) } else { Ok(table.take(&rows)?) }
}

fn cleaned(shop: &Shop, table: &Table) -> Result<Table> {
    let cleaning = &shop.settings.cleaning;
    let mut table = table.clone();
    if !cleaning.drop_customers.is_empty() {
        let ids = table.texts(column::CUSTOMER_ID)?;
        let keep = |row: &u32| !cleaning.drop_customers.iter().any(|id| id == ids.value(*row as usize));
        let rows: Vec<u32> = (0..table.rows() as u32).filter(keep).collect();
        table = table.take(&rows)?;
    }
    if cleaning.fill == "zero" {
        table = zero_filled(&table)?;
    }
    Ok(table)
}

fn zero_filled(table: &Table) -> Result<Table> {
    let mut columns = Vec::new();
    let schema = table.batch().schema();
    for (field, array) in schema.fields().iter().zip(table.batch().columns()) {
        let is_feature = !column::is_reserved(field.name());
        let filled = if is_feature && field.data_type().is_numeric() && array.null_count() > 0 {
            let zero =
                arrow::array::Scalar::new(arrow::compute::cast(&arrow::array::Int64Array::from(vec![0]), field.data_type())?);
            let valid: BooleanArray = arrow::compute::is_not_null(array)?;
            arrow::compute::kernels::zip::zip(&valid, array, &zero)?
        } else {
            Arc::clone(array)
        };
        columns.push((field.name().as_str(), filled));
    }
    Ok(Table::from_columns(columns)?)
}

/// At most `rows_max` rows: those whose customer's hash is smallest, so that the choice is the same in every run and at every cut.
fn sampled(table: &Table, rows_max: usize) -> Result<Table> {
    if table.rows() <= rows_max {
        return Ok(table.clone());
    }
    let ids = table.texts(column::CUSTOMER_ID)?;
    let mut ranked: Vec<(u64, u32)> = (0..table.rows() as u32).map(|row| (hash(ids.value(row as usize)), row)).collect();
    ranked.select_nth_unstable(rows_max);
    let mut rows: Vec<u32> = ranked[..rows_max].iter().map(|&(_, row)| row).collect();
    rows.sort_unstable();
    Ok(table.take(&rows)?)
}

/// FNV-1a, finished with a multiply-shift so that its high bits are mixed.
fn hash(id: &str) -> u64 {
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
