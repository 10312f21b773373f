//! The one thread that writes: how do many small batches become durable with few syncs?
//!
//! Assumes  a sync takes longer than the batches that arrive meanwhile take to be judged: whoever comes during one shares the next.
//! Input    batches that were read and judged on their callers' threads, in a queue.
//! Output   for each batch which of its rows were taken, told after they are on disk; the desk shows them first.
//! Cost     one record and one sync a group, whatever the number of batches in it.
//! Ref      Helland et al. (1987), Group Commit Timers and High Volume Transaction Systems; after a failed sync nothing is tried again:
//!          Rebello et al. (2020), Can Applications Recover from fsync Failures?, USENIX ATC.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::{BooleanArray, RecordBatch};
use arrow::compute::{concat_batches, filter_record_batch};
use perennial_contract::Entity;
use perennial_contract::source::Identity;
use perennial_lake::lake::Lake;

use super::InboxError;
use super::desk::{Desk, Held};
use super::group::Group;
use super::inbox::Setup;
use super::segment::Segment;

/// Rows after which a group is closed although more wait.
const GROUP_ROWS: usize = 16_384;
/// Bytes after which the next group goes into another segment.
const SEGMENT_BYTES: u64 = 64 << 20;

/// What the writer, the readers and the mover share.
pub struct Shared {
    pub lake: Arc<Lake>,
    pub folder: PathBuf,
    pub setup: Setup,
    /// Held while a step of the mover is taken, whoever takes it.
    pub turn: Mutex<()>,
    desk: Mutex<Desk>,
}

impl Shared {
    pub fn new(lake: Arc<Lake>, folder: PathBuf, setup: Setup) -> Self {
        Self { lake, folder, setup, turn: Mutex::default(), desk: Mutex::default() }
    }

    /// The desk. Nobody leaves it half changed: a panic there would be a fault in the code, and every change is small.
    pub fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Good rows of one table of a batch.
pub struct JobTable {
    pub entity: Entity,
    pub rows: RecordBatch,
    pub keys: Vec<u64>,
    /// Each with the position of its row.
    pub identities: Vec<(usize, Identity)>,
}

/// For each table of a batch, for each of its rows: whether it was taken. If not, its key was there.
pub type Taken = Vec<Vec<bool>>;

pub struct Job {
    pub tables: Vec<JobTable>,
    pub answer: SyncSender<Result<Taken, InboxError>>,
}

impl Job {
    fn rows(&self) -> usize {
        self.tables.iter().map(|table| table.rows.num_rows()).sum()
    }
}

pub enum Message {
    Rows(Job),
    /// No further row may go into the segments there are; answered with the number of the last of them.
    Seal(SyncSender<Option<u64>>),
}

pub struct Writer {
    pub shared: Arc<Shared>,
    pub next_number: u64,
    pub segment: Option<Segment>,
}

/// Why a group was not written.
enum Failure {
    /// Before anything was written.
    Refused(String),
    /// While it was written.
    Disk(String),
}

impl Writer {
    /// Serve the queue until nobody can write to it any more.
    pub fn run(mut self, queue: &Receiver<Message>) {
        while let Ok(first) = queue.recv() {
            let (mut jobs, mut seal, mut rows, mut next) = (Vec::new(), None, 0, Some(first));
            while let Some(message) = next {
                match message {
                    Message::Rows(job) => {
                        rows += job.rows();
                        jobs.push(job);
                    }
                    Message::Seal(answer) => {
                        seal = Some(answer);
                        break;
                    }
                }
                next = if rows < GROUP_ROWS { queue.try_recv().ok() } else { None };
            }
            if !jobs.is_empty() {
                self.serve(jobs, rows as u64);
            }
            if let Some(answer) = seal {
                self.segment = None;
                // Nobody waiting means nobody needs to know.
                let _ = answer.send(self.shared.desk().segments.back().map(|segment| segment.number));
            }
        }
    }

    /// Answer every job: with what was taken of it, or with why nothing was.
    fn serve(&mut self, jobs: Vec<Job>, rows: u64) {
        let taken = match self.claim(&jobs, rows) {
            Ok(taken) => taken,
            Err(refuse) => return answer_all(jobs, &refuse),
        };
        if let Err(failure) = self.write(&jobs, &taken) {
            let mut desk = self.shared.desk();
            match failure {
                Failure::Refused(cause) => {
                    give_back(&mut desk, &jobs, &taken);
                    return answer_all(jobs, &|| InboxError::Unready(cause.clone()));
                }
                Failure::Disk(cause) => {
                    desk.stopped = Some(cause.clone());
                    return answer_all(jobs, &|| InboxError::Stopped(cause.clone()));
                }
            }
        }
        for (job, taken) in jobs.into_iter().zip(taken) {
            let _ = job.answer.send(Ok(taken));
        }
    }

