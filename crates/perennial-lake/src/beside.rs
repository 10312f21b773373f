//! The lake together with rows that are on their way into it: what answers about a customer whose last click has not been moved yet.
//!
//! Assumes  no waiting row has the key of a row of the snapshot: [`Waiting`] has left those out.
//! Input    a lake, a snapshot, and the rows that wait.
//! Output   the rows and the answers that the lake would give had the rows been imported, in the same order.
//! Cost     what the lake asks for, and the waiting rows of the tables and people that are asked about.
//! Ref      ARCHITECTURE.md, "One event's walk"; [`crate::table::order`] for the order of rows.

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch, interleave_record_batch};
use perennial_contract::engine::{AsOf, Engine, EngineError, Snapshot, Who};
use perennial_contract::{Entity, Table};

use crate::features::{FeatureError, Rows, Store};
use crate::lake::{Lake, LakeError};
use crate::table::merge;
use crate::table::order::{CUSTOMER_BUCKETS, SortKeys, bucket_of, buckets, sort_columns};

/// Rows that are not in the lake yet.
pub trait Waiting: Sync {
    /// How many rows of a table wait.
    fn rows(&self, entity: Entity) -> u64;
    /// The rows of `who`, schema [`Entity::schema`], in any order; tables without customers have them all.
    fn of(&self, entity: Entity, who: &Who) -> Result<Vec<RecordBatch>, LakeError>;
}

/// Nothing waits.
pub(crate) struct Nothing;

impl Waiting for Nothing {
    fn rows(&self, _: Entity) -> u64 {
        0
    }

    fn of(&self, _: Entity, _: &Who) -> Result<Vec<RecordBatch>, LakeError> {
        Ok(Vec::new())
    }
}

/// The waiting rows of `who`, as one batch in the order of a bucket; nothing where there are none.
pub(crate) fn in_order(waiting: &dyn Waiting, entity: Entity, who: &Who) -> Result<Option<RecordBatch>, LakeError> {
    let batches = waiting.of(entity, who)?;
    if batches.iter().all(|rows| rows.num_rows() == 0) {
        return Ok(None);
    }
    let wrong = |error: arrow::error::ArrowError| LakeError::Rows { entity, problem: error.to_string() };
    let all = concat_batches(&entity.schema(), &batches).map_err(wrong)?;
    let keys = SortKeys::of(entity, &all)?;
    let mut order: Vec<(usize, usize)> = (0..all.num_rows()).map(|row| (0, row)).collect();
    order.sort_by(|a, b| keys.compare(a.1, &keys, b.1));
    interleave_record_batch(&[&all], &order).map(Some).map_err(wrong)
}

/// A lake at a snapshot, and the rows beside it.
pub struct Beside<'a> {
    lake: &'a Lake,
    at: Snapshot,
    waiting: Box<dyn Waiting + Send + 'a>,
}

impl<'a> Beside<'a> {
    #[must_use]
    pub fn new(lake: &'a Lake, at: Snapshot, waiting: impl Waiting + Send + 'a) -> Self {
        Self { lake, at, waiting: Box::new(waiting) }
    }

    /// The snapshot that the waiting rows go with; about another one there is no answer.
    #[must_use]
    pub fn at(&self) -> &Snapshot {
        &self.at
    }

    fn check(&self, at: &Snapshot) -> Result<(), String> {
        if *at == self.at { Ok(()) } else { Err("the rows that wait belong to another snapshot; ask about `at()`".to_owned()) }
    }

    fn scan_both(&self, entity: Entity, columns: &[&str], who: &Who) -> Result<Vec<merge::Rows>, LakeError> {
        let Some(waiting) = in_order(self.waiting.as_ref(), entity, who)? else {
            let scans = self.lake.scan(&self.at, entity, columns, who)?;
            return Ok(scans.into_iter().map(|scan| Box::new(scan) as merge::Rows).collect());
        };
        let wrong = move |error: arrow::error::ArrowError| LakeError::Rows { entity, problem: error.to_string() };
        let mut wide: Vec<&str> = columns.to_vec();
        wide.extend(sort_columns(entity).into_iter().filter(|name| !columns.contains(name)));
        let scans = self.lake.scan(&self.at, entity, &wide, who)?;
        let order: Vec<usize> =
            wide.iter().map(|name| waiting.schema().index_of(name)).collect::<Result<_, _>>().map_err(wrong)?;
        let waiting = waiting.project(&order).map_err(wrong)?;
        let kept: Vec<usize> = (0..columns.len()).collect();
        let one = match who {
            Who::One(customer) if entity.has_customer() => Some(bucket_of(customer)),
            _ => None,
        };
        let numbers = one.map_or_else(|| (0..buckets(entity)).collect(), |bucket| vec![bucket]);
        let mut both = Vec::with_capacity(scans.len());
        for (scan, bucket) in scans.into_iter().zip(numbers) {
            let theirs = of_bucket(entity, &waiting, bucket).map_err(wrong)?;
            let streams: Vec<merge::Rows> = vec![Box::new(scan), Box::new(std::iter::once(Ok(theirs)))];
            let kept = kept.clone();
            let merged = merge::merge(entity, streams).map(move |batch| batch?.project(&kept).map_err(wrong));
            both.push(Box::new(merged) as merge::Rows);
        }
        Ok(both)
    }
}

/// The rows of sorted rows that lie in a bucket.
fn of_bucket(entity: Entity, rows: &RecordBatch, bucket: u32) -> Result<RecordBatch, arrow::error::ArrowError> {
    if !entity.has_customer() {
        return Ok(rows.clone());
    }
    let ids = rows["customer_id"].as_string::<i32>();
    let lies = |row: usize| if ids.is_null(row) { CUSTOMER_BUCKETS } else { bucket_of(ids.value(row)) };
    let mask: BooleanArray = (0..rows.num_rows()).map(|row| Some(lies(row) == bucket)).collect();
    filter_record_batch(rows, &mask)
}

impl Engine for Beside<'_> {
    fn query(&self, snapshot: &Snapshot, sql: &str, as_of: Option<AsOf>, who: &Who) -> Result<Table, EngineError> {
        self.check(snapshot).map_err(EngineError::Storage)?;
        self.lake.engine().query_beside(snapshot, sql, (as_of, who), self.waiting.as_ref())
    }
}

impl Store for Beside<'_> {
    fn engine(&self) -> &dyn Engine {
        self
    }

    fn zone(&self) -> &str {
        &self.lake.shop().zone
    }

    fn rows(&self, at: &Snapshot, entity: Entity) -> Result<u64, FeatureError> {
        self.check(at).map_err(FeatureError::Rows)?;
        Ok(self.lake.rows(at, entity)? + self.waiting.rows(entity))
    }

    fn scan(&self, at: &Snapshot, entity: Entity, columns: &[&str], who: &Who) -> Result<Vec<Rows>, FeatureError> {
        self.check(at).map_err(FeatureError::Rows)?;
        let scans = self.scan_both(entity, columns, who)?;
        Ok(scans.into_iter().map(|scan| Box::new(scan.map(|batch| Ok(batch?))) as Rows).collect())
    }
}
