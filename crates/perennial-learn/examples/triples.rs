//! Times how long orders take to become (x, t_x, T); prints one JSON line.
//! Usage: `triples FILE AS_OF [RUNS]`; a line of FILE begins with a customer and a day as yyyymmdd, other lines are passed over.
//! Reading and parsing the file is not timed; the times' median is.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a benchmark needs a file and a clock")]

use std::error::Error;
use std::time::Instant;

use perennial_contract::Day;
use perennial_learn::lifetime::triples::Triples;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(file), Some(as_of)) = (arguments.next(), arguments.next()) else {
        return Err("usage: triples FILE AS_OF [RUNS]".into());
    };
    let runs: usize = arguments.next().map_or(Ok(21), |runs| runs.parse())?;
    let text = String::from_utf8(std::fs::read(file)?)?;
    let orders: Vec<(&str, Day)> = text.lines().filter_map(order).collect();
    let as_of = day(&as_of).ok_or("AS_OF is no day yyyymmdd")?;
    let mut seconds = Vec::new();
    let mut found = Triples::default();
    for _ in 0..runs.max(1) {
        let start = Instant::now();
        found = Triples::of(orders.iter().copied(), as_of);
        seconds.push(start.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    let sum = |column: &[f64]| column.iter().sum::<f64>();
    let line = serde_json::json!({
        "seconds": seconds[seconds.len() / 2], "orders": orders.len(), "customers": found.customer.len(),
        "x": sum(&found.x), "t_x": sum(&found.t_x), "T": sum(&found.t),
    });
    println!("{line}");
    Ok(())
}

fn order(line: &str) -> Option<(&str, Day)> {
    let mut cells = line.split_whitespace();
    Some((cells.next()?, day(cells.next()?)?))
}

fn day(date: &str) -> Option<Day> {
    let number: i32 = date.parse().ok()?;
    Day::from_ymd(number / 10_000, (number / 100 % 100) as u32, (number % 100) as u32)
}
