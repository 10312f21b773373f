//! Columns of numbers from a flat file, for `perennial fit`.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray};
use perennial_contract::Table;
use perennial_contract::estimator::Others;
use perennial_contract::source::SourceError;

use super::limits::Limits;
use super::problem::Problem;
use super::sniff::{Given, Sniffed};

/// A cell is shown up to here.
const CELL_CHARS_MAX: usize = 40;

/// The named columns of a file (any shape the importers read) as numbers, and what else is asked for; a cell that is no number is an
/// error with its row.
pub fn read_numbers(path: &Path, columns: &[&str], others: Others) -> Result<Table, SourceError> {
    read(path, columns, others).map_err(|problem| problem.of(path))
}

/// Where a column stands, and whether it was asked for by name.
struct Wanted {
    name: String,
    position: usize,
    is_named: bool,
}

/// The columns to read as numbers, and the one to read as text.
struct Chosen {
    wanted: Vec<Wanted>,
    text: Option<(&'static str, usize)>,
}

fn read(path: &Path, columns: &[&str], others: Others) -> Result<Table, Problem> {
    let limits = Limits::default();
    let mut records = Sniffed::of(path, &Given::default(), &limits)?.records(&limits)?;
    let header: Vec<String> = records.header().iter().map(|name| name.trim().trim_start_matches('\u{feff}').to_owned()).collect();
    let Chosen { wanted, text } = choose(&header, columns, others)?;
    let mut values: Vec<Vec<f64>> = vec![Vec::new(); wanted.len()];
    let mut texts: Vec<Option<String>> = Vec::new();
    let mut row = 0;
    while records.advance()? {
        row += 1;
        let record = records.record();
        if let Some(fault) = records.fault() {
            return Err(Problem::refused(format!("row {row} {fault}"), "mend that row"));
        }
        let cell = |position: usize| if position < record.len() { record.cell(position).trim() } else { "" };
        for (column, values) in wanted.iter().zip(&mut values) {
            match cell(column.position).parse::<f64>() {
                Ok(value) if value.is_finite() => values.push(value),
                _ => return Err(no_number(column, row, cell(column.position), columns)),
            }
        }
        if let Some((_, position)) = text {
            texts.push(Some(cell(position).to_owned()).filter(|cell| !cell.is_empty()));
        }
    }
    let mut arrays: Vec<(&str, ArrayRef)> = Vec::with_capacity(wanted.len() + 1);
    for (column, values) in wanted.iter().zip(values) {
        arrays.push((&column.name, Arc::new(Float64Array::from(values))));
    }
    if let Some((name, _)) = text {
        arrays.push((name, Arc::new(StringArray::from(texts))));
    }
    Table::from_columns(arrays).map_err(|error| Problem::Read(error.to_string()))
}

fn choose(header: &[String], columns: &[&str], others: Others) -> Result<Chosen, Problem> {
    let mut wanted = Vec::with_capacity(header.len());
    for column in columns {
        let Some(position) = header.iter().position(|name| name == column) else {
            return Err(Problem::refused(
                format!("has no column {column:?}; it has {}", header.join(", ")),
                "rename its columns",
            ));
        };
        wanted.push(Wanted { name: (*column).to_owned(), position, is_named: true });
    }
    let text = match others {
        Others::Text(name) => header.iter().position(|has| has == name).map(|position| (name, position)),
        Others::Ignored | Others::Optional(_) | Others::Numbers => None,
    };
    if let Others::Optional(names) = others {
        let present = |name: &&str| header.iter().position(|has| has == name).map(|position| (name.to_string(), position));
        let present = names.iter().filter_map(present);
        wanted.extend(present.map(|(name, position)| Wanted { name, position, is_named: true }));
    }
    if others == Others::Numbers {
        for (position, name) in header.iter().enumerate() {
            if wanted.iter().any(|column| column.position == position) {
                continue;
            }
            if name.is_empty() || wanted.iter().any(|column| column.name == *name) {
                return Err(Problem::refused(
                    format!("column {} is named {name:?}, which is empty or stands there twice", position + 1),
                    "give every column a name of its own",
                ));
            }
            wanted.push(Wanted { name: name.clone(), position, is_named: false });
        }
    }
    Ok(Chosen { wanted, text })
}

fn no_number(column: &Wanted, row: usize, cell: &str, columns: &[&str]) -> Problem {
    let shown: String = cell.chars().take(CELL_CHARS_MAX).collect();
    let problem = format!("row {row}, column {}: {shown:?} is no number", column.name);
    if column.is_named || cell.is_empty() {
        return Problem::refused(problem, "mend or leave out the row");
    }
    let rest = format!("{problem}, and every column beside {} is read as one", columns.join(", "));
    Problem::refused(rest, "leave the column out, or turn its texts into columns of 0 and 1")
}
