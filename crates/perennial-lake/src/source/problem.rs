//! What is wrong with a whole file, and what its owner can do about it.

use std::borrow::Cow;
use std::path::Path;

use perennial_contract::Entity;
use perennial_contract::source::SourceError;

/// Why a file is refused whole. The file's name is added where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The machine could not read it.
    Read(String),
    /// It was read and is no good.
    Refused { problem: String, advice: String },
    /// The mapping is no good, or does not fit it.
    Mapping { problem: String, advice: String },
}

impl Problem {
    /// The same problem as one of the mapping.
    #[must_use]
    pub fn of_mapping(self) -> Self {
        match self {
            Self::Refused { problem, advice } => Self::Mapping { problem, advice },
            other => other,
        }
    }

    pub fn refused(problem: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Refused { problem: problem.into(), advice: advice.into() }
    }

    #[must_use]
    pub fn of(self, file: &Path) -> SourceError {
        let file = file.to_path_buf();
        match self {
            Self::Read(cause) => SourceError::Read { file, cause },
            Self::Refused { problem, advice } => SourceError::Refused { file, problem, advice },
            Self::Mapping { problem, advice } => SourceError::Mapping { file, problem, advice },
        }
    }
}

/// Why one row cannot be used. The driver adds file, row number, the cell's value and the raw row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    pub entity: Entity,
    /// Position of the offending cell in the record.
    pub cell: Option<usize>,
    pub reason: Cow<'static, str>,
    /// Name and text of the offending part, where it is no cell of its own; never anything that tells who somebody is.
    pub part: Option<(&'static str, String)>,
}

impl Bad {
    pub fn row(entity: Entity, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { entity, cell: None, reason: reason.into(), part: None }
    }

    pub fn cell(entity: Entity, cell: usize, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { entity, cell: Some(cell), reason: reason.into(), part: None }
    }

    /// A part inside a cell, by its path.
    pub fn part(entity: Entity, (name, value): (&'static str, &str), reason: impl Into<Cow<'static, str>>) -> Self {
        Self { entity, cell: None, reason: reason.into(), part: Some((name, value.to_owned())) }
    }
}
