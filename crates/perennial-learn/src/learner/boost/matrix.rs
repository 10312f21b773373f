//! What the booster reads: columns of numbers and of categories, with the dictionary learned on the training rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::Array;
use perennial_contract::arrow::datatypes::DataType;
use perennial_contract::estimator::{FitError, column};
use perennial_contract::table::TableError;
use serde::{Deserialize, Serialize};

/// Categories kept by name; two more codes stand for "any other" and "missing", so that a code fits a byte.
pub const CATEGORIES_MAX: usize = 253;
/// A category seen on fewer training rows than this is "any other": so that group, which also takes every unseen category, is learned.
const CATEGORY_ROWS_MIN: u64 = 10;

/// What one column holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Number,
    /// The kept categories; the place of a text here is its code.
    Category(Vec<String>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    pub name: String,
    pub kind: Kind,
}

/// The columns a booster was fitted on, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Schema {
    pub features: Vec<Feature>,
}

/// Values of one column, one per row.
#[derive(Clone, Debug)]
pub enum Column {
    /// NaN is missing. Infinite values count as the largest finite ones.
    Number(Vec<f32>),
    /// With `k` kept categories: `0..k` a category, `k` any other, `k + 1` missing.
    Category(Vec<u8>),
}

/// Rows as columns; cloning is cheap.
#[derive(Clone, Debug)]
pub struct Matrix {
    schema: Arc<Schema>,
    columns: Arc<Vec<Column>>,
    rows: usize,
}

impl Kind {
    /// The code of a missing category, and the largest of all.
    #[must_use]
    pub fn missing_code(&self) -> u8 {
        match self {
            Self::Number => u8::MAX,
            Self::Category(kept) => (kept.len().min(CATEGORIES_MAX) + 1) as u8,
        }
    }
}

impl Schema {
    /// Features without a dictionary, for data that is numbers only.
    #[must_use]
    pub fn numbers(names: &[&str]) -> Self {
        Self { features: names.iter().map(|name| Feature { name: (*name).to_owned(), kind: Kind::Number }).collect() }
    }

    /// Every column of `table` that is a feature, in the table's order.
    #[must_use]
    pub fn feature_names(table: &Table) -> Vec<String> {
        table.names().filter(|name| !column::is_reserved(name)).map(str::to_owned).collect()
    }

    /// Reads the kinds of the named columns and, for texts, which categories there are.
    pub fn learn(table: &Table, names: &[String]) -> Result<Self, TableError> {
        let features = names.iter().map(|name| Ok(Feature { name: name.clone(), kind: learn_kind(table, name)? }));
        Ok(Self { features: features.collect::<Result<_, TableError>>()? })
    }
}

fn learn_kind(table: &Table, name: &str) -> Result<Kind, TableError> {
    let data_type = table.column(name)?.data_type().clone();
    if data_type.is_numeric() || data_type == DataType::Boolean {
        return Ok(Kind::Number);
    }
    let texts = table.texts(name).map_err(|error| match error {
        TableError::Type { name, is, .. } => TableError::Type { name, is, expected: "numeric, boolean or text" },
        other => other,
    })?;
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    for text in texts.iter().flatten() {
        *rows.entry(text).or_default() += 1;
    }
    let mut kept: Vec<(&str, u64)> = rows.into_iter().filter(|(_, rows)| *rows >= CATEGORY_ROWS_MIN).collect();
    // The map is sorted by text and this sort is stable, so equally frequent categories stay in that order.
    kept.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
    kept.truncate(CATEGORIES_MAX);
    Ok(Kind::Category(kept.into_iter().map(|(text, _)| text.to_owned()).collect()))
}

impl Matrix {
    /// Columns in the order of `schema.features`.
    pub fn new(schema: Schema, mut columns: Vec<Column>) -> Result<Self, FitError> {
        if columns.len() != schema.features.len() {
            let (has, wants) = (columns.len(), schema.features.len());
            return Err(FitError::Refused(format!("{has} columns for {wants} features; give one column for each feature")));
        }
        let rows = columns.first().map_or(0, Column::rows);
        for (feature, column) in schema.features.iter().zip(&mut columns) {
            if column.rows() != rows {
                let (name, has) = (&feature.name, column.rows());
                return Err(FitError::Refused(format!(
                    "column {name:?} has {has} rows, the first has {rows}; give equal lengths"
                )));
            }
            match (&feature.kind, column) {
                (Kind::Number, Column::Number(values)) => values.iter_mut().for_each(|value| *value = finite(*value)),
                (Kind::Category(kept), Column::Category(codes)) => {
                    let highest = feature.kind.missing_code();
                    if kept.len() > CATEGORIES_MAX || codes.iter().any(|code| *code > highest) {
                        let name = &feature.name;
                        return Err(FitError::Refused(format!("column {name:?} has a category code above {highest}")));
                    }
                }
                _ => {
                    let name = &feature.name;
                    return Err(FitError::Refused(format!("column {name:?} is not of the kind the schema says")));
                }
            }
        }
        Ok(Self { schema: Arc::new(schema), columns: Arc::new(columns), rows })
    }

    /// The rows of `table` under `schema`; a category the schema does not know becomes "any other".
    pub fn from_table(table: &Table, schema: &Arc<Schema>) -> Result<Self, TableError> {
        let columns = schema.features.iter().map(|feature| read(table, feature)).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { schema: Arc::clone(schema), columns: Arc::new(columns), rows: table.rows() })
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    #[must_use]
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
}

impl Column {
    #[must_use]
    pub fn rows(&self) -> usize {
        match self {
            Self::Number(values) => values.len(),
            Self::Category(codes) => codes.len(),
        }
    }
}

fn read(table: &Table, feature: &Feature) -> Result<Column, TableError> {
    match &feature.kind {
        Kind::Number => Ok(Column::Number(table.f64s(&feature.name)?.into_iter().map(|value| finite(value as f32)).collect())),
        Kind::Category(kept) => {
            let codes: BTreeMap<&str, u8> = kept.iter().zip(0_u8..).map(|(text, code)| (text.as_str(), code)).collect();
            let (other, missing) = (feature.kind.missing_code() - 1, feature.kind.missing_code());
            let texts = table.texts(&feature.name)?;
            let code = |text: Option<&str>| text.map_or(missing, |text| codes.get(text).copied().unwrap_or(other));
            Ok(Column::Category(texts.iter().map(code).collect()))
        }
    }
}

/// Thresholds are finite, so that the model file is plain JSON; an infinite value must still fall on its own side.
fn finite(value: f32) -> f32 {
    // `clamp` passes NaN through.
    value.clamp(f32::MIN, f32::MAX)
}
