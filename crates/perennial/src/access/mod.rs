//! Who may do what in the shop: its people, their sessions, the keys of its programs, the policies.
//!
//! Assumes  one server a shop; the folder's files are in no stranger's hands.
//! Input    names, passwords, codes, tokens and keys as they come in; the time.
//! Output   who asks (`Caller`), and whether they may (`allows`); every change of it has its entry in the audit log.
//! Cost     a request is one look-up by a hash in `registry.db` and one in a table in memory; a sign-in is one Argon2id.
//! Ref      NIST SP 800-63B; OWASP Session Management Cheat Sheet; Cedar (Cutler et al. 2024, OOPSLA).

mod caller;
mod invitation;
mod key;
mod password;
mod policy;
mod second_factor;
mod session;
mod sign_in;
#[cfg(test)]
mod tests;
mod throttle;
mod token;
mod totp;
mod user;
mod word;

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use serde::Serializer;

pub use caller::{Actor, Caller};
pub use invitation::{Acceptance, Invite, Invited};
pub use key::KeyWish;
pub use password::Weakness;
pub use policy::Matrix;
pub use sign_in::SignIn;
pub use user::{PasswordChange, UserRow};
pub use word::{Action, Role};

use crate::audit::{self, AuditError, Entry, Leaf};
use crate::registry::REGISTRY_FILE;

