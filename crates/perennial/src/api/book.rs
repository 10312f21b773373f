//! The score file in memory, as far as lists, filters and groups ask for it.
//!
//! Assumes  `scores.parquet` as `perennial score` and `perennial run` write it, renamed into place.
//! Input    filters, a sort column, a cursor.
//! Output   a page of rows and the cursor of the next; counts by group.
//! Cost     one pass over the rows a request: 1 M customers in about 10 ms; about 100 bytes a customer.
//! Ref      docs/reference/scores.md for the columns.

use std::cmp::Ordering;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use anyhow::{Context as _, Result};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value, json};

use crate::http::{BAD_VALUE, HttpError};

/// What a list shows of a customer.
pub const COLUMNS: [&str; 13] = [
    "customer_id",
    "segment",
    "stage",
    "eligible",
    "p_churn",
    "spend_cents",
    "spend_cents_lo80",
    "spend_cents_hi80",
    "p_alive",
    "next_order_days_q50",
    "days_since_last_order",
    "orders_all",
    "spend_cents_all",
];

/// What a list can be sorted by, besides the id.
pub const SORTS: [&str; 7] =
    ["p_churn", "spend_cents", "p_alive", "next_order_days_q50", "days_since_last_order", "orders_all", "spend_cents_all"];

pub struct Book {
    /// Column by column over all rows, in the file's order: by id.
    rows: RecordBatch,
    pub as_of: String,
    /// Names this state of the file in cursors.
    version: u64,
}

/// The newest book, read again when the file is another one.
#[derive(Default)]
pub struct Shelf(Mutex<Option<(SystemTime, u64, Arc<Book>)>>);

impl Shelf {
    /// `None` before anything was scored.
    pub fn book(&self, path: &Path) -> Result<Option<Arc<Book>>> {
        let Ok(facts) = std::fs::metadata(path) else { return Ok(None) };
        let (at, bytes) = (facts.modified()?, facts.len());
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, _, book)) = kept.as_ref().filter(|(known_at, known, _)| (*known_at, *known) == (at, bytes)) {
            return Ok(Some(book.clone()));
        }
        let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let version = (since.as_nanos() as u64) ^ bytes.rotate_left(32);
        let book = Arc::new(
            Book::read(path, version).with_context(|| format!("{}: score again with `perennial score`", path.display()))?,
        );
        *kept = Some((at, bytes, book.clone()));
        Ok(Some(book))
    }
}

/// Which customers, in which order, from where on.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pub segment: Option<String>,
    pub stage: Option<String>,
    /// Bounds of columns, both inclusive.
    pub bounds: Vec<(&'static str, f64, f64)>,
    /// A column of [`SORTS`] or the id; descending where asked.
    pub sort: Option<&'static str>,
    pub descending: bool,
    pub cursor: Option<String>,
    pub limit: usize,
}

pub struct Page {
    pub customers: Vec<Value>,
    pub next: Option<String>,
    /// All that pass the filters.
    pub count: usize,
}

/// A row's place in the order: its key, then its row.
type Place = (f64, usize);

