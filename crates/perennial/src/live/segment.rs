//! A segment of the inbox: where do its records lie, and how does it end after a crash?
//!
//! Assumes  one writer, which has one record in flight at most: only the last record can be torn.
//! Input    payloads, appended one after another.
//! Output   the payloads of the whole records; a torn last one is cut off, a bad one before it is damage.
//! Cost     36 bytes a file and 12 a record; a file is in memory while it is read.
//! Ref      CRC-32 as in RFC 1952, section 8; one over the length, so that a bent length is no torn record, and one over the payload.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;
use sha2::{Digest, Sha256};

use super::{InboxError, storage};

const MAGIC: [u8; 8] = *b"PERNBOX1";
/// Magic, 16 random bytes, the time it was made, a CRC.
const HEADER_BYTES: usize = 36;
/// Length, its CRC, the payload's CRC.
const FRAME_BYTES: usize = 12;
/// A group is far smaller; a length beyond this is none.
const RECORD_BYTES_MAX: usize = 256 << 20;
const SUFFIX: &str = ".seg";

/// Which segment this is, for ever: a digest of its random header, known before its first record. What lies in it never changes once
/// the mover has it, so this is to the lake what a content hash is.
pub type Content = String;

/// Makes written bytes durable; tests put another in its place.
pub type Sync = fn(&File) -> std::io::Result<()>;

/// A segment that is being written.
pub struct Segment {
    pub path: PathBuf,
    pub number: u64,
    pub content: Content,
    pub bytes: u64,
    file: File,
}

/// A segment as it was found.
pub struct Found {
    pub path: PathBuf,
    pub number: u64,
    pub content: Content,
    pub bytes: u64,
    pub payloads: Vec<Vec<u8>>,
}

fn crc(parts: &[&[u8]]) -> u32 {
    let mut crc = Crc::new();
    parts.iter().for_each(|part| crc.update(part));
    crc.sum()
}

fn content(header: &[u8]) -> Content {
    Sha256::digest(header).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Make sure that a folder's entries are on disk.
pub fn sync_folder(folder: &Path) -> Result<(), InboxError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(storage(folder))
}

impl Segment {
    /// A new file, on disk with its name before the first record.
    pub fn create(folder: &Path, number: u64, at_us: i64) -> Result<Self, InboxError> {
        let path = folder.join(format!("{number:012}{SUFFIX}"));
        let mut header = [0_u8; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        getrandom::fill(&mut header[8..24]).map_err(storage(&path))?;
        header[24..32].copy_from_slice(&at_us.to_le_bytes());
        let sum = crc(&[&header[..32]]).to_le_bytes();
        header[32..].copy_from_slice(&sum);
        let mut file = OpenOptions::new().append(true).create_new(true).open(&path).map_err(storage(&path))?;
        file.write_all(&header).and_then(|()| file.sync_all()).map_err(storage(&path))?;
        sync_folder(folder)?;
        Ok(Self { path, number, content: content(&header), bytes: HEADER_BYTES as u64, file })
    }

    /// Add a record and make it durable.
    pub fn append(&mut self, payload: &[u8], sync: Sync) -> Result<(), InboxError> {
        let length = u32::try_from(payload.len()).ok().filter(|&length| length as usize <= RECORD_BYTES_MAX);
        let length = length.ok_or_else(|| storage(&self.path)(format!("a record of {} bytes is too long", payload.len())))?;
        let length = length.to_le_bytes();
        let mut record = Vec::with_capacity(FRAME_BYTES + payload.len());
        record.extend_from_slice(&length);
        record.extend_from_slice(&crc(&[&length]).to_le_bytes());
        record.extend_from_slice(&crc(&[payload]).to_le_bytes());
        record.extend_from_slice(payload);
        self.file.write_all(&record).and_then(|()| sync(&self.file)).map_err(storage(&self.path))?;
        self.bytes += record.len() as u64;
        Ok(())
    }
}

/// Every segment of a folder, oldest first; what a crash left unfinished is cut off or, where nothing was ever in it, deleted.
pub fn recover(folder: &Path) -> Result<Vec<Found>, InboxError> {
    let mut numbered: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(folder).map_err(storage(folder))? {
        let path = entry.map_err(storage(folder))?.path();
        let stem = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(SUFFIX));
        if let Some(number) = stem.and_then(|stem| stem.parse().ok()) {
            numbered.push((number, path));
        }
    }
    numbered.sort();
    let last = numbered.last().map(|(number, _)| *number);
    let mut found = Vec::new();
    for (number, path) in numbered {
        let tail = if last == Some(number) { Tail::MayBeTorn } else { Tail::IsWhole };
        match read(&path, number, tail)? {
            Some(segment) => found.push(segment),
            None => fs::remove_file(&path).map_err(storage(&path))?,
        }
    }
    sync_folder(folder)?;
    Ok(found)
}

/// Whether a crash may have met the segment while it was written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    MayBeTorn,
    IsWhole,
}

