//! What a file is, from its first bytes: packing, shape, delimiter, column names and a few rows.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::delimited::{Cut, Delimited, Layout, split_record};
use super::encoding::{Decode, named};
use super::json_lines::{JsonLines, WholeLines, keys_of};
use super::limits::Limits;
use super::parquet::ParquetRows;
use super::problem::Problem;
use super::record::Records;
use super::sink::cut;
use super::stream::Unpacked;
use super::workbook::Workbook;

const HEAD_BYTES: usize = 256 << 10;
const LINES_KEPT: usize = 200;
/// Rows of a workbook or Parquet file that are looked at, and what is kept of each cell.
const ROWS_KEPT: usize = 50;
const SAMPLE_BYTES_MAX: usize = 40;

#[derive(Clone, Debug)]
pub enum Shape {
    Delimited(Layout),
    JsonLines,
    /// Every line whole, as one cell.
    Lines,
    Parquet,
    Workbook,
}

/// A file as far as it was looked at.
#[derive(Clone, Debug)]
pub struct Sniffed {
    pub path: PathBuf,
    /// The file's name, and the part of it before the first dot, in lower case.
    pub name: String,
    pub stem: String,
    pub bytes: u64,
    pub shape: Shape,
    pub header: Vec<String>,
    /// The first lines of a text, whole ones only.
    pub lines: Vec<String>,
    /// The first rows of a workbook or a Parquet file.
    rows: Vec<Vec<String>>,
    /// Columns of a Parquet file whose values are no single text, number or time, and their types.
    pub nested: Vec<(String, String)>,
    pub encoding: Option<&'static encoding_rs::Encoding>,
}

/// What the user said about the layout, if anything.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub delimiter: Option<u8>,
    pub encoding: Option<String>,
}

impl Sniffed {
    pub fn of(path: &Path, given: &Given, limits: &Limits) -> Result<Self, Problem> {
        let cannot = |error: std::io::Error| Problem::Read(error.to_string());
        let mut file = File::open(path).map_err(cannot)?;
        let bytes = file.metadata().map_err(cannot)?.len();
        if bytes == 0 {
            return Err(Problem::refused("is empty", "export it again with a header line and rows"));
        }
        let mut magic = [0_u8; 8];
        let n = file.read(&mut magic).map_err(cannot)?;
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
        let encoding = given.encoding.as_deref().map(named).transpose()?;
        let path = path.to_path_buf();
        let mut sniffed = Self {
            path,
            name,
            stem,
            bytes,
            shape: Shape::JsonLines,
            header: Vec::new(),
            lines: Vec::new(),
            rows: Vec::new(),
            nested: Vec::new(),
            encoding,
        };
        match &magic[..n] {
            [b'P', b'A', b'R', b'1', ..] => sniffed.shape = Shape::Parquet,
            [b'P', b'K', 3 | 5, 4 | 6, ..] => sniffed.shape = Shape::Workbook,
            head => {
                known_container(head)?;
                sniffed.look_at_text(given, limits)?;
                return Ok(sniffed);
            }
        }
        let mut records = sniffed.records(limits)?;
        sniffed.header = records.header().to_vec();
        while sniffed.rows.len() < ROWS_KEPT && records.advance()? {
            let record = records.record();
            sniffed.rows.push((0..record.len()).map(|cell| cut(record.cell(cell), SAMPLE_BYTES_MAX).to_owned()).collect());
        }
        if matches!(sniffed.shape, Shape::Parquet) {
            sniffed.nested = super::parquet::nested(&sniffed.path, limits)?;
        }
        Ok(sniffed)
    }

    /// What is no file: objects under the name of their table.
    pub fn in_memory(name: &str, header: Vec<String>) -> Self {
        Self {
            path: PathBuf::from(name),
            name: name.to_owned(),
            stem: name.to_owned(),
            bytes: 0,
            shape: Shape::JsonLines,
            header,
            lines: Vec::new(),
            rows: Vec::new(),
            nested: Vec::new(),
            encoding: None,
        }
    }

    fn look_at_text(&mut self, given: &Given, limits: &Limits) -> Result<(), Problem> {
        let mut unpacked = Unpacked::open(&self.path, limits, Arc::new(AtomicU64::new(0)))?;
        let head = unpacked.chunk(HEAD_BYTES)?;
        known_container(&head)?;
        if head.get(257..262) == Some(b"ustar") {
            return Err(Problem::refused("is a tar archive", "unpack it and import the files in it"));
        }
        let whole = head.len() < HEAD_BYTES;
        let text = Decode::new(self.encoding).push(head, whole)?;
        let content = text.trim_start();
        if content.is_empty() {
            return Err(Problem::refused("is empty", "export it again with a header line and rows"));
        }
        let line_end = if text.contains('\n') || !text.contains('\r') { b'\n' } else { b'\r' };
        let all = text.split(char::from(line_end));
        let count = all.clone().count();
        // The last line may be cut off by the end of the head.
        let kept = all.take(if whole || count == 1 { count } else { count - 1 });
        self.lines =
            kept.map(|line| line.trim_end_matches('\r').to_owned()).filter(|l| !l.trim().is_empty()).take(LINES_KEPT).collect();
        if content.starts_with('{') {
            self.header = keys_of(&self.lines);
            return Ok(());
        }
        if content.starts_with('[') {
            return Err(Problem::refused("is one JSON array", "write one object on each line (JSON lines) and import that"));
        }
        if content.starts_with('<') {
            return Err(Problem::refused("is HTML or XML", "export it as CSV, JSON lines or Parquet"));
        }
        let delimiter = given.delimiter.unwrap_or_else(|| delimiter_of(&self.lines));
        let first = self.lines.first().map(String::as_str).unwrap_or_default();
        self.header = split_record(first, delimiter);
        if self.header.len() > limits.columns_max {
            return Err(Problem::refused(
                format!("has more than {} columns", limits.columns_max),
                "check the delimiter and the line ends",
            ));
        }
        self.shape = Shape::Delimited(Layout { cut: Cut::Byte(delimiter), line_end, names: None });
        Ok(())
    }

