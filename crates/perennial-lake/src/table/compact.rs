//! Fewer, larger files: every bucket's files become one, and files nobody may read any more go.

use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;

use perennial_contract::Entity;

use crate::lake::{Compaction, LakeError, Progress};
use crate::table::delta::DataChange;
use crate::table::file::{DataFile, FileWriter, Target, storage, sync_dir};
use crate::table::ledger::{Cause, TableChange};
use crate::table::lock::WriteLock;
use crate::table::merge::merge;
use crate::table::order::buckets;
use crate::table::parallel;
use crate::table::scan::{Wanted, read_file};
use crate::table::store::Store;

/// How long a file outlives the version that dropped it, for readers that still hold an older snapshot.
const GRACE_US: i64 = 3_600_000_000;

/// One bucket's files, to become one.
struct Job {
    entity: Entity,
    bucket: u32,
    version: u64,
    files: Vec<DataFile>,
}

pub(crate) fn compact(store: &Store, now_us: i64) -> Result<Compaction, LakeError> {
    let _lock = WriteLock::take(&store.dir, "a compaction")?;
    let snapshot = store.ledger.snapshot()?;
    let mut compaction = Compaction::default();
    let mut jobs = Vec::new();
    for (&entity, &version) in &snapshot.versions {
        let files = store.ledger.files(entity, version, None)?;
        store.verify(entity, &files)?;
        compaction.files_before += files.len() as u64;
        for bucket in 0..buckets(entity) {
            let files: Vec<_> = files.iter().filter(|file| file.bucket == bucket).cloned().collect();
            compaction.files_after += files.len().min(1) as u64;
            if files.len() > 1 {
                jobs.push(Job { entity, bucket, version: version + 1, files });
            }
        }
    }
    let merged = parallel::each(&jobs, store.limits.threads, |job| merge_bucket(store, job))?;
    let mut changes: Vec<TableChange> = Vec::new();
    for (job, added) in jobs.into_iter().zip(merged) {
        if changes.last().is_none_or(|change| change.entity != job.entity) {
            sync_dir(&store.folder(job.entity))?;
            changes.push(TableChange { entity: job.entity, added: Vec::new(), removed: Vec::new() });
        }
        if let Some(change) = changes.last_mut() {
            change.added.extend(added);
            change.removed.extend(job.files);
        }
    }
    if !changes.is_empty() {
        store.reached("wrote files");
        let cause = Cause { operation: "OPTIMIZE", at_us: now_us, rows: DataChange::No };
        store.ledger.commit(&cause, &changes, |_| Ok(()))?;
        store.reached("committed");
        store.publish()?;
    }
    compaction.files_deleted = vacuum(store, now_us)?;
    Ok(compaction)
}

fn merge_bucket(store: &Store, job: &Job) -> Result<Option<DataFile>, LakeError> {
    let folder = store.folder(job.entity);
    let wanted = Wanted::all(job.entity);
    let streams = job.files.iter().map(|file| read_file(&folder.join(&file.path), &wanted)).collect::<Result<Vec<_>, _>>()?;
    let name = format!("{:02}-{:06}-compacted.parquet", job.bucket, job.version);
    let target = Target { folder: &folder, name, entity: job.entity, bucket: job.bucket };
    let mut writer = FileWriter::create(target, Arc::new(Progress::default()))?;
    for batch in merge(job.entity, streams) {
        writer.write(&batch?)?;
    }
    writer.finish()
}

/// Delete files that went out of use longer ago than the grace. Forgotten first: a crash between the two leaves a stray file,
/// which the next opening deletes, and never a known file that is not there.
pub(crate) fn vacuum(store: &Store, now_us: i64) -> Result<u64, LakeError> {
    let mut deleted = 0;
    for (entity, path, retired_at_us) in store.ledger.retired()? {
        if retired_at_us > now_us - GRACE_US {
            continue;
        }
        store.ledger.forget(entity, &path)?;
        let path = store.folder(entity).join(&path);
        match fs::remove_file(&path) {
            Ok(()) => deleted += 1,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(storage(&path)(error)),
        }
    }
    Ok(deleted)
}
