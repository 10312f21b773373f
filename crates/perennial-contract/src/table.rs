//! A thin, typed view on an Arrow `RecordBatch`: columns by name, types checked when asked for.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Float64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Field, Float64Type, Int64Type, Schema};

use crate::Day;

/// Rows with named columns. Cloning is cheap: the columns are shared.
#[derive(Clone, Debug)]
pub struct Table(RecordBatch);

#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("no column {name:?}; the table has {has}")]
    Missing { name: String, has: String },
    #[error("column {name:?} is {is}, expected {expected}")]
    Type { name: String, is: DataType, expected: &'static str },
    #[error(transparent)]
    Arrow(#[from] arrow::error::ArrowError),
}

impl Table {
    #[must_use]
    pub fn new(batch: RecordBatch) -> Self {
        Self(batch)
    }

    /// A table from named columns of equal length.
    pub fn from_columns(columns: Vec<(&str, ArrayRef)>) -> Result<Self, TableError> {
        let fields: Vec<_> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        let arrays = columns.into_iter().map(|(_, array)| array).collect();
        Ok(Self(RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)?))
    }

    /// The same rows with one more column, or with that column replaced where it stands.
    pub fn with(&self, name: &str, array: ArrayRef) -> Result<Self, TableError> {
        let mut columns: Vec<(&str, ArrayRef)> = Vec::with_capacity(self.0.num_columns() + 1);
        let schema = self.0.schema_ref();
        for (field, column) in schema.fields().iter().zip(self.0.columns()) {
            columns.push((field.name(), if field.name() == name { array.clone() } else { column.clone() }));
        }
        if !self.has(name) {
            columns.push((name, array));
        }
        Self::from_columns(columns)
    }

    /// Rows of several tables with the same columns, one after another.
    pub fn concat(tables: &[Self]) -> Result<Self, TableError> {
        let Some(first) = tables.first() else { return Ok(Self(RecordBatch::new_empty(Arc::new(Schema::empty())))) };
        Ok(Self(arrow::compute::concat_batches(first.0.schema_ref(), tables.iter().map(|t| &t.0))?))
    }

    /// The rows at `indices`, in that order.
    pub fn take(&self, indices: &[u32]) -> Result<Self, TableError> {
        let indices = arrow::array::UInt32Array::from(indices.to_vec());
        Ok(Self(arrow::compute::take_record_batch(&self.0, &indices)?))
    }

    #[must_use]
    pub fn slice(&self, offset: usize, rows: usize) -> Self {
        Self(self.0.slice(offset, rows))
    }

    #[must_use]
    pub fn batch(&self) -> &RecordBatch {
        &self.0
    }

    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.num_rows()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.schema_ref().fields().iter().map(|field| field.name().as_str())
    }

    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.column_by_name(name).is_some()
    }

    pub fn column(&self, name: &str) -> Result<&ArrayRef, TableError> {
        self.0
            .column_by_name(name)
            .ok_or_else(|| TableError::Missing { name: name.to_owned(), has: self.names().collect::<Vec<_>>().join(", ") })
    }

    /// A numeric or boolean column as `f64`; null is NaN.
    pub fn f64s(&self, name: &str) -> Result<Vec<f64>, TableError> {
        let column = self.column(name)?;
        if !(column.data_type().is_numeric() || *column.data_type() == DataType::Boolean) {
            return Err(TableError::Type { name: name.to_owned(), is: column.data_type().clone(), expected: "numeric" });
        }
        let floats = cast(column, &DataType::Float64)?;
        let floats: &Float64Array = floats.as_primitive::<Float64Type>();
        Ok(floats.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
    }

    /// A whole-number column; null is an error, because there is no number to stand for it.
    pub fn i64s(&self, name: &str) -> Result<Vec<i64>, TableError> {
        let column = self.column(name)?;
        let wrong = || TableError::Type {
            name: name.to_owned(),
            is: column.data_type().clone(),
            expected: "whole numbers without nulls",
        };
        if !column.data_type().is_integer() || column.null_count() > 0 {
            return Err(wrong());
        }
        Ok(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec())
    }

    /// A text column (plain, view or dictionary).
    pub fn texts(&self, name: &str) -> Result<StringArray, TableError> {
        let column = self.column(name)?;
        let is_text = match column.data_type() {
            DataType::Dictionary(_, values) => values.is_string(),
            other => other.is_string(),
        };
        if !is_text {
            return Err(TableError::Type { name: name.to_owned(), is: column.data_type().clone(), expected: "text" });
        }
        Ok(cast(column, &DataType::Utf8)?.as_string::<i32>().clone())
    }

    pub fn days(&self, name: &str) -> Result<Vec<Option<Day>>, TableError> {
        let column = self.column(name)?;
        let days = column.as_primitive_opt::<Date32Type>().ok_or_else(|| TableError::Type {
            name: name.to_owned(),
            is: column.data_type().clone(),
            expected: "a day",
        })?;
        Ok(days.iter().map(|day| day.map(Day)).collect())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Int64Array;

    use super::*;

    #[test]
    fn columns_are_found_by_name_and_checked_by_type() -> Result<(), TableError> {
        let table = Table::from_columns(vec![
            ("cents", Arc::new(Int64Array::from(vec![Some(5), None]))),
            ("segment", Arc::new(StringArray::from(vec!["a", "b"]))),
        ])?;
        let cents = table.f64s("cents")?;
        assert_eq!(cents[0].to_bits(), 5.0_f64.to_bits());
        assert!(cents[1].is_nan());
        assert!(table.i64s("cents").is_err());
        assert_eq!(table.texts("segment")?.value(1), "b");
        assert!(table.f64s("segment").is_err());
        let message = table.column("spend").map(|_| ()).map_err(|e| e.to_string());
        assert_eq!(message, Err("no column \"spend\"; the table has cents, segment".to_owned()));
        assert_eq!(table.take(&[1, 0])?.texts("segment")?.value(0), "b");
        Ok(())
    }
}
