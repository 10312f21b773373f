//! Which keys of a table are in the lake, asked for many times a second?
//!
//! Assumes  64 bits of a key's hash stand for the key: a new key among a hundred million known ones is taken for one of them with a
//!          probability below 1e-11. Rows never leave a table but for rows with the same key, so what is known stays known.
//! Input    the table at ever later snapshots.
//! Output   yes or no for a key; which keys came with a snapshot.
//! Cost     8 bytes for each row of the table; a file's keys are read once, when a snapshot first shows the file.
//! Ref      [`super::keys`] for the hash.

use std::collections::{BTreeSet, HashSet};

use perennial_contract::Entity;
use perennial_contract::engine::Snapshot;

use crate::lake::{Lake, LakeError};
use crate::table::file::DataFile;
use crate::table::keys::short_keys;
use crate::table::parallel;
use crate::table::scan::{Wanted, read_file};

/// Keys added since the sorted ones were last put in order; above this share of them they are merged.
const LOOSE_SHARE: usize = 8;
const LOOSE_MIN: usize = 1 << 16;

/// The keys of one table.
pub struct KnownKeys {
    entity: Entity,
    files: BTreeSet<String>,
    sorted: Vec<u64>,
    loose: HashSet<u64>,
}

impl KnownKeys {
    #[must_use]
    pub fn of(entity: Entity) -> Self {
        Self { entity, files: BTreeSet::new(), sorted: Vec::new(), loose: HashSet::new() }
    }

    /// Whether a row with this key is in the lake.
    #[must_use]
    pub fn contains(&self, key: u64) -> bool {
        self.loose.contains(&key) || self.sorted.binary_search(&key).is_ok()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.sorted.len() + self.loose.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Take in the keys of rows that are about to be in the lake, so that their files need not tell them.
    pub fn add(&mut self, keys: &[u64]) {
        for &key in keys {
            if self.sorted.binary_search(&key).is_err() {
                self.loose.insert(key);
            }
        }
        self.settle();
    }

    /// Take in what a snapshot has and earlier ones had not; `fresh` hears every key that was not known.
    pub fn refresh(&mut self, lake: &Lake, at: &Snapshot, fresh: &mut dyn FnMut(u64)) -> Result<(), LakeError> {
        let store = lake.store();
        let mut unread: Vec<DataFile> = store.files(at, self.entity, None)?;
        unread.retain(|file| !self.files.contains(&file.path));
        if unread.is_empty() {
            return Ok(());
        }
        let folder = store.folder(self.entity);
        let wanted = self.entity.key().iter().map(|&key| key.to_owned()).collect();
        let wanted = Wanted { columns: wanted, ..Wanted::all(self.entity) };
        let read = parallel::each(&unread, store.limits.threads, |file| {
            let mut keys = Vec::with_capacity(file.rows as usize);
            for batch in read_file(&folder.join(&file.path), &wanted)? {
                keys.extend(short_keys(self.entity, &batch?)?);
            }
            Ok::<_, LakeError>(keys)
        })?;
        self.files.extend(unread.into_iter().map(|file| file.path));
        if self.is_empty() {
            self.sorted.reserve_exact(read.iter().map(Vec::len).sum());
            read.into_iter().for_each(|keys| self.sorted.extend(keys));
            self.sorted.sort_unstable();
            self.sorted.dedup();
            self.sorted.iter().for_each(|&key| fresh(key));
            return Ok(());
        }
        for key in read.into_iter().flatten() {
            if self.sorted.binary_search(&key).is_err() && self.loose.insert(key) {
                fresh(key);
            }
        }
        self.settle();
        Ok(())
    }

    fn settle(&mut self) {
        if self.loose.len() > LOOSE_MIN.max(self.sorted.len() / LOOSE_SHARE) {
            self.sorted.extend(self.loose.drain());
            self.sorted.sort_unstable();
        }
    }
}
