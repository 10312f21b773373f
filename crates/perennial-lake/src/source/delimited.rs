//! Delimited text, record by record: any one-byte delimiter, RFC 4180 quotes, or columns parted by white space.
//!
//! A record without quotes, which is nearly every record of nearly every file, is cut by vectorised searches for the line
//! end and the delimiters and is not copied; only quoted records are copied, cell by cell.
//!
//! A record whose quotes are broken is given as its first line, whole, with what is wrong with it; reading goes on with the next line, so
//! that a forgotten quote costs its own line and none after it.

use std::path::Path;

use encoding_rs::Encoding;
use memchr::{memchr, memchr_iter};

use super::limits::{Limits, bytes_text};
use super::problem::Problem;
use super::record::{Cells, Record, Records};
use super::stream::TextStream;

/// What parts the cells of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    Byte(u8),
    WhiteSpace,
}

/// How a delimited file is laid out.
#[derive(Clone, Debug)]
pub struct Layout {
    pub cut: Cut,
    /// `\n` (with or without `\r` before it), or a lone `\r`.
    pub line_end: u8,
    /// Names of the columns where the file has no header line.
    pub names: Option<Vec<String>>,
}

pub struct Delimited {
    stream: TextStream,
    layout: Layout,
    limits: Limits,
    header: Vec<String>,
    /// Text not yet consumed starts at `at`.
    text: String,
    at: usize,
    ended: bool,
    row: u64,
    /// The current record: a piece of `text`, or `quoted` where it had quotes.
    line: (usize, usize),
    spans: Vec<(u32, u32)>,
    quoted: Cells,
    is_quoted: bool,
    /// What is wrong with the quotes of the current record.
    fault: Option<&'static str>,
    /// Bytes of records that turned out to be broken: they are read again, line by line.
    read_again: usize,
}

/// A quoted cell with something behind it.
const AFTER_QUOTE: &str = "has text after a closing quote; double a quote that is part of the text";
/// A quoted cell without an end.
const NO_END: &str = "has a quoted cell with no closing quote; close it, or double a quote that is part of the text";
/// A quoted cell that holds the ends and the beginnings of whole rows.
const SWALLOWS: &str =
    "has a quoted cell that swallows the lines after it; close the quote, or double it if it is part of the text";
/// Beyond this many bytes read again a file is refused: its quotes mean something else.
const READ_AGAIN_MAX: usize = 1 << 30;
/// A narrower row is no sign that a cell with as many delimiters holds whole rows.
const SWALLOWED_COLUMNS_MIN: usize = 6;

/// What was found at the start of the unread text.
enum Found {
    /// A line from..to, the next one starts at `next`.
    Line {
        to: usize,
        next: usize,
    },
    /// A record with quotes, already in `quoted`.
    Quoted {
        next: usize,
    },
    /// A record with broken quotes: its first line from..to stands for it.
    Broken {
        to: usize,
        next: usize,
        fault: &'static str,
    },
    NeedMore,
    End,
}

impl Delimited {
    pub fn open(path: &Path, layout: Layout, encoding: Option<&'static Encoding>, limits: &Limits) -> Result<Self, Problem> {
        let stream = TextStream::open(path, encoding, limits)?;
        let mut reader = Self {
            stream,
            limits: limits.clone(),
            header: Vec::new(),
            text: String::new(),
            at: 0,
            ended: false,
            row: 0,
            line: (0, 0),
            spans: Vec::new(),
            quoted: Cells::default(),
            is_quoted: false,
            fault: None,
            read_again: 0,
            layout,
        };
        reader.header = match reader.layout.names.take() {
            Some(names) => names,
            None => {
                if !reader.advance()? {
                    return Err(Problem::refused("is empty", "export it again with a header line and rows"));
                }
                reader.row = 0;
                if let Some(fault) = reader.fault {
                    return Err(Problem::refused(format!("its header line {fault}"), "mend the file's first line"));
                }
                let record = reader.record();
                (0..record.len()).map(|i| record.cell(i).to_owned()).collect()
            }
        };
        Ok(reader)
    }