/// A variant per reaction of the caller.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    #[error("access: {0}")]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The shop's policies are not in order; nothing can be decided.
    #[error("{0}")]
    Policies(String),
    /// The same for a name that nobody has and for a password or a code that is not theirs.
    #[error("the login name, the password or the code is wrong")]
    WrongLogin,
    #[error("a code of the second factor is needed")]
    CodeNeeded,
    #[error("too many tries; wait {wait_seconds} s")]
    TooMany { wait_seconds: u64 },
    #[error(transparent)]
    Weak(#[from] Weakness),
    #[error("this link was used already, has expired or was never given out; ask for another")]
    NoSuchLink,
    #[error("{who} may not do this: it needs {action}")]
    NotAllowed { who: String, action: Action },
    /// It cannot be done as asked.
    #[error("{0}")]
    Refused(String),
    #[error("there is no {what} {id}")]
    Unknown { what: &'static str, id: String },
}

/// Times are whole seconds since 1970; secrets are here as hashes only.
const LAYOUT: &str = "
CREATE TABLE IF NOT EXISTS access_user (
    id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL, spelled TEXT NOT NULL, password TEXT, role TEXT NOT NULL,
    made_at INTEGER NOT NULL, removed_at INTEGER, totp_salt BLOB, totp_salt_pending BLOB,
    totp_step INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS access_user_spelled ON access_user (spelled) WHERE removed_at IS NULL;
CREATE TABLE IF NOT EXISTS access_recovery (
    user_id INTEGER NOT NULL REFERENCES access_user (id), hash BLOB NOT NULL, PRIMARY KEY (user_id, hash)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS access_session (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, user_id INTEGER NOT NULL REFERENCES access_user (id),
    authenticated_by TEXT NOT NULL, address TEXT NOT NULL, made_at INTEGER NOT NULL, seen_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS access_session_user ON access_session (user_id);
CREATE TABLE IF NOT EXISTS access_invitation (
    id INTEGER PRIMARY KEY AUTOINCREMENT, hash BLOB NOT NULL UNIQUE, login TEXT, role TEXT NOT NULL, made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL, ends_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS access_key (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, hash BLOB NOT NULL, scopes TEXT NOT NULL, made_by TEXT NOT NULL,
    made_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, used_on TEXT, revoked_at INTEGER) STRICT, WITHOUT ROWID;
";

/// The shop's people, sessions, keys and policies. To be shared by all threads of a server.
pub struct Access {
    /// Every request looks somebody up; none of them waits for a change that somebody else writes.
    reading: Mutex<Connection>,
    writing: Mutex<Connection>,
    key: Arc<audit::Key>,
    matrix: Matrix,
    hasher: password::Hasher,
    throttle: throttle::Throttle,
}

impl Access {
    pub fn open(shop: &Path) -> Result<Self, AccessError> {
        let matrix = Matrix::load(shop)?;
        let path = shop.join(REGISTRY_FILE);
        let mut writing = connect(&path)?;
        writing.execute_batch(LAYOUT)?;
        let key = Arc::new(audit::Key::open(shop, &mut writing, Timestamp::now())?);
        let reading = connect(&path)?;
        reading.pragma_update(None, "query_only", "ON")?;
        let (reading, writing) = (Mutex::new(reading), Mutex::new(writing));
        Ok(Self { reading, writing, key, matrix, hasher: password::Hasher::default(), throttle: throttle::Throttle::default() })
    }

    /// Whether they may. Nothing is allowed that no policy allows; a key may no more than its scopes.
    #[must_use]
    pub fn allows(&self, caller: &Caller, action: Action) -> bool {
        match &caller.actor {
            Actor::Person { role, .. } => self.matrix.allows(*role, action),
            Actor::Key { scopes, .. } => scopes.contains(&action) && self.matrix.allows(Role::Service, action),
            Actor::Operator | Actor::System => true,
        }
    }

    /// The same as an error for who may not.
    pub fn demand(&self, caller: &Caller, action: Action) -> Result<(), AccessError> {
        if self.allows(caller, action) { Ok(()) } else { Err(AccessError::NotAllowed { who: caller.actor.text(), action }) }
    }

    #[must_use]
    pub const fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The key of the audit log, for rooms that append inside transactions of their own with [`audit::append`].
    #[must_use]
    pub fn audit_key(&self) -> Arc<audit::Key> {
        self.key.clone()
    }

    /// Write down a read, or an attempt; it is on the disk when this returns.
    pub fn audit(&self, entry: &Entry, now: Timestamp) -> Result<Leaf, AccessError> {
        let mut database = self.writing();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let leaf = audit::append(&transaction, &self.key, entry, now)?;
        transaction.commit()?;
        Ok(leaf)
    }

    /// Do a change of `registry.db` together with its entry: both become true, or neither.
    pub fn with_audit<T, E: From<AccessError>>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&Transaction) -> Result<(T, Entry), E>,
    ) -> Result<T, E> {
        let mut database = self.writing();
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate).map_err(AccessError::from)?;
        let (value, entry) = change(&transaction)?;
        audit::append(&transaction, &self.key, &entry, now).map_err(AccessError::from)?;
        transaction.commit().map_err(AccessError::from)?;
        Ok(value)
    }

    /// The latest entries of the log, newest first.
    pub fn audit_latest(&self, caller: &Caller, count: u32, before: Option<i64>) -> Result<Vec<audit::Kept>, AccessError> {
        self.demand(caller, Action::AuditRead)?;
        Ok(audit::latest(&self.reading(), count, before)?)
    }

    /// A thread that stopped while it held the lock left no half transaction: SQLite rolls those back.
    fn reading(&self) -> MutexGuard<'_, Connection> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, Connection> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Note down when something was last used, if nobody is writing just now: a request never waits for that.
    fn note(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), AccessError> {
        let Ok(database) = self.writing.try_lock() else { return Ok(()) };
        database.busy_timeout(Duration::ZERO)?;
        let noted = database.execute(sql, values);
        database.busy_timeout(BUSY)?;
        match noted.map_err(|error| (error.sqlite_error_code(), error)) {
            Ok(_) | Err((Some(rusqlite::ErrorCode::DatabaseBusy), _)) => Ok(()),
            Err((_, error)) => Err(error.into()),
        }
    }
}

/// How long a writer waits for another one.
const BUSY: Duration = Duration::from_secs(10);

fn connect(path: &Path) -> Result<Connection, AccessError> {
    let database = Connection::open(path)?;
    database.busy_timeout(BUSY)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "secure_delete", "ON")?;
    database.pragma_update(None, "foreign_keys", "ON")?;
    Ok(database)
}

/// A moment as the tables have it, and back.
fn seconds(at: Timestamp) -> i64 {
    at.as_second()
}

fn moment(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH)
}

/// A time in JSON, as the command line writes it.
fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn as_text_if_any<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serializer.collect_str(at),
        None => serializer.serialize_none(),
    }
}
