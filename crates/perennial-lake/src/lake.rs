//! The lake: a shop's canonical tables on disk, changed only by whole imports.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use arrow::array::RecordBatch;
use perennial_contract::Entity;
use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::source::Reconciliation;
use serde::{Deserialize, Serialize};

use crate::engine::Embedded;
use crate::table::compact::compact;
use crate::table::file::{storage, sync_dir};
use crate::table::import;
pub use crate::table::import::Import;
pub use crate::table::known::KnownKeys;
use crate::table::ledger::{Ledger, in_words};
use crate::table::lock::WriteLock;
use crate::table::merge::Rows;
use crate::table::order::{bucket_of, buckets};
use crate::table::recover::recover;
use crate::table::scan::{Wanted, read_bucket};
pub use crate::table::store::Probe;
use crate::table::store::Store;
use crate::vault::{KeySource, Vault, VaultError};

/// What a lake is tied to when it is made: changing either would change the meaning of rows already stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShopFacts {
    /// IANA name of the zone of the shop's calendar days.
    pub zone: String,
    /// ISO 4217 code of every `_cents` column.
    pub currency: String,
}

/// A file as the lake remembers it: the content hash decides whether it was imported before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFact {
    pub name: String,
    /// Lower-case hexadecimal.
    pub sha256: String,
    pub bytes: u64,
}

/// Where an import comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Name of the source format; becomes the `source` column.
    pub format: String,
    pub files: Vec<FileFact>,
    /// The clock's reading, UTC microseconds; becomes `ingested_at`. Given by the caller so that a replay is byte-identical.
    pub at_us: i64,
}

/// Answer to [`Lake::begin`].
pub enum Begin<'a> {
    Import(Import<'a>),
    /// Exactly these files are in the lake already; there is nothing to do.
    AlreadyImported {
        batch_id: String,
        imported_at_us: i64,
    },
}

/// Rows of one table in one import.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableCount {
    /// Rows whose key was not in the lake.
    pub added: u64,
    /// Rows that took the place of an older row with the same key and other content.
    pub replaced: u64,
    /// Rows that were in the lake already, word for word, or that a tracker sent twice.
    pub unchanged: u64,
    /// Decisions (consents) that were made before the one that is known: the latest stands, whatever comes first.
    #[serde(default)]
    pub superseded: u64,
    /// Rows that could not be used, the later ones of a repeated key included.
    pub rejected: u64,
}

/// One committed import.
#[derive(Clone, Debug, PartialEq)]
pub struct ImportRecord {
    pub batch_id: String,
    pub format: String,
    pub imported_at_us: i64,
    pub files: Vec<FileFact>,
    /// In the order of [`Entity::ALL`]; tables the import did not touch are absent.
    pub tables: Vec<(Entity, TableCount)>,
    pub money: Money,
}

/// Net revenue of an import, from the file's own statement to the rows. Cents are minor units of the shop's currency;
/// `loaded == added + replaced + unchanged + repeated` and `stated == loaded + source.rejected + source.rounding`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money {
    pub source: Reconciliation,
    /// Σ order_items.total_cents − Σ returns.amount_cents of the rows the source delivered.
    pub loaded_cents: i64,
    /// The part of `loaded_cents` in rows rejected because their key came earlier in the same import.
    pub repeated_cents: i64,
    /// The part of `loaded_cents` in rows the lake had already.
    pub unchanged_cents: i64,
    /// What stood in the older rows that this import replaced.
    pub superseded_cents: i64,
}

/// What a commit did.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub record: ImportRecord,
    /// The lake as the import left it.
    pub snapshot: Snapshot,
}

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compaction {
    pub files_before: u64,
    pub files_after: u64,
    /// Files of earlier states that nobody may read any more and that were deleted.
    pub files_deleted: u64,
}

