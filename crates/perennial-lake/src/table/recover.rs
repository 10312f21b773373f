//! After a crash: finish what the ledger says is true, delete what it has never heard of.

use std::fs;
use std::path::Path;

use perennial_contract::Entity;

use crate::lake::LakeError;
use crate::table::file::{TEMPORARY_PREFIX, storage};
use crate::table::lock::WriteLock;
use crate::table::store::Store;

/// Bring the folder into the state of the ledger. Holding the lock means that nobody is writing, so whatever the ledger does not
/// know was left by somebody who never got to the commit.
pub(crate) fn recover(store: &Store, _held: &WriteLock) -> Result<(), LakeError> {
    store.publish()?;
    let temporary = store.temporary();
    if temporary.exists() {
        fs::remove_dir_all(&temporary).map_err(storage(&temporary))?;
    }
    for &entity in Entity::ALL {
        let folder = store.folder(entity);
        let known = store.ledger.known_paths(entity)?;
        delete_where(&folder, |name| {
            name.starts_with(TEMPORARY_PREFIX) || (name.ends_with(".parquet") && !known.contains(name))
        })?;
        delete_where(&folder.join("_delta_log"), |name| name.starts_with(TEMPORARY_PREFIX))?;
    }
    Ok(())
}

fn delete_where(folder: &Path, doomed: impl Fn(&str) -> bool) -> Result<(), LakeError> {
    for entry in fs::read_dir(folder).map_err(storage(folder))? {
        let entry = entry.map_err(storage(folder))?;
        if entry.file_name().to_str().is_some_and(&doomed) {
            fs::remove_file(entry.path()).map_err(storage(&entry.path()))?;
        }
    }
    Ok(())
}
