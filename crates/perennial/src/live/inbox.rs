//! The inbox: rows that come one by one, judged, made durable and shown at once.
//!
//! Assumes  one process has the folder open; only the mover and the inbox touch it.
//! Input    JSON objects with the canonical column names, a batch at a time, from any number of threads.
//! Output   for each object what became of it, told when the good ones are on disk.
//! Cost     reading on the caller's thread, one sync for all batches that wait; [`Setup::rows_max`] bounds the memory.
//! Ref      docs/guide/import.md, "Canonical files".

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use perennial_contract::Entity;
use perennial_contract::engine::{Snapshot, Who};
use perennial_lake::beside::Beside;
use perennial_lake::lake::Lake;
use perennial_lake::source::{self, ReadOptions, read_objects};
use serde_json::Value;

use super::desk::{Desk, Held};
use super::gauges::Gauges;
use super::group::Group;
use super::segment::{self, Found};
use super::union::View;
use super::writer::{Job, JobTable, Message, Shared, Writer};
use super::{InboxError, Outcome, accepts, storage};

/// Batches that may wait for the writer; whoever comes then waits before the queue.
const QUEUE: usize = 1_024;

/// What an inbox may use.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Rows that may wait for the mover; an event takes about half a kilobyte of memory.
    pub rows_max: u64,
    /// How long cells and objects may be.
    pub limits: source::Limits,
    pub clock: fn() -> jiff::Timestamp,
    /// Makes written bytes durable.
    pub sync: segment::Sync,
}

impl Default for Setup {
    fn default() -> Self {
        Self { rows_max: 250_000, limits: source::Limits::default(), clock: jiff::Timestamp::now, sync: File::sync_data }
    }
}

/// A shop's durable inbox.
pub struct Inbox {
    shared: Arc<Shared>,
    options: ReadOptions,
    queue: Option<SyncSender<Message>>,
    writer: Option<JoinHandle<()>>,
    _lock: File,
}

impl Inbox {
    /// Open the inbox in `folder` (`<shop>/inbox`), made where there is none: what waits there is shown again, what was moved already
    /// is deleted, and what a crash left half written, and was never answered for, is cut off.
    pub fn open(folder: &Path, lake: Arc<Lake>, setup: Setup) -> Result<Self, InboxError> {
        let is_fresh = !folder.exists();
        fs::create_dir_all(folder).map_err(storage(folder))?;
        if let Some(parent) = folder.parent().filter(|_| is_fresh) {
            segment::sync_folder(parent)?;
        }
        let lock = taken(folder)?;
        let options = ReadOptions {
            limits: setup.limits.clone(),
            pseudonym_key: Some(lake.vault().pseudonym_key()?),
            ..ReadOptions::new(&lake.shop().zone, &lake.shop().currency)
        };
        let found = segment::recover(folder)?;
        let next_number = found.last().map_or(1, |last| last.number + 1);
        let shared = Arc::new(Shared::new(lake, folder.to_owned(), setup));
        show_again(&shared, found)?;
        let (queue, messages) = sync_channel(QUEUE);
        let writer = Writer { shared: shared.clone(), next_number, segment: None };
        let writer = std::thread::Builder::new().name("perennial-inbox".to_owned()).spawn(move || writer.run(&messages));
        let writer = writer.map_err(storage(folder))?;
        Ok(Self { shared, options, queue: Some(queue), writer: Some(writer), _lock: lock })
    }

    /// Take rows of one table; blocks until the good ones are durable.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests fill one table; the API sends orders with their lines"))]
    pub fn append(&self, entity: Entity, rows: Vec<Value>) -> Result<Vec<Outcome>, InboxError> {
        let answers = self.append_together(vec![(entity, rows)])?;
        Ok(answers.into_iter().next().unwrap_or_default())
    }

    /// Take rows of several tables that belong together: lines may leave to the orders beside them whose and when they were.
    /// All good rows become durable in one moment; the answers are in the order of the tables.
    pub fn append_together(&self, tables: Vec<(Entity, Vec<Value>)>) -> Result<Vec<Vec<Outcome>>, InboxError> {
        if let Some((entity, _)) = tables.iter().find(|(entity, _)| !accepts(*entity)) {
            return Err(InboxError::Table(*entity));
        }
        let read = read_objects(&tables, &self.options)?;
        let mut answers: Vec<Vec<Outcome>> = tables.iter().map(|(_, rows)| vec![Outcome::Duplicate; rows.len()]).collect();
        let (mut jobs, mut places, mut rejected) = (Vec::with_capacity(read.len()), Vec::with_capacity(read.len()), 0);
        for (table, answers) in read.into_iter().zip(&mut answers) {
            rejected += table.rejects.len() as u64;
            for reject in table.rejects {
                if let Some(answer) = answers.get_mut((reject.row as usize).saturating_sub(1)) {
                    *answer = Outcome::Rejected { column: reject.column, reason: reject.reason };
                }
            }
            let keys = Lake::keys(table.entity, &table.rows)?;
            jobs.push(JobTable { entity: table.entity, rows: table.rows, keys, identities: table.identities });
            places.push(table.taken);
        }
        if rejected > 0 {
            self.shared.desk().gauges.rows_rejected += rejected;
        }
        if jobs.iter().any(|table| !table.keys.is_empty()) {
            let taken = self.write(jobs)?;
            for ((answers, places), taken) in answers.iter_mut().zip(places).zip(taken) {
                places.into_iter().zip(taken).filter(|(_, taken)| *taken).for_each(|(at, _)| answers[at] = Outcome::Accepted);
            }
        }
        Ok(answers)
    }

