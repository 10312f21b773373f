//! JSON lines: one object a line; its members are the cells.

use std::path::Path;

use encoding_rs::Encoding;
use memchr::memchr;
use serde_json::{Map, Value};

use super::limits::{Limits, bytes_text};
use super::problem::Problem;
use super::record::{Cells, Record, Records};
use super::sink::cut;
use super::stream::TextStream;

/// Name of the cell that holds a line which is no JSON object; the last of every record.
pub const BROKEN: &str = "(line)";

/// Lines of a text, one after another, each at most a record long.
pub struct Lines {
    stream: TextStream,
    text: String,
    at: usize,
    ended: bool,
    record_bytes_max: usize,
    json_bytes_max: usize,
    pub row: u64,
}

/// A JSON object takes many times its length in memory.
pub const TOO_LONG: &str = "is longer than 1 MiB, the most a JSON object on a line may have";
/// What is shown of a longer one.
const SHOWN_BYTES: usize = 4 << 10;

impl Lines {
    pub fn open(path: &Path, encoding: Option<&'static Encoding>, limits: &Limits) -> Result<Self, Problem> {
        let stream = TextStream::open(path, encoding, limits)?;
        let Limits { record_bytes_max, json_bytes_max, .. } = *limits;
        Ok(Self { stream, text: String::new(), at: 0, ended: false, record_bytes_max, json_bytes_max, row: 0 })
    }

    /// Byte range of the next line that is not blank.
    pub fn next(&mut self) -> Result<Option<(usize, usize)>, Problem> {
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let end = memchr(b'\n', rest);
            if end.is_none() && !self.ended {
                self.more()?;
                continue;
            }
            if rest.is_empty() {
                return Ok(None);
            }
            let (from, to) = (self.at, self.at + end.unwrap_or(rest.len()));
            self.at = (to + 1).min(self.text.len());
            if !self.text[from..to].trim().is_empty() {
                self.row += 1;
                return Ok(Some((from, to)));
            }
        }
    }

    #[must_use]
    pub fn text(&self, (from, to): (usize, usize)) -> &str {
        self.text.get(from..to).unwrap_or("").trim()
    }

    /// Whether a line is too long to be read as JSON.
    fn is_too_long(&self, (from, to): (usize, usize)) -> bool {
        to - from > self.json_bytes_max
    }

    fn more(&mut self) -> Result<(), Problem> {
        if self.text.len() - self.at > self.record_bytes_max {
            return Err(Problem::refused(
                format!("line {} is longer than {}", self.row + 1, bytes_text(self.record_bytes_max as u64)),
                "write one object on each line",
            ));
        }
        self.text.drain(..self.at);
        self.at = 0;
        match self.stream.next()? {
            Some(chunk) => self.text.push_str(&chunk),
            None => self.ended = true,
        }
        Ok(())
    }

    #[must_use]
    pub fn read_bytes(&self) -> u64 {
        self.stream.read_bytes()
    }
}

pub struct JsonLines {
    lines: Lines,
    header: Vec<String>,
    cells: Cells,
    cell_bytes_max: usize,
    fault: Option<&'static str>,
}

/// Members of the objects on `lines`, in the order they are first met.
#[must_use]
pub fn keys_of(lines: &[String]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for object in lines.iter().filter_map(|line| serde_json::from_str::<Map<String, Value>>(line).ok()) {
        for key in object.keys() {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
    }
    keys.push(BROKEN.to_owned());
    keys
}

impl JsonLines {
    pub fn open(path: &Path, header: Vec<String>, encoding: Option<&'static Encoding>, limits: &Limits) -> Result<Self, Problem> {
        let lines = Lines::open(path, encoding, limits)?;
        Ok(Self { lines, header, cells: Cells::default(), cell_bytes_max: limits.cell_bytes_max, fault: None })
    }
}

/// A member's value as the text of a cell.
pub fn write_cell(value: &Value, text: &mut String) {
    match value {
        Value::Null => {}
        Value::String(string) => text.push_str(string),
        other => text.push_str(&other.to_string()),
    }
}

impl Records for JsonLines {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn advance(&mut self) -> Result<bool, Problem> {
        let Some(line) = self.lines.next()? else { return Ok(false) };
        self.fault = self.lines.is_too_long(line).then_some(TOO_LONG);
        let line = self.lines.text(line);
        self.cells.clear();
        if self.fault.is_some() {
            self.cells.push(cut(line, SHOWN_BYTES));
            return Ok(true);
        }
        let object = serde_json::from_str::<Map<String, Value>>(line).ok();
        for key in &self.header[..self.header.len().saturating_sub(1)] {
            let value = object.as_ref().and_then(|object| object.get(key));
            self.cells.push_with(|text| value.map_or((), |value| write_cell(value, text)));
        }
        self.cells.push(if object.is_none() { line } else { "" });
        let longest = self.cells.spans.iter().map(|(from, to)| (to - from) as usize).max().unwrap_or(0);
        if longest > self.cell_bytes_max {
            return Err(Problem::refused(
                format!("line {} has a value of {}", self.lines.row, bytes_text(longest as u64)),
                format!("a value may be {} long", bytes_text(self.cell_bytes_max as u64)),
            ));
        }
        Ok(true)
    }

    fn record(&self) -> Record<'_> {
        self.cells.record(self.lines.row)
    }

    fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    fn read_bytes(&self) -> u64 {
        self.lines.read_bytes()
    }
}

/// Every line as a record of one cell.
pub struct WholeLines {
    lines: Lines,
    header: [String; 1],
    line: (usize, usize),
    span: [(u32, u32); 1],
    fault: Option<&'static str>,
}

impl WholeLines {
    pub fn open(path: &Path, encoding: Option<&'static Encoding>, limits: &Limits) -> Result<Self, Problem> {
        let lines = Lines::open(path, encoding, limits)?;
        Ok(Self { lines, header: [BROKEN.to_owned()], line: (0, 0), span: [(0, 0)], fault: None })
    }
}

impl Records for WholeLines {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn advance(&mut self) -> Result<bool, Problem> {
        let Some(line) = self.lines.next()? else { return Ok(false) };
        self.line = line;
        self.fault = self.lines.is_too_long(line).then_some(TOO_LONG);
        let text = self.lines.text(line);
        self.span = [(0, if self.fault.is_some() { cut(text, SHOWN_BYTES).len() } else { text.len() } as u32)];
        Ok(true)
    }

    fn record(&self) -> Record<'_> {
        Record::new(self.lines.row, self.lines.text(self.line), &self.span)
    }

    fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    fn read_bytes(&self) -> u64 {
        self.lines.read_bytes()
    }
}