    /// Which rows of the jobs are new.
    fn claim(&self, jobs: &[Job], rows: u64) -> Result<Vec<Taken>, Box<dyn Fn() -> InboxError>> {
        let mut desk = self.shared.desk();
        if let Some(cause) = desk.stopped.clone() {
            return Err(Box::new(move || InboxError::Stopped(cause.clone())));
        }
        let (waiting, rows_max) = (desk.gauges.rows_waiting, self.shared.setup.rows_max);
        if waiting + rows > rows_max {
            return Err(Box::new(move || InboxError::Full { rows: waiting, rows_max }));
        }
        let tables = jobs.iter().flat_map(|job| job.tables.iter().map(|table| table.entity));
        let refreshed = self.shared.lake.snapshot().and_then(|at| desk.refresh(&self.shared.lake, &at, tables));
        if let Err(error) = refreshed {
            let cause = error.to_string();
            return Err(Box::new(move || InboxError::Unready(cause.clone())));
        }
        let claimed = |table: &JobTable, desk: &mut Desk| table.keys.iter().map(|&key| desk.claim(table.entity, key)).collect();
        Ok(jobs.iter().map(|job| job.tables.iter().map(|table| claimed(table, &mut desk)).collect()).collect())
    }

    /// Make the new rows durable, then show them.
    fn write(&mut self, jobs: &[Job], taken: &[Taken]) -> Result<(), Failure> {
        let tables = gathered(jobs, taken).map_err(Failure::Refused)?;
        let new: u64 = tables.iter().map(|(_, rows)| rows.num_rows() as u64).sum();
        let repeated = taken.iter().flatten().flatten().filter(|taken| !**taken).count() as u64;
        let arrived_us = (self.shared.setup.clock)().as_microsecond();
        if new == 0 {
            self.shared.desk().gauges.rows_duplicate += repeated;
            return Ok(());
        }
        if self.segment.as_ref().is_none_or(|segment| segment.bytes >= SEGMENT_BYTES) {
            let segment = Segment::create(&self.shared.folder, self.next_number, arrived_us);
            let segment = segment.map_err(|error| Failure::Disk(error.to_string()))?;
            self.next_number += 1;
            let Segment { path, number, content, bytes, .. } = &segment;
            let held =
                Held { number: *number, content: content.clone(), path: path.clone(), bytes: *bytes, identities: Vec::new() };
            self.shared.desk().hold(held);
            self.segment = Some(segment);
        }
        let Some(segment) = &mut self.segment else { return Err(Failure::Refused("there is no segment".to_owned())) };
        let identities: Vec<Identity> = identities(jobs, taken).cloned().collect();
        let sealed = match identities.is_empty() {
            true => Ok(Vec::new()),
            false => self.shared.lake.vault().seal_aside(&identities, segment.content.as_bytes()),
        };
        let identities = sealed.map_err(|error| Failure::Refused(error.to_string()))?;
        let group = Group { arrived_us, tables, identities };
        let payload = group.encode().map_err(Failure::Refused)?;
        segment.append(&payload, self.shared.setup.sync).map_err(|error| Failure::Disk(error.to_string()))?;
        let mut desk = self.shared.desk();
        if let Some(held) = desk.segments.back_mut() {
            held.bytes = segment.bytes;
            held.identities.extend(Some(group.identities).filter(|sealed| !sealed.is_empty()));
        }
        for table in group.tables {
            desk.show(table, arrived_us);
        }
        desk.gauges.rows_accepted += new;
        desk.gauges.rows_duplicate += repeated;
        desk.gauges.groups_written += 1;
        Ok(())
    }
}

fn answer_all(jobs: Vec<Job>, refuse: &dyn Fn() -> InboxError) {
    for job in jobs {
        // Nobody waiting means nobody needs to know.
        let _ = job.answer.send(Err(refuse()));
    }
}

fn give_back(desk: &mut Desk, jobs: &[Job], taken: &[Taken]) {
    for (table, taken) in jobs.iter().flat_map(|job| &job.tables).zip(taken.iter().flatten()) {
        for (&key, _) in table.keys.iter().zip(taken).filter(|(_, taken)| **taken) {
            desk.disclaim(table.entity, key);
        }
    }
}

/// The new rows of all jobs, a batch for each table.
fn gathered(jobs: &[Job], taken: &[Taken]) -> Result<Vec<(Entity, RecordBatch)>, String> {
    let mut tables: BTreeMap<Entity, Vec<RecordBatch>> = BTreeMap::new();
    for (table, taken) in jobs.iter().flat_map(|job| &job.tables).zip(taken.iter().flatten()) {
        let rows = match taken.iter().all(|taken| *taken) {
            true => table.rows.clone(),
            false => filter_record_batch(&table.rows, &BooleanArray::from(taken.clone())).map_err(|error| error.to_string())?,
        };
        if rows.num_rows() > 0 {
            tables.entry(table.entity).or_default().push(rows);
        }
    }
    let one = |(entity, batches): (Entity, Vec<RecordBatch>)| {
        let rows = concat_batches(&entity.source_schema(), &batches).map_err(|error| error.to_string())?;
        Ok((entity, rows))
    };
    tables.into_iter().map(one).collect()
}

/// What the new rows tell of who their customers are.
fn identities<'a>(jobs: &'a [Job], taken: &'a [Taken]) -> impl Iterator<Item = &'a Identity> {
    jobs.iter().flat_map(|job| &job.tables).zip(taken.iter().flatten()).flat_map(|(table, taken)| {
        table.identities.iter().filter(|(row, _)| taken.get(*row).copied().unwrap_or(false)).map(|(_, identity)| identity)
    })
}
