//! The log's tables: begun once, appended to inside the transaction of the change, walked in order.

use std::path::Path;

use ed25519_dalek::VerifyingKey;
use jiff::Timestamp;
use rusqlite::types::{FromSqlError, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::AuditError;
use super::bytes::{Hash, hex};
use super::entry::Entry;
use super::key::{Key, PUBLIC_FILE, Seal};
use super::line::{EntryLine, Line, SealLine, VERSION};

/// Entries from one checkpoint to the next.
pub(super) const CHECKPOINT_EVERY: i64 = 64;

/// The triggers hold us to adding only; who tampers removes them, and is found by the hashes.
const LAYOUT: &str = "
CREATE TABLE IF NOT EXISTS audit_entry (
    seq INTEGER PRIMARY KEY, at TEXT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL, purpose TEXT,
    outcome TEXT NOT NULL, detail TEXT NOT NULL, hash BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS audit_checkpoint (seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS audit_head (
    one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL, hash BLOB NOT NULL, signature BLOB NOT NULL) STRICT;
CREATE TRIGGER IF NOT EXISTS audit_entry_stays BEFORE UPDATE ON audit_entry
BEGIN SELECT raise(ABORT, 'the audit log is only added to'); END;
CREATE TRIGGER IF NOT EXISTS audit_entry_is_kept BEFORE DELETE ON audit_entry
BEGIN SELECT raise(ABORT, 'the audit log is only added to'); END;
";

const ENTRY: &str = "SELECT seq, at, actor, action, object, purpose, outcome, detail, hash FROM audit_entry";

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leaf {
    pub seq: i64,
    pub hash: Hash,
}

/// An entry as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    pub seq: i64,
    pub at: String,
    pub actor: String,
    pub action: String,
    pub object: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purpose: Option<String>,
    pub outcome: String,
    /// JSON, or empty.
    pub detail: String,
}

impl Key {
    /// The key of the log in this database of the shop. A log that was never begun is begun, with its key.
    pub fn open(shop: &Path, database: &mut Connection, now: Timestamp) -> Result<Self, AuditError> {
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(LAYOUT)?;
        let is_empty = last(&transaction)?.is_none() && head(&transaction)?.is_none();
        if is_empty && shop.join(PUBLIC_FILE).exists() {
            return Err(AuditError::Broken(format!(
                "it is empty, though {PUBLIC_FILE} says that it was begun (or move audit.key and {PUBLIC_FILE} away to begin another)"
            )));
        }
        let key = Self::load(shop, !is_empty)?;
        if is_empty {
            append(&transaction, &key, &Entry::done("system".to_owned(), "audit:begin", String::new()), now)?;
        } else {
            end(&transaction, &key)?;
        }
        transaction.commit()?;
        key.publish()?;
        Ok(key)
    }
}

/// Whether the database holds a log.
pub(super) fn is_begun(database: &Connection) -> Result<bool, AuditError> {
    Ok(database.query_row("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'audit_entry'", [], |row| {
        row.get::<_, i64>(0)
    })? == 1)
}

/// Put an entry at the end, inside the transaction of what it tells of: both become true, or neither does.
pub fn append(transaction: &Transaction, key: &Key, entry: &Entry, now: Timestamp) -> Result<Leaf, AuditError> {
    let (seq_before, previous) = end(transaction, key)?.map_or((0, [0; 32]), |leaf| (leaf.seq, leaf.hash));
    let seq = seq_before + 1;
    let record = entry.record(seq, now.to_string())?;
    let hash = record.hash(&previous);
    transaction
        .prepare(
            "INSERT INTO audit_entry (seq, at, actor, action, object, purpose, outcome, detail, hash) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            seq,
            record.at,
            record.actor,
            record.action,
            record.object,
            record.purpose,
            record.outcome,
            record.detail,
            hash
        ])?;
    // Replaced and not added to: an old head would vouch for a log cut short.
    transaction
        .prepare(
            "INSERT INTO audit_head (one, seq, hash, signature) VALUES (1, ?1, ?2, ?3) \
             ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, signature = excluded.signature",
        )?
        .execute(params![seq, hash, key.seal(Seal::Head, seq, &hash)])?;
    if seq % CHECKPOINT_EVERY == 0 {
        transaction.execute(
            "INSERT INTO audit_checkpoint (seq, hash, signature) VALUES (?1, ?2, ?3)",
            params![seq, hash, key.seal(Seal::Checkpoint, seq, &hash)],
        )?;
    }
    Ok(Leaf { seq, hash })
}

/// The last entry. The head must vouch for it: else the next signature would make good what somebody changed.
fn end(database: &Connection, key: &Key) -> Result<Option<Leaf>, AuditError> {
    let (last, head) = (last(database)?, head(database)?);
    let (last, (seq, hash, signature)) = match (last, head) {
        (None, None) => return Ok(None),
        (Some(last), Some(head)) => (last, head),
        (None, Some(_)) => return Err(AuditError::Broken("it has a head and no entry".to_owned())),
        (Some(_), None) => return Err(AuditError::Broken("its head is gone".to_owned())),
    };
    if last != (seq, hash) {
        return Err(AuditError::Broken(format!("its head stands at entry {seq}, its last entry is another")));
    }
    let is_hash = <Hash>::try_from(last.1.as_slice()).ok();
    match is_hash.filter(|hash| Seal::Head.is_good(&key.public(), (seq, hash), &signature)) {
        Some(hash) => Ok(Some(Leaf { seq, hash })),
        None => Err(AuditError::Broken(format!("the signature of its head at entry {seq} is not made with audit.key"))),
    }
}

fn last(database: &Connection) -> Result<Option<(i64, Vec<u8>)>, AuditError> {
    let mut query = database.prepare("SELECT seq, hash FROM audit_entry ORDER BY seq DESC LIMIT 1")?;
    Ok(query.query_row([], |row| Ok((row.get(0)?, row.get(1)?))).optional()?)
}

/// Number, hash and signature of what the head vouches for.
type Head = (i64, Vec<u8>, Vec<u8>);

fn head(database: &Connection) -> Result<Option<Head>, AuditError> {
    let mut query = database.prepare("SELECT seq, hash, signature FROM audit_head")?;
    Ok(query.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?)
}

/// The last entries before `before`, newest first.
pub fn latest(database: &Connection, count: u32, before: Option<i64>) -> Result<Vec<Kept>, AuditError> {
    if !is_begun(database)? {
        return Ok(Vec::new());
    }
    let mut query = database.prepare(&format!("{ENTRY} WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2"))?;
    let entries = query.query_map(params![before.unwrap_or(i64::MAX), count], |row| {
        Ok(Kept {
            seq: row.get(0)?,
            at: row.get(1)?,
            actor: row.get(2)?,
            action: row.get(3)?,
            object: row.get(4)?,
            purpose: row.get(5)?,
            outcome: row.get(6)?,
            detail: row.get(7)?,
        })
    })?;
    Ok(entries.collect::<Result<_, _>>()?)
}

/// Give the whole log as lines, as of one moment, until somebody has seen enough.
pub(super) fn walk(
    database: &Connection,
    public: &VerifyingKey,
    give: &mut dyn FnMut(Line) -> Result<Go, AuditError>,
) -> Result<(), AuditError> {
    let at_once = database.unchecked_transaction()?;
    if give(Line::Log { version: VERSION, public_key: hex(public.as_bytes()) })? == Go::Stop || !is_begun(&at_once)? {
        return Ok(());
    }
    let mut seals = at_once.prepare("SELECT seq, hash, signature FROM audit_checkpoint ORDER BY seq")?;
    let mut seals = seals.query_map([], seal_line)?.collect::<Result<Vec<_>, _>>()?.into_iter().peekable();
    let mut entries = at_once.prepare(&format!("{ENTRY} ORDER BY seq"))?;
    let mut entries = entries.query([])?;
    while let Some(row) = entries.next()? {
        let seq = row.get(0)?;
        if give(entry_line(seq, row)?)? == Go::Stop {
            return Ok(());
        }
        while let Some(seal) = seals.next_if(|seal| seal.seq <= seq) {
            if give(Line::Checkpoint(seal))? == Go::Stop {
                return Ok(());
            }
        }
    }
    for seal in seals {
        if give(Line::Checkpoint(seal))? == Go::Stop {
            return Ok(());
        }
    }
    if let Some(head) = at_once.query_row("SELECT seq, hash, signature FROM audit_head", [], seal_line).optional()? {
        give(Line::Head(head))?;
    }
    Ok(())
}

/// Whether a walk goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    On,
    Stop,
}

