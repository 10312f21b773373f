//! What answers SQL over a snapshot of the lake. The embedded engine is one; a cluster is another.

use std::collections::BTreeMap;

use crate::{Day, Entity, Table};

/// The version of every table at one moment: what a query sees, whatever is imported meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub versions: BTreeMap<Entity, u64>,
}

/// Whose rows a query reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Everyone,
    /// One customer's rows; must give the same bits as the same customer's row of `Everyone`.
    One(String),
}

#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The query is wrong: its author can mend it.
    #[error("query cannot be run: {0}")]
    Query(String),
    /// The tables cannot be read.
    #[error("lake cannot be read: {0}")]
    Storage(String),
}

/// Runs portable SQL over the canonical tables. `$as_of` is bound to a day; a feature query may only look before it.
pub trait Engine: Send + Sync {
    fn query(&self, snapshot: &Snapshot, sql: &str, as_of: Option<Day>, who: &Who) -> Result<Table, EngineError>;
}