    /// Read the file from its start.
    pub fn records(&self, limits: &Limits) -> Result<Box<dyn Records>, Problem> {
        Ok(match &self.shape {
            Shape::Delimited(layout) => Box::new(Delimited::open(&self.path, layout.clone(), self.encoding, limits)?),
            Shape::JsonLines => Box::new(JsonLines::open(&self.path, self.header.clone(), self.encoding, limits)?),
            Shape::Lines => Box::new(WholeLines::open(&self.path, self.encoding, limits)?),
            Shape::Parquet => Box::new(ParquetRows::open(&self.path, limits)?),
            Shape::Workbook => Box::new(Workbook::open(&self.path, limits)?),
        })
    }

    /// Whether the header has all of these columns, whatever their case.
    #[must_use]
    pub fn has(&self, columns: &[&str]) -> bool {
        columns.iter().all(|column| position(&self.header, &[column]).is_some())
    }

    /// The cells of a column in the first rows.
    pub fn samples(&self, column: usize) -> Vec<String> {
        let Shape::Delimited(Layout { cut: Cut::Byte(delimiter), .. }) = self.shape else {
            return self.rows.iter().filter_map(|row| row.get(column).cloned()).collect();
        };
        self.lines.iter().skip(1).filter_map(|line| split_record(line, delimiter).into_iter().nth(column)).collect()
    }
}

/// Where one of `names` stands in a header, whatever its case; earlier names come first.
#[must_use]
pub fn position(header: &[String], names: &[&str]) -> Option<usize> {
    names.iter().find_map(|name| header.iter().position(|column| column.trim().eq_ignore_ascii_case(name)))
}

/// Like [`position`], and a refusal that names the column if it is not there.
pub fn require(header: &[String], names: &[&str]) -> Result<usize, Problem> {
    position(header, names).ok_or_else(|| {
        Problem::refused(
            format!("has no column {:?}; it has {}", names[0], listed(header)),
            "check the format's name, or map the columns with a mapping file",
        )
    })
}

/// The names of a header, shortened for a message.
#[must_use]
pub fn listed(header: &[String]) -> String {
    let mut text = header.iter().take(20).map(|name| cut(name, 40)).collect::<Vec<_>>().join(", ");
    if header.len() > 20 {
        text += &format!(" and {} more", header.len() - 20);
    }
    if text.is_empty() { "none".to_owned() } else { text }
}

/// Refuse what is packed or stored in a way that is not read here.
fn known_container(head: &[u8]) -> Result<(), Problem> {
    let (what, advice) = match head {
        [0xFD, b'7', b'z', b'X', b'Z', ..] => ("is packed with xz", "unpack it, or pack it with gzip or zstd"),
        [b'B', b'Z', b'h', b'1'..=b'9', ..] => ("is packed with bzip2", "unpack it, or pack it with gzip or zstd"),
        [b'7', b'z', 0xBC, 0xAF, ..] => ("is a 7z archive", "unpack it and import the files in it"),
        [b'R', b'a', b'r', b'!', ..] => ("is a rar archive", "unpack it and import the files in it"),
        [b'P', b'K', 3, 4, ..] => ("is a zip archive inside another file", "unpack it and import the files in it"),
        [0xD0, 0xCF, 0x11, 0xE0, ..] => ("is an old Excel workbook (.xls)", "save it as .xlsx or CSV"),
        [b'S', b'Q', b'L', b'i', b't', b'e', ..] => ("is an SQLite database", "export its tables as CSV"),
        [b'%', b'P', b'D', b'F', ..] => ("is a PDF", "export the data as CSV, JSON lines or Parquet"),
        [b'P', b'A', b'R', b'1', ..] => ("is a packed Parquet file", "unpack it; Parquet is compressed inside"),
        [0x1F, 0x8B, ..] | [0x28, 0xB5, 0x2F, 0xFD, ..] if head.len() > 8 => ("is packed twice", "unpack it once"),
        [b'O', b'R', b'C', ..] => ("is an ORC file", "export it as Parquet"),
        [b'O', b'b', b'j', 1, ..] => ("is an Avro file", "export it as Parquet"),
        _ => return Ok(()),
    };
    Err(Problem::refused(what, advice))
}

/// The delimiter that cuts the first lines into the most columns, evenly.
fn delimiter_of(lines: &[String]) -> u8 {
    let mut best = (0, b',');
    for delimiter in [b',', b';', b'\t', b'|'] {
        let count = |line: &String| {
            let mut quoted = false;
            line.bytes()
                .filter(|&b| {
                    quoted ^= b == b'"';
                    b == delimiter && !quoted
                })
                .count()
        };
        let first = lines.first().map_or(0, count);
        let agreeing = lines.iter().take(20).filter(|line| count(line) == first).count();
        let score = first * agreeing;
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_found_outside_quotes() {
        let of = |lines: &[&str]| delimiter_of(&lines.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>()) as char;
        assert_eq!(of(&["a,b,c", "1,2,3"]), ',');
        assert_eq!(of(&["a;b", "1,5;2,5", "3,0;4,1"]), ';');
        assert_eq!(of(&["a\tb", "1\t2"]), '\t');
        assert_eq!(of(&["\"a,x,y,z\"|b", "1|2"]), '|');
        assert_eq!(of(&["one"]), ',');
    }
}
