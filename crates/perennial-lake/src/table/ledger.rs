//! The ledger: which imports happened and which files make up which version of which table.
//!
//! One SQLite transaction here is the moment an import becomes true, for all tables and the vault at once. The Delta logs follow.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use perennial_contract::Entity;
use perennial_contract::engine::Snapshot;
use perennial_contract::money::Decimal;
use perennial_contract::source::Reconciliation;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};

use crate::lake::{FileFact, ImportRecord, LakeError, Money, ShopFacts, TableCount};
use crate::table::delta::{Change, first_commit, next_commit};
use crate::table::file::DataFile;

const LAYOUT: &str = "
CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE batch (
    number INTEGER PRIMARY KEY, batch_id TEXT NOT NULL UNIQUE, format TEXT NOT NULL, imported_at_us INTEGER NOT NULL,
    stated TEXT NOT NULL, rejected TEXT NOT NULL, rounding TEXT NOT NULL, loaded_cents INTEGER NOT NULL,
    repeated_cents INTEGER NOT NULL, unchanged_cents INTEGER NOT NULL, superseded_cents INTEGER NOT NULL) STRICT;
CREATE TABLE batch_file (
    batch_id TEXT NOT NULL REFERENCES batch (batch_id), position INTEGER NOT NULL, name TEXT NOT NULL, sha256 TEXT NOT NULL,
    bytes INTEGER NOT NULL, PRIMARY KEY (batch_id, position)) STRICT;
CREATE INDEX batch_file_sha256 ON batch_file (sha256);
CREATE TABLE batch_table (
    batch_id TEXT NOT NULL REFERENCES batch (batch_id), entity TEXT NOT NULL, added INTEGER NOT NULL, replaced INTEGER NOT NULL,
    unchanged INTEGER NOT NULL, rejected INTEGER NOT NULL, superseded INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (batch_id, entity)) STRICT;
CREATE TABLE delta_commit (
    entity TEXT NOT NULL, version INTEGER NOT NULL, text TEXT NOT NULL, published INTEGER NOT NULL,
    PRIMARY KEY (entity, version)) STRICT;
CREATE INDEX delta_commit_unpublished ON delta_commit (published) WHERE published = 0;
CREATE TABLE data_file (
    entity TEXT NOT NULL, path TEXT NOT NULL, bucket INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
    stats TEXT NOT NULL, added INTEGER NOT NULL, removed INTEGER, retired_at_us INTEGER, checksum TEXT, PRIMARY KEY (entity, path)) STRICT;
";

/// Raised when what older programs wrote would be misread.
const LAYOUT_VERSION: i64 = 2;

/// What brings a ledger of layout 1 to this one: files without a checksum are not checked.
const FROM_LAYOUT_1: &str = "
BEGIN IMMEDIATE;
ALTER TABLE batch_table ADD COLUMN superseded INTEGER NOT NULL DEFAULT 0;
ALTER TABLE data_file ADD COLUMN checksum TEXT;
PRAGMA user_version = 2;
COMMIT;
";

/// What SQLite says, and in words what it does not: that the disk is full.
pub(crate) fn in_words(error: &rusqlite::Error) -> String {
    // Extended result codes: writing a page, growing the write-ahead log's index.
    const WRITE: i32 = 10 | 3 << 8;
    const GROW: i32 = 10 | 19 << 8;
    match error.sqlite_error().map(|error| (error.code, error.extended_code)) {
        Some((rusqlite::ErrorCode::DiskFull, _)) => "no space left on device; free some and try again".to_owned(),
        Some((_, WRITE | GROW)) => format!("no space left on device, or the disk fails ({error}); free some and try again"),
        _ => error.to_string(),
    }
}

/// The lake's SQLite file.
pub(crate) struct Ledger(Mutex<Connection>);

/// New files and files that make way in one table.
pub(crate) struct TableChange {
    pub entity: Entity,
    pub added: Vec<DataFile>,
    pub removed: Vec<DataFile>,
}

/// Why tables change.
pub(crate) struct Cause<'a> {
    pub operation: &'a str,
    pub at_us: i64,
    pub rows: crate::table::delta::DataChange,
}

fn connect(path: &Path) -> Result<Connection, LakeError> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -65536; PRAGMA secure_delete = ON; PRAGMA foreign_keys = ON;",
    )?;
    Ok(connection)
}

fn count(number: u64) -> i64 {
    // SQLite has no unsigned numbers; counts of rows and bytes stay far below 2^63.
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(index).map(i64::unsigned_abs)
}

