//! Several sorted streams of rows become one.

use arrow::array::RecordBatch;
use arrow::compute::interleave_record_batch;
use perennial_contract::Entity;

use crate::lake::LakeError;
use crate::table::order::SortKeys;
use crate::table::pending::{BATCH_ROWS, rows_at_once_like};

/// Rows in batches, from memory or from disk.
pub(crate) type Rows = Box<dyn Iterator<Item = Result<RecordBatch, LakeError>> + Send>;

/// One stream of the rows of sorted streams, sorted; of equal rows the earlier stream's comes first.
pub(crate) fn merge(entity: Entity, mut streams: Vec<Rows>) -> Rows {
    match streams.len() {
        1 => streams.remove(0),
        _ => Box::new(Merge {
            entity,
            waiting: streams,
            heads: Vec::new(),
            batches: Vec::new(),
            chosen: Vec::new(),
            at_once: BATCH_ROWS,
            failed: false,
        }),
    }
}

/// The next row of a stream.
struct Head {
    stream: Rows,
    keys: SortKeys,
    /// Position of the current batch in [`Merge::batches`].
    batch: usize,
    row: usize,
    rows: usize,
}

struct Merge {
    entity: Entity,
    waiting: Vec<Rows>,
    /// In order of the streams, so that ties go to the earlier one.
    heads: Vec<Head>,
    /// What the next output batch is taken from.
    batches: Vec<RecordBatch>,
    chosen: Vec<(usize, usize)>,
    /// Rows of the next output batch at most.
    at_once: usize,
    failed: bool,
}

impl Merge {
    /// Put the stream's next batch with rows under the head; false at its end.
    fn refill(&mut self, stream: &mut Rows) -> Result<Option<(SortKeys, usize, usize)>, LakeError> {
        for batch in stream.by_ref() {
            let batch = batch?;
            if batch.num_rows() > 0 {
                let keys = SortKeys::of(self.entity, &batch)?;
                let rows = batch.num_rows();
                self.at_once = self.at_once.min(rows_at_once_like(&batch));
                self.batches.push(batch);
                return Ok(Some((keys, self.batches.len() - 1, rows)));
            }
        }
        Ok(None)
    }

    fn start(&mut self) -> Result<(), LakeError> {
        for mut stream in std::mem::take(&mut self.waiting) {
            if let Some((keys, batch, rows)) = self.refill(&mut stream)? {
                self.heads.push(Head { stream, keys, batch, row: 0, rows });
            }
        }
        Ok(())
    }

    /// The head with the least row and the one after it. Streams are few, so looking at each is cheaper than a heap.
    fn least(&self) -> Option<(usize, Option<usize>)> {
        let (mut first, mut second) = (0, None);
        self.heads.first()?;
        for i in 1..self.heads.len() {
            if self.before(i, first) {
                second = Some(first);
                first = i;
            } else if second.is_none_or(|s| self.before(i, s)) {
                second = Some(i);
            }
        }
        Some((first, second))
    }

    fn before(&self, a: usize, b: usize) -> bool {
        let (x, y) = (&self.heads[a], &self.heads[b]);
        let order = x.keys.compare(x.row, &y.keys, y.row);
        order.is_lt() || (order.is_eq() && a < b)
    }

    /// Choose up to a batch of rows.
    fn fill(&mut self) -> Result<(), LakeError> {
        self.start()?;
        while self.chosen.len() < self.at_once {
            let Some((first, second)) = self.least() else { break };
            // Take from this stream while it stays ahead of the next one: a customer's rows mostly lie in one stream.
            loop {
                let head = &mut self.heads[first];
                self.chosen.push((head.batch, head.row));
                head.row += 1;
                if head.row == head.rows {
                    self.advance(first)?;
                    break;
                }
                if self.chosen.len() >= self.at_once || second.is_some_and(|s| !self.before(first, s)) {
                    break;
                }
            }
        }
        Ok(())
    }

    fn advance(&mut self, index: usize) -> Result<(), LakeError> {
        let mut head = self.heads.remove(index);
        if let Some((keys, batch, rows)) = self.refill(&mut head.stream)? {
            self.heads.insert(index, Head { stream: head.stream, keys, batch, row: 0, rows });
        }
        Ok(())
    }

    fn emit(&mut self) -> Result<Option<RecordBatch>, LakeError> {
        self.fill()?;
        if self.chosen.is_empty() {
            return Ok(None);
        }
        let batches: Vec<&RecordBatch> = self.batches.iter().collect();
        let rows = interleave_record_batch(&batches, &self.chosen)
            .map_err(|e| LakeError::Rows { entity: self.entity, problem: e.to_string() })?;
        self.chosen.clear();
        // Keep only the batches that still have rows to give.
        let mut kept = Vec::with_capacity(self.heads.len());
        for head in &mut self.heads {
            kept.push(self.batches[head.batch].clone());
            head.batch = kept.len() - 1;
        }
        self.batches = kept;
        self.at_once = self.batches.iter().map(rows_at_once_like).min().unwrap_or(BATCH_ROWS);
        Ok(Some(rows))
    }
}

impl Iterator for Merge {
    type Item = Result<RecordBatch, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.emit();
        self.failed = next.is_err();
        next.transpose()
    }
}
