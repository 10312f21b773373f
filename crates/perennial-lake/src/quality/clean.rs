//! Cleaning policies between the lake and the features. The lake keeps what the files said; what is learned sees the cleaned lines.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Int64Type};
use perennial_contract::engine::{AsOf, Engine, EngineError, Snapshot, Who};
use perennial_contract::entity::ORIGIN;
use perennial_contract::{Entity, Table};
use serde::Serialize;

use crate::features::{FeatureError, Rows, Store};
use crate::table::hash::{hash, mix};

/// What to do with order lines before features are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CleaningPolicy {
    /// Drop a line that repeats another line of the same order in everything but its number.
    pub drop_duplicate_lines: bool,
    /// Winsorise: a line above this counts as this, minor units.
    pub line_cents_max: Option<i64>,
}

/// Order lines of a snapshot that the policies touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CleaningEffect {
    pub lines_dropped: u64,
    pub lines_capped: u64,
}

/// Lines touched so far, on any thread.
#[derive(Debug, Default)]
struct Touched {
    dropped: AtomicU64,
    capped: AtomicU64,
}

/// A store whose order lines are cleaned on the way, for the one-pass features and for SQL alike.
pub struct Cleaned<'a> {
    store: &'a dyn Store,
    policy: CleaningPolicy,
    engine: CleanedEngine<'a>,
    touched: Arc<Touched>,
}

impl<'a> Cleaned<'a> {
    #[must_use]
    pub fn new(store: &'a dyn Store, policy: CleaningPolicy) -> Self {
        Self { store, policy, engine: CleanedEngine { inner: store.engine(), policy }, touched: Arc::default() }
    }

    /// What the policies do to a snapshot: one pass over its order lines, none where nothing is asked for.
    pub fn effect(store: &'a dyn Store, at: &Snapshot, policy: CleaningPolicy) -> Result<CleaningEffect, FeatureError> {
        let cleaned = Self::new(store, policy);
        if policy != CleaningPolicy::default() {
            for bucket in cleaned.scan(at, Entity::OrderItems, &SAME, &Who::Everyone)? {
                for batch in bucket {
                    batch?;
                }
            }
        }
        let count = |touched: &AtomicU64| touched.load(Ordering::Relaxed);
        Ok(CleaningEffect { lines_dropped: count(&cleaned.touched.dropped), lines_capped: count(&cleaned.touched.capped) })
    }
}

/// SQL that reads `order_items` reads the cleaned lines: the name is bound to them in front of the query.
struct CleanedEngine<'a> {
    inner: &'a dyn Engine,
    policy: CleaningPolicy,
}

impl CleanedEngine<'_> {
    /// `order_items` under the policies, as a query over the table of that name.
    fn lines(&self) -> String {
        let names = Entity::OrderItems.columns().iter().chain(ORIGIN).map(|column| column.name);
        let column = |name: &str| match self.policy.line_cents_max {
            Some(cents) if name == "total_cents" => format!("LEAST(total_cents, {cents}) AS total_cents"),
            _ => name.to_owned(),
        };
        let columns = names.map(column).collect::<Vec<_>>().join(", ");
        if !self.policy.drop_duplicate_lines {
            return format!("SELECT {columns} FROM order_items");
        }
        let same = SAME.join(", ");
        format!(
            "SELECT {columns} FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY {same} ORDER BY line_no) AS same_line_no FROM order_items) \
             WHERE same_line_no = 1"
        )
    }
}

impl Engine for CleanedEngine<'_> {
    fn query(&self, snapshot: &Snapshot, sql: &str, as_of: Option<AsOf>, who: &Who) -> Result<Table, EngineError> {
        if self.policy == CleaningPolicy::default() || !sql.contains("order_items") {
            return self.inner.query(snapshot, sql, as_of, who);
        }
        let sql = sql.trim_start();
        let bound = format!("WITH order_items AS ({})", self.lines());
        let sql = match sql.get(..4).filter(|word| word.eq_ignore_ascii_case("with")) {
            Some(_) => format!("{bound}, {}", &sql[4..]),
            None => format!("{bound} {sql}"),
        };
        self.inner.query(snapshot, &sql, as_of, who)
    }
}