fn seal_line(row: &Row) -> Result<SealLine, rusqlite::Error> {
    Ok(SealLine { seq: row.get(0)?, hash: hex(&row.get::<_, Vec<u8>>(1)?), signature: hex(&row.get::<_, Vec<u8>>(2)?) })
}

fn entry_line(seq: i64, row: &Row) -> Result<Line, AuditError> {
    let text = |column: usize| -> Result<Option<String>, rusqlite::Error> {
        match row.get_ref(column)?.as_str() {
            Ok(text) => Ok(Some(text.to_owned())),
            Err(FromSqlError::Other(_)) => Ok(None),
            Err(_) if matches!(row.get_ref(column)?, ValueRef::Text(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    };
    let purpose = match row.get_ref(5)? {
        ValueRef::Null => Some(None),
        _ => text(5)?.map(Some),
    };
    let fields = (text(1)?, text(2)?, text(3)?, text(4)?, purpose, text(6)?, text(7)?);
    let (Some(at), Some(actor), Some(action), Some(object), Some(purpose), Some(outcome), Some(detail)) = fields else {
        return Ok(Line::Unreadable { seq });
    };
    let hash = hex(&row.get::<_, Vec<u8>>(8)?);
    Ok(Line::Entry(EntryLine { seq, at, actor, action, object, purpose, outcome, detail, hash }))
}
