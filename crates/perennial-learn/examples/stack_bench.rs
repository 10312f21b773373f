//! CPU seconds of the churn candidates on one table: ROWS rows in four windows, FEATURES features. Prints one line of JSON a candidate.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a benchmark reads a clock and its own CPU time; the library does not"
)]

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use perennial_contract::arrow::array::{ArrayRef, Date32Array, Float64Array, Int64Array, StringArray};
use perennial_contract::estimator::{Run, column};
use perennial_contract::{Day, Table};
use perennial_learn::catalog;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use serde_json::Value;

const HORIZON_DAYS: i32 = 90;
/// Three windows of four are closed when the last begins, as in a shop with a long past.
const WINDOWS: [i32; 4] = [400, 490, 580, 670];

type Error = Box<dyn std::error::Error>;

/// CPU seconds of this process so far; Linux counts them in hundredths.
fn cpu_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // User and system time are fields 14 and 15; two stand before the name's end.
    after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// A customer's days with an order, and whether they will order again within the horizon.
fn customer(rng: &mut Pcg64Mcg, day: i32) -> (Vec<i32>, bool) {
    let exponential = |rng: &mut Pcg64Mcg, mean: f64| -mean * (1.0 - rng.random::<f64>()).ln();
    let gap = 10.0 + exponential(rng, 60.0);
    let leaves = 0.4 * rng.random::<f64>() * rng.random::<f64>();
    let mut on = (rng.random::<f64>() * f64::from(day)) as i32;
    let mut days = vec![on];
    loop {
        if rng.random::<f64>() < leaves {
            return (days, false);
        }
        on += 1 + exponential(rng, gap) as i32;
        if on >= day {
            return (days, on < day + HORIZON_DAYS);
        }
        days.push(on);
    }
}

/// Lifetime columns, and features that know a little of the order rate and much of nothing, as a shop's do.
fn table(rows: usize, features: usize, day: i32) -> Result<Table, Error> {
    let mut rng = Pcg64Mcg::seed_from_u64(u64::from(day.unsigned_abs()));
    let customers: Vec<(Vec<i32>, bool)> = (0..rows).map(|_| customer(&mut rng, day)).collect();
    let whole = |value: &dyn Fn(&[i32]) -> i32| -> ArrayRef {
        Arc::new(customers.iter().map(|(days, _)| Some(i64::from(value(days)))).collect::<Int64Array>())
    };
    let last = |days: &[i32]| days[days.len() - 1];
    let spend: Vec<f64> = customers.iter().map(|(days, _)| days.len() as f64 * 3000.0 * (0.5 + rng.random::<f64>())).collect();
    let mut columns: Vec<(String, ArrayRef)> = vec![
        (column::CUSTOMER_ID.to_owned(), Arc::new((0..rows).map(|row| Some(format!("{day}-{row}"))).collect::<StringArray>())),
        (column::AS_OF.to_owned(), Arc::new(Date32Array::from(vec![Day(day).0; rows]))),
        (column::X.to_owned(), whole(&|days| days.len() as i32 - 1)),
        (column::T_X.to_owned(), whole(&|days| last(days) - days[0])),
        (column::T.to_owned(), whole(&|days| day - days[0])),
        (column::DAYS_SINCE_LAST_ORDER.to_owned(), whole(&|days| day - last(days))),
        (column::ORDERS.to_owned(), whole(&|days| days.len() as i32)),
        (column::SPEND_CENTS.to_owned(), Arc::new(Float64Array::from(spend))),
        (
            column::LABEL_CHURN.to_owned(),
            Arc::new(customers.iter().map(|(_, more)| Some(i64::from(!more))).collect::<Int64Array>()),
        ),
    ];
    for feature in columns.len() - 6..features {
        let share = if feature % 3 == 0 { 0.7 } else { 0.0 };
        let values = customers.iter().map(|(days, _)| {
            let noise = -(1.0 - rng.random::<f64>()).ln();
            let value = share * days.len() as f64 + noise;
            (feature % 5 != 0 || rng.random::<f64>() > 0.1).then_some(value)
        });
        columns.push((format!("feature_{feature:03}"), Arc::new(values.collect::<Float64Array>())));
    }
    Ok(Table::from_columns(columns.iter().map(|(name, values)| (name.as_str(), values.clone())).collect())?)
}

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, rows, features, threads] = arguments.as_slice() else {
        return Err("usage: stack_bench ROWS FEATURES THREADS".into());
    };
    let (rows, features, threads): (usize, usize, usize) = (rows.parse()?, features.parse()?, threads.parse()?);
    let windows: Vec<Table> = WINDOWS.iter().map(|&day| table(rows / WINDOWS.len(), features, day)).collect::<Result<_, _>>()?;
    let train = Table::concat(&windows)?;
    let next = table(rows / WINDOWS.len(), features, WINDOWS[WINDOWS.len() - 1] + HORIZON_DAYS)?;
    let newer: Vec<Table> = windows.iter().skip(1).cloned().chain([next]).collect();
    let newer = Table::concat(&newer)?;
    let run = Run { seed: 1, threads, horizon_days: HORIZON_DAYS, season: None };
    for name in ["logistic_rfm", "logistic", "boost_churn", "bgnbd", "stack_churn"] {
        let entry = catalog::find(name).ok_or("not in the catalogue")?;
        let (at, cpu) = (Instant::now(), cpu_s());
        let fitted = (entry.fit)(&Value::Null, &train, &run)?;
        let (fit_s, fit_cpu_s) = (at.elapsed().as_secs_f64(), cpu_s() - cpu);
        let cpu = cpu_s();
        let model = fitted.again(&newer, &run)?;
        let again_cpu_s = cpu_s() - cpu;
        let cpu = cpu_s();
        model.scorer().score(&train)?;
        println!(
            "{{\"model\": \"{name}\", \"rows\": {}, \"fit_s\": {fit_s:.2}, \"fit_cpu_s\": {fit_cpu_s:.2}, \"again_cpu_s\": {again_cpu_s:.2}, \"score_cpu_s\": {:.2}, \"model_bytes\": {}}}",
            train.rows(),
            cpu_s() - cpu,
            model.to_json().to_string().len(),
        );
    }
    Ok(())
}
