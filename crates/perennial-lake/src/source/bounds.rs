//! How long may an id be, and how long a name or what else tells who somebody is?
//!
//! Assumes  readers remember ids and names of goods for a whole import and the vault holds identifiers: all must be short, whatever a cell may hold.
//! Input    a record, and which of its cells are ids, names or direct identifiers.
//! Output   the first cell that is too long, with the limit.
//! Cost     a comparison for each such cell.
//! Ref      docs/guide/import.md, "What a file may look like".

use perennial_contract::Entity;

use super::problem::Bad;
use super::record::Record;

/// Bytes of an id or another part of a key.
pub const KEY_BYTES_MAX: usize = 255;
/// Bytes of a name, an e-mail address, a phone number, an address, a place.
pub const NAME_BYTES_MAX: usize = 4 << 10;
pub const KEY_TOO_LONG: &str = "is longer than 255 bytes, the most an id or another part of a key may have";
pub const NAME_TOO_LONG: &str = "is longer than 4 KiB, the most a name, an e-mail, a phone number or an address may have";

/// Whether a column of a table is part of a key: its own, or another table's.
#[must_use]
pub fn is_key(entity: Entity, column: &str) -> bool {
    column.ends_with("_id") || entity.key().contains(&column)
}

/// Cells of a file that have a bound.
#[derive(Debug, Default)]
pub struct Bounds(Vec<(usize, usize)>);

impl Bounds {
    /// `cell` says where a column stands, if it does.
    #[must_use]
    pub fn of(keys: &[&str], names: &[&str], cell: impl Fn(&str) -> Option<usize>) -> Self {
        let keys = keys.iter().filter_map(|name| Some((cell(name)?, KEY_BYTES_MAX)));
        let names = names.iter().filter_map(|name| Some((cell(name)?, NAME_BYTES_MAX)));
        Self(keys.chain(names).collect())
    }

    /// The first cell of a record that is too long.
    pub fn check(&self, entity: Entity, record: &Record<'_>) -> Result<(), Bad> {
        match self.0.iter().find(|(cell, most)| record.cell(*cell).len() > *most) {
            None => Ok(()),
            Some((cell, KEY_BYTES_MAX)) => Err(Bad::cell(entity, *cell, KEY_TOO_LONG)),
            Some((cell, _)) => Err(Bad::cell(entity, *cell, NAME_TOO_LONG)),
        }
    }
}
