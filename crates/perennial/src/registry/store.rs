//! The registry's database. Filing a training run, promoting and rolling back are one transaction each.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use perennial_contract::estimator::{Model, Task};
use perennial_learn::catalog;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use serde_json::Value;

use super::file::{read_model, write_model};

#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    #[error("registry: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("model file {}: {problem}", path.display())]
    File { path: PathBuf, problem: String },
    #[error("{0}")]
    NotPossible(String),
    /// The evaluation gate refused this model, and nobody says why it should answer all the same.
    #[error("{0}")]
    Gate(String),
    #[error(transparent)]
    Audit(#[from] crate::audit::AuditError),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Champion,
    Candidate,
    Refused,
}

impl Status {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Champion => "champion",
            Self::Candidate => "candidate",
            Self::Refused => "refused",
        }
    }
}

/// One trained model as `models --json` shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub task: Task,
    pub name: String,
    pub version: i64,
    pub status: Status,
    pub reason: String,
    /// Why it answers although the gate refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_why: Option<String>,
    pub metrics: Value,
    pub as_of: String,
    pub horizon_days: i32,
    pub look_back_days: i32,
    pub created_at: String,
    #[serde(skip)]
    id: i64,
    #[serde(skip)]
    pub checksum: Option<String>,
}

/// A model on its way into the registry. `model` is absent where the fit itself was refused.
pub struct Filing {
    pub task: Task,
    pub name: String,
    pub refused: bool,
    pub reason: String,
    pub metrics: Value,
    pub model: Option<Value>,
    /// The model card, with `{version}` where the version goes.
    pub card: String,
    pub as_of: String,
    pub horizon_days: i32,
    pub look_back_days: i32,
}

/// One line of the history of who answered.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    pub at: String,
    pub task: String,
    pub action: String,
    pub model: String,
    pub why: String,
}

/// What the audit log is to say of a change, and the key it is signed with.
#[derive(Clone, Copy)]
pub struct Noted<'a> {
    pub key: &'a crate::audit::Key,
    pub entry: &'a crate::audit::Entry,
}

pub struct Registry {
    /// Behind a lock so that a server's threads may share the shop.
    database: Mutex<Connection>,
    folder: PathBuf,
}

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS models (
    id INTEGER PRIMARY KEY, task TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL,
    refused INTEGER NOT NULL, reason TEXT NOT NULL, metrics TEXT NOT NULL, checksum TEXT,
    as_of TEXT NOT NULL, horizon_days INTEGER NOT NULL, look_back_days INTEGER NOT NULL, created_at TEXT NOT NULL,
    UNIQUE (task, name, version)) STRICT;
