//! Rows of one table on their way in: kept as they came, each remembered under its bucket, sorted only when they leave.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use arrow::compute::interleave_record_batch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use perennial_contract::Entity;

use crate::lake::LakeError;
use crate::table::hash::StableState;
use crate::table::merge::Rows;
use crate::table::order::{CUSTOMER_BUCKETS, SortKeys, bucket_of, buckets};

/// Rows per batch on the way to and from disk.
pub(crate) const BATCH_ROWS: usize = 16_384;

/// Bytes such a batch is to stay near, so that rows with huge cells come in smaller batches.
const BATCH_BYTES: usize = 16 << 20;

/// How many rows to take at once where some rows took this many bytes.
pub(crate) fn rows_at_once(bytes: usize, rows: usize) -> usize {
    (BATCH_BYTES / (bytes / rows.max(1)).max(1)).clamp(1, BATCH_ROWS)
}

/// The same going by a batch of the rows.
pub(crate) fn rows_at_once_like(batch: &RecordBatch) -> usize {
    let bytes = |column: &arrow::array::ArrayRef| column.to_data().get_slice_memory_size().unwrap_or(BATCH_BYTES);
    rows_at_once(batch.columns().iter().map(bytes).sum(), batch.num_rows())
}

/// Name of the column that numbers an import's rows of a table in order of arrival, from 0; it is never stored.
pub(crate) const ARRIVAL: &str = "$arrival";

/// Schema of rows on their way in: the table's own columns, then [`ARRIVAL`].
pub(crate) fn incoming_schema(entity: Entity) -> SchemaRef {
    let own = entity.source_schema();
    let arrival = Arc::new(Field::new(ARRIVAL, DataType::Int64, false));
    Arc::new(Schema::new(own.fields().iter().cloned().chain([arrival]).collect::<Vec<_>>()))
}

#[derive(Clone, Copy)]
struct Slot {
    batch: u32,
    row: u32,
}

/// Unsorted rows of a table, by bucket.
pub(crate) struct Pending {
    entity: Entity,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    buckets: Vec<Vec<Slot>>,
    bytes: usize,
}

impl Pending {
    pub(crate) fn new(entity: Entity) -> Self {
        let buckets = (0..buckets(entity)).map(|_| Vec::new()).collect();
        Self { entity, schema: incoming_schema(entity), batches: Vec::new(), buckets, bytes: 0 }
    }

    /// Memory held, near enough.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn has_bucket(&self, bucket: u32) -> bool {
        !self.buckets[bucket as usize].is_empty()
    }

    /// Take rows in source schema; `arrival` is the number of the first.
    pub(crate) fn push(&mut self, rows: &RecordBatch, arrival: u64) -> Result<(), LakeError> {
        let number = self.batches.len() as u32;
        let last = CUSTOMER_BUCKETS as usize;
        if self.entity.has_customer() {
            let customers = rows.column_by_name("customer_id").map(|column| column.as_string::<i32>());
            for row in 0..rows.num_rows() {
                let bucket = match customers {
                    Some(ids) if !ids.is_null(row) => bucket_of(ids.value(row)) as usize,
                    _ => last,
                };
                self.buckets[bucket].push(Slot { batch: number, row: row as u32 });
            }
        } else {
            self.buckets[0].extend((0..rows.num_rows() as u32).map(|row| Slot { batch: number, row }));
        }
        let first = arrival as i64;
        let arrivals = Int64Array::from_iter_values(first..first + rows.num_rows() as i64);
        let columns = rows.columns().iter().cloned().chain([Arc::new(arrivals) as _]).collect();
        let batch = RecordBatch::try_new(self.schema.clone(), columns)
            .map_err(|e| LakeError::Rows { entity: self.entity, problem: e.to_string() })?;
        self.bytes += batch.get_array_memory_size() + rows.num_rows() * size_of::<Slot>();
        self.batches.push(batch);
        Ok(())
    }

    /// No more rows: what is here can be read bucket by bucket, from several threads.
    pub(crate) fn seal(self) -> Result<Sealed, LakeError> {
        let keys = self.batches.iter().map(|batch| SortKeys::of(self.entity, batch)).collect::<Result<_, _>>()?;
        Ok(Sealed(Arc::new(Inner { pending: self, keys })))
    }
}

