//! Rows to learn from: features as of past days, with what came after them.

use std::sync::Arc;

use anyhow::Result;
use arrow::array::{Array, BooleanArray};
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::column;
use perennial_contract::{Day, Table};
use perennial_lake::features::sample::rank;
use perennial_lake::features::{self, Ask, OwnFeatures, Store};
use perennial_lake::quality::Cleaned;

use super::leaving::Leaving;
use crate::shop::{Shop, cleaning_policy};

/// Features of customers as of a day, without those the settings leave out.
pub fn features_at(shop: &Shop, at: &Snapshot, as_of: Day, who: &Who) -> Result<Rows> {
    features_in(shop, (&*shop.lake, at), as_of, who)
}

/// The same from a store that may know more than the lake.
pub fn features_in(shop: &Shop, (store, at): (&dyn Store, &Snapshot), as_of: Day, who: &Who) -> Result<Rows> {
    let store = Cleaned::new(store, cleaning_policy(&shop.settings.cleaning));
    let table = features::compute(&store, at, as_of, who, &own_features(shop))?;
    cleaned(shop, &table)
}

/// What the named groups read: the features of orders alone, of everybody as of a day.
pub fn orders_at(shop: &Shop, at: &Snapshot, as_of: Day) -> Result<Table> {
    let (store, own) = (cleaned_store(shop), OwnFeatures::none());
    let ask = Ask { only: &["orders"], ..Ask::new(&store, at, &own) };
    Ok(cleaned(shop, &Table::concat(&ask.tables(&[as_of])?)?)?.table)
}

/// Which rows of an as-of day are learned from.
#[derive(Clone, Copy, Debug)]
pub struct Chosen {
    /// Who is active, and can leave.
    pub leaving: Leaving,
    /// Active customers, at most: those drawn first, the same in every run and as of every day.
    pub rows_max: usize,
}

impl Chosen {
    /// The active customers.
    pub fn active(self, table: &Table) -> Result<Table> {
        let (rows, _) = self.drawn(table)?;
        Ok(table.take(&rows)?)
    }

    /// Everybody drawn no later than the last active customer; those who are not active have no label.
    pub fn everybody(self, table: &Table) -> Result<Table> {
        let (active, last_rank) = self.drawn(table)?;
        let ids = table.texts(column::CUSTOMER_ID)?;
        let rows: Vec<u32> = (0..table.rows() as u32).filter(|&row| rank(ids.value(row as usize)) <= last_rank).collect();
        let mut is_active = vec![false; table.rows()];
        active.iter().for_each(|&row| is_active[row as usize] = true);
        let known: BooleanArray = rows.iter().map(|&row| Some(!is_active[row as usize])).collect();
        let mut table = table.take(&rows)?;
        for name in LABELS {
            let labels = arrow::compute::nullif(table.column(name)?, &known)?;
            table = table.with(name, labels)?;
        }
        Ok(table)
    }

    /// Rows of the active customers that are drawn, and the rank of the last of them.
    fn drawn(self, table: &Table) -> Result<(Vec<u32>, u64)> {
        let eligible = self.leaving.eligible(table)?;
        let ids = table.texts(column::CUSTOMER_ID)?;
        let active = (0..eligible.len() as u32).filter(|&row| eligible[row as usize]);
        let mut ranked: Vec<(u64, u32)> = active.map(|row| (rank(ids.value(row as usize)), row)).collect();
        let mut last_rank = u64::MAX;
        if ranked.len() > self.rows_max {
            ranked.select_nth_unstable(self.rows_max);
            ranked.truncate(self.rows_max);
            last_rank = ranked.iter().map(|&(rank, _)| rank).max().unwrap_or(0);
        }
        let mut rows: Vec<u32> = ranked.into_iter().map(|(_, row)| row).collect();
        rows.sort_unstable();
        Ok((rows, last_rank))
    }
}

const LABELS: [&str; 5] = [
    column::LABEL_CHURN,
    column::LABEL_ORDERS,
    column::LABEL_SPEND_CENTS,
    column::LABEL_NEXT_ORDER_DAYS,
    column::LABEL_SOLD_CENTS,
];

/// The columns that are no labels.
pub fn without_labels(table: &Table) -> Result<Table> {
    let schema = table.batch().schema();
    let kept = schema.fields().iter().zip(table.batch().columns()).filter(|(field, _)| !LABELS.contains(&field.name().as_str()));
    Ok(Table::from_columns(kept.map(|(field, array)| (field.name().as_str(), array.clone())).collect())?)
}

/// The lake's rows under the shop's cleaning policies.
pub fn cleaned_store(shop: &Shop) -> Cleaned<'_> {
    Cleaned::new(&*shop.lake, cleaning_policy(&shop.settings.cleaning))
}

/// Users' own SQL files stand in the shop's folder under `features/`.
pub fn own_features(shop: &Shop) -> OwnFeatures {
    OwnFeatures { dir: Some(shop.dir.join("features")) }
}

/// Features under the cleaning policies, and what the policies changed.
#[derive(Clone, Debug)]
pub struct Rows {
    pub table: Table,
    pub customers_dropped: u64,
    pub cells_filled: u64,
}

/// Without the customers the settings leave out, and filled as they say.
pub fn cleaned(shop: &Shop, table: &Table) -> Result<Rows> {
    let cleaning = &shop.settings.cleaning;
    let mut found = Rows { table: table.clone(), customers_dropped: 0, cells_filled: 0 };
    if !cleaning.drop_customers.is_empty() {
        let ids = table.texts(column::CUSTOMER_ID)?;
        let keep = |row: &u32| !cleaning.drop_customers.iter().any(|id| id == ids.value(*row as usize));
        let rows: Vec<u32> = (0..table.rows() as u32).filter(keep).collect();
        found.customers_dropped = (table.rows() - rows.len()) as u64;
        found.table = table.take(&rows)?;
    }
    if cleaning.fill == "zero" {
        (found.table, found.cells_filled) = zero_filled(&found.table)?;
    }
    Ok(found)
}

/// Numbers without a value as zero, and how many there were.
fn zero_filled(table: &Table) -> Result<(Table, u64)> {
    let mut columns = Vec::new();
    let mut cells = 0;
    let schema = table.batch().schema();
    for (field, array) in schema.fields().iter().zip(table.batch().columns()) {
        let is_feature = !column::is_reserved(field.name());
        let filled = if is_feature && field.data_type().is_numeric() && array.null_count() > 0 {
            cells += array.null_count() as u64;
            let zero =
                arrow::array::Scalar::new(arrow::compute::cast(&arrow::array::Int64Array::from(vec![0]), field.data_type())?);
            let valid: BooleanArray = arrow::compute::is_not_null(array)?;
            arrow::compute::kernels::zip::zip(&valid, array, &zero)?
        } else {
            Arc::clone(array)
        };
        columns.push((field.name().as_str(), filled));
    }
    Ok((Table::from_columns(columns)?, cells))
}
