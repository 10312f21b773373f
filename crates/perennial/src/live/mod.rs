//! The live path: events and orders that come one by one are safe before the answer, seen by features at once, and moved to the lake later.
//!
//! [`Inbox::append`] judges rows as an import would and answers when they are on disk; [`Inbox::union`] is the lake with the rows that
//! wait, for features; [`Mover::step`] brings what waits into the lake, exactly once. `segment` is the file, `group` what one record of it
//! holds, `desk` what waits in memory, `writer` the one thread that writes.

mod desk;
pub mod gauges;
mod group;
mod inbox;
mod mover;
mod segment;
pub mod union;
mod writer;

#[cfg(test)]
mod crash;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use perennial_contract::Entity;
use perennial_contract::source::SourceError;
use perennial_lake::lake::LakeError;
use perennial_lake::vault::VaultError;

pub use inbox::{Inbox, Setup};
pub use mover::{Moved, Mover};

/// What became of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk, and features see it.
    Accepted,
    /// A row with its key is in the inbox or the lake already, or came earlier in the same batch; that one stands.
    Duplicate,
    /// It cannot be used; nothing of it is kept.
    Rejected { column: Option<String>, reason: String },
}

#[derive(Debug, thiserror::Error)]
pub enum InboxError {
    #[error("rows of {0} do not come through the inbox; import them from a file")]
    Table(Entity),
    #[error("{rows} rows wait to be moved to the lake, at most {rows_max} may; try again in a moment")]
    Full { rows: u64, rows_max: u64 },
    /// Whether what was being written is on disk nobody can say, so nothing more is taken.
    #[error("the inbox has stopped taking rows: {0}; see to the disk, then start again")]
    Stopped(String),
    #[error("{}: another process has this inbox open; stop it first", .0.display())]
    Taken(PathBuf),
    #[error("{}: the file is damaged at byte {at}, before its end; put it back from a copy, or move it away and send its rows again", path.display())]
    Damaged { path: PathBuf, at: u64 },
    #[error("{}: {cause}", path.display())]
    Storage { path: PathBuf, cause: String },
    /// The lake did not answer; nothing was taken, and trying again may help.
    #[error("the lake does not answer: {0}")]
    Unready(String),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Source(#[from] SourceError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Wraps what went wrong with a path.
fn storage<E: ToString>(path: &Path) -> impl Fn(E) -> InboxError {
    move |cause| InboxError::Storage { path: path.to_owned(), cause: cause.to_string() }
}

/// Tables whose rows come live: something a customer did, at a time, with a key of its own. Not consents, where the same key comes again
/// with every decision and is no duplicate.
#[must_use]
pub fn accepts(entity: Entity) -> bool {
    entity.has_customer() && entity.time().is_some() && entity != Entity::Consents
}
