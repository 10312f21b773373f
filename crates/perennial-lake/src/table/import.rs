//! An import: rows are staged on a thread of their own while the source reads on; the commit makes them true all at once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use arrow::array::RecordBatch;
use perennial_contract::Entity;
use perennial_contract::source::{Batch, Reconciliation};
use sha2::{Digest, Sha256};

use crate::lake::{Begin, ImportRecord, Lake, LakeError, Money, Origin, Progress, Receipt, TableCount};
use crate::table::commit::{Outcome, Writing};
use crate::table::compact::vacuum;
use crate::table::delta::DataChange;
use crate::table::ledger::{Cause, TableChange, enter};
use crate::table::lock::WriteLock;
use crate::table::recover::recover;
use crate::table::stage::Stage;

/// Batches that may wait for the staging thread.
const QUEUE: usize = 4;

/// An import on its way into the lake. Dropped, it never happened.
pub struct Import<'a> {
    lake: &'a Lake,
    origin: Origin,
    batch_id: String,
    progress: Arc<Progress>,
    batches: Option<SyncSender<Batch>>,
    staging: Option<JoinHandle<Result<Stage, LakeError>>>,
    files_known: usize,
    reject_share_max: Option<f64>,
    _lock: WriteLock,
}

/// An import's name: a digest of its format and contents, so that a rebuilt lake gives it the same one.
fn batch_id(origin: &Origin) -> String {
    let mut hashes: Vec<&str> = origin.files.iter().map(|file| file.sha256.as_str()).collect();
    hashes.sort_unstable();
    let digest = Sha256::digest(format!("{}\n{}", origin.format, hashes.join("\n")));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn begin<'a>(lake: &'a Lake, origin: &Origin) -> Result<Begin<'a>, LakeError> {
    let store = lake.store();
    let lock = WriteLock::take(&store.dir, &format!("an import of {}", origin.format))?;
    // An import that failed in this process left files behind that nothing refers to.
    recover(store, &lock)?;
    vacuum(store, jiff::Timestamp::now().as_microsecond())?;
    let mut known = Vec::new();
    for file in &origin.files {
        known.extend(store.ledger.batch_of(&file.sha256)?);
    }
    let files_known = known.len();
    // A set is read whole where only some of it is known, because its files need each other: what is known is there already, row by row.
    if let Some((batch_id, imported_at_us)) = known.into_iter().next().filter(|_| files_known == origin.files.len()) {
        return Ok(Begin::AlreadyImported { batch_id, imported_at_us });
    }
    let mut seen = BTreeMap::new();
    for file in &origin.files {
        if let Some(other) = seen.insert(&file.sha256, &file.name) {
            return Err(LakeError::SameContent { one: other.clone(), other: file.name.clone() });
        }
    }
    let snapshot = store.ledger.snapshot()?;
    let mut filled = Vec::new();
    for (&entity, &version) in &snapshot.versions {
        if !store.ledger.files(entity, version, None)?.is_empty() {
            filled.push(entity);
        }
    }
    let stage = Stage::new(store.temporary(), store.limits.import_bytes, filled);
    let progress = Arc::new(Progress::default());
    let (batches, queue) = sync_channel(QUEUE);
    let staging = std::thread::spawn(move || take_all(stage, &queue));
    Ok(Begin::Import(Import {
        lake,
        origin: origin.clone(),
        batch_id: batch_id(origin),
        progress,
        batches: Some(batches),
        staging: Some(staging),
        files_known,
        reject_share_max: None,
        _lock: lock,
    }))
}

fn take_all(mut stage: Stage, queue: &Receiver<Batch>) -> Result<Stage, LakeError> {
    while let Ok(batch) = queue.recv() {
        stage.take(batch)?;
    }
    Ok(stage)
}

/// Rows under the table's own schema, or what is wrong with them.
fn fitted(entity: Entity, rows: &RecordBatch) -> Result<RecordBatch, LakeError> {
    let schema = entity.source_schema();
    let names = |fields: &arrow::datatypes::Fields| fields.iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(", ");
    if names(rows.schema_ref().fields()) != names(schema.fields()) {
        let problem = format!("they have the columns {}, expected {}", names(rows.schema_ref().fields()), names(schema.fields()));
        return Err(LakeError::Rows { entity, problem });
    }
    // Checks types, and that columns that must be there have no nulls.
    RecordBatch::try_new(schema, rows.columns().to_vec()).map_err(|e| LakeError::Rows { entity, problem: e.to_string() })
}

