//! What waits, in memory: which rows are a customer's, and which keys are taken?
//!
//! Assumes  64 bits of a key's hash stand for the key, as in [`KnownKeys`].
//! Input    groups as they become durable; segments as they are moved.
//! Output   a customer's waiting rows, all waiting rows, whether a key is taken.
//! Cost     the rows, and about 100 bytes beside each; a customer's rows are found in the time it takes to look up one name.
//! Ref      docs/guide/import.md, "What comes twice".

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Date32Type;
use perennial_contract::Entity;
use perennial_contract::engine::Snapshot;
use perennial_lake::lake::{KnownKeys, Lake, LakeError};

use super::gauges::Gauges;
use super::segment::Content;

/// Rows of one table of one group.
#[derive(Debug)]
pub struct Part {
    pub number: u64,
    pub segment: u64,
    pub arrived_us: i64,
    pub entity: Entity,
    /// Schema [`Entity::source_schema`].
    pub rows: RecordBatch,
}

/// Where a waiting row lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    pub part: u64,
    pub row: u32,
}

/// A segment whose rows wait.
#[derive(Clone, Debug)]
pub struct Held {
    pub number: u64,
    pub content: Content,
    pub path: PathBuf,
    pub bytes: u64,
    /// Sealed, one for each group that brought any.
    pub identities: Vec<Vec<u8>>,
}

#[derive(Default)]
pub struct Desk {
    /// Ascending numbers without a gap.
    pub parts: VecDeque<Arc<Part>>,
    pub segments: VecDeque<Held>,
    by_customer: HashMap<String, VecDeque<At>>,
    keys: HashSet<(Entity, u64)>,
    known: BTreeMap<Entity, KnownKeys>,
    /// Waiting rows whose key another import has brought meanwhile: the lake's row stands.
    pub clashes: HashSet<(Entity, u64)>,
    next_part: u64,
    pub gauges: Gauges,
    /// Why nothing more is taken.
    pub stopped: Option<String>,
}

impl Desk {
    /// Learn which keys of these tables the lake has at a snapshot, which must not be older than the one before.
    pub fn refresh(&mut self, lake: &Lake, at: &Snapshot, tables: impl Iterator<Item = Entity>) -> Result<(), LakeError> {
        for entity in tables {
            self.known.entry(entity).or_insert_with(|| KnownKeys::of(entity));
        }
        for (&entity, known) in &mut self.known {
            known.refresh(lake, at, &mut |key| {
                if self.keys.contains(&(entity, key)) {
                    self.clashes.insert((entity, key));
                }
            })?;
        }
        Ok(())
    }

    /// Take a key for a row; false if it is taken.
    pub fn claim(&mut self, entity: Entity, key: u64) -> bool {
        !self.known.get(&entity).is_some_and(|known| known.contains(key)) && self.keys.insert((entity, key))
    }

    /// Give a key back that no durable row has.
    pub fn disclaim(&mut self, entity: Entity, key: u64) {
        self.keys.remove(&(entity, key));
    }

    pub fn hold(&mut self, segment: Held) {
        self.segments.push_back(segment);
    }

    /// Show rows that have become durable in the last segment.
    pub fn show(&mut self, (entity, rows): (Entity, RecordBatch), arrived_us: i64) {
        let Some(segment) = self.segments.back().map(|segment| segment.number) else { return };
        let number = self.next_part;
        self.next_part += 1;
        let ids = rows["customer_id"].as_string::<i32>();
        for row in (0..ids.len()).filter(|&row| ids.is_valid(row)) {
            let at = At { part: number, row: row as u32 };
            match self.by_customer.get_mut(ids.value(row)) {
                Some(theirs) => theirs.push_back(at),
                None => {
                    self.by_customer.insert(ids.value(row).to_owned(), VecDeque::from([at]));
                }
            }
        }
        let days =
            entity.day().and_then(|day| rows.column_by_name(&day)?.as_primitive_opt::<Date32Type>()?.iter().flatten().max());
        self.gauges.newest_on = self.gauges.newest_on.max(days);
        self.gauges.rows_waiting += rows.num_rows() as u64;
        self.parts.push_back(Arc::new(Part { number, segment, arrived_us, entity, rows }));
    }

    /// Where a customer's waiting rows lie.
    #[must_use]
    pub fn of_customer(&self, customer: &str) -> Vec<At> {
        self.by_customer.get(customer).into_iter().flatten().copied().collect()
    }

    /// The parts of the segments up to a number.
    pub fn up_to(&self, segment: u64) -> impl Iterator<Item = &Arc<Part>> {
        self.parts.iter().take_while(move |part| part.segment <= segment)
    }

    /// Forget the segments up to a number, whose rows are in the lake now.
    pub fn forget(&mut self, segment: u64) -> Result<(), LakeError> {
        while let Some(part) = self.parts.pop_front_if(|part| part.segment <= segment) {
            let entity = part.entity;
            let keys = Lake::keys(entity, &part.rows)?;
            keys.iter().for_each(|&key| {
                self.keys.remove(&(entity, key));
                self.clashes.remove(&(entity, key));
            });
            self.known.entry(entity).or_insert_with(|| KnownKeys::of(entity)).add(&keys);
            for customer in part.rows["customer_id"].as_string::<i32>().iter().flatten() {
                if let Some(theirs) = self.by_customer.get_mut(customer) {
                    while theirs.pop_front_if(|at| at.part <= part.number).is_some() {}
                    if theirs.is_empty() {
                        self.by_customer.remove(customer);
                    }
                }
            }
            self.gauges.rows_waiting -= part.rows.num_rows() as u64;
            self.gauges.rows_moved += part.rows.num_rows() as u64;
        }
        while self.segments.pop_front_if(|held| held.number <= segment).is_some() {}
        Ok(())
    }

    /// The counts at a time, UTC microseconds.
    #[must_use]
    pub fn gauges(&self, now_us: i64) -> Gauges {
        Gauges {
            bytes_waiting: self.segments.iter().map(|segment| segment.bytes).sum(),
            segments_waiting: self.segments.len() as u64,
            oldest_age_us: self.parts.front().map(|part| now_us.saturating_sub(part.arrived_us).max(0)),
            is_stopped: self.stopped.is_some(),
            ..self.gauges
        }
    }
}