impl Ledger {
    /// Make the ledger of an empty lake: every table at version 0.
    pub(crate) fn create(path: &Path, shop: &ShopFacts, at_us: i64) -> Result<Self, LakeError> {
        let mut connection = connect(path)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(LAYOUT)?;
        transaction.execute_batch(crate::vault::LAYOUT)?;
        transaction.pragma_update(None, "user_version", LAYOUT_VERSION)?;
        for (name, value) in [("zone", &shop.zone), ("currency", &shop.currency)] {
            transaction.execute("INSERT INTO setting VALUES (?1, ?2)", params![name, value])?;
        }
        for &entity in Entity::ALL {
            let id = table_id(entity, shop, at_us);
            let text = first_commit(entity, &id, at_us);
            transaction.execute("INSERT INTO delta_commit VALUES (?1, 0, ?2, 0)", params![entity.name(), text])?;
        }
        transaction.commit()?;
        Ok(Self(Mutex::new(connection)))
    }

    pub(crate) fn open(path: &Path, shop: &ShopFacts) -> Result<Self, LakeError> {
        let connection = connect(path)?;
        let mut version: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if version == 1 {
            connection.execute_batch(FROM_LAYOUT_1)?;
            version = LAYOUT_VERSION;
        }
        if version != LAYOUT_VERSION {
            return Err(LakeError::Layout { found: version, known: LAYOUT_VERSION });
        }
        for (setting, given) in [("zone", &shop.zone), ("currency", &shop.currency)] {
            let stored: String =
                connection.query_row("SELECT value FROM setting WHERE name = ?1", [setting], |row| row.get(0))?;
            if stored != *given {
                return Err(LakeError::Settings { setting, stored, given: given.clone() });
            }
        }
        Ok(Self(Mutex::new(connection)))
    }

    /// The connection; a thread that panicked while holding it left no transaction open, so poison is no reason to stop.
    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn snapshot(&self) -> Result<Snapshot, LakeError> {
        snapshot_of(&self.connection())
    }

    /// A snapshot and whether each of some contents is in it, both as one transaction reads them.
    pub(crate) fn snapshot_knowing(&self, sha256: &[String]) -> Result<(Snapshot, Vec<bool>), LakeError> {
        let mut connection = self.connection();
        let transaction = connection.transaction()?;
        let snapshot = snapshot_of(&transaction)?;
        let mut statement = transaction.prepare("SELECT 1 FROM batch_file WHERE sha256 = ?1 LIMIT 1")?;
        let known = sha256.iter().map(|sha256| statement.exists([sha256])).collect::<Result<_, _>>()?;
        drop(statement);
        transaction.commit()?;
        Ok((snapshot, known))
    }

