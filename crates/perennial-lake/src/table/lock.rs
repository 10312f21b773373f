//! One writer at a time, across processes.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::lake::LakeError;
use crate::table::file::storage;

/// Held while the lake is being changed; the operating system frees it however the process ends.
#[derive(Debug)]
pub(crate) struct WriteLock(File);

/// Opening a lake holds the lock for a moment; a writer waits that long before it gives up.
const PATIENCE: Duration = Duration::from_millis(1500);

fn path(lake: &Path) -> PathBuf {
    lake.join("write.lock")
}

fn try_once(lake: &Path) -> Result<Result<File, File>, LakeError> {
    let path = path(lake);
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(storage(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(Ok(file)),
        Err(TryLockError::WouldBlock) => Ok(Err(file)),
        Err(TryLockError::Error(e)) => Err(storage(&path)(e)),
    }
}

impl WriteLock {
    /// The lock if nobody has it.
    pub(crate) fn if_free(lake: &Path, purpose: &str) -> Result<Option<Self>, LakeError> {
        match try_once(lake)? {
            Ok(file) => Self::signed(lake, file, purpose).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The lock, or an error that names who has it.
    pub(crate) fn take(lake: &Path, purpose: &str) -> Result<Self, LakeError> {
        let started = Instant::now();
        loop {
            match try_once(lake)? {
                Ok(file) => return Self::signed(lake, file, purpose),
                Err(mut file) if started.elapsed() >= PATIENCE => {
                    let mut holder = String::new();
                    // The holder may be writing its name this instant; the lock itself is what counts.
                    let _ = file.read_to_string(&mut holder);
                    let holder = if holder.trim().is_empty() { "another process" } else { holder.trim() };
                    return Err(LakeError::Locked { holder: holder.to_owned() });
                }
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    fn signed(lake: &Path, mut file: File, purpose: &str) -> Result<Self, LakeError> {
        let path = path(lake);
        let mut sign = || -> std::io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{purpose} (process {})", std::process::id())
        };
        sign().map_err(storage(&path))?;
        Ok(Self(file))
    }
}

impl Drop for WriteLock {
    fn drop(&mut self) {
        // Closing frees the lock as well; the name is wiped so that nobody reads an old one.
        let _ = self.0.set_len(0);
    }
}