/// A segment's whole records; nothing where there is none.
pub fn read(path: &Path, number: u64, tail: Tail) -> Result<Option<Found>, InboxError> {
    let mut bytes = Vec::new();
    File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).map_err(storage(path))?;
    let damaged = |at: usize| InboxError::Damaged { path: path.to_owned(), at: at as u64 };
    let header =
        bytes.get(..HEADER_BYTES).filter(|header| header[..8] == MAGIC && header[32..] == crc(&[&header[..32]]).to_le_bytes());
    let Some(header) = header else {
        // No record is ever written before the header is on disk.
        return if bytes.len() <= HEADER_BYTES && tail == Tail::MayBeTorn { Ok(None) } else { Err(damaged(0)) };
    };
    let content = content(header);
    let (mut at, mut payloads) = (HEADER_BYTES, Vec::new());
    while at < bytes.len() {
        match record(&bytes[at..]) {
            Next::Whole(payload) => {
                payloads.push(payload.to_vec());
                at += FRAME_BYTES + payload.len();
            }
            Next::Torn if tail == Tail::MayBeTorn => break,
            Next::Torn | Next::Damaged => return Err(damaged(at)),
        }
    }
    if at < bytes.len() {
        let file = OpenOptions::new().write(true).open(path).map_err(storage(path))?;
        file.set_len(at as u64).and_then(|()| file.sync_all()).map_err(storage(path))?;
    }
    let is_empty = payloads.is_empty();
    Ok((!is_empty).then(|| Found { path: path.to_owned(), number, content, bytes: at as u64, payloads }))
}

enum Next<'a> {
    Whole(&'a [u8]),
    Torn,
    Damaged,
}

/// The record at the beginning of some bytes.
fn record(bytes: &[u8]) -> Next<'_> {
    let Some((frame, rest)) = bytes.split_first_chunk::<FRAME_BYTES>() else { return Next::Torn };
    // The file may have grown before what belongs there was written.
    let written = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    if written < FRAME_BYTES {
        return Next::Torn;
    }
    let [a, b, c, d, sum @ ..] = *frame;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if sum[..4] != crc(&[&frame[..4]]).to_le_bytes() || length > RECORD_BYTES_MAX {
        return Next::Damaged;
    }
    let Some(payload) = rest.get(..length) else { return Next::Torn };
    if sum[4..] == crc(&[payload]).to_le_bytes() {
        return Next::Whole(payload);
    }
    // Bytes after a whole length mean that a later record was begun, and that is not done before this one was on disk.
    if rest.len() > length { Next::Damaged } else { Next::Torn }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(file: &File) -> std::io::Result<()> {
        file.sync_data()
    }

    fn written(folder: &Path) -> (PathBuf, Vec<u8>, usize) {
        let mut segment = Segment::create(folder, 3, 7).expect("made");
        for text in ["one", "two, which is longer", "the last one"] {
            segment.append(text.as_bytes(), plain).expect("written");
        }
        let bytes = fs::read(&segment.path).expect("read");
        let last = bytes.len() - FRAME_BYTES - "the last one".len();
        assert_eq!(segment.bytes as usize, bytes.len());
        (segment.path, bytes, last)
    }

    #[test]
    fn a_tail_torn_at_any_byte_is_cut() {
        let folder = tempfile::tempdir().expect("folder");
        let (path, bytes, last) = written(folder.path());
        let whole = recover(folder.path()).expect("whole").remove(0);
        assert_eq!(whole.payloads.len(), 3);
        for cut in last..bytes.len() {
            // Cut off, and as a file system may leave it that had grown the file already.
            for length in [cut, bytes.len()] {
                let mut torn = bytes[..cut].to_vec();
                torn.resize(length, 0);
                fs::write(&path, &torn).expect("torn");
                let found = recover(folder.path()).expect("recovered").remove(0);
                assert_eq!(found.payloads.len(), 2, "cut at {cut}, {length} long");
                assert_eq!(found.content, whole.content);
                assert_eq!(fs::metadata(&path).expect("there").len(), found.bytes);
            }
        }
        for cut in 0..HEADER_BYTES {
            fs::write(&path, &bytes[..cut]).expect("torn");
            assert!(recover(folder.path()).expect("recovered").is_empty());
            assert!(!path.exists());
        }
    }

    #[test]
    fn damage_before_the_last_record_is_an_error() {
        let folder = tempfile::tempdir().expect("folder");
        let (path, bytes, last) = written(folder.path());
        for at in 0..last {
            let mut bent = bytes.clone();
            bent[at] ^= 0x10;
            fs::write(&path, &bent).expect("bent");
            assert!(matches!(recover(folder.path()), Err(InboxError::Damaged { .. })), "byte {at}");
            fs::write(&path, &bytes).expect("mended");
        }
        // An older segment was closed before the next began: nothing of it may be torn.
        fs::write(&path, &bytes[..bytes.len() - 1]).expect("cut");
        Segment::create(folder.path(), 4, 8).expect("the next");
        assert!(matches!(recover(folder.path()), Err(InboxError::Damaged { .. })));
    }
}