impl Book {
    fn read(path: &Path, version: u64) -> Result<Self> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
        let as_of = builder.schema().metadata().get("as_of").cloned().unwrap_or_default();
        let mask = ProjectionMask::columns(builder.parquet_schema(), COLUMNS);
        let rows = builder.metadata().file_metadata().num_rows() as usize;
        let reader = builder.with_projection(mask).with_batch_size(rows.max(1)).build()?;
        let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>()?;
        let schema = batches.first().context("the file has no rows")?.schema();
        Ok(Self { rows: arrow::compute::concat_batches(&schema, &batches)?, as_of, version })
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.num_rows()
    }

    /// A number of a row; NaN where there is none.
    fn number(&self, column: &str, row: usize) -> f64 {
        let array = &self.rows[column];
        if array.is_null(row) {
            return f64::NAN;
        }
        match array.data_type() {
            DataType::Int64 => array.as_primitive::<Int64Type>().value(row) as f64,
            DataType::Float64 => array.as_primitive::<Float64Type>().value(row),
            _ => f64::NAN,
        }
    }

    fn text(&self, column: &str, row: usize) -> Option<&str> {
        let array = self.rows[column].as_string_opt::<i32>()?;
        array.is_valid(row).then(|| array.value(row))
    }

    /// One customer as the list shows them.
    #[must_use]
    pub fn row(&self, row: usize) -> Value {
        let mut shown = Map::new();
        for column in COLUMNS {
            let array = &self.rows[column];
            let value = match array.data_type() {
                _ if array.is_null(row) => Value::Null,
                DataType::Utf8 => json!(array.as_string::<i32>().value(row)),
                DataType::Boolean => json!(array.as_boolean().value(row)),
                DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(row)),
                _ => json!(self.number(column, row)),
            };
            shown.insert(column.to_owned(), value);
        }
        Value::Object(shown)
    }

    /// One page of those who pass.
    pub fn page(&self, query: &Query) -> Result<Page, HttpError> {
        let after = query.cursor.as_deref().map(|cursor| self.place_of(cursor)).transpose()?;
        let passes = |row: &usize| {
            query.segment.as_deref().is_none_or(|wanted| self.text("segment", *row) == Some(wanted))
                && query.stage.as_deref().is_none_or(|wanted| self.text("stage", *row) == Some(wanted))
                && query.bounds.iter().all(|&(column, lo, hi)| (lo..=hi).contains(&self.number(column, *row)))
        };
        let order = |a: &Place, b: &Place| compare(*a, *b, query.descending);
        let (mut count, mut places) = (0, Vec::new());
        for row in (0..self.len()).filter(passes) {
            count += 1;
            let place = (query.sort.map_or(0.0, |column| self.number(column, row)), row);
            if after.is_none_or(|after| order(&after, &place) == Ordering::Less) {
                places.push(place);
            }
        }
        let has_more = places.len() > query.limit;
        if has_more {
            places.select_nth_unstable_by(query.limit, order);
            places.truncate(query.limit);
        }
        places.sort_by(order);
        let next =
            places.last().filter(|_| has_more).map(|&(key, row)| format!("{:x}-{:x}-{row:x}", self.version, key.to_bits()));
        Ok(Page { customers: places.into_iter().map(|(_, row)| self.row(row)).collect(), next, count })
    }

    fn place_of(&self, cursor: &str) -> Result<Place, HttpError> {
        let parts: Vec<u64> = cursor.split('-').filter_map(|part| u64::from_str_radix(part, 16).ok()).collect();
        match parts.as_slice() {
            &[version, key, row] if version == self.version => Ok((f64::from_bits(key), row as usize)),
            [_, _, _] => {
                Err(HttpError::new(BAD_VALUE, "cursor belongs to scores that have been renewed since; begin without it"))
            }
            _ => Err(HttpError::new(BAD_VALUE, format!("cursor is {cursor:?}, allowed is `next` of an earlier answer"))),
        }
    }

    /// Customers, eligible ones, mean chance of leaving and expected spend by the words of a column, in the order of the words.
    #[must_use]
    pub fn groups(&self, column: &str) -> Vec<Value> {
        let mut sums: std::collections::BTreeMap<&str, (u64, u64, f64, f64, f64)> = std::collections::BTreeMap::new();
        for row in 0..self.len() {
            let sum = sums.entry(self.text(column, row).unwrap_or("")).or_default();
            sum.0 += 1;
            let (p, spend, spent) =
                (self.number("p_churn", row), self.number("spend_cents", row), self.number("spend_cents_all", row));
            if p.is_finite()
                && self.rows["eligible"].as_boolean_opt().is_some_and(|flags| flags.is_valid(row) && flags.value(row))
            {
                sum.1 += 1;
                sum.2 += p;
            }
            sum.3 += if spend.is_finite() { spend } else { 0.0 };
            sum.4 += if spent.is_finite() { spent } else { 0.0 };
        }
        let shown = |(key, (customers, eligible, p, spend, spent)): (&str, (u64, u64, f64, f64, f64))| {
            json!({
                "key": key, "customers": customers, "eligible": eligible,
                "p_churn_mean": (eligible > 0).then(|| p / eligible as f64),
                "spend_cents": spend.round() as i64, "spend_cents_all": spent.round() as i64,
            })
        };
        sums.into_iter().map(shown).collect()
    }
}

