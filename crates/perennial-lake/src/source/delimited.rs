//! Delimited text, record by record: any one-byte delimiter, RFC 4180 quotes, or columns parted by white space.
//!
//! A record without quotes, which is nearly every record of nearly every file, is cut by vectorised searches for the line
//! end and the delimiters and is not copied; only quoted records are copied, cell by cell.

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
}

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
            layout,
        };
        reader.header = match reader.layout.names.take() {
            Some(names) => names,
            None => {
                if !reader.advance()? {
                    return Err(Problem::refused("is empty", "export it again with a header line and rows"));
                }
                reader.row = 0;
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
            return self.find_quoted();
        }
        match line_end {
            Some(end) => Ok(Found::Line { to: self.at + end, next: self.at + end + 1 }),
            None if self.ended => Ok(Found::Line { to: self.text.len(), next: self.text.len() }),
            None => Ok(Found::NeedMore),
        }
    }

    /// Cut a record that holds quotes. Starts over when the text ends inside it and more is to come.
    fn find_quoted(&mut self) -> Result<Found, Problem> {
        let Cut::Byte(delimiter) = self.layout.cut else { return Ok(Found::NeedMore) };
        let bytes = self.text.as_bytes();
        let mut at = self.at;
        self.quoted.clear();
        loop {
            let step = cut_cell(bytes, at, [delimiter, self.layout.line_end], |from, to, first| {
                let piece = self.text.get(from..to).unwrap_or("");
                if first {
                    self.quoted.push(piece);
                } else if let Some(span) = self.quoted.spans.last_mut() {
                    self.quoted.text.push_str(piece);
                    span.1 = self.quoted.text.len() as u32;
                }
            });
            match step {
                Cell::Delimiter(next) => at = next,
                Cell::LineEnd(next) => return Ok(Found::Quoted { next }),
                Cell::TextEnd if self.ended => return Ok(Found::Quoted { next: bytes.len() }),
                Cell::OpenQuote if self.ended => {
                    return Err(Problem::refused(
                        format!("row {}: a quoted cell has no closing quote", self.row + 1),
                        "close the quote, or double it if it is part of the text",
                    ));
                }
                Cell::TextEnd | Cell::OpenQuote => return Ok(Found::NeedMore),
            }
            if self.quoted.spans.len() > self.limits.columns_max {
                return Err(self.too_many_columns());
            }
        }
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
        for (text, part) in [("a,b\n\"1,2\n3,4\n", "no closing quote"), ("", "is empty"), ("\n\n", "is empty")] {
            match read(text, Cut::Byte(b',')) {
                Err(Problem::Refused { problem, .. }) => assert!(problem.contains(part), "{problem}"),
                other => panic!("{text:?}: {other:?}"),
            }
        }
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
