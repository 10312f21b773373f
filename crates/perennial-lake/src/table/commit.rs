//! From staged rows to data files: what a commit does before the ledger makes it true.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{Int64Type, SchemaRef};
use arrow::util::display::array_value_to_string;
use perennial_contract::Entity;
use perennial_contract::source::Reject;

use crate::lake::{LakeError, Origin, Progress, TableCount};
use crate::table::existing::{Meeting, Superseded};
use crate::table::file::{DataFile, FileWriter, Target, sync_dir};
use crate::table::judge::{Places, REPEATED};
use crate::table::keys::{Fate, Fates};
use crate::table::merge::{Rows, merge};
use crate::table::order::buckets;
use crate::table::parallel;
use crate::table::pending::{ARRIVAL, BATCH_ROWS};
use crate::table::scan::{Wanted, read_file};
use crate::table::stage::{RejectRun, SealedTable, Stage, net_cents};
use crate::table::store::Store;

/// Files of a bucket at which the next import folds them into its own: a reader merges few files, and a row is rewritten once in
/// that many imports.
const FOLD_FILES: usize = 8;

/// Constant columns of an import's rows.
pub(crate) struct OriginColumns {
    columns: Vec<ArrayRef>,
}

impl OriginColumns {
    pub(crate) fn new(origin: &Origin, batch_id: &str) -> Self {
        let at = TimestampMicrosecondArray::from_value(origin.at_us, BATCH_ROWS).with_timezone("UTC");
        let text = |value: &str| Arc::new(StringArray::from_iter_values(std::iter::repeat_n(value, BATCH_ROWS))) as ArrayRef;
        Self { columns: vec![Arc::new(at), text(batch_id), text(&origin.format)] }
    }

    /// Incoming rows as they are stored: without their arrival number, with their origin.
    fn stored(&self, schema: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
        let own = rows.num_columns() - 1;
        let origin = self.columns.iter().map(|column| column.slice(0, rows.num_rows()));
        RecordBatch::try_new(schema.clone(), rows.columns()[..own].iter().cloned().chain(origin).collect())
    }
}

/// An incoming table with every row's fate settled.
struct Settled {
    table: SealedTable,
    files: Vec<DataFile>,
    fates: Fates,
    places: Places,
    superseded: Superseded,
    /// Number of the table's next version, for file names.
    version: u64,
}

/// What was written for one table.
#[derive(Default)]
pub(crate) struct TableOutcome {
    pub added: Vec<DataFile>,
    pub removed: Vec<DataFile>,
    pub count: TableCount,
}

/// What was written for an import.
#[derive(Default)]
pub(crate) struct Outcome {
    pub tables: BTreeMap<Entity, TableOutcome>,
    pub repeated_cents: i128,
    pub unchanged_cents: i128,
    pub superseded_cents: i128,
}

/// Everything the writing of an import needs.
pub(crate) struct Writing<'a> {
    pub store: &'a Store,
    pub origin: &'a Origin,
    pub batch_id: &'a str,
    pub progress: Arc<Progress>,
}

/// Tallies of one bucket.
#[derive(Default)]
struct Tally {
    count: TableCount,
    repeated_cents: i128,
    unchanged_cents: i128,
    superseded_cents: i128,
    repeated: Vec<Reject>,
    run: Option<RejectRun>,
}

/// Rejects a bucket holds in memory.
const REPEATED_WAITING_MAX: usize = 4_096;
/// What is kept of a rejected row, and of its key.
const RAW_BYTES_MAX: usize = 1_000;
const VALUE_BYTES_MAX: usize = 200;

impl Tally {
    /// Write the rejects that wait to the bucket's run.
    fn put_aside(&mut self, path: PathBuf, entity: Entity) -> Result<(), LakeError> {
        if self.repeated.is_empty() {
            return Ok(());
        }
        if self.run.is_none() {
            self.run = Some(RejectRun::create(path, entity)?);
        }
        let repeated = std::mem::take(&mut self.repeated);
        self.run.as_mut().map_or(Ok(()), |run| run.write(&repeated))
    }
}

