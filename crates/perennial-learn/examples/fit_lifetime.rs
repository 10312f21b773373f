//! Times a fit of a lifetime model, standard errors included, and its forecasts, on a CSV with a header; prints one JSON line.
//! Usage: `fit_lifetime MODEL FILE [RUNS [HORIZON]]`; reading the file is not timed, building the distinct rows is. No forecast at horizon 0.
//! On Linux the processor seconds of both threads stand beside the wall's, because a busy machine stretches only the latter.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark needs a file and a clock")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use perennial_contract::Table;
use perennial_contract::arrow::array::{ArrayRef, Float64Array};
use perennial_learn::catalog::FLAT_FITS;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(model), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: fit_lifetime MODEL FILE [RUNS [HORIZON]]".into());
    };
    let runs: usize = arguments.next().map_or(Ok(7), |runs| runs.parse())?;
    let horizon: f64 = arguments.next().map_or(Ok(91.0), |horizon| horizon.parse())?;
    let Some(flat) = FLAT_FITS.iter().find(|fit| fit.name == model) else {
        let names: Vec<_> = FLAT_FITS.iter().map(|fit| fit.name).collect();
        return Err(format!("no model {model:?}, allowed are {}", names.join(", ")).into());
    };
    let table = read(&String::from_utf8(std::fs::read(file)?)?)?;
    let before = cpu_seconds();
    let (seconds, found) = timed(runs, || (flat.fit)(&table))?;
    let cpu_seconds = cpu_seconds().zip(before).map(|(after, before)| (after - before) / runs as f64);
    let found = serde_json::to_value(found)?;
    let predict = flat.predict.filter(|_| horizon > 0.0);
    let forecast = predict.map(|predict| timed(runs, || predict(&found, &table, horizon))).transpose()?;
    let forecast_seconds = forecast.map(|(seconds, _)| seconds);
    let line = serde_json::json!({
        "seconds": seconds, "cpu_seconds": cpu_seconds, "forecast_seconds": forecast_seconds, "fit": found,
    });
    println!("{line}");
    Ok(())
}

/// The median time of some runs, and the last result.
fn timed<T, E>(runs: usize, mut run: impl FnMut() -> Result<T, E>) -> Result<(f64, T), E> {
    let mut seconds = Vec::new();
    loop {
        let start = Instant::now();
        let result = run()?;
        seconds.push(start.elapsed().as_secs_f64());
        if seconds.len() >= runs {
            seconds.sort_by(f64::total_cmp);
            return Ok((seconds[seconds.len() / 2], result));
        }
    }
}

/// Of this process until now, in hundredths: fields 14 and 15 of /proc/self/stat, where the kernel has one.
fn cpu_seconds() -> Option<f64> {
    let stat = String::from_utf8(std::fs::read("/proc/self/stat").ok()?).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
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
