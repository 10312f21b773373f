//! Our side of `bench/churn/run.sh`: learns `train.csv` of a folder with each model named, and writes `p_churn` of `test.csv` as `ours.csv`.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads files; the library does not")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use perennial_contract::arrow::array::{ArrayRef, Date32Array, Float64Array, StringArray};
use perennial_contract::estimator::{Run, column};
use perennial_contract::{Day, Table};
use perennial_learn::catalog;
use serde_json::Value;

type Error = Box<dyn std::error::Error>;

/// A table of numbers, but for the customer and the as-of day; an empty cell is null.
fn read(path: &Path) -> Result<Table, Error> {
    let text = fs::read_to_string(path)?;
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let names = lines.next().ok_or("an empty file")?;
    let rows: Vec<Vec<&str>> = lines.collect();
    let mut columns: Vec<(&str, ArrayRef)> = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let cells = rows.iter().map(|row| row[at]);
        let values: ArrayRef = match *name {
            column::CUSTOMER_ID => Arc::new(cells.map(Some).collect::<StringArray>()),
            column::AS_OF => {
                let days = cells.map(|cell| cell.parse::<Day>().map(|day| Some(day.0))).collect::<Result<Vec<_>, _>>()?;
                Arc::new(Date32Array::from(days))
            }
            _ => {
                let number = |cell: &str| if cell.is_empty() { Ok(None) } else { cell.parse::<f64>().map(Some) };
                Arc::new(Float64Array::from(cells.map(number).collect::<Result<Vec<_>, _>>()?))
            }
        };
        columns.push((name, values));
    }
    Ok(Table::from_columns(columns)?)
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, horizon_days, models @ ..] = arguments.as_slice() else {
        return Err("usage: churn_windows FOLDER HORIZON_DAYS MODEL…".into());
    };
    let folder = Path::new(folder);
    let (train, test) = (read(&folder.join("train.csv"))?, read(&folder.join("test.csv"))?);
    let run = Run { seed: 1, threads: 2, horizon_days: horizon_days.parse()?, season: None };
    let mut answers = Vec::with_capacity(models.len());
    for name in models {
        let entry = catalog::find(name).ok_or_else(|| format!("no model {name} in the catalogue"))?;
        // A refusal is an answer too: nothing for every row.
        let p = match (entry.fit)(&Value::Null, &train, &run) {
            Ok(fitted) => fitted.model.scorer().score(&test)?.f64s(column::P_CHURN)?,
            Err(reason) => {
                eprintln!("{name}: {reason}");
                vec![f64::NAN; test.rows()]
            }
        };
        answers.push(p);
    }
    let mut out = models.join(",") + "\n";
    for row in 0..test.rows() {
        let cells: Vec<String> = answers.iter().map(|p| p[row].to_string()).collect();
        writeln!(out, "{}", cells.join(","))?;
    }
    fs::write(folder.join("ours.csv"), out)?;
    Ok(())
}
