//! What waits, as one reader sees it: the rows of one moment, whatever is appended or moved afterwards.
//!
//! Assumes  it goes with the snapshot it was made for: what that has is left out here.
//! Input    the desk, under its lock.
//! Output   a customer's waiting rows, or everybody's, in the schema of stored rows.
//! Cost     a pointer for each part that waits; a customer's rows are copied when they are asked for, everybody's only then.
//! Ref      [`perennial_lake::beside`], which lays these rows beside the lake's.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::error::ArrowError;
use perennial_contract::Entity;
use perennial_contract::engine::Who;
use perennial_lake::beside::Waiting;
use perennial_lake::lake::{Lake, LakeError};

use super::desk::{At, Desk, Part};

/// What stands for the import that has not been, in the columns that tell where a row came from.
const BATCH_ID: &str = "inbox";
/// Name of the format of live rows.
pub const SOURCE: &str = "live";

/// Waiting rows of one moment.
pub struct View {
    parts: Vec<Arc<Part>>,
    /// The customer this is mostly about, and where their rows lie.
    about: Option<(String, Vec<At>)>,
    /// Keys that the lake has by another way.
    clashes: HashSet<(Entity, u64)>,
    counts: BTreeMap<Entity, u64>,
}

impl View {
    /// What waits beyond the segment `moved`.
    pub(super) fn of(desk: &Desk, moved: Option<u64>, who: &Who) -> Self {
        let waits = |part: &&Arc<Part>| moved.is_none_or(|moved| part.segment > moved);
        let parts: Vec<Arc<Part>> = desk.parts.iter().filter(waits).cloned().collect();
        let first = parts.first().map_or(u64::MAX, |part| part.number);
        let about = match who {
            Who::Everyone => None,
            Who::One(customer) => {
                let mut theirs = desk.of_customer(customer);
                theirs.retain(|at| at.part >= first);
                Some((customer.clone(), theirs))
            }
        };
        let mut counts = BTreeMap::new();
        parts.iter().for_each(|part| *counts.entry(part.entity).or_default() += part.rows.num_rows() as u64);
        Self { parts, about, clashes: desk.clashes.clone(), counts }
    }

    /// The rows of a part that no other import has brought, as they will be stored.
    fn stored(&self, part: &Part, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
        let entity = part.entity;
        let wrong = |error: ArrowError| LakeError::Rows { entity, problem: error.to_string() };
        let at = TimestampMicrosecondArray::from_value(part.arrived_us, rows.num_rows()).with_timezone("UTC");
        let text = |text: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(text, rows.num_rows()))) as ArrayRef;
        let origin: [ArrayRef; 3] = [Arc::new(at), text(BATCH_ID), text(SOURCE)];
        let stored =
            RecordBatch::try_new(entity.schema(), rows.columns().iter().cloned().chain(origin).collect()).map_err(wrong)?;
        if self.clashes.is_empty() {
            return Ok(stored);
        }
        let keys = Lake::keys(entity, rows)?;
        let stays: BooleanArray = keys.into_iter().map(|key| Some(!self.clashes.contains(&(entity, key)))).collect();
        filter_record_batch(&stored, &stays).map_err(wrong)
    }

    /// The rows at some places, part by part.
    fn at(&self, entity: Entity, places: &[At]) -> Result<Vec<RecordBatch>, LakeError> {
        let first = self.parts.first().map_or(0, |part| part.number);
        let mut found = Vec::new();
        for theirs in places.chunk_by(|a, b| a.part == b.part) {
            let Some(part) = theirs.first().and_then(|at| self.parts.get((at.part - first) as usize)) else { continue };
            if part.entity == entity {
                let rows = arrow::array::UInt32Array::from_iter_values(theirs.iter().map(|at| at.row));
                let rows = take_record_batch(&part.rows, &rows);
                let rows = rows.map_err(|error| LakeError::Rows { entity, problem: error.to_string() })?;
                found.push(self.stored(part, &rows)?);
            }
        }
        Ok(found)
    }
}

impl Waiting for View {
    fn rows(&self, entity: Entity) -> u64 {
        self.counts.get(&entity).copied().unwrap_or(0)
    }

    fn of(&self, entity: Entity, who: &Who) -> Result<Vec<RecordBatch>, LakeError> {
        if let (Who::One(customer), Some((about, places))) = (who, &self.about)
            && customer == about
        {
            return self.at(entity, places);
        }
        let mut found = Vec::new();
        for part in self.parts.iter().filter(|part| part.entity == entity) {
            let rows = match who {
                Who::Everyone => part.rows.clone(),
                Who::One(customer) => {
                    of_customer(&part.rows, customer).map_err(|error| LakeError::Rows { entity, problem: error.to_string() })?
                }
            };
            found.push(self.stored(part, &rows)?);
        }
        Ok(found)
    }
}

fn of_customer(rows: &RecordBatch, customer: &str) -> Result<RecordBatch, ArrowError> {
    let one = arrow::array::Scalar::new(StringArray::from(vec![customer]));
    filter_record_batch(rows, &arrow::compute::kernels::cmp::eq(&rows["customer_id"], &one)?)
}
