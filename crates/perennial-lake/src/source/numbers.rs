//! Columns of numbers from a flat file, for `perennial fit`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array};
use perennial_contract::Table;
use perennial_contract::source::SourceError;

use super::limits::Limits;
use super::problem::Problem;
use super::sniff::{Given, Sniffed};

/// The named columns of a file (any shape the importers read) as numbers; a cell that is none is an error with its row.
pub fn read_numbers(path: &Path, columns: &[&str], optional: &[&str]) -> Result<Table, SourceError> {
    read(path, columns, optional).map_err(|problem| problem.of(path))
}

fn read(path: &Path, columns: &[&str], optional: &[&str]) -> Result<Table, Problem> {
    let limits = Limits::default();
    let mut records = Sniffed::of(path, &Given::default(), &limits)?.records(&limits)?;
    let header = records.header().to_vec();
    let position_of = |column: &str| header.iter().position(|name| name.trim().trim_start_matches('\u{feff}') == column);
    let present = optional.iter().filter(|column| position_of(column).is_some());
    let columns: Vec<&str> = columns.iter().chain(present).copied().collect();
    let mut positions = Vec::with_capacity(columns.len());
    for column in &columns {
        let Some(position) = position_of(column) else {
            return Err(Problem::refused(
                format!("has no column {column:?}; it has {}", header.join(", ")),
                "rename its columns",
            ));
        };
        positions.push(position);
    }
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); columns.len()];
    while records.advance()? {
        let record = records.record();
        for ((position, column), values) in positions.iter().zip(&columns).zip(&mut values) {
            let cell = if *position < record.len() { record.cell(*position).trim() } else { "" };
            match cell.parse::<f64>() {
                Ok(value) if value.is_finite() => values.push(value),
                _ => {
                    let row = values.len() + 1;
                    let cell: String = cell.chars().take(40).collect();
                    return Err(Problem::refused(
                        format!("row {row}, column {column}: {cell:?} is no number"),
                        "mend or leave out the row",
                    ));
                }
            }
        }
    }
    let arrays = columns.iter().zip(values).map(|(name, values)| (*name, Arc::new(Float64Array::from(values)) as ArrayRef));
    Table::from_columns(arrays.collect()).map_err(|error| Problem::Read(error.to_string()))
}