struct BucketOutcome {
    entity: Entity,
    added: Option<DataFile>,
    removed: Vec<DataFile>,
    tally: Tally,
}

impl Writing<'_> {
    /// Write all staged rows to data files. Nothing refers to the files yet.
    pub(crate) fn write(&self, stage: &mut Stage) -> Result<Outcome, LakeError> {
        let entities: Vec<Entity> = stage.tables.keys().copied().filter(|&entity| entity != Entity::Rejects).collect();
        let mut settled = Vec::new();
        for entity in entities {
            settled.extend(self.settle(stage, entity)?);
        }
        for entity in stage.judge.tables() {
            if !stage.tables.contains_key(&entity) {
                stage.judge.judge(entity, (&Places::default(), 0), &Fates::default())?;
            }
        }
        let mut outcome = Outcome::default();
        let repeated = self.write_tables(stage, &settled, &mut outcome)?;
        drop(settled);
        for run in &repeated {
            stage.take_repeated(run)?;
        }
        if let Some(table) = self.settle(stage, Entity::Rejects)? {
            self.write_tables(stage, &[table], &mut outcome)?;
        }
        for (entity, table) in &outcome.tables {
            if !table.added.is_empty() {
                sync_dir(&self.store.folder(*entity))?;
            }
        }
        for (&entity, &rejected) in &stage.rejected {
            outcome.tables.entry(entity).or_default().count.rejected = rejected;
        }
        Ok(outcome)
    }

    fn settle(&self, stage: &mut Stage, entity: Entity) -> Result<Option<Settled>, LakeError> {
        let Some(table) = stage.seal(entity)? else { return Ok(None) };
        let staged = stage.tables.get_mut(&entity);
        let (keys, places) =
            staged.map(|table| (std::mem::take(&mut table.keys), std::mem::take(&mut table.places))).unwrap_or_default();
        let version = self.store.ledger.snapshot()?.versions.get(&entity).copied().unwrap_or(0);
        let files = self.store.ledger.files(entity, version, None)?;
        let mut fates = Fates::default();
        let mut superseded = Superseded::new();
        if entity != Entity::Rejects {
            let index = keys.index(&mut fates);
            stage.judge.judge(entity, (&places, keys.len() as u64), &fates)?;
            if !files.is_empty() {
                self.store.verify(entity, &files)?;
                let folder = self.store.folder(entity);
                let meeting = Meeting { entity, folder: &folder, files: &files, threads: self.store.limits.threads };
                superseded = meeting.settle((&index, keys.len()), &mut fates)?;
            }
        }
        Ok(Some(Settled { table, files, fates, places, superseded, version: version + 1 }))
    }

    /// Write the tables; what they leave behind are the runs of rejects, in the order of tables and buckets.
    fn write_tables(&self, stage: &Stage, tables: &[Settled], outcome: &mut Outcome) -> Result<Vec<RejectRun>, LakeError> {
        let mut jobs = Vec::new();
        for table in tables {
            let has_superseded = |b| table.files.iter().any(|f| f.bucket == b && table.superseded.contains_key(&f.path));
            let wanted = (0..buckets(table.table.entity())).filter(|&b| table.table.has_bucket(b) || has_superseded(b));
            jobs.extend(wanted.map(|bucket| (table, bucket)));
        }
        let written = parallel::each(&jobs, self.store.limits.threads, |(table, bucket)| {
            let run = stage.repeated_run(table.table.entity(), *bucket);
            self.write_bucket(table, *bucket, &run)
        })?;
        let mut runs = Vec::new();
        for bucket in written {
            let table = outcome.tables.entry(bucket.entity).or_default();
            table.added.extend(bucket.added);
            table.removed.extend(bucket.removed);
            table.count.added += bucket.tally.count.added;
            table.count.replaced += bucket.tally.count.replaced;
            table.count.unchanged += bucket.tally.count.unchanged;
            table.count.superseded += bucket.tally.count.superseded;
            outcome.repeated_cents += bucket.tally.repeated_cents;
            outcome.unchanged_cents += bucket.tally.unchanged_cents;
            outcome.superseded_cents += bucket.tally.superseded_cents;
            runs.extend(bucket.tally.run);
        }
        Ok(runs)
    }

    /// Write a bucket's new rows; files of which rows make way, or that have become many, are written anew together with them.
    fn write_bucket(&self, table: &Settled, bucket: u32, run: &Path) -> Result<BucketOutcome, LakeError> {
        let entity = table.table.entity();
        let folder = self.store.folder(entity);
        let tally = Arc::new(Mutex::new(Tally::default()));
        let with = |f: &dyn Fn(&mut Tally)| f(&mut tally.lock().unwrap_or_else(PoisonError::into_inner));
        let mut streams = Vec::new();
        let mut removed = Vec::new();
        let older: Vec<&DataFile> = table.files.iter().filter(|file| file.bucket == bucket).collect();
        for file in &older {
            let path = folder.join(&file.path);
            if let Some(rows) = table.superseded.get(&file.path) {
                let (kept, cents) = without(&path, entity, rows)?;
                with(&|tally| tally.superseded_cents += cents);
                streams.push(kept);
            } else if older.len() >= FOLD_FILES {
                streams.push(read_file(&path, &Wanted::all(entity))?);
            } else {
                continue;
            }
            removed.push((*file).clone());
        }
        let name = format!("{bucket:02}-{:06}-{}.parquet", table.version, self.batch_id);
        let target = Target { folder: &folder, name, entity, bucket };
        let mut writer = FileWriter::create(target, self.progress.clone())?;
        let origin = OriginColumns::new(self.origin, self.batch_id);
        let schema = entity.schema();
        let problem = |e: arrow::error::ArrowError| LakeError::Rows { entity, problem: e.to_string() };
        let incoming = merge(entity, table.table.streams(bucket)?);
        let mut judged = incoming.map(|batch| {
            let batch = self.judge(table, &batch?, &tally)?;
            let mut held = tally.lock().unwrap_or_else(PoisonError::into_inner);
            if held.repeated.len() >= REPEATED_WAITING_MAX {
                held.put_aside(run.to_owned(), entity)?;
            }
            origin.stored(&schema, &batch).map_err(problem)
        });
        if streams.is_empty() {
            for batch in judged {
                writer.write(&batch?)?;
            }
        } else {
            // The new rows are collected because their iterator borrows; a bucket's share of a later import is small.
            let new: Vec<_> = judged.by_ref().collect();
            streams.push(Box::new(new.into_iter()));
            for batch in merge(entity, streams) {
                writer.write(&batch?)?;
            }
        }
        let added = writer.finish()?;
        let mut tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
        tally.put_aside(run.to_owned(), entity)?;
        tally.run.as_mut().map_or(Ok(()), RejectRun::finish)?;
        Ok(BucketOutcome { entity, added, removed, tally })
    }

    /// Leave out rows that are not to be stored, and count every row.
    fn judge(&self, table: &Settled, rows: &RecordBatch, tally: &Mutex<Tally>) -> Result<RecordBatch, LakeError> {
        let (entity, fates) = (table.table.entity(), &table.fates);
        let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
        if fates.all_added() {
            tally.count.added += rows.num_rows() as u64;
            return Ok(rows.clone());
        }
        let problem = |e: arrow::error::ArrowError| LakeError::Rows { entity, problem: e.to_string() };
        let arrivals = rows.columns().last().and_then(|column| column.as_primitive_opt::<Int64Type>());
        let arrivals = arrivals.ok_or_else(|| LakeError::Rows { entity, problem: format!("no column {ARRIVAL:?}") })?;
        let found: Vec<Fate> = arrivals.values().iter().map(|&arrival| fates.of(arrival as u64)).collect();
        let only = |fate: Fate| {
            let mask: BooleanArray = found.iter().map(|&f| Some(f == fate)).collect();
            filter_record_batch(rows, &mask).map_err(problem)
        };
        let (repeated, unchanged) = (only(Fate::Repeated)?, only(Fate::Unchanged)?);
        tally.repeated_cents += net_cents(entity, &repeated);
        tally.unchanged_cents += net_cents(entity, &unchanged);
        tally.count.unchanged += unchanged.num_rows() as u64;
        tally.count.superseded += found.iter().filter(|&&f| f == Fate::Superseded).count() as u64;
        tally.count.added += found.iter().filter(|&&f| f == Fate::Added).count() as u64;
        tally.count.replaced += found.iter().filter(|&&f| f == Fate::Replaces).count() as u64;
        for row in 0..repeated.num_rows() {
            tally.repeated.push(self.repeated_row(table, &repeated, row));
        }
        let mask: BooleanArray = found.iter().map(|f| Some(matches!(f, Fate::Added | Fate::Replaces))).collect();
        filter_record_batch(rows, &mask).map_err(problem)
    }

    /// A row whose key came earlier in the same import, as a reject.
    fn repeated_row(&self, table: &Settled, rows: &RecordBatch, row: usize) -> Reject {
        let entity = table.table.entity();
        let cell = |column: &ArrayRef| array_value_to_string(column, row).unwrap_or_default();
        let named = |name: &&str| rows.column_by_name(name).map(&cell).unwrap_or_default();
        let key: Vec<String> = entity.key().iter().map(named).collect();
        let own = rows.schema_ref().fields().iter().zip(rows.columns()).take(rows.num_columns() - 1);
        let filled = own.filter(|(_, column)| column.is_valid(row));
        let raw: serde_json::Map<_, _> = filled.map(|(field, column)| (field.name().clone(), cell(column).into())).collect();
        let arrival: u64 =
            rows.columns().last().and_then(|c| c.as_primitive_opt::<Int64Type>()).map_or(0, |c| c.value(row) as u64);
        let (file, row) = match (table.places.of(arrival), self.origin.files.as_slice()) {
            (Some((file, row)), _) => (file.to_owned(), row),
            // Made of many rows, or of a source without files: the table's rows in the order they came.
            (None, [only]) => (only.name.clone(), arrival + 1),
            (None, several) => (format!("{} files", several.len()), arrival + 1),
        };
        let shortened = |text: String, most: usize| text[..text.floor_char_boundary(most)].to_owned();
        Reject {
            entity,
            file,
            row,
            column: Some(entity.key().join(", ")),
            value: Some(shortened(key.join(", "), VALUE_BYTES_MAX)),
            reason: REPEATED.to_owned(),
            raw: shortened(serde_json::Value::Object(raw).to_string(), RAW_BYTES_MAX),
        }
    }
}

/// A file's rows less some of them, and the net revenue of those left out.
fn without(path: &Path, entity: Entity, rows: &[u64]) -> Result<(Rows, i128), LakeError> {
    let problem = move |e: arrow::error::ArrowError| LakeError::Rows { entity, problem: e.to_string() };
    let (mut kept, mut cents, mut first) = (Vec::new(), 0, 0_u64);
    for batch in read_file(path, &Wanted::all(entity))? {
        let batch = batch?;
        let leaves = |row: usize| rows.binary_search(&(first + row as u64)).is_ok();
        let leaving: BooleanArray = (0..batch.num_rows()).map(|row| Some(leaves(row))).collect();
        let staying = arrow::compute::not(&leaving).map_err(problem)?;
        cents += net_cents(entity, &filter_record_batch(&batch, &leaving).map_err(problem)?);
        first += batch.num_rows() as u64;
        kept.push(Ok(filter_record_batch(&batch, &staying).map_err(problem)?));
    }
    Ok((Box::new(kept.into_iter()), cents))
}