    /// Files of a table at a version, by bucket, then in the order they came; only one bucket's if asked for.
    pub(crate) fn files(&self, entity: Entity, version: u64, bucket: Option<u32>) -> Result<Vec<DataFile>, LakeError> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT path, bucket, rows, bytes, stats, checksum FROM data_file
             WHERE entity = ?1 AND added <= ?2 AND (removed IS NULL OR removed > ?2) AND (?3 IS NULL OR bucket = ?3)
             ORDER BY bucket, added, path",
        )?;
        let rows = statement.query_map(params![entity.name(), count(version), bucket], file_of)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Files that no current version has, and when they went out of use.
    pub(crate) fn retired(&self) -> Result<Vec<(Entity, String, i64)>, LakeError> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT entity, path, retired_at_us FROM data_file WHERE removed IS NOT NULL")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get(1)?, row.get(2)?)))?;
        let rows: Vec<(String, String, i64)> = rows.collect::<Result<_, _>>()?;
        Ok(rows.into_iter().filter_map(|(name, path, at)| Some((Entity::from_name(&name)?, path, at))).collect())
    }

    /// Forget a retired file before it is deleted.
    pub(crate) fn forget(&self, entity: Entity, path: &str) -> Result<(), LakeError> {
        self.connection().execute(
            "DELETE FROM data_file WHERE entity = ?1 AND path = ?2 AND removed IS NOT NULL",
            params![entity.name(), path],
        )?;
        Ok(())
    }

    /// Every file the lake still answers for, current or retired.
    pub(crate) fn known_paths(&self, entity: Entity) -> Result<std::collections::BTreeSet<String>, LakeError> {
        let connection = self.connection();
        let mut statement = connection.prepare("SELECT path FROM data_file WHERE entity = ?1")?;
        let rows = statement.query_map([entity.name()], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The batch a file came with, if its content was imported before.
    pub(crate) fn batch_of(&self, sha256: &str) -> Result<Option<(String, i64)>, LakeError> {
        let connection = self.connection();
        let found = connection
            .prepare("SELECT batch_id, imported_at_us FROM batch_file JOIN batch USING (batch_id) WHERE sha256 = ?1 ORDER BY number DESC")?
            .query_row([sha256], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        Ok(found)
    }

    /// The commit point. `with` adds what belongs to the same moment; nothing of it is true unless all of it is.
    pub(crate) fn commit(
        &self,
        cause: &Cause<'_>,
        changes: &[TableChange],
        with: impl FnOnce(&Transaction<'_>) -> Result<(), LakeError>,
    ) -> Result<(), LakeError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        with(&transaction)?;
        for change in changes {
            apply(&transaction, cause, change)?;
        }
        transaction.commit()?;
        Ok(())
    }

    /// Commits whose text may not be in the Delta logs yet.
    pub(crate) fn unpublished(&self) -> Result<Vec<(Entity, u64, String)>, LakeError> {
        let connection = self.connection();
        let mut statement =
            connection.prepare("SELECT entity, version, text FROM delta_commit WHERE published = 0 ORDER BY entity, version")?;
        let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, unsigned(row, 1)?, row.get(2)?)))?;
        let rows: Vec<(String, u64, String)> = rows.collect::<Result<_, _>>()?;
        Ok(rows.into_iter().filter_map(|(name, version, text)| Some((Entity::from_name(&name)?, version, text))).collect())
    }

    pub(crate) fn mark_published(&self, commits: &[(Entity, u64, String)]) -> Result<(), LakeError> {
        let mut connection = self.connection();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for (entity, version, _) in commits {
            transaction.execute(
                "UPDATE delta_commit SET published = 1 WHERE entity = ?1 AND version = ?2",
                params![entity.name(), count(*version)],
            )?;
        }
        transaction.commit()?;
        Ok(())
    }

    pub(crate) fn imports(&self) -> Result<Vec<ImportRecord>, LakeError> {
        let connection = self.connection();
        let mut statement = connection.prepare(
            "SELECT batch_id, format, imported_at_us, stated, rejected, rounding, loaded_cents, repeated_cents, unchanged_cents,
                    superseded_cents FROM batch ORDER BY number",
        )?;
        let records = statement.query_map([], record_of)?.collect::<Result<Vec<_>, _>>()?;
        records.into_iter().map(|record| with_details(&connection, record)).collect()
    }
}

fn snapshot_of(connection: &Connection) -> Result<Snapshot, LakeError> {
    // A seek for each table: grouping would walk over every version there ever was.
    let mut statement = connection.prepare("SELECT MAX(version) FROM delta_commit WHERE entity = ?1")?;
    let mut versions = BTreeMap::new();
    for &entity in Entity::ALL {
        let version: Option<i64> = statement.query_row([entity.name()], |row| row.get(0))?;
        versions.extend(version.map(|version| (entity, version.unsigned_abs())));
    }
    Ok(Snapshot { versions })
}

/// An id for a table's Delta metadata, in the shape of a UUID.
fn table_id(entity: Entity, shop: &ShopFacts, at_us: i64) -> String {
    use crate::table::hash::hash;
    let text = format!("{entity} {} {} {at_us}", shop.zone, shop.currency);
    let (a, b) = (hash(text.as_bytes(), 1), hash(text.as_bytes(), 2));
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xffff, b >> 48, b & 0xffff_ffff_ffff)
}

fn file_of(row: &Row<'_>) -> rusqlite::Result<DataFile> {
    Ok(DataFile {
        path: row.get(0)?,
        bucket: row.get(1)?,
        rows: unsigned(row, 2)?,
        bytes: unsigned(row, 3)?,
        stats: row.get(4)?,
        checksum: row.get(5)?,
    })
}

