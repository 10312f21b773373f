//! Rows of one file as they are written: CSV text, or Arrow columns for Parquet.
//!
//! Cells are given left to right, then [`Sheet::end_row`]. Formatting by hand is what makes a million orders a matter of seconds.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Float64Builder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{Field, Schema};
use perennial_contract::entity::Kind;

use super::clock::push_instant;
use super::file::File;
use super::settings::Format;

pub struct Sheet {
    pub rows: u64,
    body: Body,
}

enum Body {
    Text(Vec<u8>),
    Columns { fields: Vec<(String, Kind)>, cells: Vec<Cells>, at: usize },
}

enum Cells {
    Text(StringBuilder),
    Texts(ListBuilder<StringBuilder>),
    Whole(Int64Builder),
    Float(Float64Builder),
    Flag(BooleanBuilder),
    Instant(TimestampMicrosecondBuilder),
}

/// What a block of rows became.
pub enum Piece {
    Text(Vec<u8>),
    Rows(RecordBatch),
}

impl Cells {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::Json => Self::Text(StringBuilder::new()),
            Kind::Texts => Self::Texts(ListBuilder::new(StringBuilder::new())),
            Kind::Cents | Kind::Count | Kind::Date => Self::Whole(Int64Builder::new()),
            Kind::Float => Self::Float(Float64Builder::new()),
            Kind::Flag => Self::Flag(BooleanBuilder::new()),
            Kind::Instant => Self::Instant(TimestampMicrosecondBuilder::new().with_timezone("UTC")),
        }
    }

    fn null(&mut self) {
        match self {
            Self::Text(cells) => cells.append_null(),
            Self::Texts(cells) => cells.append(false),
            Self::Whole(cells) => cells.append_null(),
            Self::Float(cells) => cells.append_null(),
            Self::Flag(cells) => cells.append_null(),
            Self::Instant(cells) => cells.append_null(),
        }
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Text(cells) => ArrayBuilder::finish(cells),
            Self::Texts(cells) => ArrayBuilder::finish(cells),
            Self::Whole(cells) => ArrayBuilder::finish(cells),
            Self::Float(cells) => ArrayBuilder::finish(cells),
            Self::Flag(cells) => ArrayBuilder::finish(cells),
            Self::Instant(cells) => ArrayBuilder::finish(cells),
        }
    }
}

pub fn schema(fields: &[(String, Kind)]) -> Schema {
    Schema::new(fields.iter().map(|(name, kind)| Field::new(name, kind.data_type(), true)).collect::<Vec<_>>())
}

/// In Arrow mode, give the cell to its column; a cell of the wrong kind becomes null, which the tests would see.
macro_rules! column {
    ($cells:expr, $at:expr, $variant:ident, $builder:ident => $append:expr) => {{
        match &mut $cells[*$at] {
            Cells::$variant($builder) => $append,
            other => {
                debug_assert!(false, "cell {} is of another kind", $at);
                other.null();
            }
        }
        *$at += 1;
    }};
}

impl Sheet {
    pub fn of(file: File, format: Format) -> Self {
        let body = match format {
            Format::Csv | Format::CsvGz => Body::Text(Vec::new()),
            Format::Parquet => {
                let fields = file.columns();
                let cells = fields.iter().map(|(_, kind)| Cells::of(*kind)).collect();
                Body::Columns { fields, cells, at: 0 }
            }
        };
        Self { rows: 0, body }
    }

    /// A cell that is known to need no quotes: an id, a code, a word.
    #[inline]
    pub fn word(&mut self, value: &str) {
        match &mut self.body {
            Body::Text(out) => {
                out.extend_from_slice(value.as_bytes());
                out.push(b',');
            }
            Body::Columns { cells, at, .. } => column!(cells, at, Text, c => c.append_value(value)),
        }
    }

    /// A cell of free text; quoted where it must be.
    pub fn text(&mut self, value: &str) {
        match &mut self.body {
            Body::Text(out) if value.bytes().any(|b| matches!(b, b',' | b'"' | b'\n' | b'\r')) => {
                out.push(b'"');
                for byte in value.bytes() {
                    if byte == b'"' {
                        out.push(b'"');
                    }
                    out.push(byte);
                }
                out.extend_from_slice(b"\",");
            }
            _ => self.word(value),
        }
    }

    pub fn word_or_null(&mut self, value: Option<&str>) {
        match value {
            Some(value) => self.word(value),
            None => self.null(),
        }
    }

    #[inline]
    pub fn whole(&mut self, value: i64) {
        match &mut self.body {
            Body::Text(out) => {
                push_whole(out, value);
                out.push(b',');
            }
            Body::Columns { cells, at, .. } => column!(cells, at, Whole, c => c.append_value(value)),
        }
    }

    pub fn whole_or_null(&mut self, value: Option<i64>) {
        match value {
            Some(value) => self.whole(value),
            None => self.null(),
        }
    }

