//! Identities on their way into the vault: in memory up to a budget, beyond it in sorted runs on disk.
//!
//! Assumes  the folder is deleted with the import; what lies in it is encrypted under a key that never leaves this process.
//! Input    identities in any order; of the same kind of the same customer the last one counts.
//! Output   people in order of their id, each with what was said last.
//! Cost     the budget in memory, and a block of every run while they are merged.
//! Ref      Knuth, The Art of Computer Programming, volume 3, section 5.4 (external sorting).

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use perennial_contract::source::{Identity, IdentityKind};
use zeroize::Zeroizing;

use super::key::random;
use super::{KINDS, Known, seal};
use crate::lake::LakeError;
use crate::table::file::storage;

/// Identities held in memory, with what a text costs beside its letters.
const HELD_BYTES_MAX: usize = 32 << 20;
const TEXT_BYTES: usize = size_of::<Identity>();
/// Text of a block of a run.
const BLOCK_BYTES: usize = 64 << 10;
/// People of a batch, and bytes of what is known of them.
const BATCH_PEOPLE: usize = 32_768;
const BATCH_BYTES: usize = 16 << 20;

/// Identities of an import.
pub(crate) struct Spool {
    folder: PathBuf,
    held: Vec<Identity>,
    held_bytes: usize,
    disk: Option<Disk>,
}

/// The runs, one after another in one file.
struct Disk {
    path: PathBuf,
    file: File,
    key: Zeroizing<[u8; 32]>,
    /// Where each run ends; it begins where the one before it ends.
    ends: Vec<u64>,
}

impl Spool {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, held: Vec::new(), held_bytes: 0, disk: None }
    }

    pub(crate) fn push(&mut self, identity: Identity) -> Result<(), LakeError> {
        self.held_bytes += identity.customer_id.len() + identity.value.len() + TEXT_BYTES;
        self.held.push(identity);
        if self.held_bytes > HELD_BYTES_MAX { self.write_run() } else { Ok(()) }
    }

    /// What is held, in order, of equals the last.
    fn sorted(&mut self) -> Vec<Identity> {
        self.held_bytes = 0;
        let mut held = std::mem::take(&mut self.held);
        held.sort_by(|a, b| (&a.customer_id, a.kind).cmp(&(&b.customer_id, b.kind)));
        held.dedup_by(|later, earlier| {
            let same = (&later.customer_id, later.kind) == (&earlier.customer_id, earlier.kind);
            if same {
                std::mem::swap(&mut later.value, &mut earlier.value);
            }
            same
        });
        held
    }

    fn write_run(&mut self) -> Result<(), LakeError> {
        let run = self.sorted();
        let disk = match &mut self.disk {
            Some(disk) => disk,
            none => none.insert(Disk::create(&self.folder)?),
        };
        disk.append(&run)
    }

    /// No more identities: everybody in order.
    pub(crate) fn people(&mut self) -> Result<People, LakeError> {
        let last = self.sorted();
        let mut disk = self.disk.take();
        let mut runs = Vec::new();
        let mut at = 0;
        for end in disk.as_ref().map(|disk| disk.ends.clone()).unwrap_or_default() {
            runs.push(Run { block: Vec::new().into_iter(), head: None, at, end });
            at = end;
        }
        // What never went to disk is a run whose only block is read already.
        runs.push(Run { block: last.into_iter(), head: None, at: 0, end: 0 });
        for run in &mut runs {
            run.advance(disk.as_mut())?;
        }
        runs.retain(|run| run.head.is_some());
        Ok(People { disk, runs })
    }
}

impl Disk {
    fn create(folder: &std::path::Path) -> Result<Self, LakeError> {
        fs::create_dir_all(folder).map_err(storage(folder))?;
        let path = folder.join("identities.run");
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).map_err(storage(&path))?;
        let mut key = Zeroizing::new([0_u8; 32]);
        random(key.as_mut_slice())?;
        Ok(Self { path, file, key, ends: Vec::new() })
    }

    fn append(&mut self, run: &[Identity]) -> Result<(), LakeError> {
        let mut end = self.ends.last().copied().unwrap_or(0);
        let mut plain = Zeroizing::new(Vec::with_capacity(BLOCK_BYTES * 2));
        for (index, identity) in run.iter().enumerate() {
            append(&mut plain, identity);
            if plain.len() >= BLOCK_BYTES || index + 1 == run.len() {
                end = self.write_block(end, &plain)?;
                plain.clear();
            }
        }
        self.ends.push(end);
        Ok(())
    }

    /// Write a block at `at`; where it ends.
    fn write_block(&mut self, at: u64, plain: &[u8]) -> Result<u64, LakeError> {
        let mut nonce = [0_u8; 24];
        random(&mut nonce)?;
        let sealed = seal::seal(&self.key, &nonce, plain, &at.to_le_bytes());
        let sealed = sealed.ok_or_else(|| storage(&self.path)("a block of identities cannot be encrypted"))?;
        self.file.write_all(&(sealed.len() as u32).to_le_bytes()).map_err(storage(&self.path))?;
        self.file.write_all(&sealed).map_err(storage(&self.path))?;
        Ok(at + 4 + sealed.len() as u64)
    }

    /// The identities of the block at `at`, and where it ends.
    fn read_block(&mut self, at: u64) -> Result<(Vec<Identity>, u64), LakeError> {
        let (path, file) = (&self.path, &mut self.file);
        file.seek(SeekFrom::Start(at)).map_err(storage(path))?;
        let mut length = [0_u8; 4];
        file.read_exact(&mut length).map_err(storage(path))?;
        let mut sealed = vec![0_u8; u32::from_le_bytes(length) as usize];
        file.read_exact(&mut sealed).map_err(storage(path))?;
        let plain = seal::open(&self.key, &sealed, &at.to_le_bytes());
        let identities = plain.and_then(|plain| identities(&plain));
        let identities = identities.ok_or_else(|| storage(path)("was changed while the import ran; import again"))?;
        Ok((identities, at + 4 + sealed.len() as u64))
    }
}

