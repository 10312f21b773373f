//! The whole CDNOW cohort as feature tables, columns as the feature groups of the lake name them.

use std::collections::BTreeMap;
use std::sync::Arc;

use perennial_contract::arrow::array::{ArrayRef, Date32Array, Float64Array, StringArray};
use perennial_contract::estimator::column;
use perennial_contract::{Day, Table};

use crate::lifetime::data;

/// What one customer bought on one day.
#[derive(Clone, Copy, Debug, Default)]
pub struct Purchase {
    pub cents: f64,
    pub units: f64,
    pub lines: f64,
}

pub type Customers = BTreeMap<String, BTreeMap<Day, Purchase>>;

/// Every customer of the master file; `None` where the data are absent.
pub fn customers() -> Option<Customers> {
    let text = data::text("cdnow", "CDNOW_master.txt.gz")?;
    let mut customers = Customers::new();
    for line in text.lines() {
        let cells: Vec<_> = line.split_whitespace().collect();
        let [id, date, units, dollars] = cells.as_slice() else { continue };
        let (Ok(date), Ok(units), Ok(dollars)) = (date.parse::<i32>(), units.parse::<f64>(), dollars.parse::<f64>()) else {
            continue;
        };
        let day = Day::from_ymd(date / 10_000, (date / 100 % 100) as u32, (date % 100) as u32).expect("a day");
        let purchase = customers.entry((*id).to_owned()).or_default().entry(day).or_default();
        purchase.cents += (dollars * 100.0).round();
        purchase.units += units;
        purchase.lines += 1.0;
    }
    Some(customers)
}

/// One row: column name to value, NaN for null.
type Row = Vec<(&'static str, f64)>;

/// Features as of `day` and labels of `[day, day + horizon)`, for every customer with an order before `day`.
pub fn table(customers: &Customers, day: Day, horizon_days: i32) -> Table {
    let mut ids = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for (id, days) in customers {
        let known: Vec<(Day, Purchase)> = days.range(..day).map(|(day, purchase)| (*day, *purchase)).collect();
        if known.is_empty() {
            continue;
        }
        let mut row = orders(&known, day);
        row.extend(amounts(&known, day));
        row.extend(gaps(&known, day));
        let after: Vec<_> = days.range(day..day.plus(horizon_days)).collect();
        row.push((column::LABEL_CHURN, f64::from(after.is_empty())));
        row.push((column::LABEL_ORDERS, after.len() as f64));
        row.push((column::LABEL_SPEND_CENTS, after.iter().map(|(_, purchase)| purchase.cents).sum()));
        ids.push(id.clone());
        rows.push(row);
    }
    let as_of: ArrayRef = Arc::new(Date32Array::from(vec![day.0; ids.len()]));
    let mut columns: Vec<(&str, ArrayRef)> =
        vec![(column::CUSTOMER_ID, Arc::new(StringArray::from(ids))), (column::AS_OF, as_of)];
    for (at, (name, _)) in rows[0].iter().enumerate() {
        let values: Float64Array = rows.iter().map(|row| Some(row[at].1).filter(|value| !value.is_nan())).collect();
        columns.push((name, Arc::new(values)));
    }
    Table::from_columns(columns).expect("columns of one length")
}

fn orders(known: &[(Day, Purchase)], day: Day) -> Row {
    let (first, last) = (known[0].0, known[known.len() - 1].0);
    let n = known.len() as f64;
    let within = |days: i32| known.iter().filter(|(on, _)| *on >= day.plus(-days)).count() as f64;
    let weekend = known.iter().filter(|(on, _)| (on.0 + 3).rem_euclid(7) >= 5).count() as f64;
    vec![
        (column::X, n - 1.0),
        (column::T_X, f64::from(last - first)),
        (column::T, f64::from(day - first)),
        (column::DAYS_SINCE_LAST_ORDER, f64::from(day - last)),
        (column::ORDERS, n),
        ("orders_30d", within(30)),
        ("orders_90d", within(90)),
        ("orders_180d", within(180)),
        ("orders_365d", within(365)),
        ("orders_recent_share", within(90) / within(180)),
        ("orders_per_30d", n * 30.0 / f64::from(day - first)),
        ("orders_weekend_share", weekend / n),
        ("month_of_last_order", f64::from(last.ymd().1)),
    ]
}

fn amounts(known: &[(Day, Purchase)], day: Day) -> Row {
    let n = known.len() as f64;
    let within = |days: i32| known.iter().filter(|(on, _)| *on >= day.plus(-days)).map(|(_, p)| p.cents).sum::<f64>();
    let total: f64 = known.iter().map(|(_, p)| p.cents).sum();
    let repeats: f64 = known[1..].iter().map(|(_, p)| p.cents).sum();
    vec![
        (column::SPEND_CENTS, total),
        ("spend_cents_30d", within(30)),
        ("spend_cents_90d", within(90)),
        ("spend_cents_180d", within(180)),
        ("spend_cents_365d", within(365)),
        ("spend_recent_share", if within(180) > 0.0 { within(90) / within(180) } else { f64::NAN }),
        (column::REPEAT_SPEND_CENTS_MEAN, repeats / (n - 1.0)),
        ("order_cents_mean", total / n),
        ("order_cents_max", known.iter().map(|(_, p)| p.cents).fold(0.0, f64::max)),
        ("order_cents_first", known[0].1.cents),
        ("order_cents_last", known[known.len() - 1].1.cents),
        ("units_all", known.iter().map(|(_, p)| p.units).sum()),
        ("order_lines_all", known.iter().map(|(_, p)| p.lines).sum()),
    ]
}

fn gaps(known: &[(Day, Purchase)], day: Day) -> Row {
    let gaps: Vec<f64> = known.windows(2).map(|pair| f64::from(pair[1].0 - pair[0].0)).collect();
    let n = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / n;
    let sd = (gaps.iter().map(|gap| (gap - mean) * (gap - mean)).sum::<f64>() / (n - 1.0)).sqrt();
    vec![
        ("gap_days_mean", mean),
        ("gap_days_last", gaps.last().copied().unwrap_or(f64::NAN)),
        ("gap_days_max", gaps.iter().copied().fold(f64::NAN, f64::max)),
        ("gap_days_std", if n > 1.0 { sd } else { f64::NAN }),
        ("gap_overdue_ratio", f64::from(day - known[known.len() - 1].0) / mean),
    ]
}
