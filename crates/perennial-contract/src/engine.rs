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

/// The day a query speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    /// `$as_of` is this day and every row is there: the query itself looks before it only, as its tests prove.
    Trusted(Day),
    /// For text nobody has tested: what became known on this day or later is not there ([`crate::Entity::known_from`]), and functions that
    /// give another answer at another time are refused. The rows come in one order, so that sums have the same bits on any machine.
    Fenced { day: Day, start_us: i64 },
}

impl AsOf {
    #[must_use]
    pub fn day(self) -> Day {
        match self {
            Self::Trusted(day) | Self::Fenced { day, .. } => day,
        }
    }
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

/// Runs portable SQL over the canonical tables.
pub trait Engine: Send + Sync {
    fn query(&self, snapshot: &Snapshot, sql: &str, as_of: Option<AsOf>, who: &Who) -> Result<Table, EngineError>;
}
