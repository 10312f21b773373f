//! From sorted batches to one customer's rows at a time.

use arrow::array::{
    Array, ArrayRef, ArrowPrimitiveType, AsArray, Date32Array, Int64Array, PrimitiveArray, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use perennial_contract::Entity;

use super::super::FeatureError;
use super::super::store::Rows;
use super::history::History;
use super::products::Numbers;

/// How the rows of one table become part of a history.
pub(super) trait Decode: Sized {
    const ENTITY: Entity;
    /// The columns after `customer_id`.
    fn decode(batch: &RecordBatch) -> Result<Self, FeatureError>;
    fn push(&self, row: usize, history: &mut History, numbers: &mut Numbers);
}

/// What a native group reads of a table.
#[derive(Clone, Copy)]
pub(super) struct Source {
    pub entity: Entity,
    pub columns: &'static [&'static str],
    pub open: fn(Rows) -> Box<dyn Feed>,
}

impl Source {
    pub const fn of<D: Decode + Send + 'static>(columns: &'static [&'static str]) -> Self {
        Self { entity: D::ENTITY, columns, open: |rows| Box::new(Reader::<D>::over(rows)) }
    }
}

/// A table's rows in one bucket, customer by customer.
pub(super) trait Feed: Send {
    /// The customer whose rows come next.
    fn next_customer(&mut self) -> Result<Option<&str>, FeatureError>;
    /// Move the rows of `customer`, if they come next, into the history.
    fn take(&mut self, customer: &str, history: &mut History, numbers: &mut Numbers) -> Result<(), FeatureError>;
}

struct Reader<D> {
    rows: Rows,
    ids: StringArray,
    decoded: Option<D>,
    at: usize,
}

impl<D> Reader<D> {
    fn over(rows: Rows) -> Self {
        Self { rows, ids: StringArray::new_null(0), decoded: None, at: 0 }
    }
}

impl<D: Decode + Send> Feed for Reader<D> {
    fn next_customer(&mut self) -> Result<Option<&str>, FeatureError> {
        loop {
            while self.at < self.ids.len() && self.ids.is_null(self.at) {
                self.at += 1;
            }
            if self.at < self.ids.len() {
                return Ok(Some(self.ids.value(self.at)));
            }
            let Some(batch) = self.rows.next() else { return Ok(None) };
            let batch = batch?;
            self.at = 0;
            self.ids = text(&batch, "customer_id")?;
            self.decoded = (self.ids.null_count() < self.ids.len()).then(|| D::decode(&batch)).transpose()?;
            if self.decoded.is_none() {
                self.at = self.ids.len();
            }
        }
    }

    fn take(&mut self, customer: &str, history: &mut History, numbers: &mut Numbers) -> Result<(), FeatureError> {
        while let Some(next) = self.next_customer()? {
            if next < customer {
                return Err(FeatureError::Rows(format!(
                    "{} is not sorted by customer_id: {next:?} comes after {customer:?}",
                    D::ENTITY
                )));
            }
            if next > customer {
                break;
            }
            let Some(decoded) = &self.decoded else { break };
            while self.at < self.ids.len() && self.ids.is_valid(self.at) && self.ids.value(self.at) == customer {
                decoded.push(self.at, history, numbers);
                self.at += 1;
            }
        }
        Ok(())
    }
}

pub(super) fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, FeatureError> {
    batch.column_by_name(name).ok_or_else(|| FeatureError::Rows(format!("the scan lacks column {name}")))
}

pub(super) fn text(batch: &RecordBatch, name: &str) -> Result<StringArray, FeatureError> {
    Ok(cast(column(batch, name)?, &DataType::Utf8)?.as_string::<i32>().clone())
}

pub(super) fn whole(batch: &RecordBatch, name: &str) -> Result<Int64Array, FeatureError> {
    Ok(cast(column(batch, name)?, &DataType::Int64)?.as_primitive::<Int64Type>().clone())
}

pub(super) fn days(batch: &RecordBatch, name: &str) -> Result<Date32Array, FeatureError> {
    Ok(cast(column(batch, name)?, &DataType::Date32)?.as_primitive::<Date32Type>().clone())
}

pub(super) fn instants(batch: &RecordBatch, name: &str) -> Result<TimestampMicrosecondArray, FeatureError> {
    let instants = column(batch, name)?.as_primitive_opt::<TimestampMicrosecondType>().cloned();
    instants.ok_or_else(|| FeatureError::Rows(format!("{name} is not an instant in microseconds")))
}

pub(super) fn value<T: ArrowPrimitiveType>(array: &PrimitiveArray<T>, row: usize) -> Option<T::Native> {
    array.is_valid(row).then(|| array.value(row))
}
