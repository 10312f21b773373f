//! Parquet files as records of text cells. Types are kept apart only as far as their text does: an instant is RFC 3339, a
//! list is a JSON array.

mod guard;
mod thrift;

use std::fmt::Write;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, RecordBatch, StringArray, StringViewArray,
    TimestampMicrosecondArray,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use perennial_contract::Day;

use super::blocks::{Blocks, Stop, Writer};
use super::limits::Limits;
use super::problem::Problem;
use super::record::{Record, Records};

/// Small, so that a batch of the longest cells stays within bounds.
const ROWS_AT_ONCE: usize = 1024;

pub struct ParquetRows(Blocks);

impl ParquetRows {
    pub fn open(path: &Path, limits: &Limits) -> Result<Self, Problem> {
        let file = File::open(path).map_err(|error| Problem::Read(error.to_string()))?;
        let own = limits.clone();
        Ok(Self(Blocks::start(limits, move |writer| decode(file, &own, writer))?))
    }
}

fn decode(mut file: File, limits: &Limits, writer: &mut Writer) -> Result<(), Stop> {
    let damaged = |error: &dyn std::fmt::Display| {
        Problem::refused(format!("is damaged: {error}"), "get the file again, or export it as CSV")
    };
    guard::check_footer(&mut file, limits)?;
    let loaded = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new()).map_err(|error| damaged(&error))?;
    guard::check_pages(&mut file, loaded.metadata(), limits)?;
    // Views share a dictionary's text, so that one long entry repeated is not copied again and again.
    let options = ArrowReaderOptions::new().with_schema(Arc::new(with_views(loaded.schema())));
    let metadata = ArrowReaderMetadata::try_new(loaded.metadata().clone(), options).map_err(|error| damaged(&error))?;
    for field in metadata.schema().fields() {
        writer.cell(|text| text.push_str(field.name()))?;
    }
    writer.end_record()?;
    let bytes = file.metadata().map_or(0, |metadata| metadata.len());
    writer.packed = Some(bytes);
    let rows_in_all = metadata.metadata().file_metadata().num_rows().max(1) as u64;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let reader = builder.with_batch_size(ROWS_AT_ONCE).build().map_err(|error| damaged(&error))?;
    let mut rows = 0_u64;
    for batch in reader {
        let batch = batch.map_err(|error| damaged(&error))?;
        write_rows(&batch, writer)?;
        rows += batch.num_rows() as u64;
        writer.read.store((u128::from(bytes) * u128::from(rows) / u128::from(rows_in_all)) as u64, Ordering::Relaxed);
    }
    Ok(())
}

/// Columns whose values are lists, structures or bytes, with what they are called.
pub fn nested(path: &Path, limits: &Limits) -> Result<Vec<(String, String)>, Problem> {
    let mut file = File::open(path).map_err(|error| Problem::Read(error.to_string()))?;
    guard::check_footer(&mut file, limits)?;
    let loaded = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new())
        .map_err(|error| Problem::refused(format!("is damaged: {error}"), "get the file again, or export it as CSV"))?;
    let is_bytes = |kind: &DataType| matches!(kind, DataType::Binary | DataType::LargeBinary | DataType::FixedSizeBinary(_));
    let fields = loaded.schema().fields().iter();
    let nested = fields.filter(|field| field.data_type().is_nested() || is_bytes(field.data_type()));
    let kind = |field: &Field| if field.data_type().is_nested() { "list or structure" } else { "bytes" };
    Ok(nested.map(|field| (field.name().clone(), kind(field).to_owned())).collect())
}

fn with_views(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().map(|field| {
        let viewed = match field.data_type() {
            DataType::Utf8 | DataType::LargeUtf8 => DataType::Utf8View,
            DataType::Binary | DataType::LargeBinary => DataType::BinaryView,
            other => other.clone(),
        };
        Field::new(field.name(), viewed, field.is_nullable())
    });
    Schema::new(fields.collect::<Vec<_>>())
}

fn write_rows(batch: &RecordBatch, writer: &mut Writer) -> Result<(), Stop> {
    let columns = batch.columns().iter().map(Column::new).collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        for column in &columns {
            writer.cell(|text| column.write(row, text))?;
        }
        writer.end_record()?;
    }
    Ok(())
}

/// A column that can be written as text.
enum Column<'a> {
    Text(&'a StringViewArray),
    Whole(&'a Int64Array),
    Float(&'a Float64Array),
    /// UTC microseconds.
    Instant(&'a TimestampMicrosecondArray),
    /// A list of texts, and the texts of all its rows.
    List(&'a ListArray, StringArray),
    Other(ArrayFormatter<'a>, &'a ArrayRef),
}

const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_null("");

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, Stop> {
        let unreadable = |error: ArrowError| {
            Problem::refused(format!("has a column that cannot be read as text: {error}"), "leave the column out")
        };
        Ok(match array.data_type() {
            DataType::Utf8View => Self::Text(array.as_string_view()),
            DataType::Int64 => Self::Whole(array.as_primitive::<Int64Type>()),
            DataType::Float64 => Self::Float(array.as_primitive::<Float64Type>()),
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                Self::Instant(array.as_primitive::<TimestampMicrosecondType>())
            }
            DataType::List(field) if field.data_type().is_string() => {
                let lists = array.as_list::<i32>();
                let texts = cast(lists.values(), &DataType::Utf8).map_err(unreadable)?;
                Self::List(lists, texts.as_string::<i32>().clone())
            }
            _ => Self::Other(ArrayFormatter::try_new(array, &OPTIONS).map_err(unreadable)?, array),
        })
    }

    fn write(&self, row: usize, text: &mut String) {
        // Writing to a string cannot fail; a value without a text form stays empty.
        match self {
            Self::Text(array) if array.is_valid(row) => text.push_str(array.value(row)),
            Self::Whole(array) if array.is_valid(row) => {
                let _ = write!(text, "{}", array.value(row));
            }
            Self::Float(array) if array.is_valid(row) => {
                let value = array.value(row);
                // A column of whole ids with gaps in it is stored as floats.
                let _ =
                    if value.fract() == 0.0 && value.abs() < 1e15 { write!(text, "{value:.0}") } else { write!(text, "{value}") };
            }
            Self::Instant(array) if array.is_valid(row) => write_instant(array.value(row), text),
            Self::List(array, texts) if array.is_valid(row) => {
                let offsets = array.value_offsets();
                let items = (offsets[row] as usize..offsets[row + 1] as usize).filter(|item| texts.is_valid(*item));
                let items: Vec<_> = items.map(|item| texts.value(item)).collect();
                text.push_str(&serde_json::to_string(&items).unwrap_or_default());
            }
            Self::Other(formatter, array) if array.is_valid(row) => {
                let _ = formatter.value(row).write(text);
            }
            _ => {}
        }
    }
}

/// RFC 3339 of UTC microseconds; nothing for an instant beyond the year 9999, which no reader takes.
fn write_instant(micros: i64, text: &mut String) {
    let Ok(days) = i32::try_from(micros.div_euclid(86_400_000_000)) else { return };
    if !(-700_000..2_900_000).contains(&days) {
        text.push_str("beyond any calendar");
        return;
    }
    let of_day = micros.rem_euclid(86_400_000_000);
    let (seconds, fraction) = (of_day / 1_000_000, of_day % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = write!(text, "{}T{hour:02}:{minute:02}:{second:02}.{fraction:06}Z", Day(days));
}

impl Records for ParquetRows {
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