    fn find(&mut self) -> Result<Found, Problem> {
        let rest = &self.text.as_bytes()[self.at..];
        if rest.is_empty() {
            return Ok(if self.ended { Found::End } else { Found::NeedMore });
        }
        let line_end = memchr(self.layout.line_end, rest);
        let line = &rest[..line_end.unwrap_or(rest.len())];
        if self.layout.cut != Cut::WhiteSpace && memchr(b'"', line).is_some() {
            return self.find_quoted(line_end);
        }
        match line_end {
            Some(end) => Ok(Found::Line { to: self.at + end, next: self.at + end + 1 }),
            None if self.ended => Ok(Found::Line { to: self.text.len(), next: self.text.len() }),
            None => Ok(Found::NeedMore),
        }
    }

    /// Cut a record that holds quotes. Starts over when the text ends inside it and more is to come. `line_end` is its first.
    fn find_quoted(&mut self, line_end: Option<usize>) -> Result<Found, Problem> {
        let Cut::Byte(delimiter) = self.layout.cut else { return Ok(Found::NeedMore) };
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        self.quoted.clear();
        let (fault, read) = loop {
            let step = cut_cell(bytes, at, [delimiter, self.layout.line_end], |from, to, first| {
                let piece = self.text.get(from..to).unwrap_or("");
                if first {
                    self.quoted.push(piece);
                } else if let Some(span) = self.quoted.spans.last_mut() {
                    self.quoted.text.push_str(piece);
                    span.1 = self.quoted.text.len() as u32;
                }
            });
            let next = match step {
                Cell::Delimiter(next) => {
                    at = next;
                    if self.quoted.spans.len() > self.limits.columns_max {
                        return Err(self.too_many_columns());
                    }
                    continue;
                }
                Cell::LineEnd(next) => next,
                Cell::TextEnd if self.ended => bytes.len(),
                Cell::OpenQuote if self.ended => break (NO_END, bytes.len()),
                // A cell cannot be as long as that: what looks like one is the rest of the file.
                Cell::OpenQuote if bytes.len() - self.at > self.limits.record_bytes_max && line_end.is_some() => {
                    break (NO_END, bytes.len());
                }
                Cell::AfterQuote(end) => break (AFTER_QUOTE, end),
                Cell::TextEnd | Cell::OpenQuote => return Ok(Found::NeedMore),
            };
            let several_lines = line_end.is_some_and(|end| self.at + end + 1 < next);
            if several_lines && self.swallows(delimiter) {
                break (SWALLOWS, next);
            }
            return Ok(Found::Quoted { next });
        };
        if line_end.is_none() && !self.ended {
            return Ok(Found::NeedMore);
        }
        self.read_again += read - self.at;
        if self.read_again > READ_AGAIN_MAX {
            return Err(Problem::refused(
                format!("row {} {fault}, and so do many rows before it", self.row + 1),
                "export it again",
            ));
        }
        let to = line_end.map_or(bytes.len(), |end| self.at + end);
        Ok(Found::Broken { to, next: (to + 1).min(bytes.len()), fault })
    }

    /// Whether a cell of the record in `quoted` holds the end of one row, and the beginning of another, to the delimiter: then a quote
    /// was forgotten, and the one that closes the cell is another row's.
    fn swallows(&self, delimiter: u8) -> bool {
        let columns = self.header.len();
        if columns < SWALLOWED_COLUMNS_MIN || self.quoted.spans.len() != columns {
            return false;
        }
        let line_end = char::from(self.layout.line_end);
        self.quoted.spans.iter().enumerate().any(|(index, &(from, to))| {
            let cell = self.quoted.text.get(from as usize..to as usize).unwrap_or("");
            let count = |line: &str| memchr_iter(delimiter, line.as_bytes()).count();
            let Some((first, rest)) = cell.split_once(line_end) else { return false };
            let (whole, last) = rest.rsplit_once(line_end).map_or((None, rest), |(whole, last)| (Some(whole), last));
            count(first) == columns - 1 - index
                && count(last) == index
                && whole.is_none_or(|lines| lines.split(line_end).all(|line| count(line) == columns - 1))
        })
    }