    /// Six decimals, enough for a trait of the truth or a propensity.
    pub fn float(&mut self, value: f64) {
        let millionths = (value * 1e6).round() as i64;
        match &mut self.body {
            Body::Text(out) => {
                push_millionths(out, millionths);
                out.push(b',');
            }
            Body::Columns { cells, at, .. } => column!(cells, at, Float, c => c.append_value(millionths as f64 / 1e6)),
        }
    }

    pub fn flag(&mut self, value: bool) {
        match &mut self.body {
            Body::Text(out) => out.extend_from_slice(if value { b"true," } else { b"false," }),
            Body::Columns { cells, at, .. } => column!(cells, at, Flag, c => c.append_value(value)),
        }
    }

    #[inline]
    pub fn instant(&mut self, utc_seconds: i64) {
        match &mut self.body {
            Body::Text(out) => {
                push_instant(out, utc_seconds);
                out.push(b',');
            }
            Body::Columns { cells, at, .. } => column!(cells, at, Instant, c => c.append_value(utc_seconds * 1_000_000)),
        }
    }

    pub fn instant_or_null(&mut self, utc_seconds: Option<i64>) {
        match utc_seconds {
            Some(seconds) => self.instant(seconds),
            None => self.null(),
        }
    }

    /// A list of words, `a|b` in CSV; the empty list is an empty cell.
    pub fn words(&mut self, values: &[&str]) {
        match &mut self.body {
            Body::Text(_) if values.is_empty() => self.null(),
            Body::Text(_) => self.text(&values.join("|")),
            Body::Columns { cells, at, .. } => column!(cells, at, Texts, c => {
                values.iter().for_each(|value| c.values().append_value(value));
                c.append(true);
            }),
        }
    }

    #[inline]
    pub fn null(&mut self) {
        match &mut self.body {
            Body::Text(out) => out.push(b','),
            Body::Columns { cells, at, .. } => {
                cells[*at].null();
                *at += 1;
            }
        }
    }

    #[inline]
    pub fn end_row(&mut self) {
        self.rows += 1;
        match &mut self.body {
            Body::Text(out) => {
                if let Some(last) = out.last_mut() {
                    *last = b'\n';
                }
            }
            Body::Columns { cells, at, .. } => {
                debug_assert_eq!(*at, cells.len(), "cells in a row");
                *at = 0;
            }
        }
    }

    /// Where the next row begins, to repeat it afterwards; only for text.
    pub fn mark(&self) -> usize {
        match &self.body {
            Body::Text(out) => out.len(),
            Body::Columns { .. } => 0,
        }
    }

    /// Write the row since `mark` once more, as it is.
    pub fn repeat_since(&mut self, mark: usize) {
        if let Body::Text(out) = &mut self.body {
            out.extend_from_within(mark..);
            self.rows += 1;
        }
    }

    pub fn finish(self) -> Result<Piece, arrow::error::ArrowError> {
        match self.body {
            Body::Text(text) => Ok(Piece::Text(text)),
            Body::Columns { fields, mut cells, .. } => {
                let arrays = cells.iter_mut().map(Cells::finish).collect();
                RecordBatch::try_new(Arc::new(schema(&fields)), arrays).map(Piece::Rows)
            }
        }
    }
}

#[inline]
pub fn push_whole(out: &mut Vec<u8>, value: i64) {
    let (mut digits, mut at, mut rest) = ([0_u8; 20], 20, value.unsigned_abs());
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// Append a number given in millionths, without trailing zeros.
fn push_millionths(out: &mut Vec<u8>, millionths: i64) {
    if millionths < 0 {
        out.push(b'-');
    }
    let (whole, mut fraction) = (millionths.unsigned_abs() / 1_000_000, millionths.unsigned_abs() % 1_000_000);
    push_whole(out, whole as i64);
    if fraction > 0 {
        out.push(b'.');
    }
    while fraction > 0 {
        fraction *= 10;
        out.push(b'0' + (fraction / 1_000_000) as u8);
        fraction %= 1_000_000;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_have_up_to_six_decimals() {
        for (value, wanted) in [(0.0, "0"), (12.0, "12"), (-0.5, "-0.5"), (0.000_001, "0.000001"), (7.123_456_78, "7.123457")] {
            let mut sheet = Sheet::of(File::Surveys, Format::Csv);
            sheet.float(value);
            sheet.end_row();
            assert!(matches!(sheet.finish().unwrap(), Piece::Text(text) if text == format!("{wanted}\n").as_bytes()), "{value}");
        }
    }

    #[test]
    fn csv_cells_are_quoted_only_where_they_must_be() {
        let mut sheet = Sheet::of(File::Surveys, Format::Csv);
        sheet.word("V1");
        sheet.null();
        sheet.instant(0);
        sheet.text("said \"no\", left");
        sheet.whole(i64::MIN);
        sheet.float(0.25);
        sheet.end_row();
        let Piece::Text(text) = sheet.finish().unwrap() else { panic!("not text") };
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "V1,,1970-01-01T00:00:00Z,\"said \"\"no\"\", left\",-9223372036854775808,0.25\n"
        );
    }
}
