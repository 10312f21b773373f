//! Incoming rows whose key the lake knows already: the same row is left alone, a changed row takes the old one's place.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use perennial_contract::Entity;

use crate::lake::LakeError;
use crate::table::file::DataFile;
use crate::table::keys::{Fate, Fates, KeyIndex, KeyLog, content_hashes, key_hashes};
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
    same: bool,
}

impl Meeting<'_> {
    /// Compare every existing row that has an incoming row's key, and settle the incoming row's fate.
    pub(crate) fn settle(&self, log: &KeyLog, fates: &mut Fates) -> Result<Superseded, LakeError> {
        let index = log.index();
        let found = parallel::each(self.files, self.threads, |file| self.matches(file, &index))?;
        let mut superseded = Superseded::new();
        for (file, matches) in self.files.iter().zip(found) {
            for Match { row, arrival, same } in matches {
                fates.set(arrival, if same { Fate::Unchanged } else { Fate::Replaces }, log.len());
                if !same {
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
        let mut arrivals: HashMap<u64, u64> = HashMap::new();
        let mut first = 0;
        for batch in read_file(&path, &keys)? {
            let batch = batch?;
            for (row, key) in (first..).zip(key_hashes(self.entity, &batch)?) {
                if let Some(arrival) = index.find(key) {
                    arrivals.insert(row, arrival);
                }
            }
            first += batch.num_rows() as u64;
        }
        let mut matches = Vec::with_capacity(arrivals.len());
        if arrivals.is_empty() {
            return Ok(matches);
        }
        let mut first = 0;
        for batch in read_file(&path, &Wanted::all(self.entity))? {
            let batch = batch?;
            for (row, content) in (first..).zip(content_hashes(self.entity, &batch)?) {
                if let Some(&arrival) = arrivals.get(&row) {
                    matches.push(Match { row, arrival, same: content == index.content(arrival) });
                }
            }
            first += batch.num_rows() as u64;
        }
        Ok(matches)
    }
}