    fn more(&mut self) -> Result<(), Problem> {
        if self.text.len() - self.at > self.limits.record_bytes_max {
            return Err(Problem::refused(
                format!("row {} is longer than {}", self.row + 1, bytes_text(self.limits.record_bytes_max as u64)),
                "check for a missing line end or an unclosed quote there",
            ));
        }
        match self.stream.next()? {
            Some(chunk) if self.at == self.text.len() => self.text = chunk,
            Some(chunk) => {
                self.text.drain(..self.at);
                self.text.push_str(&chunk);
            }
            None => {
                self.text.drain(..self.at);
                self.ended = true;
            }
        }
        self.at = 0;
        Ok(())
    }

    fn split_line(&mut self, from: usize, mut to: usize) -> Result<(), Problem> {
        if self.layout.line_end == b'\n' && to > from && self.text.as_bytes()[to - 1] == b'\r' {
            to -= 1;
        }
        self.line = (from, to);
        self.is_quoted = false;
        self.spans.clear();
        let line = &self.text.as_bytes()[from..to];
        match self.layout.cut {
            Cut::Byte(delimiter) => {
                let mut start = 0_u32;
                for end in memchr_iter(delimiter, line) {
                    self.spans.push((start, end as u32));
                    start = end as u32 + 1;
                }
                self.spans.push((start, line.len() as u32));
            }
            Cut::WhiteSpace => {
                let mut start = None;
                for (index, byte) in line.iter().enumerate() {
                    match (byte.is_ascii_whitespace(), start) {
                        (true, Some(from)) => {
                            self.spans.push((from, index as u32));
                            start = None;
                        }
                        (false, None) => start = Some(index as u32),
                        _ => {}
                    }
                }
                self.spans.extend(start.map(|from| (from, line.len() as u32)));
            }
        }
        Ok(())
    }

    fn too_many_columns(&self) -> Problem {
        Problem::refused(
            format!("row {} has more than {} columns", self.row + 1, self.limits.columns_max),
            "check the delimiter and the line ends",
        )
    }

    fn within_limits(&self) -> Result<(), Problem> {
        let spans = if self.is_quoted { &self.quoted.spans } else { &self.spans };
        if spans.len() > self.limits.columns_max {
            return Err(self.too_many_columns());
        }
        let whole = if self.is_quoted { self.quoted.text.len() } else { self.line.1 - self.line.0 };
        if whole <= self.limits.cell_bytes_max {
            return Ok(());
        }
        let longest = spans.iter().map(|&(from, to)| (to - from) as usize).max().unwrap_or(0);
        if longest > self.limits.cell_bytes_max {
            return Err(Problem::refused(
                format!(
                    "row {} has a cell of {}, more than {} allows",
                    self.row + 1,
                    bytes_text(longest as u64),
                    bytes_text(self.limits.cell_bytes_max as u64)
                ),
                "check for a missing quote or line end there",
            ));
        }
        Ok(())
    }
}

impl Records for Delimited {
    fn header(&self) -> &[String] {
        &self.header
    }

    fn advance(&mut self) -> Result<bool, Problem> {
        self.fault = None;
        loop {
            match self.find()? {
                Found::End => return Ok(false),
                Found::NeedMore => self.more()?,
                Found::Line { to, next } => {
                    let from = self.at;
                    self.at = next;
                    self.split_line(from, to)?;
                    let blank = match self.spans.as_slice() {
                        [] => true,
                        [(from, to)] => from == to,
                        _ => false,
                    };
                    if !blank {
                        self.within_limits()?;
                        self.row += 1;
                        return Ok(true);
                    }
                }
                Found::Broken { to, next, fault } => {
                    let from = self.at;
                    self.at = next;
                    self.line = (from, to);
                    self.is_quoted = false;
                    self.spans.clear();
                    self.spans.push((0, (to - from) as u32));
                    self.fault = Some(fault);
                    self.within_limits()?;
                    self.row += 1;
                    return Ok(true);
                }
                Found::Quoted { next } => {
                    self.at = next;
                    self.is_quoted = true;
                    self.within_limits()?;
                    self.row += 1;
                    return Ok(true);
                }
            }
        }
    }