struct Inner {
    pending: Pending,
    keys: Vec<SortKeys>,
}

/// Rows that wait to be read in order.
#[derive(Clone)]
pub(crate) struct Sealed(Arc<Inner>);

impl Sealed {
    pub(crate) fn has_bucket(&self, bucket: u32) -> bool {
        self.0.pending.has_bucket(bucket)
    }

    /// The rows of a bucket in order of (customer_id, time, key), then arrival.
    pub(crate) fn rows(&self, bucket: u32) -> Rows {
        let order = self.0.order(bucket as usize);
        let inner = self.0.clone();
        let at_once = inner.pending.batches.iter().map(rows_at_once_like).min().unwrap_or(BATCH_ROWS);
        let mut next = 0;
        Box::new(std::iter::from_fn(move || {
            let chunk = order.get(next..order.len().min(next + at_once)).filter(|chunk| !chunk.is_empty())?;
            next += chunk.len();
            let batches: Vec<&RecordBatch> = inner.pending.batches.iter().collect();
            let rows = interleave_record_batch(&batches, chunk);
            Some(rows.map_err(|e| LakeError::Rows { entity: inner.pending.entity, problem: e.to_string() }))
        }))
    }
}

impl Inner {
    /// Customers in order by counting, since files mostly come in order of time: then a customer's rows are in order already and
    /// only looking at them is left. A comparison sort over all rows costs three times as much.
    fn order(&self, bucket: usize) -> Vec<(usize, usize)> {
        let slots = &self.pending.buckets[bucket];
        let with_customer = self.pending.entity.has_customer() && bucket < CUSTOMER_BUCKETS as usize;
        let (mut ordered, starts) = if with_customer { self.by_customer(slots) } else { (slots.clone(), vec![0]) };
        let skip = usize::from(with_customer);
        let compare = |a: &Slot, b: &Slot| {
            let mine = &self.keys[a.batch as usize];
            mine.compare_from(skip, a.row as usize, (&self.keys[b.batch as usize], b.row as usize))
        };
        for (index, &start) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(ordered.len());
            let group = &mut ordered[start..end];
            if !group.is_sorted_by(|a, b| compare(a, b).is_le()) {
                group.sort_by(compare);
            }
        }
        ordered.into_iter().map(|slot| (slot.batch as usize, slot.row as usize)).collect()
    }

    /// Slots grouped by customer, groups in order of `customer_id`, each group in order of arrival; and where the groups start.
    fn by_customer(&self, slots: &[Slot]) -> (Vec<Slot>, Vec<usize>) {
        let ids: Vec<_> =
            self.pending.batches.iter().map(|b| b.column_by_name("customer_id").map(|c| c.as_string::<i32>())).collect();
        let id = |slot: &Slot| ids[slot.batch as usize].map_or("", |column| column.value(slot.row as usize));
        let mut groups: HashMap<&str, u32, StableState> = HashMap::default();
        let mut names: Vec<(&str, u32)> = Vec::new();
        let mut counts: Vec<usize> = Vec::new();
        let group_of: Vec<u32> = slots
            .iter()
            .map(|slot| {
                let group = *groups.entry(id(slot)).or_insert_with_key(|name| {
                    names.push((name, names.len() as u32));
                    counts.push(0);
                    counts.len() as u32 - 1
                });
                counts[group as usize] += 1;
                group
            })
            .collect();
        names.sort_unstable();
        let mut next = vec![0_usize; counts.len()];
        let mut starts = Vec::with_capacity(counts.len());
        let mut start = 0;
        for (_, group) in &names {
            starts.push(start);
            next[*group as usize] = start;
            start += counts[*group as usize];
        }
        let mut ordered = vec![Slot { batch: 0, row: 0 }; slots.len()];
        for (slot, group) in slots.iter().zip(&group_of) {
            ordered[next[*group as usize]] = *slot;
            next[*group as usize] += 1;
        }
        (ordered, starts)
    }
}
