//! Excel workbooks (.xlsx) as records of text cells. Sheets with the same header row follow each other.

use std::fmt::Write;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::atomic::Ordering;

use calamine::{DataRef, Reader, Xlsx};

use super::blocks::{Blocks, Stop, Writer};
use super::limits::Limits;
use super::problem::Problem;
use super::record::{Record, Records};
use super::zip;

pub struct Workbook(Blocks);

impl Workbook {
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, Problem> {
        let file = File::open(path).map_err(|error| Problem::Read(error.to_string()))?;
        let own = limits.clone();
        Ok(Self(Blocks::start(limits, move |writer| decode(file, &own, writer))?))
    }
}

fn damaged(error: impl std::fmt::Display) -> Problem {
    Problem::refused(format!("is no workbook that can be read: {error}"), "save it again as .xlsx, or as CSV")
}

fn decode(mut file: File, limits: &Limits, writer: &mut Writer) -> Result<(), Stop> {
    let entries = zip::entries(&mut file)?;
    if !entries.iter().any(|entry| entry.name == "xl/workbook.xml") {
        return Err(Problem::refused("is a zip archive", "unpack it and import the files in it").into());
    }
    zip::check_workbook(&mut file, &entries, limits)?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    let mut book = Xlsx::new(BufReader::new(file)).map_err(damaged)?;
    let sheets = book.sheet_names();
    let mut header: Option<Vec<String>> = None;
    for (index, sheet) in sheets.iter().enumerate() {
        let mut rows = Rows { header: &mut header, cells: Vec::new(), sheet, limits };
        let mut cells = book.worksheet_cells_reader(sheet).map_err(damaged)?;
        let (mut current, mut is_first) = (u32::MAX, true);
        while let Some(cell) = cells.next_cell().map_err(damaged)? {
            let (row, column) = cell.get_position();
            if row != current && current != u32::MAX {
                is_first = rows.end(is_first, writer)?;
            }
            current = row;
            rows.set(column as usize, cell.get_value())?;
        }
        rows.end(is_first, writer)?;
        writer.read.store(bytes * (index as u64 + 1) / sheets.len() as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// The row of a sheet that is being put together.
struct Rows<'a> {
    header: &'a mut Option<Vec<String>>,
    cells: Vec<String>,
    sheet: &'a str,
    limits: &'a Limits,
}

impl Rows<'_> {
    fn set(&mut self, column: usize, value: &DataRef<'_>) -> Result<(), Stop> {
        if matches!(value, DataRef::Empty) {
            return Ok(());
        }
        if column >= self.limits.columns_max {
            let most = self.limits.columns_max;
            return Err(
                Problem::refused(format!("sheet {:?} has more than {most} columns", self.sheet), "split the table").into()
            );
        }
        if self.cells.len() <= column {
            self.cells.resize(column + 1, String::new());
        }
        write_value(value, &mut self.cells[column]);
        Ok(())
    }

    /// Hand on the row. Returns whether the next one is still the sheet's first.
    fn end(&mut self, is_first: bool, writer: &mut Writer) -> Result<bool, Stop> {
        if self.cells.iter().all(|cell| cell.trim().is_empty()) {
            self.cells.clear();
            return Ok(is_first);
        }
        if is_first {
            match &self.header {
                None => *self.header = Some(self.cells.clone()),
                Some(header) if *header == self.cells => {
                    self.cells.clear();
                    return Ok(false);
                }
                Some(_) => {
                    return Err(Problem::refused(
                        format!("sheet {:?} has other columns than the first sheet", self.sheet),
                        "save the sheet you mean as a workbook of its own, or as CSV",
                    )
                    .into());
                }
            }
        }
        // A row ends with its last cell that is not empty; it is as wide as the header.
        let width = self.header.as_ref().map_or(0, Vec::len).max(self.cells.len());
        for column in 0..width {
            let cell = self.cells.get(column).map_or("", String::as_str);
            writer.cell(|text| text.push_str(cell))?;
        }
        self.cells.clear();
        writer.end_record()?;
        Ok(false)
    }
}

fn write_value(value: &DataRef<'_>, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = match value {
        DataRef::Int(number) => write!(text, "{number}"),
        // An id such as 17850 is stored as a float; its text has no point.
        DataRef::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => write!(text, "{number:.0}"),
        DataRef::Float(number) => write!(text, "{number}"),
        DataRef::String(string) | DataRef::DateTimeIso(string) | DataRef::DurationIso(string) => write!(text, "{string}"),
        DataRef::SharedString(string) => write!(text, "{string}"),
        DataRef::Bool(flag) => write!(text, "{flag}"),
        DataRef::DateTime(time) => {
            let (year, month, day, hour, minute, second, milli) = time.to_ymd_hms_milli();
            write!(text, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}")
        }
        // A cell that shows an error has no value.
        DataRef::Error(_) | DataRef::Empty => Ok(()),
    };
}

impl Records for Workbook {
    fn header(&self) -> &[String] {
        self.0.header()
    }

    fn advance(&mut self) -> Result<bool, Problem> {
        self.0.advance()
    }

    fn record(&self) -> Record<'_> {
        self.0.record()
    }

    fn read_bytes(&self) -> u64 {
        self.0.read_bytes()
    }
}