/// What makes two lines of an order the same.
const SAME: [&str; 7] = ["order_id", "ordered_at", "product_id", "kind", "quantity", "unit_price_cents", "total_cents"];

impl Store for Cleaned<'_> {
    fn engine(&self) -> &dyn Engine {
        &self.engine
    }

    fn zone(&self) -> &str {
        self.store.zone()
    }

    fn rows(&self, at: &Snapshot, entity: Entity) -> Result<u64, FeatureError> {
        self.store.rows(at, entity)
    }

    fn scan(&self, at: &Snapshot, entity: Entity, columns: &[&str], who: &Who) -> Result<Vec<Rows>, FeatureError> {
        if entity != Entity::OrderItems || self.policy == CleaningPolicy::default() {
            return self.store.scan(at, entity, columns, who);
        }
        let mut wanted: Vec<&str> = columns.to_vec();
        wanted.extend(SAME.iter().filter(|name| !columns.contains(name)));
        let buckets = self.store.scan(at, entity, &wanted, who)?;
        let clean = |rows: Rows| -> Rows {
            let mut cleaner =
                Cleaner { policy: self.policy, touched: Arc::clone(&self.touched), order: String::new(), seen: HashSet::new() };
            let kept: Vec<usize> = (0..columns.len()).collect();
            Box::new(rows.map(move |batch| Ok(cleaner.clean(&batch?)?.project(&kept)?)))
        };
        Ok(buckets.into_iter().map(clean).collect())
    }
}

/// The state of one bucket: rows come sorted, so an order's lines lie together.
struct Cleaner {
    policy: CleaningPolicy,
    touched: Arc<Touched>,
    order: String,
    seen: HashSet<u64>,
}

impl Cleaner {
    fn clean(&mut self, batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
        let batch = if self.policy.drop_duplicate_lines { self.without_duplicates(batch)? } else { batch.clone() };
        match self.policy.line_cents_max {
            Some(cents) => self.capped(&batch, cents),
            None => Ok(batch),
        }
    }

    fn without_duplicates(&mut self, batch: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
        let orders = batch["order_id"].as_string::<i32>();
        let mut line_hashes = vec![0_u64; batch.num_rows()];
        for name in SAME {
            for (line, cell) in line_hashes.iter_mut().zip(words(&batch[name])?) {
                *line = mix(*line, cell);
            }
        }
        let mut keep = Vec::with_capacity(batch.num_rows());
        for (row, line) in line_hashes.into_iter().enumerate() {
            if self.order != orders.value(row) {
                orders.value(row).clone_into(&mut self.order);
                self.seen.clear();
            }
            keep.push(self.seen.insert(line));
        }
        let dropped = keep.iter().filter(|&&keep| !keep).count();
        self.touched.dropped.fetch_add(dropped as u64, Ordering::Relaxed);
        arrow::compute::filter_record_batch(batch, &BooleanArray::from(keep))
    }

    fn capped(&self, batch: &RecordBatch, cents_max: i64) -> Result<RecordBatch, arrow::error::ArrowError> {
        let totals = batch["total_cents"].as_primitive::<Int64Type>();
        let above = totals.values().iter().filter(|&&cents| cents > cents_max).count();
        if above == 0 {
            return Ok(batch.clone());
        }
        self.touched.capped.fetch_add(above as u64, Ordering::Relaxed);
        let capped: Int64Array = totals.values().iter().map(|&cents| Some(cents.min(cents_max))).collect();
        let position = batch.schema().index_of("total_cents")?;
        let mut columns = batch.columns().to_vec();
        columns[position] = Arc::new(capped);
        RecordBatch::try_new(batch.schema(), columns)
    }
}

/// One word a cell.
fn words(array: &ArrayRef) -> Result<Vec<u64>, arrow::error::ArrowError> {
    if let Some(texts) = array.as_string_opt::<i32>() {
        return Ok((0..texts.len()).map(|row| hash(texts.value(row).as_bytes(), 13)).collect());
    }
    let numbers = arrow::compute::cast(array, &DataType::Int64)?;
    Ok(numbers.as_primitive::<Int64Type>().values().iter().map(|&number| number as u64).collect())
}