/// Rows seen and written so far; readable from another thread while an import runs.
#[derive(Debug, Default)]
pub struct Progress {
    pub rows_received: AtomicU64,
    pub rows_written: AtomicU64,
    pub bytes_written: AtomicU64,
    pub files_written: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    #[error("{}: there is no lake here; run `perennial init` first", .0.display())]
    Missing(PathBuf),
    #[error(
        "{}: the file is damaged: it no longer holds what was written; put it back from a copy, or make the shop anew and import its files again",
        .0.display()
    )]
    Damaged(PathBuf),
    #[error("{}: there is a lake here already", .0.display())]
    Exists(PathBuf),
    #[error(
        "the lake was made with {setting} {stored:?}, the settings say {given:?}; put {stored:?} back, or import into a fresh shop"
    )]
    Settings { setting: &'static str, stored: String, given: String },
    #[error("the lake is being changed by {holder}; try again when that has ended")]
    Locked { holder: String },
    #[error(
        "{file}: {bad} of its {of} rows for {entity} cannot be used, more than import.reject_share_max = {share_max} allows; {reason}; \
         nothing was changed: check the columns in the mapping or the file"
    )]
    TooManyBad { file: String, entity: Entity, bad: u64, of: u64, share_max: f64, reason: String },
    #[error("{one} and {other} have the same content; leave one of them out")]
    SameContent { one: String, other: String },
    #[error("the lake is of layout {found}, this program knows {known}; use the program that made it")]
    Layout { found: i64, known: i64 },
    #[error("{entity} rows do not fit the table: {problem}")]
    Rows { entity: Entity, problem: String },
    #[error("the lake no longer holds version {version} of {entity}; take a fresh snapshot")]
    Gone { entity: Entity, version: u64 },
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error("{}: {cause}", path.display())]
    Storage { path: PathBuf, cause: String },
    #[error("the lake's ledger cannot be used: {}", in_words(.0))]
    Ledger(#[from] rusqlite::Error),
}

/// What the lake may use. More memory makes imports faster, not different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub threads: usize,
    /// Rows an import holds in memory before it writes sorted runs to disk.
    pub import_bytes: usize,
    /// Memory of a query before it spills to disk.
    pub query_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { threads, import_bytes: 192 << 20, query_bytes: 1 << 30 }
    }
}

/// A shop's tables, their SQL engine and its vault.
pub struct Lake {
    store: Arc<Store>,
    engine: Embedded,
    vault: Vault,
}

/// The rows of one bucket in order of (customer_id, time, key), in batches.
pub struct BucketScan(Rows);

impl Iterator for BucketScan {
    type Item = Result<RecordBatch, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

/// Name of the ledger in the lake's folder.
const LEDGER: &str = "ledger.db";

impl Lake {
    /// Make an empty lake in `dir`, which is the lake's own folder (`<shop>/lake`).
    pub fn create(dir: &Path, shop: &ShopFacts) -> Result<Self, LakeError> {
        fs::create_dir_all(dir).map_err(storage(dir))?;
        let ledger = dir.join(LEDGER);
        if ledger.exists() {
            return Err(LakeError::Exists(dir.to_owned()));
        }
        // Made under another name, so that a crash in between leaves no half-made lake to be opened.
        let unfinished = dir.join("ledger.unfinished");
        remove_ledger(&unfinished)?;
        drop(Ledger::create(&unfinished, shop, now_us())?);
        remove_ledger_logs(&unfinished)?;
        fs::rename(&unfinished, &ledger).map_err(storage(&ledger))?;
        sync_dir(dir)?;
        Self::open(dir, shop, None)
    }

    /// Open the lake in `dir`, finishing or undoing whatever a crash left. Without a key source the vault's key is the file
    /// `vault.key` in `dir`.
    pub fn open(dir: &Path, shop: &ShopFacts, key: Option<&KeySource>) -> Result<Self, LakeError> {
        let path = dir.join(LEDGER);
        if !path.exists() {
            return Err(LakeError::Missing(dir.to_owned()));
        }
        let ledger = Arc::new(Ledger::open(&path, shop)?);
        let vault = Vault::new(ledger.clone(), dir, key);
        let store = Arc::new(Store {
            dir: dir.to_owned(),
            shop: shop.clone(),
            ledger,
            limits: Limits::default(),
            probe: None,
            verified: Mutex::default(),
        });
        // Whoever holds the lock recovers, or did when it took it.
        if let Some(lock) = WriteLock::if_free(dir, "the recovery of a lake")? {
            recover(&store, &lock)?;
        }
        let engine = Embedded::new(store.clone());
        Ok(Self { store, engine, vault })
    }

    /// The same lake under other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        self.with_store(|store| Store { limits, ..store })
    }

    /// The same lake with something called at every step of a commit; for tests that stop the process there.
    #[must_use]
    pub fn with_probe(self, probe: Probe) -> Self {
        self.with_store(|store| Store { probe: Some(probe), ..store })
    }

