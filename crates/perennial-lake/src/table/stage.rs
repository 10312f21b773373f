//! An import's rows between the source and the data files: in memory up to a budget, beyond it in sorted runs on disk.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use perennial_contract::Entity;
use perennial_contract::source::{Batch, Reject};

use crate::lake::LakeError;
use crate::table::file::storage;
use crate::table::judge::{Judge, Places};
use crate::table::keys::{KeyLog, ROWS_MAX};
use crate::table::merge::Rows;
use crate::table::order::buckets;
use crate::table::pending::{Pending, Sealed, incoming_schema};
use crate::vault::Spool;

/// One table's share of an import.
pub(crate) struct TableStage {
    pending: Pending,
    /// Sorted runs on disk, by bucket, oldest first.
    runs: BTreeMap<u32, Vec<PathBuf>>,
    pub keys: KeyLog,
    pub places: Places,
    pub received: u64,
}

/// Everything an import has brought so far.
pub(crate) struct Stage {
    /// Made when the first run is written, deleted with the stage.
    temporary: PathBuf,
    budget_bytes: usize,
    /// Tables that hold rows already: incoming rows have to be compared with them.
    filled: Vec<Entity>,
    pub tables: BTreeMap<Entity, TableStage>,
    /// Rejects by the table they would have been rows of.
    pub rejected: BTreeMap<Entity, u64>,
    pub judge: Judge,
    pub identities: Spool,
    pub loaded_cents: i128,
}

/// A table's staged rows, ready to be read in order.
pub(crate) struct SealedTable {
    entity: Entity,
    pending: Sealed,
    runs: BTreeMap<u32, Vec<PathBuf>>,
}

/// Net revenue in a table's rows, minor units: items add, returns take away, other tables carry none.
pub(crate) fn net_cents(entity: Entity, rows: &RecordBatch) -> i128 {
    let (column, sign) = match entity {
        Entity::OrderItems => ("total_cents", 1),
        Entity::Returns => ("amount_cents", -1),
        _ => return 0,
    };
    let cents = rows.column_by_name(column).and_then(|c| c.as_primitive_opt::<Int64Type>());
    sign * cents.map_or(0, |c| c.values().iter().map(|&cents| i128::from(cents)).sum::<i128>())
}

impl Stage {
    pub(crate) fn new(temporary: PathBuf, budget_bytes: usize, filled: Vec<Entity>) -> Self {
        Self {
            identities: Spool::new(temporary.clone()),
            temporary,
            budget_bytes,
            filled,
            tables: BTreeMap::new(),
            rejected: BTreeMap::new(),
            judge: Judge::default(),
            loaded_cents: 0,
        }
    }

    /// Take a batch whose rows fit their table.
    pub(crate) fn take(&mut self, batch: Batch) -> Result<(), LakeError> {
        let Batch { entity, rows, places, rejects, identities } = batch;
        for identity in identities {
            self.identities.push(identity)?;
        }
        if rows.num_rows() > 0 {
            self.loaded_cents += net_cents(entity, &rows);
            let arrived = self.tables.get(&entity).map_or(0, |table| table.received);
            self.push(entity, &rows)?;
            if let Some(table) = self.tables.get_mut(&entity) {
                table.places.note(arrived, &places);
            }
        }
        self.reject(&rejects)?;
        self.spill_if_full()
    }

    fn spill_if_full(&mut self) -> Result<(), LakeError> {
        let held: usize = self.tables.values().map(|table| table.pending.bytes()).sum();
        if held > self.budget_bytes { self.spill() } else { Ok(()) }
    }

    /// Where a bucket's rows with a repeated key wait as rejects.
    pub(crate) fn repeated_run(&self, entity: Entity, bucket: u32) -> PathBuf {
        self.temporary.join(format!("repeated-{entity}-{bucket:02}.run"))
    }

    /// Take the rejects of a run, which are rows that would have been `entity`'s.
    pub(crate) fn take_repeated(&mut self, run: &RejectRun) -> Result<(), LakeError> {
        for rows in read_run(&run.path)? {
            let rows = rows?;
            *self.rejected.entry(run.entity).or_default() += rows.num_rows() as u64;
            self.push(Entity::Rejects, &rows)?;
            self.spill_if_full()?;
        }
        fs::remove_file(&run.path).map_err(storage(&run.path))
    }

    pub(crate) fn reject(&mut self, rejects: &[Reject]) -> Result<(), LakeError> {
        if rejects.is_empty() {
            return Ok(());
        }
        for reject in rejects {
            *self.rejected.entry(reject.entity).or_default() += 1;
            self.judge.reject(reject);
        }
        self.push(Entity::Rejects, &reject_rows(rejects)?)
    }

    fn push(&mut self, entity: Entity, rows: &RecordBatch) -> Result<(), LakeError> {
        let filled = self.filled.contains(&entity);
        let table = self.tables.entry(entity).or_insert_with(|| TableStage {
            pending: Pending::new(entity),
            runs: BTreeMap::new(),
            keys: KeyLog::default(),
            places: Places::default(),
            received: 0,
        });
        // Two rejects of one row are two reasons, not a repeated key.
        if entity != Entity::Rejects {
            table.keys.note(entity, rows, filled)?;
        }
        if table.received as usize + rows.num_rows() > ROWS_MAX {
            let problem = format!("more than {ROWS_MAX} of them in one import; split it into several");
            return Err(LakeError::Rows { entity, problem });
        }
        table.pending.push(rows, table.received)?;
        table.received += rows.num_rows() as u64;
        Ok(())
    }

