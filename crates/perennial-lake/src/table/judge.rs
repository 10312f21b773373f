//! Where do an import's rows stand in its files, and does a file bring too many bad ones for a table?
//!
//! Assumes  a table's rows mostly come in the order in which they stand in a file.
//! Input    the places of every batch, every reject, and the rows whose key came earlier in the import.
//! Output   file and row of an arrival; a refusal that names file, table and the commonest reason.
//! Cost     16 bytes for each stretch of rows that follow each other in a file; at worst for each row.
//! Ref      docs/guide/import.md, "Bad rows, bad files".

use std::collections::BTreeMap;
use std::sync::Arc;

use perennial_contract::Entity;
use perennial_contract::source::{Place, Reject};

use crate::lake::LakeError;
use crate::table::keys::{Fate, Fates};

/// Why a row whose key came earlier in the same import is rejected.
pub(crate) const REPEATED: &str = "repeated key: a row with this key came earlier in this import";

/// Fewer rows of a table say nothing about a file: the only review in it may be a bad one.
const JUDGED_ROWS_MIN: u64 = 20;

struct Stretch {
    arrival: u32,
    /// Number in [`Places::files`].
    file: u32,
    row: u64,
}

/// Where a table's rows stand, by arrival.
#[derive(Default)]
pub(crate) struct Places {
    files: Vec<Arc<str>>,
    stretches: Vec<Stretch>,
}

impl Places {
    /// The places of a batch whose first row is number `arrived`.
    pub(crate) fn note(&mut self, arrived: u64, places: &[Place]) {
        for Place { at, file, row } in places {
            let number = self.files.iter().rposition(|known| known == file).unwrap_or_else(|| {
                self.files.push(Arc::clone(file));
                self.files.len() - 1
            });
            // A table takes fewer than 2^32 rows in one import.
            self.stretches.push(Stretch { arrival: arrived as u32 + at, file: number as u32, row: *row });
        }
    }

    /// File and row of an arrival, if it stands in one.
    pub(crate) fn of(&self, arrival: u64) -> Option<(&str, u64)> {
        let after = self.stretches.partition_point(|stretch| u64::from(stretch.arrival) <= arrival);
        let stretch = self.stretches.get(after.checked_sub(1)?)?;
        let file = &*self.files[stretch.file as usize];
        (!file.is_empty()).then(|| (file, stretch.row + arrival - u64::from(stretch.arrival)))
    }

    /// Rows and rows with a repeated key, by file.
    fn counts(&self, rows: u64, fates: &Fates) -> Vec<(&str, u64, u64)> {
        let mut counts: Vec<_> = self.files.iter().map(|file| (&**file, 0, 0)).collect();
        for (index, stretch) in self.stretches.iter().enumerate() {
            let end = self.stretches.get(index + 1).map_or(rows, |next| u64::from(next.arrival));
            let (_, all, repeated) = &mut counts[stretch.file as usize];
            *all += end - u64::from(stretch.arrival);
            if !fates.all_added() {
                *repeated +=
                    (u64::from(stretch.arrival)..end).filter(|&arrival| fates.of(arrival) == Fate::Repeated).count() as u64;
            }
        }
        counts
    }
}

/// Bad rows by table, file and reason.
#[derive(Default)]
pub(crate) struct Judge {
    bad: BTreeMap<Entity, BTreeMap<String, BTreeMap<String, u64>>>,
    /// Share of bad rows above which a file is refused; none if nothing is.
    pub share_max: Option<f64>,
}

impl Judge {
    pub(crate) fn reject(&mut self, reject: &Reject) {
        let files = self.bad.entry(reject.entity).or_default();
        if !files.contains_key(&reject.file) {
            files.insert(reject.file.clone(), BTreeMap::new());
        }
        let Some(reasons) = files.get_mut(&reject.file) else { return };
        match reasons.get_mut(&reject.reason) {
            Some(count) => *count += 1,
            None => {
                reasons.insert(reject.reason.clone(), 1);
            }
        }
    }

    /// Tables with bad rows.
    pub(crate) fn tables(&self) -> Vec<Entity> {
        self.bad.keys().copied().collect()
    }

    /// Refuse the import if a file brought too many bad rows for a table, of `rows` that arrived.
    pub(crate) fn judge(&self, entity: Entity, (places, rows): (&Places, u64), fates: &Fates) -> Result<(), LakeError> {
        let Some(share_max) = self.share_max else { return Ok(()) };
        let none = BTreeMap::new();
        let bad = self.bad.get(&entity).unwrap_or(&none);
        let mut counts: BTreeMap<&str, (u64, u64)> = bad.keys().map(|file| (file.as_str(), (0, 0))).collect();
        counts.extend(places.counts(rows, fates).into_iter().map(|(file, arrived, repeated)| (file, (arrived, repeated))));
        for (file, (arrived, repeated)) in counts.into_iter().filter(|(file, _)| !file.is_empty()) {
            let reasons = bad.get(file).into_iter().flatten().map(|(reason, &count)| (reason.as_str(), count));
            let reasons: Vec<(&str, u64)> = reasons.chain([(REPEATED, repeated)]).collect();
            let count: u64 = reasons.iter().map(|(_, count)| count).sum();
            let of = arrived + count - repeated;
            let Some(&(reason, times)) = reasons.iter().max_by_key(|(_, count)| *count) else { continue };
            if of >= JUDGED_ROWS_MIN && count as f64 > share_max * of as f64 {
                let file = file.to_owned();
                return Err(LakeError::TooManyBad {
                    file,
                    entity,
                    bad: count,
                    of,
                    share_max,
                    reason: format!("{times} times: {reason}"),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_found_in_their_files() {
        let (a, b, none): (Arc<str>, Arc<str>, Arc<str>) = (Arc::from("a.csv"), Arc::from("b.csv"), Arc::from(""));
        let place = |at, file: &Arc<str>, row| Place { at, file: Arc::clone(file), row };
        let mut places = Places::default();
        places.note(0, &[place(0, &a, 1), place(2, &a, 5)]);
        places.note(4, &[place(0, &b, 1), place(3, &none, 0)]);
        let found: Vec<_> = (0..9).map(|arrival| places.of(arrival)).collect();
        let expected = [("a.csv", 1), ("a.csv", 2), ("a.csv", 5), ("a.csv", 6), ("b.csv", 1), ("b.csv", 2), ("b.csv", 3)];
        assert_eq!(found[..7], expected.map(Some));
        assert_eq!(found[7..], [None, None]);
        assert_eq!(places.counts(9, &Fates::default()), [("a.csv", 4, 0), ("b.csv", 3, 0), ("", 2, 0)]);
        assert_eq!(Places::default().of(0), None);
    }
}