CREATE TABLE IF NOT EXISTS champions (task TEXT PRIMARY KEY, model_id INTEGER NOT NULL REFERENCES models (id)) STRICT;
CREATE TABLE IF NOT EXISTS history (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, task TEXT NOT NULL, action TEXT NOT NULL,
    model_id INTEGER REFERENCES models (id), previous_id INTEGER REFERENCES models (id), why TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS overrides (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, gate TEXT NOT NULL, why TEXT NOT NULL, reasons TEXT NOT NULL) STRICT;
";

const ROW: &str = "SELECT m.task, m.name, m.version, m.refused, m.reason, m.metrics, m.checksum, m.as_of, m.horizon_days, \
    m.look_back_days, m.created_at, m.id, c.model_id IS NOT NULL, \
    (SELECT h.why FROM history h WHERE h.model_id = c.model_id AND h.action = 'promote' ORDER BY h.id DESC LIMIT 1) FROM models m LEFT JOIN champions c ON c.model_id = m.id";

/// Name of the registry in a shop's folder.
pub const REGISTRY_FILE: &str = "registry.db";

impl Registry {
    pub fn open(shop: &Path) -> Result<Self, RegistryError> {
        let path = shop.join(REGISTRY_FILE);
        let bytes = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let has_models = || std::fs::read_dir(shop.join("models")).is_ok_and(|mut entries| entries.next().is_some());
        if path.exists() && bytes(&path) == 0 && bytes(&shop.join(format!("{REGISTRY_FILE}-wal"))) == 0 && has_models() {
            let why = "is empty, though there are models: put it back from a copy, or move the folder models away and run `perennial train`";
            return Err(RegistryError::NotPossible(format!("{} {why}", path.display())));
        }
        let database = Connection::open(&path)?;
        database.busy_timeout(std::time::Duration::from_secs(10))?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        database.pragma_update(None, "synchronous", "FULL")?;
        database.pragma_update(None, "secure_delete", "ON")?;
        database.pragma_update(None, "foreign_keys", "ON")?;
        database.execute_batch(SCHEMA)?;
        Ok(Self { database: Mutex::new(database), folder: shop.join("models") })
    }

    /// A thread that stopped while it held the lock left no half transaction: SQLite rolls those back.
    fn database(&self) -> MutexGuard<'_, Connection> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// File the models of one training run: all of them or none.
    pub fn file(&self, filings: &[Filing], now: &str) -> Result<Vec<Row>, RegistryError> {
        // An immediate transaction keeps the version numbers ours while the files are written.
        let mut database = self.database();
        let transaction = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for filing in filings {
            let version: i64 = transaction.query_row(
                "SELECT coalesce(max(version), 0) + 1 FROM models WHERE task = ?1 AND name = ?2",
                params![filing.task.name(), filing.name],
                |row| row.get(0),
            )?;
            let path = model_path(&self.folder, filing.task, &filing.name, version);
            let checksum = filing.model.as_ref().map(|model| write_model(&path, model)).transpose()?;
            if checksum.is_some() {
                let card = path.with_extension("md");
                std::fs::write(&card, filing.card.replace("{version}", &version.to_string()))
                    .map_err(|error| RegistryError::File { path: card, problem: error.to_string() })?;
            }
            transaction.execute(
                "INSERT INTO models (task, name, version, refused, reason, metrics, checksum, as_of, horizon_days, look_back_days, \
                 created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                params![
                    filing.task.name(),
                    filing.name,
                    version,
                    filing.refused,
                    filing.reason,
                    filing.metrics.to_string(),
                    checksum,
                    filing.as_of,
                    filing.horizon_days,
                    filing.look_back_days,
                    now
                ],
            )?;
        }
        let last = transaction.last_insert_rowid();
        transaction.commit()?;
        drop(database);
        let first = last - filings.len() as i64 + 1;
        self.rows(&format!("{ROW} WHERE m.id BETWEEN {first} AND {last} ORDER BY m.id"))
    }

    /// Grows with every change of who answers.
    pub fn revision(&self) -> Result<i64, RegistryError> {
        Ok(self.database().query_row("SELECT coalesce(max(id), 0) FROM history", [], |row| row.get(0))?)
    }

    /// Every model, newest version first within a task.
    pub fn list(&self) -> Result<Vec<Row>, RegistryError> {
        self.rows(&format!("{ROW} ORDER BY m.task, m.id DESC"))
    }

    pub fn champion(&self, task: Task) -> Result<Option<Row>, RegistryError> {
        Ok(self.rows(&format!("{ROW} WHERE c.task = '{}'", task.name()))?.pop())
    }

    /// The model itself, checked against its checksum and its own format.
    pub fn load(&self, row: &Row) -> Result<Box<dyn Model>, RegistryError> {
        let path = model_path(&self.folder, row.task, &row.name, row.version);
        let json = read_model(&path, row.checksum.as_deref())?;
        let entry = catalog::find(&row.name).filter(|entry| entry.task == row.task);
        let Some(entry) = entry else {
            return Err(RegistryError::NotPossible(format!("no model {:?} for {} in the catalogue", row.name, row.task)));
        };
        (entry.load)(&json).map_err(|error| RegistryError::File { path, problem: error.to_string() })
    }

    /// The model card, where the model was fitted.
    #[must_use]
    pub fn card(&self, row: &Row) -> Option<String> {
        std::fs::read_to_string(model_path(&self.folder, row.task, &row.name, row.version).with_extension("md")).ok()
    }

    /// Let a candidate answer from now on. A refused model needs a stated reason, which is recorded.
    pub fn promote(&self, task: Task, which: &str, why: Option<&str>, now: &str) -> Result<Row, RegistryError> {
        self.promote_noted(task, which, why, (now, None))
    }

    /// The same with its entry in the audit log, in one transaction.
    pub fn promote_noted(
        &self,
        task: Task,
        which: &str,
        why: Option<&str>,
        at: (&str, Option<Noted<'_>>),
    ) -> Result<Row, RegistryError> {
        let row = self.find(task, which)?;
        if row.checksum.is_none() {
            return Err(RegistryError::Gate(format!("{task}/{} v{} was never fitted: {}", row.name, row.version, row.reason)));
        }
        if row.status == Status::Refused && why.is_none() {
            return Err(RegistryError::Gate(format!(
                "{task}/{} v{} was refused: {}; to promote it all the same say why with --override \"…\"",
                row.name, row.version, row.reason
            )));
        }
        self.load(&row)?;
        // Who answers already needs no promotion; a second entry would make the next rollback lead nowhere.
        if row.status == Status::Champion && why.is_none_or(|why| row.override_why.as_deref() == Some(why)) {
            return Ok(row);
        }
        self.change(task, ("promote", Some(row.id)), why.unwrap_or(""), at)?;
        self.champion(task)?.ok_or_else(|| RegistryError::NotPossible(format!("no champion for {task} after promotion")))
    }

    /// Back to whoever answered before; rolling back again goes further back, at most to the first.
    pub fn rollback(&self, task: Task, now: &str) -> Result<Row, RegistryError> {
        self.rollback_noted(task, (now, None))
    }

    /// The same with its entry in the audit log, in one transaction.
    pub fn rollback_noted(&self, task: Task, at: (&str, Option<Noted<'_>>)) -> Result<Row, RegistryError> {
        // Who answers is a stack: promote pushes, rollback pops.
        let mut stack: Vec<i64> = Vec::new();
        {
            let database = self.database();
            let mut query = database.prepare("SELECT action, model_id FROM history WHERE task = ?1 ORDER BY id")?;
            let changes = query.query_map([task.name()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Option<i64>>(1)?)))?;
            for change in changes {
                match change? {
                    (action, Some(model)) if action == "promote" => stack.push(model),
                    _ => {
                        stack.pop();
                    }
                }
            }
        }
        if stack.pop().is_none() {
            return Err(RegistryError::NotPossible(format!("nothing to roll back: nobody answers {task}")));
        }
        let Some(&before) = stack.last() else {
            return Err(RegistryError::NotPossible(format!(
                "nothing to roll back to: nobody answered {task} before the model that does now; `perennial promote {task} MODEL` lets another answer"
            )));
        };
        self.change(task, ("rollback", Some(before)), "", at)?;
        self.champion(task)?.ok_or_else(|| RegistryError::NotPossible(format!("no champion for {task} after the rollback")))
    }

    fn change(
        &self,
        task: Task,
        (action, model): (&str, Option<i64>),
        why: &str,
        (now, noted): (&str, Option<Noted<'_>>),
    ) -> Result<(), RegistryError> {
        let mut database = self.database();
        let transaction = database.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let previous: Option<i64> = transaction
            .query_row("SELECT model_id FROM champions WHERE task = ?1", [task.name()], |row| row.get(0))
            .optional()?;
        match model {
            Some(id) => transaction.execute(
                "INSERT INTO champions (task, model_id) VALUES (?1, ?2) ON CONFLICT (task) DO UPDATE SET model_id = excluded.model_id",
                params![task.name(), id],
            )?,
            None => transaction.execute("DELETE FROM champions WHERE task = ?1", [task.name()])?,
        };
        transaction.execute(
            "INSERT INTO history (at, task, action, model_id, previous_id, why) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![now, task.name(), action, model, previous, why],
        )?;
        if let Some(Noted { key, entry }) = noted {
            crate::audit::append(&transaction, key, entry, jiff::Timestamp::now())?;
        }
        Ok(transaction.commit()?)
    }

    /// Record that a shut gate was opened by hand.
    pub fn record_override(&self, gate: &str, why: &str, reasons: &str, now: &str) -> Result<(), RegistryError> {
        self.database().execute(
            "INSERT INTO overrides (at, gate, why, reasons) VALUES (?1, ?2, ?3, ?4)",
            params![now, gate, why, reasons],
        )?;
        Ok(())
    }

    /// Who answered when, oldest first.
    pub fn history(&self) -> Result<Vec<Change>, RegistryError> {
        let database = self.database();
        let mut query = database.prepare(
            "SELECT h.at, h.task, h.action, coalesce(m.name || ' v' || m.version, ''), h.why \
             FROM history h LEFT JOIN models m ON m.id = h.model_id ORDER BY h.id",
        )?;
        let changes = query.query_map([], |row| {
            Ok(Change { at: row.get(0)?, task: row.get(1)?, action: row.get(2)?, model: row.get(3)?, why: row.get(4)? })
        })?;
        Ok(changes.collect::<Result<_, _>>()?)
    }

    /// `which` is a name (its newest version) or `name@version`.
    fn find(&self, task: Task, which: &str) -> Result<Row, RegistryError> {
        let (name, version) = match which.split_once('@') {
            Some((name, version)) => (name, Some(version.trim_start_matches('v'))),
            None => (which, None),
        };
        let rows = self.list()?;
        let mut named = rows.into_iter().filter(|row| row.task == task && row.name == name);
        let found = match version {
            None => named.next(),
            Some(version) => named.find(|row| row.version.to_string() == version),
        };
        found.ok_or_else(|| {
            RegistryError::NotPossible(format!(
                "no model {which:?} for {task}; `perennial models` lists what there is, `perennial train` makes more"
            ))
        })
    }

    fn rows(&self, sql: &str) -> Result<Vec<Row>, RegistryError> {
        let database = self.database();
        let mut query = database.prepare(sql)?;
        let rows = query.query_map([], |row| {
            let task: String = row.get(0)?;
            let (refused, is_champion): (bool, bool) = (row.get(3)?, row.get(12)?);
            let metrics: String = row.get(5)?;
            Ok(Row {
                task: Task::ALL.iter().copied().find(|known| known.name() == task).unwrap_or(Task::Churn),
                name: row.get(1)?,
                version: row.get(2)?,
                status: match (is_champion, refused) {
                    (true, _) => Status::Champion,
                    (_, true) => Status::Refused,
                    _ => Status::Candidate,
                },
                reason: row.get(4)?,
                override_why: row.get::<_, Option<String>>(13)?.filter(|why| refused && !why.is_empty()),
                metrics: serde_json::from_str(&metrics).unwrap_or(Value::Null),
                checksum: row.get(6)?,
                as_of: row.get(7)?,
                horizon_days: row.get(8)?,
                look_back_days: row.get(9)?,
                created_at: row.get(10)?,
                id: row.get(11)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn model_path(folder: &Path, task: Task, name: &str, version: i64) -> PathBuf {
    folder.join(task.name()).join(format!("{name}-v{version}.model"))
}