    /// Write what is in memory to disk, every bucket of every table as a sorted run.
    fn spill(&mut self) -> Result<(), LakeError> {
        fs::create_dir_all(&self.temporary).map_err(storage(&self.temporary))?;
        for (&entity, table) in &mut self.tables {
            let sealed = std::mem::replace(&mut table.pending, Pending::new(entity)).seal()?;
            for bucket in (0..buckets(entity)).filter(|&bucket| sealed.has_bucket(bucket)) {
                let runs = table.runs.entry(bucket).or_default();
                let path = self.temporary.join(format!("{entity}-{bucket:02}-{:04}.run", runs.len()));
                write_run(&path, entity, sealed.rows(bucket))?;
                runs.push(path);
            }
        }
        Ok(())
    }

    /// No more rows of this table.
    pub(crate) fn seal(&mut self, entity: Entity) -> Result<Option<SealedTable>, LakeError> {
        let Some(table) = self.tables.get_mut(&entity) else { return Ok(None) };
        let pending = std::mem::replace(&mut table.pending, Pending::new(entity)).seal()?;
        Ok(Some(SealedTable { entity, pending, runs: std::mem::take(&mut table.runs) }))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Best effort: what stays behind is deleted when the lake is opened next.
        let _ = fs::remove_dir_all(&self.temporary);
    }
}

impl SealedTable {
    pub(crate) fn has_bucket(&self, bucket: u32) -> bool {
        self.pending.has_bucket(bucket) || self.runs.contains_key(&bucket)
    }

    /// Sorted streams of a bucket's rows, oldest arrivals first.
    pub(crate) fn streams(&self, bucket: u32) -> Result<Vec<Rows>, LakeError> {
        let mut streams = Vec::new();
        for path in self.runs.get(&bucket).into_iter().flatten() {
            streams.push(read_run(path)?);
        }
        if self.pending.has_bucket(bucket) {
            streams.push(self.pending.rows(bucket));
        }
        Ok(streams)
    }

    pub(crate) fn entity(&self) -> Entity {
        self.entity
    }
}

fn write_run(path: &Path, entity: Entity, rows: Rows) -> Result<(), LakeError> {
    let file = BufWriter::with_capacity(1 << 20, File::create(path).map_err(storage(path))?);
    let mut writer = StreamWriter::try_new(file, &incoming_schema(entity)).map_err(storage(path))?;
    for batch in rows {
        writer.write(&batch?).map_err(storage(path))?;
    }
    writer.finish().map_err(storage(path))
}

fn read_run(path: &Path) -> Result<Rows, LakeError> {
    let file = BufReader::with_capacity(1 << 18, File::open(path).map_err(storage(path))?);
    let reader = StreamReader::try_new(file, None).map_err(storage(path))?;
    let path = path.to_owned();
    Ok(Box::new(reader.map(move |batch| batch.map_err(storage(&path)))))
}

/// Rejects on disk, so that a file of repeated keys is not held in memory.
pub(crate) struct RejectRun {
    pub entity: Entity,
    path: PathBuf,
    writer: StreamWriter<BufWriter<File>>,
}

impl RejectRun {
    pub(crate) fn create(path: PathBuf, entity: Entity) -> Result<Self, LakeError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(storage(folder))?;
        }
        let file = BufWriter::new(File::create(&path).map_err(storage(&path))?);
        let writer = StreamWriter::try_new(file, &Entity::Rejects.source_schema()).map_err(storage(&path))?;
        Ok(Self { entity, path, writer })
    }

    pub(crate) fn write(&mut self, rejects: &[Reject]) -> Result<(), LakeError> {
        self.writer.write(&reject_rows(rejects)?).map_err(storage(&self.path))
    }

    pub(crate) fn finish(&mut self) -> Result<(), LakeError> {
        self.writer.finish().map_err(storage(&self.path))
    }
}

/// Rejects as rows of their table.
fn reject_rows(rejects: &[Reject]) -> Result<RecordBatch, LakeError> {
    fn texts<'a>(rejects: &'a [Reject], pick: impl Fn(&'a Reject) -> Option<&'a str>) -> Arc<dyn Array> {
        Arc::new(rejects.iter().map(pick).collect::<StringArray>())
    }
    let columns = vec![
        texts(rejects, |r| Some(r.entity.name())),
        texts(rejects, |r| Some(&r.file)),
        Arc::new(Int64Array::from_iter_values(rejects.iter().map(|r| i64::try_from(r.row).unwrap_or(i64::MAX)))),
        texts(rejects, |r| r.column.as_deref()),
        texts(rejects, |r| r.value.as_deref()),
        texts(rejects, |r| Some(&r.reason)),
        texts(rejects, |r| Some(&r.raw)),
    ];
    RecordBatch::try_new(Entity::Rejects.source_schema(), columns)
        .map_err(|e| LakeError::Rows { entity: Entity::Rejects, problem: e.to_string() })
}