impl Import<'_> {
    /// Take a batch. What is wrong with its rows is told now, what goes wrong while staging it at the latest by [`Import::commit`].
    pub fn append(&mut self, mut batch: Batch) -> Result<(), LakeError> {
        batch.rows = fitted(batch.entity, &batch.rows)?;
        let rows = batch.rows.num_rows() as u64;
        let delivered = self.batches.as_ref().is_some_and(|batches| batches.send(batch).is_ok());
        if !delivered {
            self.staged()?;
        }
        self.progress.rows_received.fetch_add(rows, Relaxed);
        Ok(())
    }

    /// How many of its files came with an earlier import, unchanged.
    pub fn files_known(&self) -> usize {
        self.files_known
    }

    /// Refuse the import at its commit if more than this share of a file's rows for a table is bad, repeated keys included.
    pub fn refuse_above(&mut self, reject_share: f64) {
        self.reject_share_max = Some(reject_share);
    }

    /// Name of the import: a digest of its format and its files' contents.
    pub fn batch_id(&self) -> &str {
        &self.batch_id
    }

    /// Counters to watch from another thread.
    pub fn progress(&self) -> Arc<Progress> {
        self.progress.clone()
    }

    /// End staging and get what was staged, or why it failed.
    fn staged(&mut self) -> Result<Stage, LakeError> {
        self.batches = None;
        let failed = |what: &str| LakeError::Storage { path: self.lake.store().dir.clone(), cause: what.to_owned() };
        match self.staging.take().map(JoinHandle::join) {
            Some(Ok(stage)) => stage,
            Some(Err(panic)) => std::panic::resume_unwind(panic),
            None => Err(failed("the import failed before; begin it again")),
        }
    }

    /// Make everything appended part of the lake, all tables and the vault at once.
    pub fn commit(mut self, money: &Reconciliation) -> Result<Receipt, LakeError> {
        let mut stage = self.staged()?;
        stage.judge.share_max = self.reject_share_max;
        let store = self.lake.store();
        store.reached("staged");
        let writing = Writing { store, origin: &self.origin, batch_id: &self.batch_id, progress: self.progress.clone() };
        let outcome = writing.write(&mut stage)?;
        store.reached("wrote files");
        let record = self.record(*money, &stage, &outcome)?;
        let changes = changes(outcome);
        let cause = Cause { operation: "WRITE", at_us: self.origin.at_us, rows: DataChange::Yes };
        store.reached("sealing");
        let mut people = stage.identities.people()?;
        let sealer = self.lake.vault().sealer(&people, store.limits.threads)?;
        store.ledger.commit(&cause, &changes, |transaction| {
            enter(transaction, &record)?;
            if let Some(sealer) = &sealer {
                sealer.store(&mut people, transaction)?;
            }
            store.reached("in transaction");
            Ok(())
        })?;
        store.reached("committed");
        store.publish()?;
        let snapshot = store.ledger.snapshot()?;
        Ok(Receipt { record, snapshot })
    }

    fn record(&self, source: Reconciliation, stage: &Stage, outcome: &Outcome) -> Result<ImportRecord, LakeError> {
        let tables: Vec<(Entity, TableCount)> = outcome
            .tables
            .iter()
            .map(|(&entity, table)| (entity, table.count))
            .filter(|(_, c)| *c != TableCount::default())
            .collect();
        Ok(ImportRecord {
            batch_id: self.batch_id.clone(),
            format: self.origin.format.clone(),
            imported_at_us: self.origin.at_us,
            files: self.origin.files.clone(),
            tables,
            money: Money {
                source,
                loaded_cents: cents(stage.loaded_cents)?,
                repeated_cents: cents(outcome.repeated_cents)?,
                unchanged_cents: cents(outcome.unchanged_cents)?,
                superseded_cents: cents(outcome.superseded_cents)?,
            },
        })
    }
}

/// A sum of the import as the ledger keeps it.
fn cents(sum: i128) -> Result<i64, LakeError> {
    i64::try_from(sum).map_err(|_| LakeError::Rows {
        entity: Entity::OrderItems,
        problem: format!("their amounts come to {sum} minor units, more than the 9223372036854775807 that can be kept"),
    })
}

/// Tables whose files change.
fn changes(outcome: Outcome) -> Vec<TableChange> {
    let changed = outcome.tables.into_iter().filter(|(_, table)| !(table.added.is_empty() && table.removed.is_empty()));
    changed.map(|(entity, table)| TableChange { entity, added: table.added, removed: table.removed }).collect()
}

impl Drop for Import<'_> {
    fn drop(&mut self) {
        self.batches = None;
        if let Some(staging) = self.staging.take() {
            // The stage deletes its runs; whether staging went well no longer matters.
            drop(staging.join());
        }
    }
}