    fn write(&self, tables: Vec<JobTable>) -> Result<super::writer::Taken, InboxError> {
        let (answer, answers) = sync_channel(1);
        let gone = || InboxError::Stopped("the thread that writes has ended".to_owned());
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(Message::Rows(Job { tables, answer })).map_err(|_| gone())?;
        answers.recv().map_err(|_| gone())?
    }

    /// No further row goes into the segments there are; the number of the last of them.
    pub(super) fn seal(&self) -> Result<Option<u64>, InboxError> {
        let (answer, answers) = sync_channel(1);
        let gone = || InboxError::Stopped("the thread that writes has ended".to_owned());
        let queue = self.queue.as_ref().ok_or_else(gone)?;
        queue.send(Message::Seal(answer)).map_err(|_| gone())?;
        answers.recv().map_err(|_| gone())
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The lake together with what waits, as of this moment: a row is in it once, whatever the mover does meanwhile. `who` is whom
    /// it will be asked about; asking it about others is right too, and slower.
    pub fn union(&self, who: &Who) -> Result<Beside<'_>, InboxError> {
        let (at, view) = self.view(who)?;
        Ok(Beside::new(&self.shared.lake, at, view))
    }

    /// What waits of a customer, or of everybody, and is not in the lake at the snapshot beside it.
    pub fn view(&self, who: &Who) -> Result<(Snapshot, View), InboxError> {
        let lake = &self.shared.lake;
        let mut desk = self.shared.desk();
        let contents: Vec<_> = desk.segments.iter().map(|segment| segment.content.clone()).collect();
        let (at, known) = lake.snapshot_knowing(&contents)?;
        if !contents.is_empty() {
            desk.refresh(lake, &at, std::iter::empty())?;
        }
        // The mover takes the oldest first, so what the snapshot has is a beginning of what waits here.
        let moved = desk.segments.iter().zip(known).filter(|(_, known)| *known).map(|(segment, _)| segment.number).max();
        let view = View::of(&desk, moved, who);
        Ok((at, view))
    }

    /// Counts to watch.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        self.shared.desk().gauges((self.shared.setup.clock)().as_microsecond())
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            // The writer ends with the queue; a panic of it was told to whoever waited.
            let _ = writer.join();
        }
    }
}

/// The folder's lock, which the operating system frees however the process ends.
fn taken(folder: &Path) -> Result<File, InboxError> {
    let path: PathBuf = folder.join("inbox.lock");
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(storage(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(InboxError::Taken(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(storage(&path)(error)),
    }
}

/// Show what was found on disk, but for segments that are in the lake.
fn show_again(shared: &Shared, found: Vec<Found>) -> Result<(), InboxError> {
    let contents: Vec<_> = found.iter().map(|segment| segment.content.clone()).collect();
    let (at, known) = shared.lake.snapshot_knowing(&contents)?;
    let mut desk = shared.desk();
    for (segment, is_known) in found.into_iter().zip(known) {
        if is_known {
            fs::remove_file(&segment.path).map_err(storage(&segment.path))?;
        } else {
            show_segment(&mut desk, segment)?;
        }
    }
    let mut tables: Vec<Entity> = desk.parts.iter().map(|part| part.entity).collect();
    tables.sort_unstable();
    tables.dedup();
    desk.refresh(&shared.lake, &at, tables.into_iter())?;
    segment::sync_folder(&shared.folder)
}

fn show_segment(desk: &mut Desk, segment: Found) -> Result<(), InboxError> {
    let Found { path, number, content, bytes, payloads } = segment;
    desk.hold(Held { number, content, path: path.clone(), bytes, identities: Vec::new() });
    for payload in payloads {
        let group = Group::decode(&payload).map_err(|cause| storage(&path)(format!("a record cannot be read: {cause}")))?;
        if let Some(held) = desk.segments.back_mut() {
            held.identities.extend(Some(group.identities).filter(|sealed| !sealed.is_empty()));
        }
        for (entity, rows) in group.tables {
            for key in Lake::keys(entity, &rows)? {
                desk.claim(entity, key);
            }
            desk.show((entity, rows), group.arrived_us);
        }
    }
    Ok(())
}
