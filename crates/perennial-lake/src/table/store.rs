//! What every part of a lake shares.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use perennial_contract::Entity;
use perennial_contract::engine::Snapshot;

use crate::lake::{LakeError, Limits, ShopFacts};
use crate::table::delta::{folder, publish};
use crate::table::file::{DataFile, checksum};
use crate::table::ledger::Ledger;
use crate::table::parallel;

/// Called with the name of each step of a commit as it is reached; tests stop the process there.
pub type Probe = Arc<dyn Fn(&str) + Send + Sync>;

/// A lake's folder, its books and its limits.
pub(crate) struct Store {
    pub dir: PathBuf,
    pub shop: ShopFacts,
    pub ledger: Arc<Ledger>,
    pub limits: Limits,
    pub probe: Option<Probe>,
    /// Files whose content was found to be what was written, since this lake was opened.
    pub verified: Mutex<BTreeSet<(Entity, String)>>,
}

impl Store {
    pub(crate) fn folder(&self, entity: Entity) -> PathBuf {
        folder(&self.dir, entity)
    }

    /// Files of a table at a snapshot.
    pub(crate) fn files(&self, at: &Snapshot, entity: Entity, bucket: Option<u32>) -> Result<Vec<DataFile>, LakeError> {
        // A table the snapshot does not name was empty then.
        let Some(&version) = at.versions.get(&entity) else { return Ok(Vec::new()) };
        self.ledger.files(entity, version, bucket)
    }

    /// Hold files against their checksums before they are read: each once.
    pub(crate) fn verify(&self, entity: Entity, files: &[DataFile]) -> Result<(), LakeError> {
        let lock = || self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown: Vec<&DataFile> = {
            let verified = lock();
            files.iter().filter(|file| file.checksum.is_some() && !verified.contains(&(entity, file.path.clone()))).collect()
        };
        let folder = self.folder(entity);
        parallel::each(&unknown, self.limits.threads, |file| {
            let path = folder.join(&file.path);
            if file.checksum == Some(checksum(&path)?) { Ok(()) } else { Err(LakeError::Damaged(path)) }
        })?;
        lock().extend(unknown.into_iter().map(|file| (entity, file.path.clone())));
        Ok(())
    }

    /// Where runs of an unfinished import lie.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    pub(crate) fn reached(&self, step: &str) {
        if let Some(probe) = &self.probe {
            probe(step);
        }
    }

    /// Bring the Delta logs up to the ledger. Doing it again, or after a crash, changes nothing more.
    pub(crate) fn publish(&self) -> Result<(), LakeError> {
        let commits = self.ledger.unpublished()?;
        for (entity, version, text) in &commits {
            publish(&self.dir, *entity, *version, text)?;
            self.reached("published one table");
        }
        if commits.is_empty() { Ok(()) } else { self.ledger.mark_published(&commits) }
    }
}
