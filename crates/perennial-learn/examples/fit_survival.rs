//! Times a survival fit, standard errors included, on a CSV with a header; prints one JSON line.
//! Usage: `fit_survival kaplan_meier|cox|aft|hazard FILE [RUNS]`; reading the file is not timed.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark needs a file and a clock")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use perennial_contract::Table;
use perennial_contract::arrow::array::{ArrayRef, Float64Array};
use perennial_learn::survival::flat;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fit_survival kaplan_meier|cox|aft|hazard FILE [RUNS]".into());
    };
    let runs: usize = arguments.next().map_or(Ok(7), |runs| runs.parse())?;
    let fit = match model.as_str() {
        "kaplan_meier" => flat::kaplan_meier,
        "cox" => flat::cox,
        "aft" => flat::aft,
        "hazard" => flat::hazard,
        other => return Err(format!("no model {other:?}, allowed are kaplan_meier, cox, aft and hazard").into()),
    };
    let table = read(&String::from_utf8(std::fs::read(file)?)?)?;
    let mut seconds = Vec::new();
    let mut found = None;
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        found = Some(fit(&table)?);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    println!("{}", serde_json::json!({ "seconds": seconds[seconds.len() / 2], "fit": found }));
    Ok(())
}

fn read(text: &str) -> Result<Table, Box<dyn Error>> {
    let mut lines = text.lines();
    let names: Vec<_> = lines.next().ok_or("an empty file")?.split(',').map(str::trim).collect();
    let mut columns = vec![Vec::new(); names.len()];
    for line in lines {
        for (column, cell) in columns.iter_mut().zip(line.split(',')) {
            column.push(cell.trim().parse::<f64>()?);
        }
    }
    let arrays = names.into_iter().zip(columns.into_iter().map(|c| Arc::new(Float64Array::from(c)) as ArrayRef)).collect();
    Ok(Table::from_columns(arrays)?)
}