    fn record(&self) -> Record<'_> {
        if self.is_quoted {
            return self.quoted.record(self.row);
        }
        Record::new(self.row, self.text.get(self.line.0..self.line.1).unwrap_or(""), &self.spans)
    }

    fn fault(&self) -> Option<&'static str> {
        self.fault
    }

    fn read_bytes(&self) -> u64 {
        self.stream.read_bytes()
    }
}

/// What ended a cell, and where the next thing starts.
enum Cell {
    Delimiter(usize),
    LineEnd(usize),
    TextEnd,
    OpenQuote,
    /// Text stands between the closing quote and the next delimiter; the place where it was seen.
    AfterQuote(usize),
}

/// Cut one cell at `at`, giving its pieces to `put(from, to, is_first)`. A quote inside an unquoted cell is a quote.
fn cut_cell(bytes: &[u8], at: usize, [delimiter, line_end]: [u8; 2], mut put: impl FnMut(usize, usize, bool)) -> Cell {
    let mut from = at;
    let mut first = true;
    if bytes.get(at) == Some(&b'"') {
        from += 1;
        loop {
            let Some(length) = memchr(b'"', &bytes[from..]) else { return Cell::OpenQuote };
            let quote = from + length;
            if bytes.get(quote + 1) == Some(&b'"') {
                // A doubled quote stands for one: keep the first, skip the second.
                put(from, quote + 1, first);
                first = false;
                from = quote + 2;
                continue;
            }
            put(from, quote, first);
            first = false;
            from = quote + 1;
            break;
        }
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r') && *byte != delimiter && *byte != line_end;
        from += bytes[from..].iter().take_while(|byte| blank(byte)).count();
        match bytes.get(from) {
            None => return Cell::TextEnd,
            Some(byte) if *byte != delimiter && *byte != line_end => return Cell::AfterQuote(from),
            Some(_) => {}
        }
    }
    let end = memchr::memchr2(delimiter, line_end, &bytes[from..]).map(|length| from + length);
    let mut to = end.unwrap_or(bytes.len());
    let at_line_end = end.is_none_or(|end| bytes[end] == line_end);
    if at_line_end && line_end == b'\n' && to > from && bytes[to - 1] == b'\r' {
        to -= 1;
    }
    if first || to > from {
        put(from, to, first);
    }
    match end {
        None => Cell::TextEnd,
        Some(end) if bytes[end] == delimiter => Cell::Delimiter(end + 1),
        Some(end) => Cell::LineEnd(end + 1),
    }
}

