//! The classics and simulated lives; learning itself reads no file.
#![allow(clippy::disallowed_methods, reason = "tests read data sets, the crate does not")]

use std::path::PathBuf;
use std::sync::Arc;

use perennial_contract::Table;
use perennial_contract::arrow::array::{ArrayRef, Float64Array, StringArray};
use perennial_learn::survival::subjects::{Lives, Subjects};
use rand::{RngExt, SeedableRng};
use rand_distr::{Distribution, Exp1, StandardNormal};
use rand_pcg::Pcg64;

/// A file of the set as columns of text, or `None` with a line that says so.
fn columns(file: &str) -> Option<Vec<(String, Vec<String>)>> {
    let root = std::env::var("PERENNIAL_DATA")
        .map_or_else(|_| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let Ok(text) = std::fs::read_to_string(root.join("survival").join(file)) else {
        println!("skipped: no data set survival");
        return None;
    };
    let mut lines = text.lines();
    let mut columns: Vec<(String, Vec<String>)> =
        lines.next().expect("a header").split(',').map(|name| (name.to_owned(), Vec::new())).collect();
    for line in lines {
        columns.iter_mut().zip(line.split(',')).for_each(|(column, cell)| column.1.push(cell.trim().to_owned()));
    }
    Some(columns)
}

/// The set with `duration` and `event` named so; columns that are no numbers stay text.
pub fn table(file: &str, [duration, event]: [&str; 2]) -> Option<Table> {
    let columns = columns(file)?;
    let arrays = columns.iter().map(|(name, cells)| {
        let numbers: Result<Vec<f64>, _> = cells.iter().map(|cell| cell.parse()).collect();
        let array: ArrayRef = match numbers {
            Ok(numbers) => Arc::new(Float64Array::from(numbers)),
            Err(_) => Arc::new(StringArray::from(cells.clone())),
        };
        let name = if name == duration { "duration" } else { name };
        (if name == event { "event" } else { name }, array)
    });
    Some(Table::from_columns(arrays.collect()).expect("columns of one length"))
}

pub fn flat(columns: &[(&str, &[f64])]) -> Table {
    let arrays = columns.iter().map(|(name, values)| (*name, Arc::new(Float64Array::from(values.to_vec())) as ArrayRef));
    Table::from_columns(arrays.collect()).expect("columns of one length")
}

/// `n` lives with two normal covariates and a flag; `time` turns the row and a standard exponential into a duration, and about a third are
/// censored at an exponential time of mean `watched`. Times are rounded up to `grid` so that there are ties, if it is above 0.
pub fn lives(n: usize, watched: f64, grid: f64, time: impl Fn(&[f64; 3], f64) -> f64) -> Subjects {
    let mut random = Pcg64::seed_from_u64(1972);
    let (mut duration, mut event, mut covariates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..n {
        let (a, b): (f64, f64) = (StandardNormal.sample(&mut random), StandardNormal.sample(&mut random));
        let x = [a, 5.0 + 2.0 * b, f64::from(random.random::<f64>() < 0.4)];
        let (e, c): (f64, f64) = (Exp1.sample(&mut random), Exp1.sample(&mut random));
        let (t, end) = (time(&x, e), c * watched);
        let seen = t.min(end);
        duration.push(if grid > 0.0 { (seen / grid).ceil() * grid } else { seen });
        event.push(f64::from(t <= end));
        covariates.extend(x);
    }
    let names = ["a", "b", "flag"].map(str::to_owned).to_vec();
    Subjects::new(Lives::new(duration, &event).expect("sound rows"), names, covariates).expect("sound covariates")
}

#[track_caller]
pub fn near(is: f64, wants: f64, by: f64) {
    assert!((is - wants).abs() <= by, "{is}, expected {wants}");
}
