//! Who did what, and has anybody changed the record of it since?
//!
//! Assumes  the signing key of the shop is not in the hands of who tampers; a whole shop put back to an older day is found only beside an older export.
//! Input    entries, each inside the transaction of the change it tells of; a time each.
//! Output   an append-only chain of hashes in `registry.db`, its head signed at every entry, and checkpoints signed on the way.
//! Cost     per entry one row, one row renewed, one signature made and one checked; a check of the log is one pass.
//! Ref      Schneier & Kelsey (1999), ACM TISSEC 2(2), chained logs; RFC 8032 (2017), Ed25519; FIPS 180-4, SHA-256.

pub mod bytes;
mod entry;
mod export;
mod key;
mod line;
mod log;
#[cfg(test)]
mod tests;
mod verify;

use std::path::PathBuf;

pub use entry::{Entry, Outcome};
pub use export::{Marks, export, marks, verify_export};
pub use key::{Key, PUBLIC_FILE, public_key};
pub use log::{Kept, Leaf, append, latest};
pub use verify::{Verdict, verify};

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("audit log: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("audit log: {0}")]
    Key(String),
    #[error("{}: {problem}", path.display())]
    File { path: PathBuf, problem: String },
    /// Going on would sign what somebody changed.
    #[error("the audit log was changed by other hands: {0}; run `perennial audit verify` and put registry.db back from a copy")]
    Broken(String),
    #[error("an audit entry's {what} has {length} bytes, at most {length_max} are allowed")]
    TooLong { what: &'static str, length: usize, length_max: usize },
}
