//! Runs a format over its files: record by record into the sink, and out as batches.

use std::path::PathBuf;
use std::sync::Arc;

use perennial_contract::Entity;
use perennial_contract::money::minor_digits;
use perennial_contract::source::{Batch, Reconciliation, Source, SourceError};

use super::ReadOptions;
use super::bounds::Bounds;
use super::limits::{Limits, bytes_text};
use super::problem::{Bad, Problem};
use super::record::{Record, Records};
use super::sink::{Place, Sink, Tally};
use super::sniff::Sniffed;

/// What a format does with the records of its files.
pub trait Reader: Send {
    /// A file begins: find its columns, or refuse it.
    fn start(&mut self, file: &Sniffed, header: &[String]) -> Result<(), Problem>;
    /// One record. Everything that can fail comes before anything is put into the sink.
    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad>;
    /// A file ends.
    fn end(&mut self, _out: &mut Sink) {}
    /// After the last file: rows that needed the whole. Called again as long as it returns true.
    fn finish(&mut self, _out: &mut Sink) -> Result<bool, Problem> {
        Ok(false)
    }
    /// The table that a row of the current file is mainly for.
    fn entity(&self) -> Entity;
    /// Cells of the current file that may not be as long as others.
    fn bounds(&self) -> Option<&Bounds> {
        None
    }
    /// Memory of what is remembered until the end of the import, near enough.
    fn held_bytes(&self) -> usize {
        0
    }
    /// Columns of the current file that hold direct identifiers.
    fn private(&self) -> &[usize] {
        &[]
    }
}

/// A file is given up early when this many rows were read and nine in ten were bad.
const HOPELESS_ROWS: u64 = 10_000;
const HOPELESS_SHARE: f64 = 0.9;
/// Rows read between two looks at whether a batch is full.
const ROWS_AT_ONCE: usize = 1_024;

pub struct Drive<R> {
    reader: R,
    files: Vec<Sniffed>,
    /// The file being read, from `files`.
    at: usize,
    records: Option<Box<dyn Records>>,
    out: Sink,
    limits: Limits,
    rows_in_all: u64,
    bytes_before: u64,
    finished: bool,
}

/// The current record through a format, into the sink: as rows, or as a reject.
pub fn one<R: Reader>(reader: &mut R, records: &dyn Records, file: &str, out: &mut Sink) {
    out.tally.rows += 1;
    let (record, header) = (records.record(), records.header());
    out.row = record.row;
    let fault = records.fault();
    let result = if let Some(fault) = fault {
        Err(Bad::row(reader.entity(), fault))
    } else if record.len() == header.len() {
        let bounded = reader.bounds().map_or(Ok(()), |bounds| bounds.check(reader.entity(), &record));
        bounded.and_then(|()| reader.row(&record, out))
    } else {
        let reason =
            if record.len() < header.len() { "has fewer cells than the header" } else { "has more cells than the header" };
        Err(Bad::row(reader.entity(), reason))
    };
    if let Err(bad) = result {
        // In a row of another width any cell may be the private one.
        let all: Vec<usize>;
        let private = match reader.private() {
            [] => &[],
            _ if record.len() != header.len() || fault.is_some() => {
                all = (0..record.len()).collect();
                all.as_slice()
            }
            columns => columns,
        };
        out.reject(bad, &record, &Place { file, header, private });
    }
}

impl<R: Reader> Drive<R> {
    pub fn new(reader: R, files: Vec<Sniffed>, options: &ReadOptions) -> Self {
        Self {
            reader,
            files,
            at: 0,
            records: None,
            out: Sink::new(minor_digits(&options.currency)).knowing(options.pseudonym_key.as_ref()),
            limits: options.limits.clone(),
            rows_in_all: 0,
            bytes_before: 0,
            finished: false,
        }
    }