/// The cells of one whole record.
#[must_use]
pub fn split_record(line: &str, delimiter: u8) -> Vec<String> {
    let mut cells: Vec<String> = Vec::new();
    let mut at = 0;
    loop {
        let step = cut_cell(line.as_bytes(), at, [delimiter, b'\n'], |from, to, first| {
            let piece = line.get(from..to).unwrap_or("");
            match cells.last_mut() {
                Some(cell) if !first => cell.push_str(piece),
                _ => cells.push(piece.to_owned()),
            }
        });
        match step {
            Cell::Delimiter(next) => at = next,
            _ => return cells.iter().map(|cell| cell.trim().to_owned()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, cut: Cut) -> Result<Vec<Vec<String>>, Problem> {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("x.csv");
        std::fs::write(&path, text).expect("written");
        let line_end = if text.contains('\n') { b'\n' } else { b'\r' };
        let names = (cut == Cut::WhiteSpace).then(|| vec!["a".to_owned()]);
        let mut reader = Delimited::open(&path, Layout { cut, line_end, names }, None, &Limits::default())?;
        let mut rows = vec![reader.header().to_vec()];
        while reader.advance()? {
            let record = reader.record();
            rows.push((0..record.len()).map(|i| record.cell(i).to_owned()).collect());
        }
        Ok(rows)
    }

    fn check(text: &str, cut: Cut, expected: &[&[&str]]) {
        assert_eq!(read(text, cut).expect(text), expected, "{text:?}");
    }

    #[test]
    fn quotes_line_ends_and_blank_lines() {
        let comma = Cut::Byte(b',');
        check("a,b\n1,2\n", comma, &[&["a", "b"], &["1", "2"]]);
        check("a,b\r\n1,2\r\n\r\n3,4", comma, &[&["a", "b"], &["1", "2"], &["3", "4"]]);
        check("a,b\r1,2\r", comma, &[&["a", "b"], &["1", "2"]]);
        check("a,b\n\"x, \"\"y\"\"\nz\",2\r\n", comma, &[&["a", "b"], &["x, \"y\"\nz", "2"]]);
        check("a,b\n5\" pipe,\"\"\n", comma, &[&["a", "b"], &["5\" pipe", ""]]);
        check("a;b\n\"1\";\"2\"", Cut::Byte(b';'), &[&["a", "b"], &["1", "2"]]);
        check("a,b\n,\n\"\",\"\"\"\"\n", comma, &[&["a", "b"], &["", ""], &["", "\""]]);
        check(" 1  2\t3 \n\n4\n", Cut::WhiteSpace, &[&["a"], &["1", "2", "3"], &["4"]]);
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        for (text, part) in [("\"a,b\n1,2\n3,4\n", "no closing quote"), ("", "is empty"), ("\n\n", "is empty")] {
            match read(text, Cut::Byte(b',')) {
                Err(Problem::Refused { problem, .. }) => assert!(problem.contains(part), "{problem}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn broken_quotes_cost_their_own_line_only() {
        let lines = |text: &str| -> Vec<(String, bool)> {
            let folder = tempfile::tempdir().expect("folder");
            let path = folder.path().join("x.csv");
            std::fs::write(&path, text).expect("written");
            let layout = Layout { cut: Cut::Byte(b','), line_end: b'\n', names: None };
            let mut reader = Delimited::open(&path, layout, None, &Limits::default()).expect("opened");
            let mut found = Vec::new();
            while reader.advance().expect("read") {
                let record = reader.record();
                found.push(((0..record.len()).map(|i| record.cell(i)).collect::<Vec<_>>().join("|"), reader.fault().is_some()));
            }
            found
        };
        let is = |found: Vec<(String, bool)>, expected: &[(&str, bool)]| {
            assert_eq!(found, expected.iter().map(|(text, bad)| ((*text).to_owned(), *bad)).collect::<Vec<_>>());
        };
        is(lines("a,b\n\"1\"x,2\n3,4\n"), &[("\"1\"x,2", true), ("3|4", false)]);
        is(lines("a,b\n\"1\" ,2\r\n\"3\",\"4\"\r\n"), &[("1|2", false), ("3|4", false)]);
        // The quote that closes the first cell belongs to the next row.
        is(lines("a,b\n1,\"Mug\n2,\"Cup\"\n3,4\n"), &[("1,\"Mug", true), ("2|Cup", false), ("3|4", false)]);
        is(lines("a,b\n\"1,2\n3,4\n"), &[("\"1,2", true), ("3|4", false)]);
        // It closes properly, but what lies within is the end of one row and the beginning of another.
        is(
            lines("a,b,c,d,e,f\n1,\"Mug,3,4,5,6\n7,Cup\",9,10,11,12\n"),
            &[("1,\"Mug,3,4,5,6", true), ("7|Cup\"|9|10|11|12", false)],
        );
        is(lines("a,b,c,d,e,f\n1,\"two\nlines, really\",3,4,5,6\n"), &[("1|two\nlines, really|3|4|5|6", false)]);
    }

    #[test]
    fn records_may_lie_across_chunks() {
        let cell = "0123456789\n".repeat(30_000);
        let mut text = "a,b\n".to_owned();
        for row in 0..8 {
            text += &format!("{row},\"{cell}\"\n");
        }
        let rows = read(&text, Cut::Byte(b',')).expect("rows");
        assert_eq!(rows.len(), 9);
        assert!(rows[1..].iter().enumerate().all(|(i, row)| row[0] == i.to_string() && row[1] == cell.trim_end()));
    }
}
