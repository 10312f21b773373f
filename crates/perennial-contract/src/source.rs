//! What brings data in: batches of canonical rows, with the rows that were no good and the identities that go to the vault.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::Entity;
use crate::money::Decimal;

/// A piece of a source: rows of one canonical table (schema [`Entity::source_schema`]), and what did not become rows.
#[derive(Debug)]
pub struct Batch {
    pub entity: Entity,
    pub rows: RecordBatch,
    /// Where the rows stand in the files, as far as they stand in one; ascending.
    pub places: Vec<Place>,
    pub rejects: Vec<Reject>,
    pub identities: Vec<Identity>,
}

/// From row `at` of a batch on, its rows are those of `file` from `row` on, one after another: 1-based, the header not counted.
/// An empty name is no file: such rows were made of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub at: u32,
    pub file: Arc<str>,
    pub row: u64,
}

/// A row that cannot be used, kept so that nothing is lost. Cells with direct identifiers are blanked in `value` and `raw`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    pub entity: Entity,
    pub file: String,
    /// 1-based record number in the file, the header not counted.
    pub row: u64,
    pub column: Option<String>,
    pub value: Option<String>,
    pub reason: String,
    pub raw: String,
}

/// A direct identifier on its way to the vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub customer_id: String,
    pub kind: IdentityKind,
    pub value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IdentityKind {
    Email,
    Name,
    Phone,
    Address,
    BirthDate,
}

impl IdentityKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Address => "address",
            Self::BirthDate => "birth_date",
        }
    }
}

/// Net revenue as the file states it, so that the lake can be reconciled with it to the cent.
/// `stated == loaded + rejected + rounding`, where `loaded` is what became rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// Exact sum of the source's own lines (sales less returns), before any row was judged.
    pub stated: Decimal,
    /// Part of `stated` that stands in rejected rows.
    pub rejected: Decimal,
    /// What rounding to whole minor units changed: exact less stored.
    pub rounding: Decimal,
}

impl Reconciliation {
    pub const ZERO: Self = Self { stated: Decimal::ZERO, rejected: Decimal::ZERO, rounding: Decimal::ZERO };
}

/// A file that is refused whole: nothing of it was loaded.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{}: cannot be read: {cause}", file.display())]
    Read { file: PathBuf, cause: String },
    #[error("{}: {problem}; {advice}", file.display())]
    Refused { file: PathBuf, problem: String, advice: String },
    /// What the caller said of the file does not fit it: a mapping with a mistake.
    #[error("{}: {problem}; {advice}", file.display())]
    Mapping { file: PathBuf, problem: String, advice: String },
}

/// Reads a shop's files as canonical batches of bounded size.
pub trait Source {
    /// The next batch, `None` at the end. After an error nothing of the source may be kept.
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError>;
    /// Valid once `next_batch` has returned `None`.
    fn reconciliation(&self) -> Reconciliation;
    /// Cells read so far out of which something was taken that tells who somebody is.
    fn cells_masked(&self) -> u64;
    /// The files that are read; not every file of a folder is.
    fn files(&self) -> Vec<PathBuf>;
    /// Bytes of the files read so far and in all, for progress.
    fn bytes(&self) -> (u64, u64);
}
