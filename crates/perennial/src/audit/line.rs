//! The log as lines, one JSON object each: what an export holds and what a check reads, from a database and from a file alike.

use serde::{Deserialize, Serialize};

use super::bytes::Hash;
use super::entry::Record;

/// The only version of the export there is.
pub(super) const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Line {
    /// The first one: whose log it is.
    Log {
        version: u32,
        public_key: String,
    },
    Entry(EntryLine),
    Checkpoint(SealLine),
    /// The last one.
    Head(SealLine),
    /// An entry in the database that is no text; it cannot be written out.
    #[serde(skip)]
    Unreadable {
        seq: i64,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EntryLine {
    pub seq: i64,
    pub at: String,
    pub actor: String,
    pub action: String,
    pub object: String,
    pub purpose: Option<String>,
    pub outcome: String,
    /// JSON as a text, byte for byte as it was hashed; empty where there is none.
    pub detail: String,
    pub hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SealLine {
    pub seq: i64,
    pub hash: String,
    pub signature: String,
}

impl EntryLine {
    /// The hash that this entry has to have after the one before it.
    pub fn hash_after(&self, previous: &Hash) -> Hash {
        let Self { seq, at, actor, action, object, purpose, outcome, detail, hash: _ } = self.clone();
        Record { seq, at, actor, action, object, purpose, outcome, detail }.hash(previous)
    }
}
