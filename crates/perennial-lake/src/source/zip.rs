//! What lies in a zip container and how large it really is, found out by unpacking it to nowhere.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use memchr::{memchr2_iter, memmem};

use super::limits::{Limits, bytes_text};
use super::problem::Problem;

/// Entries of a workbook: some dozens.
const ENTRIES_MAX: usize = 4_096;
/// A directory of entries of that number.
const DIRECTORY_BYTES_MAX: u64 = 4 << 20;
/// Strings that a workbook keeps in memory.
const SHARED_STRINGS_MAX: u64 = 4_000_000;

#[derive(Debug)]
pub struct Entry {
    pub name: String,
    method: u16,
    packed: u64,
    offset: u64,
}

fn damaged(problem: impl Into<String>) -> Problem {
    Problem::refused(problem, "open it in a spreadsheet program and save it again, or save it as CSV")
}

fn cannot(error: std::io::Error) -> Problem {
    Problem::Read(error.to_string())
}

fn u16_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 2).map_or(0, |b| u64::from(u16::from_le_bytes([b[0], b[1]])))
}

fn u32_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 4).map_or(0, |b| u64::from(u32::from_le_bytes([b[0], b[1], b[2], b[3]])))
}

/// The entries of a zip file, from its directory.
pub fn entries(file: &mut File) -> Result<Vec<Entry>, Problem> {
    let bytes = file.metadata().map_err(cannot)?.len();
    let tail = bytes.min(65_557);
    let mut end = vec![0_u8; tail as usize];
    file.seek(SeekFrom::End(-(tail as i64))).map_err(cannot)?;
    file.read_exact(&mut end).map_err(cannot)?;
    let at = memmem::rfind(&end, b"PK\x05\x06").ok_or_else(|| damaged("is cut off: its directory is missing"))?;
    let (count, size, offset) = (u16_at(&end, at + 10), u32_at(&end, at + 12), u32_at(&end, at + 16));
    if size > DIRECTORY_BYTES_MAX || count as usize > ENTRIES_MAX || offset + size > bytes {
        return Err(damaged("is damaged: its directory does not fit the file"));
    }
    let mut directory = vec![0_u8; size as usize];
    file.seek(SeekFrom::Start(offset)).map_err(cannot)?;
    file.read_exact(&mut directory).map_err(cannot)?;
    let mut entries = Vec::new();
    let mut at = 0;
    while directory.get(at..at + 4) == Some(b"PK\x01\x02") {
        let (name, extra, comment) = (u16_at(&directory, at + 28), u16_at(&directory, at + 30), u16_at(&directory, at + 32));
        let name_at = at + 46;
        let name_bytes =
            directory.get(name_at..name_at + name as usize).ok_or_else(|| damaged("is damaged: its directory is cut off"))?;
        entries.push(Entry {
            name: String::from_utf8_lossy(name_bytes).into_owned(),
            method: u16_at(&directory, at + 10) as u16,
            packed: u32_at(&directory, at + 20),
            offset: u32_at(&directory, at + 42),
        });
        at = name_at + (name + extra + comment) as usize;
    }
    if entries.len() as u64 != count {
        return Err(damaged("is damaged: its directory is cut off"));
    }
    Ok(entries)
}

/// Unpack every part of a workbook to nowhere, and refuse what would not fit.
pub fn check_workbook(file: &mut File, entries: &[Entry], limits: &Limits) -> Result<(), Problem> {
    let mut unpacked = 0_u64;
    let bytes = file.metadata().map_err(cannot)?.len();
    for entry in entries.iter().filter(|entry| entry.name.ends_with(".xml") || entry.name.ends_with(".rels")) {
        let is_sheet = entry.name.starts_with("xl/worksheets/");
        let most = if is_sheet { limits.unpacked_bytes_max } else { limits.shared_text_bytes_max };
        let part = measure(file, entry, most, limits.cell_bytes_max)?;
        if entry.name.ends_with("sharedStrings.xml") && part.items > SHARED_STRINGS_MAX {
            return Err(damaged(format!("has more than {SHARED_STRINGS_MAX} different texts")));
        }
        unpacked += part.bytes;
        if unpacked > limits.ratio_free_bytes && unpacked / bytes > limits.ratio_max {
            return Err(Problem::refused(
                format!("unpacks to more than {} times its size, like a decompression bomb", limits.ratio_max),
                "look inside before importing it, or save it as CSV",
            ));
        }
    }
    Ok(())
}

struct Part {
    bytes: u64,
    items: u64,
}

fn measure(file: &mut File, entry: &Entry, most: u64, cell_bytes_max: usize) -> Result<Part, Problem> {
    let mut local = [0_u8; 30];
    file.seek(SeekFrom::Start(entry.offset)).map_err(cannot)?;
    file.read_exact(&mut local).map_err(|_| damaged("is damaged: a part lies outside the file"))?;
    if &local[..4] != b"PK\x03\x04" {
        return Err(damaged("is damaged: a part is not where the directory says"));
    }
    let start = entry.offset + 30 + u16_at(&local, 26) + u16_at(&local, 28);
    file.seek(SeekFrom::Start(start)).map_err(cannot)?;
    let packed = file.take(entry.packed);
    let mut reader: Box<dyn Read + '_> = match entry.method {
        0 => Box::new(packed),
        8 => Box::new(flate2::read::DeflateDecoder::new(packed)),
        other => return Err(damaged(format!("is packed in a way that is not read here (method {other})"))),
    };
    let mut buffer = vec![0_u8; 256 << 10];
    let mut part = Part { bytes: 0, items: 0 };
    // Bytes since the last bracket: the text of a cell, which is kept in memory whole.
    let mut run = 0_usize;
    loop {
        let n = reader
            .read(&mut buffer)
            .map_err(|error| damaged(format!("is damaged: {} cannot be unpacked ({error})", entry.name)))?;
        if n == 0 {
            return Ok(part);
        }
        part.bytes += n as u64;
        part.items += memmem::find_iter(&buffer[..n], b"<si").count() as u64;
        let mut last = 0;
        for at in memchr2_iter(b'<', b'>', &buffer[..n]) {
            run += at - last;
            if run > cell_bytes_max {
                break;
            }
            (run, last) = (0, at);
        }
        run += n - last;
        if run > cell_bytes_max {
            return Err(damaged(format!("has a cell of more than {}", bytes_text(cell_bytes_max as u64))));
        }
        if part.bytes > most {
            return Err(damaged(format!("has a part that unpacks to more than {}", bytes_text(most))));
        }
    }
}
