//! Parquet files as records of text cells. Types are kept apart only as far as their text does: an instant is RFC 3339, a
//! list is a JSON array.

mod guard;
mod thrift;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};

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
    Text(&'a arrow::array::StringViewArray),
    List(&'a ArrayRef),
    Other(ArrayFormatter<'a>, &'a ArrayRef),
}

const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_null("");

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, Stop> {
        Ok(match array.data_type() {
            DataType::Utf8View => Self::Text(array.as_string_view()),
            DataType::List(field) if field.data_type().is_string() => Self::List(array),
            _ => Self::Other(
                ArrayFormatter::try_new(array, &OPTIONS).map_err(|error| {
                    Problem::refused(format!("has a column that cannot be read as text: {error}"), "leave the column out")
                })?,
                array,
            ),
        })
    }

    fn write(&self, row: usize, text: &mut String) {
        match self {
            Self::Text(array) if array.is_valid(row) => text.push_str(array.value(row)),
            Self::List(array) if array.is_valid(row) => {
                let items = array.as_list::<i32>().value(row);
                let items = arrow::compute::cast(&items, &DataType::Utf8).unwrap_or(items);
                let items: Vec<_> =
                    items.as_string_opt::<i32>().map(|items| items.iter().flatten().collect()).unwrap_or_default();
                text.push_str(&serde_json::to_string(&items).unwrap_or_default());
            }
            Self::Other(formatter, array) if array.is_valid(row) => {
                // Writing to a string cannot fail; a value without a text form stays empty.
                let _ = formatter.value(row).write(text);
            }
            _ => {}
        }
    }
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
