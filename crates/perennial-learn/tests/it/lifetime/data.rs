//! Real data sets for the tests; learning itself reads no file.
#![allow(clippy::disallowed_methods, reason = "tests read data sets, the crate does not")]

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::{ArrayRef, Float64Array};

/// The text of a gzipped file of a data set, or `None` with a line that says so.
pub fn text(set: &str, file: &str) -> Option<String> {
    let root = std::env::var("PERENNIAL_DATA")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let Ok(bytes) = std::fs::read(root.join(set).join(file)) else {
        println!("skipped: no data set {set}");
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("a gzipped text");
    Some(text)
}

/// The last columns of a comma-separated text of numbers with a header and an ID in front.
pub fn columns<const N: usize>(text: &str) -> [Vec<f64>; N] {
    let mut columns: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for line in text.lines().skip(1) {
        for (column, cell) in columns.iter_mut().zip(line.split(',').skip(1)) {
            column.push(cell.trim().parse().expect("a number"));
        }
    }
    columns
}

pub fn table(columns: &[(&str, &[f64])]) -> Table {
    let arrays = columns.iter().map(|(name, values)| (*name, Arc::new(Float64Array::from(values.to_vec())) as ArrayRef));
    Table::from_columns(arrays.collect()).expect("columns of one length")
}