fn apply(transaction: &Transaction<'_>, cause: &Cause<'_>, change: &TableChange) -> Result<(), LakeError> {
    let name = change.entity.name();
    let last: i64 = transaction.query_row("SELECT MAX(version) FROM delta_commit WHERE entity = ?1", [name], |row| row.get(0))?;
    let version = last + 1;
    let now_us = jiff::Timestamp::now().as_microsecond();
    for file in &change.removed {
        transaction.execute(
            "UPDATE data_file SET removed = ?3, retired_at_us = ?4 WHERE entity = ?1 AND path = ?2",
            params![name, file.path, version, now_us],
        )?;
    }
    for file in &change.added {
        transaction.execute(
            "INSERT INTO data_file (entity, path, bucket, rows, bytes, stats, added, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![name, file.path, file.bucket, count(file.rows), count(file.bytes), file.stats, version, file.checksum],
        )?;
    }
    let text = next_commit(
        change.entity,
        &Change {
            operation: cause.operation,
            at_us: cause.at_us,
            added: &change.added,
            removed: &change.removed,
            changes_rows: cause.rows,
        },
    );
    transaction.execute("INSERT INTO delta_commit VALUES (?1, ?2, ?3, 0)", params![name, version, text])?;
    Ok(())
}

/// Enter an import into the books, inside the transaction that makes it true.
pub(crate) fn enter(transaction: &Transaction<'_>, record: &ImportRecord) -> Result<(), LakeError> {
    let money = &record.money;
    transaction.execute(
        "INSERT INTO batch (batch_id, format, imported_at_us, stated, rejected, rounding, loaded_cents, repeated_cents,
                            unchanged_cents, superseded_cents) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            record.batch_id,
            record.format,
            record.imported_at_us,
            money.source.stated.to_string(),
            money.source.rejected.to_string(),
            money.source.rounding.to_string(),
            money.loaded_cents,
            money.repeated_cents,
            money.unchanged_cents,
            money.superseded_cents,
        ],
    )?;
    for (position, file) in (0_i64..).zip(&record.files) {
        transaction.execute(
            "INSERT INTO batch_file VALUES (?1, ?2, ?3, ?4, ?5)",
            params![record.batch_id, position, file.name, file.sha256, count(file.bytes)],
        )?;
    }
    for (entity, rows) in &record.tables {
        transaction.execute(
            "INSERT INTO batch_table (batch_id, entity, added, replaced, unchanged, rejected, superseded)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                record.batch_id,
                entity.name(),
                count(rows.added),
                count(rows.replaced),
                count(rows.unchanged),
                count(rows.rejected),
                count(rows.superseded)
            ],
        )?;
    }
    Ok(())
}

fn decimal(row: &Row<'_>, index: usize) -> rusqlite::Result<Decimal> {
    let text: String = row.get(index)?;
    Decimal::parse_sum(&text).ok_or(rusqlite::Error::InvalidColumnType(index, text, rusqlite::types::Type::Text))
}

fn record_of(row: &Row<'_>) -> rusqlite::Result<ImportRecord> {
    let source = Reconciliation { stated: decimal(row, 3)?, rejected: decimal(row, 4)?, rounding: decimal(row, 5)? };
    Ok(ImportRecord {
        batch_id: row.get(0)?,
        format: row.get(1)?,
        imported_at_us: row.get(2)?,
        files: Vec::new(),
        tables: Vec::new(),
        money: Money {
            source,
            loaded_cents: row.get(6)?,
            repeated_cents: row.get(7)?,
            unchanged_cents: row.get(8)?,
            superseded_cents: row.get(9)?,
        },
    })
}

fn with_details(connection: &Connection, mut record: ImportRecord) -> Result<ImportRecord, LakeError> {
    let mut files = connection.prepare("SELECT name, sha256, bytes FROM batch_file WHERE batch_id = ?1 ORDER BY position")?;
    let files = files
        .query_map([&record.batch_id], |row| Ok(FileFact { name: row.get(0)?, sha256: row.get(1)?, bytes: unsigned(row, 2)? }))?;
    record.files = files.collect::<Result<_, _>>()?;
    let mut tables = connection
        .prepare("SELECT entity, added, replaced, unchanged, rejected, superseded FROM batch_table WHERE batch_id = ?1")?;
    let tables = tables.query_map([&record.batch_id], |row| {
        let rows = TableCount {
            added: unsigned(row, 1)?,
            replaced: unsigned(row, 2)?,
            unchanged: unsigned(row, 3)?,
            rejected: unsigned(row, 4)?,
            superseded: unsigned(row, 5)?,
        };
        Ok((row.get::<_, String>(0)?, rows))
    })?;
    let tables: BTreeMap<String, TableCount> = tables.collect::<Result<_, _>>()?;
    record.tables = Entity::ALL.iter().filter_map(|&entity| Some((entity, *tables.get(entity.name())?))).collect();
    Ok(record)
}
