//! The mover: how do waiting rows get into the lake once, whenever the process is killed?
//!
//! Assumes  a segment's content, known from its header, names it for ever, and a sealed segment does not change.
//! Input    every segment there is when a step begins.
//! Output   one import of them; then the segments are deleted.
//! Cost     one import a step, and a version of each table it touches, however many rows: a step a minute, or when many rows wait, is enough,
//!          because readers see what waits.
//! Ref      [`perennial_lake::lake::Lake::begin`]: what the ledger knows is not imported again, and the identities become the vault's in the
//!          same transaction. A kill before it leaves the segments, a kill after it leaves segments that the next opening deletes.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, PoisonError};

use arrow::array::{AsArray, BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use arrow::datatypes::Int64Type;
use perennial_contract::Entity;
use perennial_contract::money::{Decimal, minor_digits};
use perennial_contract::source::{Batch, Identity, Reconciliation};
use perennial_lake::lake::{Begin, FileFact, Lake, LakeError, Origin};

use super::desk::{Held, Part};
use super::inbox::Inbox;
use super::union::SOURCE;
use super::{InboxError, segment, storage};

/// Rows handed to the import at once.
const BATCH_ROWS: usize = 16_384;

/// What a step did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moved {
    /// Nothing waited.
    Nothing,
    /// Somebody else changes the lake; try again later.
    Busy { holder: String },
    /// These rows are in the lake now; `dropped` had keys that another import brought meanwhile.
    Rows { moved: u64, dropped: u64, segments: usize, batch_id: String },
}

/// Brings what waits in an inbox into the lake. Steps of one inbox are taken one after another.
pub struct Mover {
    inbox: Arc<Inbox>,
}

/// What a step moves.
struct Load {
    segments: Vec<Held>,
    parts: Vec<Arc<Part>>,
    last: u64,
}

impl Mover {
    #[must_use]
    pub fn new(inbox: Arc<Inbox>) -> Self {
        Self { inbox }
    }

    /// Move everything that waits now.
    pub fn step(&self) -> Result<Moved, InboxError> {
        let _turn = self.inbox.shared().turn.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(last) = self.inbox.seal()? else { return Ok(Moved::Nothing) };
        let load = self.load(last);
        let files = load.segments.iter().map(|segment| FileFact {
            name: format!("inbox/{:012}.seg", segment.number),
            sha256: segment.content.clone(),
            bytes: segment.bytes,
        });
        // The time the last of the rows came: a step that is taken again after a crash writes the same bytes.
        let at_us = load.parts.last().map_or(0, |part| part.arrived_us);
        let origin = Origin { format: SOURCE.to_owned(), files: files.collect(), at_us };
        let lake = self.inbox.shared().lake.clone();
        let moved = match lake.begin(&origin) {
            Ok(Begin::Import(mut import)) => {
                let (batches, dropped) = self.batches(&load)?;
                let moved = batches.iter().map(|batch| batch.rows.num_rows() as u64).sum();
                let money = money(&batches, &lake.shop().currency);
                let batch_id = import.batch_id().to_owned();
                for batch in batches {
                    import.append(batch)?;
                }
                import.commit(&money)?;
                Moved::Rows { moved, dropped, segments: load.segments.len(), batch_id }
            }
            // A step before this one came as far as the commit.
            Ok(Begin::AlreadyImported { batch_id, .. }) => {
                Moved::Rows { moved: 0, dropped: 0, segments: load.segments.len(), batch_id }
            }
            Err(LakeError::Locked { holder }) => return Ok(Moved::Busy { holder }),
            Err(error) => return Err(error.into()),
        };
        self.finish(&load)?;
        Ok(moved)
    }

    fn load(&self, last: u64) -> Load {
        let desk = self.inbox.shared().desk();
        let segments = desk.segments.iter().filter(|segment| segment.number <= last).cloned().collect();
        Load { segments, parts: desk.up_to(last).cloned().collect(), last }
    }

    /// The rows without those that another import brought, and how many those were. The import holds the lake's lock by now, so none
    /// can bring more.
    fn batches(&self, load: &Load) -> Result<(Vec<Batch>, u64), InboxError> {
        let shared = self.inbox.shared();
        let clashes = {
            let mut desk = shared.desk();
            desk.refresh(&shared.lake, &shared.lake.snapshot()?, std::iter::empty())?;
            desk.clashes.clone()
        };
        let (mut tables, mut dropped) = (BTreeMap::<Entity, Vec<RecordBatch>>::new(), 0);
        for part in &load.parts {
            let mut rows = part.rows.clone();
            if !clashes.is_empty() {
                let keys = Lake::keys(part.entity, &rows)?;
                let stays: BooleanArray = keys.iter().map(|&key| Some(!clashes.contains(&(part.entity, key)))).collect();
                rows = filter_record_batch(&rows, &stays).map_err(storage(&shared.folder))?;
                dropped += (part.rows.num_rows() - rows.num_rows()) as u64;
            }
            tables.entry(part.entity).or_default().push(rows);
        }
        let mut batches = Vec::new();
        for (entity, parts) in tables {
            for parts in in_pieces(&parts) {
                let rows = concat_batches(&entity.source_schema(), parts).map_err(storage(&shared.folder))?;
                batches.push(Batch { entity, rows, places: Vec::new(), rejects: Vec::new(), identities: Vec::new() });
            }
        }
        let identities = self.identities(load)?;
        if let Some(first) = batches.first_mut() {
            first.identities = identities;
        }
        Ok((batches, dropped))
    }

    fn identities(&self, load: &Load) -> Result<Vec<Identity>, InboxError> {
        let vault = self.inbox.shared().lake.vault();
        let mut identities = Vec::new();
        for segment in &load.segments {
            for sealed in &segment.identities {
                identities.extend(vault.open_aside(sealed, segment.content.as_bytes())?);
            }
        }
        Ok(identities)
    }

    /// The rows are the lake's: readers find them there, and the files may go.
    fn finish(&self, load: &Load) -> Result<(), InboxError> {
        let shared = self.inbox.shared();
        {
            let mut desk = shared.desk();
            desk.forget(load.last)?;
            desk.refresh(&shared.lake, &shared.lake.snapshot()?, std::iter::empty())?;
        }
        for segment in &load.segments {
            fs::remove_file(&segment.path).map_err(storage(&segment.path))?;
        }
        segment::sync_folder(&shared.folder)
    }
}

/// Parts in stretches of about [`BATCH_ROWS`] rows.
fn in_pieces(mut parts: &[RecordBatch]) -> Vec<&[RecordBatch]> {
    let mut pieces = Vec::new();
    while !parts.is_empty() {
        let mut rows = 0;
        let enough = parts.iter().position(|part| {
            rows += part.num_rows();
            rows >= BATCH_ROWS
        });
        let (piece, rest) = parts.split_at(enough.map_or(parts.len(), |last| last + 1));
        pieces.push(piece);
        parts = rest;
    }
    pieces
}

/// Whole cents went in, so what is stated is what is loaded.
fn money(batches: &[Batch], currency: &str) -> Reconciliation {
    let sum = |batch: &Batch, column: &str| -> i128 {
        batch.rows[column].as_primitive::<Int64Type>().values().iter().map(|&cents| i128::from(cents)).sum()
    };
    let net = batches.iter().map(|batch| match batch.entity {
        Entity::OrderItems => sum(batch, "total_cents"),
        Entity::Returns => -sum(batch, "amount_cents"),
        _ => 0,
    });
    let stated = Decimal { units: net.sum(), scale: minor_digits(currency) };
    Reconciliation { stated, ..Reconciliation::ZERO }
}