fn append(plain: &mut Vec<u8>, identity: &Identity) {
    plain.push(KINDS.iter().position(|&kind| kind == identity.kind).unwrap_or(0) as u8);
    for text in [&identity.customer_id, &identity.value] {
        plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
        plain.extend_from_slice(text.as_bytes());
    }
}

/// Identities as a block's text.
pub(super) fn plain(identities: &[Identity]) -> Zeroizing<Vec<u8>> {
    let bytes: usize = identities.iter().map(|identity| identity.customer_id.len() + identity.value.len() + 9).sum();
    // Of its full length from the start, so that no smaller copy is left behind unwiped.
    let mut plain = Zeroizing::new(Vec::with_capacity(bytes));
    identities.iter().for_each(|identity| append(&mut plain, identity));
    plain
}

/// The identities of a block's text; nothing if it is none.
pub(super) fn identities(mut plain: &[u8]) -> Option<Vec<Identity>> {
    fn text(plain: &mut &[u8]) -> Option<String> {
        let (length, rest) = plain.split_first_chunk::<4>()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        *plain = rest;
        String::from_utf8(text.to_vec()).ok()
    }
    let mut found = Vec::new();
    while let Some((&kind, rest)) = plain.split_first() {
        plain = rest;
        let kind: IdentityKind = *KINDS.get(usize::from(kind))?;
        found.push(Identity { customer_id: text(&mut plain)?, kind, value: text(&mut plain)? });
    }
    Some(found)
}

/// A run as far as it was read.
struct Run {
    head: Option<Identity>,
    block: std::vec::IntoIter<Identity>,
    /// The next block, and the end of the last.
    at: u64,
    end: u64,
}

impl Run {
    fn advance(&mut self, disk: Option<&mut Disk>) -> Result<(), LakeError> {
        self.head = self.block.next();
        if let (None, Some(disk)) = (&self.head, disk)
            && self.at < self.end
        {
            let (block, next) = disk.read_block(self.at)?;
            (self.block, self.at) = (block.into_iter(), next);
            self.head = self.block.next();
        }
        Ok(())
    }
}

/// Everybody an import brought identities of, in order.
pub(crate) struct People {
    disk: Option<Disk>,
    /// Oldest first.
    runs: Vec<Run>,
}

impl People {
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The next people; nobody at the end.
    pub(crate) fn batch(&mut self) -> Result<Vec<(String, Known)>, LakeError> {
        let mut people = Vec::new();
        let mut bytes = 0;
        while people.len() < BATCH_PEOPLE && bytes < BATCH_BYTES {
            let heads = self.runs.iter().filter_map(|run| run.head.as_ref());
            let Some(customer_id) = heads.map(|head| &head.customer_id).min().cloned() else { break };
            let mut known = Known::new();
            for run in &mut self.runs {
                // A later run's word on the same takes the place of an earlier one's.
                while let Some(Identity { kind, value, .. }) = run.head.take_if(|head| head.customer_id == customer_id) {
                    bytes += value.len() + TEXT_BYTES;
                    known.insert(kind.name().to_owned(), value.into());
                    run.advance(self.disk.as_mut())?;
                }
            }
            self.runs.retain(|run| run.head.is_some());
            people.push((customer_id, known));
        }
        Ok(people)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_and_nothing_on_disk_can_be_read() {
        let folder = tempfile::tempdir().expect("folder");
        let mut spool = Spool::new(folder.path().join("tmp"));
        let identity = |n: usize, value: String| Identity { customer_id: format!("c{n:03}"), kind: IdentityKind::Email, value };
        for round in 0..3 {
            for n in (0..400).rev().filter(|n| round == 0 || n % round == 0) {
                spool.push(identity(n, format!("ann{n}@round{round}.example"))).expect("taken");
                spool.push(Identity { kind: IdentityKind::Name, ..identity(n, "x".repeat(1000)) }).expect("taken");
            }
            if round < 2 {
                spool.write_run().expect("written");
            }
        }
        let file = fs::read(folder.path().join("tmp/identities.run")).expect("file");
        assert!(file.len() > 400_000);
        assert!(!file.windows(4).any(|four| four == b"ann1" || four == b"xxxx" || four == b"c001"));
        let mut people = spool.people().expect("people");
        assert!(!people.is_empty());
        let found = people.batch().expect("batch");
        assert!(people.batch().expect("end").is_empty());
        assert_eq!(found.len(), 400);
        for (n, (id, known)) in found.iter().enumerate() {
            let round = if n % 2 == 0 { 2 } else { 1 };
            assert_eq!(*id, format!("c{n:03}"));
            assert_eq!(known["email"], format!("ann{n}@round{round}.example"), "{id}");
            assert_eq!(known["name"].as_str().map(str::len), Some(1000));
        }
    }
}