    fn with_store(self, change: impl FnOnce(Store) -> Store) -> Self {
        let Store { dir, shop, ledger, limits, probe, .. } = &*self.store;
        let (dir, shop, ledger, probe) = (dir.clone(), shop.clone(), ledger.clone(), probe.clone());
        let store = Store { dir, shop, ledger, limits: *limits, probe, verified: Mutex::default() };
        let store = Arc::new(change(store));
        Self { engine: Embedded::new(store.clone()), store, vault: self.vault }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Start an import, unless these files are in the lake already. Only one import or compaction runs at a time.
    pub fn begin(&self, origin: &Origin) -> Result<Begin<'_>, LakeError> {
        import::begin(self, origin)
    }

    /// The lake as it is now.
    pub fn snapshot(&self) -> Result<Snapshot, LakeError> {
        self.store.ledger.snapshot()
    }

    /// The lake as it is now, and which of these contents it holds: of one moment.
    pub fn snapshot_knowing(&self, sha256: &[String]) -> Result<(Snapshot, Vec<bool>), LakeError> {
        self.store.ledger.snapshot_knowing(sha256)
    }

    /// What stands for the key of each row of a batch in [`KnownKeys`].
    pub fn keys(entity: Entity, rows: &RecordBatch) -> Result<Vec<u64>, LakeError> {
        crate::table::keys::short_keys(entity, rows)
    }

    /// Every committed import, oldest first.
    pub fn imports(&self) -> Result<Vec<ImportRecord>, LakeError> {
        self.store.ledger.imports()
    }

    /// Zone and currency of the shop.
    #[must_use]
    pub fn shop(&self) -> &ShopFacts {
        &self.store.shop
    }

    /// How many rows a table has.
    pub fn rows(&self, at: &Snapshot, entity: Entity) -> Result<u64, LakeError> {
        Ok(self.store.files(at, entity, None)?.iter().map(|file| file.rows).sum())
    }

    /// Stream some columns of a table, one scan per bucket in bucket order; the bucket of a customer is the same in every table.
    ///
    /// Tables with `customer_id` have a fixed number of buckets, the last of which holds the rows of guests; other tables have one
    /// bucket sorted by key. With [`Who::One`] a table with `customer_id` gives one scan, holding that customer's rows.
    pub fn scan(&self, at: &Snapshot, entity: Entity, columns: &[&str], who: &Who) -> Result<Vec<BucketScan>, LakeError> {
        for name in columns {
            if entity.column(name).is_none() {
                return Err(LakeError::Rows { entity, problem: format!("the table has no column {name:?}") });
            }
        }
        let columns = columns.iter().map(|&name| name.to_owned()).collect();
        let customer = match who {
            Who::One(customer) if entity.has_customer() => Some(Arc::from(customer.as_str())),
            _ => None,
        };
        let wanted: Vec<u32> = customer.as_deref().map_or_else(|| (0..buckets(entity)).collect(), |id| vec![bucket_of(id)]);
        let files = self.store.files(at, entity, customer.as_deref().map(bucket_of))?;
        self.store.verify(entity, &files)?;
        let folder = self.store.folder(entity);
        let scan = Wanted { entity, columns, customer };
        let of_bucket = |bucket: u32| files.iter().filter(move |f| f.bucket == bucket).map(|f| folder.join(&f.path)).collect();
        Ok(wanted.into_iter().map(|bucket| BucketScan(read_bucket(of_bucket(bucket), &scan))).collect())
    }

    pub fn engine(&self) -> &Embedded {
        &self.engine
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Merge every bucket's files into one and delete files that went out of use over an hour ago.
    pub fn compact(&self) -> Result<Compaction, LakeError> {
        compact(&self.store, now_us())
    }
}

fn now_us() -> i64 {
    jiff::Timestamp::now().as_microsecond()
}

fn remove_ledger(path: &Path) -> Result<(), LakeError> {
    remove_if_there(path)?;
    remove_ledger_logs(path)
}

/// SQLite's side files; empty and closed by now, or left by a crash.
fn remove_ledger_logs(path: &Path) -> Result<(), LakeError> {
    for suffix in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(suffix);
        remove_if_there(Path::new(&name))?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<(), LakeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(storage(path)(error)),
        _ => Ok(()),
    }
}