/// By key, those without one last; then by row.
fn compare(a: Place, b: Place, descending: bool) -> Ordering {
    let by_key = match (a.0.is_nan(), b.0.is_nan()) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        (false, true) => Ordering::Less,
        (false, false) if descending => b.0.total_cmp(&a.0),
        (false, false) => a.0.total_cmp(&b.0),
    };
    by_key.then(a.1.cmp(&b.1))
}

#[cfg(test)]
mod tests {
    use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray};

    use super::*;

    fn book(p: &[Option<f64>]) -> Book {
        let rows = p.len();
        let ids: StringArray = (0..rows).map(|row| Some(format!("C{row:02}"))).collect();
        let array = |name: &str| -> ArrayRef {
            match name {
                "customer_id" => Arc::new(ids.clone()),
                "segment" => {
                    Arc::new((0..rows).map(|row| Some(if row % 2 == 0 { "even" } else { "odd" })).collect::<StringArray>())
                }
                "stage" => Arc::new(StringArray::new_null(rows)),
                "eligible" => Arc::new(BooleanArray::from(vec![true; rows])),
                "p_churn" => Arc::new(Float64Array::from(p.to_vec())),
                _ => Arc::new((0..rows as i64).map(|row| Some(row * 100)).collect::<Int64Array>()),
            }
        };
        let columns: Vec<(&str, ArrayRef)> = COLUMNS.iter().map(|name| (*name, array(name))).collect();
        Book { rows: RecordBatch::try_from_iter(columns).unwrap(), as_of: "2026-01-01".to_owned(), version: 7 }
    }

    #[test]
    fn pages_follow_each_other_without_gap_or_repeat() {
        let book = book(&[Some(0.3), None, Some(0.3), Some(0.9), Some(0.1), None, Some(0.3)]);
        for (descending, expected) in [(true, [3, 0, 2, 6, 4, 1, 5]), (false, [4, 0, 2, 6, 3, 1, 5])] {
            let mut query = Query { sort: Some("p_churn"), descending, limit: 2, ..Query::default() };
            let mut seen = Vec::new();
            loop {
                let page = book.page(&query).unwrap();
                assert_eq!(page.count, 7);
                seen.extend(page.customers.iter().map(|row| row["customer_id"].as_str().unwrap().to_owned()));
                let Some(next) = page.next else { break };
                query.cursor = Some(next);
            }
            assert_eq!(seen, expected.map(|row| format!("C{row:02}")));
        }
    }

    #[test]
    fn filters_and_foreign_cursors() {
        let book = book(&[Some(0.3), Some(0.8), Some(0.5), None]);
        let odd = Query { segment: Some("odd".to_owned()), bounds: vec![("p_churn", 0.0, 1.0)], limit: 9, ..Query::default() };
        let page = book.page(&odd).unwrap();
        assert_eq!((page.count, page.customers[0]["customer_id"].as_str()), (1, Some("C01")));
        for cursor in ["8-0-0", "nonsense"] {
            assert_eq!(
                book.page(&Query { cursor: Some(cursor.to_owned()), ..odd.clone() }).err().map(|e| e.kind),
                Some(BAD_VALUE)
            );
        }
        assert_eq!(book.groups("segment")[1]["customers"], 2);
    }
}
