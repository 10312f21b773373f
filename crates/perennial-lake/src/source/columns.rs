//! Columns of a shop system's export, found once by any of the names they go by.

use std::collections::HashMap;

use super::record::Record;
use super::sniff::position;

/// A column by the name used in code, and the names files give it.
pub type Names = (&'static str, &'static [&'static str]);

#[derive(Default)]
pub struct Columns(HashMap<&'static str, usize>);

impl Columns {
    /// Find each of `wanted` in a header, by its own name first.
    #[must_use]
    pub fn find(header: &[String], wanted: &[Names]) -> Self {
        let of =
            |(name, others): &Names| position(header, &[name]).or_else(|| position(header, others)).map(|cell| (*name, cell));
        Self(wanted.iter().filter_map(of).collect())
    }

    #[must_use]
    pub fn cell(&self, name: &str) -> Option<usize> {
        self.0.get(name).copied()
    }

    /// The text of a column; empty where the file has none.
    #[must_use]
    pub fn text<'a>(&self, name: &str, record: &Record<'a>) -> &'a str {
        self.cell(name).map_or("", |cell| record.cell(cell))
    }
}
