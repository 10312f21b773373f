//! Incoming rows whose key the lake knows already: the same row is left alone, a changed row takes the old one's place.

use std::collections::BTreeMap;
use std::path::Path;

use perennial_contract::Entity;

use crate::lake::LakeError;
use crate::table::file::DataFile;
use crate::table::keys::{Fate, Fates, KeyIndex, content_hashes, key_hashes, times};
use crate::table::parallel;
use crate::table::scan::{Wanted, read_file};

/// Rows of existing files that make way, by file, in ascending order.
pub(crate) type Superseded = BTreeMap<String, Vec<u64>>;

/// Where incoming rows meet the rows of a table.
pub(crate) struct Meeting<'a> {
    pub entity: Entity,
    pub folder: &'a Path,
    pub files: &'a [DataFile],
    pub threads: usize,
}

/// A known row with the key of an incoming one.
struct Match {
    row: u64,
    arrival: u64,
    fate: Fate,
}

impl Meeting<'_> {
    /// Compare every existing row that has an incoming row's key, and settle the incoming row's fate.
    pub(crate) fn settle(&self, (index, rows): (&KeyIndex<'_>, usize), fates: &mut Fates) -> Result<Superseded, LakeError> {
        let found = parallel::each(self.files, self.threads, |file| self.matches(file, index))?;
        let mut superseded = Superseded::new();
        for (file, matches) in self.files.iter().zip(found) {
            for Match { row, arrival, fate } in matches {
                fates.set(arrival, fate, rows);
                if fate == Fate::Replaces {
                    superseded.entry(file.path.clone()).or_default().push(row);
                }
            }
        }
        Ok(superseded)
    }

    /// Rows of a file with an incoming row's key. Keys are read first; whole rows only where some key matched.
    fn matches(&self, file: &DataFile, index: &KeyIndex<'_>) -> Result<Vec<Match>, LakeError> {
        let path = self.folder.join(&file.path);
        let keys = Wanted { columns: self.entity.key().iter().map(|&key| key.to_owned()).collect(), ..Wanted::all(self.entity) };
        let mut arrivals: Vec<(u64, u64)> = Vec::new();
        let mut first = 0;
        for batch in read_file(&path, &keys)? {
            let batch = batch?;
            let found = (first..).zip(key_hashes(self.entity, &batch)?);
            arrivals.extend(found.filter_map(|(row, key)| Some((row, index.find(key)?))));
            first += batch.num_rows() as u64;
        }
        if arrivals.is_empty() {
            return Ok(Vec::new());
        }
        let mut matches = Vec::with_capacity(arrivals.len());
        let mut arrivals = arrivals.into_iter().peekable();
        let mut first = 0;
        for batch in read_file(&path, &Wanted::all(self.entity))? {
            let batch = batch?;
            let contents = content_hashes(self.entity, &batch)?;
            let decided = if self.entity == Entity::Consents { Some(times(self.entity, &batch)?) } else { None };
            let end = first + batch.num_rows() as u64;
            while let Some((row, arrival)) = arrivals.next_if(|(row, _)| *row < end) {
                let at = (row - first) as usize;
                let fate = if contents[at] == index.content(arrival) {
                    Fate::Unchanged
                } else if decided.as_ref().is_some_and(|decided| index.is_older(arrival, decided[at])) {
                    Fate::Superseded
                } else {
                    Fate::Replaces
                };
                matches.push(Match { row, arrival, fate });
            }
            first = end;
        }
        Ok(matches)
    }
}
