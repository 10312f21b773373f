//! One record of a file: its cells as text, whatever the file's format.

use super::problem::Problem;

/// The cells of one record; they live until the next one is read.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// 1-based, the header not counted.
    pub row: u64,
    text: &'a str,
    spans: &'a [(u32, u32)],
}

impl<'a> Record<'a> {
    #[must_use]
    pub fn new(row: u64, text: &'a str, spans: &'a [(u32, u32)]) -> Self {
        Self { row, text, spans }
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The cell at `index` without the white space around it; empty where the record has no such cell.
    #[must_use]
    pub fn cell(&self, index: usize) -> &'a str {
        let Some(&(from, to)) = self.spans.get(index) else { return "" };
        let cell = self.text.get(from as usize..to as usize).unwrap_or("");
        match (cell.as_bytes().first(), cell.as_bytes().last()) {
            (Some(b'!'..=b'~'), Some(b'!'..=b'~')) | (None, _) => cell,
            _ => cell.trim(),
        }
    }
}

/// What reads a file record by record.
pub trait Records: Send {
    /// Names of the columns, in the order of the cells.
    fn header(&self) -> &[String];
    /// Go to the next record; false at the end.
    fn advance(&mut self) -> Result<bool, Problem>;
    /// The current record.
    fn record(&self) -> Record<'_>;
    /// Why the current record could not be cut into cells: then it is one cell, the text as it stands.
    fn fault(&self) -> Option<&'static str> {
        None
    }
    /// Bytes of the file read so far.
    fn read_bytes(&self) -> u64;
}

/// A record that is put together cell by cell.
#[derive(Debug, Default)]
pub struct Cells {
    pub text: String,
    pub spans: Vec<(u32, u32)>,
}

impl Cells {
    pub fn clear(&mut self) {
        self.text.clear();
        self.spans.clear();
    }

    /// Add a cell that `write` appends to the text.
    pub fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        let from = self.text.len() as u32;
        write(&mut self.text);
        self.spans.push((from, self.text.len() as u32));
    }

    pub fn push(&mut self, cell: &str) {
        self.push_with(|text| text.push_str(cell));
    }

    #[must_use]
    pub fn record(&self, row: u64) -> Record<'_> {
        Record::new(row, &self.text, &self.spans)
    }
}
