//! Where a row lies: its bucket, and its place within the bucket.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Int64Type, TimestampMicrosecondType};
use perennial_contract::Entity;

use crate::lake::LakeError;
use crate::table::hash::hash;

/// Buckets of customers in a table with `customer_id`; one more, the last, holds rows of guests.
/// Enough for two threads to share evenly and few enough that a small shop is not all file headers.
pub(crate) const CUSTOMER_BUCKETS: u32 = 16;

/// How many buckets a table has.
pub(crate) fn buckets(entity: Entity) -> u32 {
    if entity.has_customer() { CUSTOMER_BUCKETS + 1 } else { 1 }
}

/// The bucket of a customer, the same in every table and for ever.
pub(crate) fn bucket_of(customer_id: &str) -> u32 {
    // Bits from the middle, because maps keyed by the same hash use both ends.
    ((hash(customer_id.as_bytes(), 0) >> 32) as u32) % CUSTOMER_BUCKETS
}

/// Names of the columns rows are sorted by: customer, time, key.
pub(crate) fn sort_columns(entity: Entity) -> Vec<&'static str> {
    let customer = entity.has_customer().then_some("customer_id");
    let mut names: Vec<_> = customer.into_iter().chain(entity.time()).collect();
    for &key in entity.key() {
        if !names.contains(&key) {
            names.push(key);
        }
    }
    names
}

enum KeyColumn {
    Text(StringArray),
    Number(ScalarBuffer<i64>),
}

/// The sort columns of a batch, ready to compare rows.
pub(crate) struct SortKeys(Vec<KeyColumn>);

impl SortKeys {
    /// Sort keys of a batch. Columns of [`perennial_contract::entity::ORIGIN`] that a batch on its way in does not have yet are equal for all its rows.
    pub(crate) fn of(entity: Entity, batch: &RecordBatch) -> Result<Self, LakeError> {
        let mut columns = Vec::new();
        for name in sort_columns(entity) {
            let Some(column) = batch.column_by_name(name) else { continue };
            columns.push(match column.data_type() {
                DataType::Utf8 => KeyColumn::Text(column.as_string::<i32>().clone()),
                DataType::Int64 => KeyColumn::Number(column.as_primitive::<Int64Type>().values().clone()),
                DataType::Timestamp(..) => KeyColumn::Number(column.as_primitive::<TimestampMicrosecondType>().values().clone()),
                other => {
                    return Err(LakeError::Rows { entity, problem: format!("column {name:?} is {other}, which has no order") });
                }
            });
        }
        Ok(Self(columns))
    }

    /// Order of row `i` here and row `j` of `other`; an absent customer comes first.
    pub(crate) fn compare(&self, i: usize, other: &Self, j: usize) -> Ordering {
        self.compare_from(0, i, (other, j))
    }

    /// The same without the first `skip` sort columns.
    pub(crate) fn compare_from(&self, skip: usize, i: usize, (other, j): (&Self, usize)) -> Ordering {
        for (mine, theirs) in self.0.iter().zip(&other.0).skip(skip) {
            let order = match (mine, theirs) {
                (KeyColumn::Text(a), KeyColumn::Text(b)) => compare_texts(a, i, b, j),
                (KeyColumn::Number(a), KeyColumn::Number(b)) => a[i].cmp(&b[j]),
                (KeyColumn::Text(_), KeyColumn::Number(_)) => Ordering::Less,
                (KeyColumn::Number(_), KeyColumn::Text(_)) => Ordering::Greater,
            };
            if order != Ordering::Equal {
                return order;
            }
        }
        Ordering::Equal
    }
}

fn compare_texts(a: &StringArray, i: usize, b: &StringArray, j: usize) -> Ordering {
    match (a.is_null(i), b.is_null(j)) {
        (false, false) => a.value(i).as_bytes().cmp(b.value(j).as_bytes()),
        (x, y) => y.cmp(&x),
    }
}