    /// One step: a stretch of the current file, a change of file, or the end.
    fn step(&mut self) -> Result<(), Problem> {
        let Some(records) = &mut self.records else {
            let file = &self.files[self.at];
            let records = file.records(&self.limits)?;
            self.out.tally = Tally::default();
            self.out.file = Arc::from(file.name.as_str());
            self.reader.start(file, records.header())?;
            self.records = Some(records);
            return Ok(());
        };
        let file = &self.files[self.at].name;
        for _ in 0..ROWS_AT_ONCE {
            if !records.advance()? {
                self.end_file()?;
                return Ok(());
            }
            one(&mut self.reader, records.as_ref(), file, &mut self.out);
            self.out.next_record();
            if self.reader.held_bytes() > self.limits.held_bytes_max {
                return Err(holds_too_much(&self.limits));
            }
            if self.out.has_batches() {
                break;
            }
        }
        self.out.check()?;
        let share_max = self.limits.reject_share_max;
        if self.out.tally.rows >= HOPELESS_ROWS && self.out.tally.is_above(share_max.max(HOPELESS_SHARE)) {
            return Err(hopeless(&self.out.tally, share_max));
        }
        Ok(())
    }

    fn end_file(&mut self) -> Result<(), Problem> {
        self.records = None;
        self.reader.end(&mut self.out);
        self.out.check()?;
        let tally = &self.out.tally;
        if tally.is_above(self.limits.reject_share_max) {
            return Err(hopeless(tally, self.limits.reject_share_max));
        }
        self.rows_in_all += tally.rows;
        self.bytes_before += self.files[self.at].bytes;
        if self.at + 1 == self.files.len() && self.rows_in_all == 0 {
            return Err(Problem::refused("has a header and no rows", "export it again with its rows"));
        }
        self.at += 1;
        Ok(())
    }

    fn advance(&mut self) -> Result<(), SourceError> {
        if self.at < self.files.len() {
            let at = self.at;
            return self.step().map_err(|problem| problem.of(&self.files[at].path));
        }
        if !self.out.file.is_empty() {
            (self.out.file, self.out.row) = (Arc::from(""), 0);
        }
        let last = self.files.len().saturating_sub(1);
        if !self.reader.finish(&mut self.out).map_err(|problem| problem.of(&self.files[last].path))? {
            self.out.cut_all();
            self.finished = true;
        }
        self.out.next_record();
        Ok(())
    }
}

/// What a file is told whose distinct ids and names are too many for one import.
pub fn holds_too_much(limits: &Limits) -> Problem {
    Problem::refused(
        format!("has more distinct ids, names and orders than fit into {}", bytes_text(limits.held_bytes_max as u64)),
        "split it, by the time of the orders, and import the pieces one after another, or raise import.ids_mb_max",
    )
}

fn hopeless(tally: &Tally, share_max: f64) -> Problem {
    let commonest = tally.reasons.iter().max_by_key(|(_, count)| **count);
    let (reason, count) = commonest.map_or(("", 0), |(reason, count)| (reason.as_str(), *count));
    Problem::refused(
        format!(
            "{} of its {} rows cannot be used, more than import.reject_share_max = {share_max} allows; {count} times: {reason}",
            tally.rejected, tally.rows
        ),
        match reason.contains("another currency") {
            true => {
                "a shop has one currency: make a shop with the file's (`perennial init SHOP --set shop.currency=USD`), or convert the file"
            }
            false => "check the format's name, or the columns and the date format in the mapping",
        },
    )
}

impl<R: Reader> Source for Drive<R> {
    fn next_batch(&mut self) -> Result<Option<Batch>, SourceError> {
        loop {
            let popped = self.out.pop().map_err(|problem| {
                let file = self.at.min(self.files.len().saturating_sub(1));
                problem.of(&self.files[file].path)
            })?;
            if popped.is_some() || self.finished {
                return Ok(popped);
            }
            self.advance()?;
        }
    }

    fn reconciliation(&self) -> Reconciliation {
        self.out.reconciliation()
    }

    fn cells_masked(&self) -> u64 {
        self.out.cells_masked
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }

    fn bytes(&self) -> (u64, u64) {
        let current = self.records.as_ref().map_or(0, |records| records.read_bytes());
        (self.bytes_before + current, self.files.iter().map(|file| file.bytes).sum())
    }
}
