//! Real data sets for the tests; learning itself reads no file.
#![allow(clippy::disallowed_methods, reason = "tests read data sets, the crate does not")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use perennial_contract::arrow::array::{ArrayRef, Float64Array};
use perennial_contract::{Day, Table};

/// The text of a file of a data set, or `None` with a line that says so.
pub fn text(set: &str, file: &str) -> Option<String> {
    let root = std::env::var("PERENNIAL_DATA")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let Ok(bytes) = std::fs::read(root.join(set).join(file)) else {
        println!("skipped: no data set {set}");
        return None;
    };
    if !file.ends_with(".gz") {
        return Some(String::from_utf8(bytes).expect("a text"));
    }
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

/// (x, t_x, T) of the CDNOW sample on 1997-09-30, in weeks of exactly seven days, from its log of purchases.
pub fn cdnow_sample() -> Option<[Vec<f64>; 3]> {
    let log = text("cdnow", "cdnowElog.csv.gz")?;
    let (mut days_of, end) = (BTreeMap::<&str, BTreeSet<Day>>::new(), Day::from_ymd(1997, 9, 30).expect("a day"));
    for line in log.lines().skip(1) {
        let cells: Vec<_> = line.split(',').collect();
        let date = cells[2];
        let day: Day = format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]).parse().expect("a day");
        if day <= end {
            days_of.entry(cells[0]).or_default().insert(day);
        }
    }
    let mut columns = [Vec::new(), Vec::new(), Vec::new()];
    for days in days_of.values() {
        let (first, last) = (*days.first()?, *days.last()?);
        let row = [days.len() as f64 - 1.0, f64::from(last - first) / 7.0, f64::from(end - first) / 7.0];
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    Some(columns)
}
