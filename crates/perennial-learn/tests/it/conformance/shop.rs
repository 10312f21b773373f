//! A shop whose law is known: customers with their own order rate, chance to leave after an order, and basket size.

use std::sync::Arc;

use perennial_contract::arrow::array::{Array, ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, StringArray};
use perennial_contract::estimator::column;
use perennial_contract::{Day, Table};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

const LAST_DAY: i32 = 700;

struct Customer {
    /// Orders a day while alive.
    rate: f64,
    /// Days with an order and what was spent, cents.
    orders: Vec<(i32, f64)>,
    left_on: Option<i32>,
    channel: &'static str,
}

fn customer(seed: usize) -> Customer {
    let mut rng = Pcg64Mcg::seed_from_u64(seed as u64 * 7919 + 13);
    let mut exponential = |mean: f64| -mean * libm::log(1.0 - rng.random::<f64>());
    let mean_gap = 8.0 + exponential(40.0);
    let basket = 1500.0 + exponential(4000.0);
    // The chance to leave after an order differs between customers: from none to a half, most often little.
    let leaves = 0.5 * (1.0 - libm::exp(-exponential(0.4)));
    let mut day = (seed % 280) as i32;
    let (mut orders, mut left_on) = (Vec::new(), None);
    while day < LAST_DAY {
        orders.push((day, (basket * (0.4 + exponential(0.6))).round()));
        if exponential(1.0) < -libm::log1p(-leaves) {
            left_on = Some(day);
            break;
        }
        day += 1 + exponential(mean_gap) as i32;
    }
    Customer { rate: 1.0 / (mean_gap + 1.0), orders, left_on, channel: ["search", "mail", "shop"][seed % 3] }
}

fn known(count: usize, day: Day) -> impl Iterator<Item = (usize, Customer)> {
    (0..count).map(|seed| (seed, customer(seed))).filter(move |(_, customer)| customer.orders[0].0 < day.0)
}

/// With the truth known, the chance of no order in the horizon.
pub fn p_silent(count: usize, day: Day, horizon_days: i32) -> Vec<f64> {
    let p = |customer: &Customer| match customer.left_on {
        Some(left) if left < day.0 => 1.0,
        _ => libm::exp(-customer.rate * f64::from(horizon_days)),
    };
    known(count, day).map(|(_, customer)| p(&customer)).collect()
}

/// Features and labels as of `day`.
pub fn table(count: usize, day: Day, horizon_days: i32) -> Table {
    let rows: Vec<(usize, Customer)> = known(count, day).collect();
    let numbers = |value: &dyn Fn(&Customer) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, customer)| value(customer)).collect::<Float64Array>())
    };
    let past = |customer: &Customer| customer.orders.iter().copied().filter(|order| order.0 < day.0).collect::<Vec<_>>();
    let next = |customer: &Customer| {
        let window = day.0..day.0 + horizon_days;
        customer.orders.iter().copied().filter(|order| window.contains(&order.0)).collect::<Vec<_>>()
    };
    let cents = |orders: &[(i32, f64)]| orders.iter().map(|order| order.1).sum::<f64>();
    let first = |c: &Customer| c.orders[0].0;
    let last = |c: &Customer| past(c).last().expect("an order").0;
    let whole = |value: &dyn Fn(&Customer) -> f64| -> ArrayRef {
        Arc::new(rows.iter().map(|(_, customer)| value(customer) as i64).collect::<Int64Array>())
    };
    Table::from_columns(vec![
        (column::CUSTOMER_ID, Arc::new(rows.iter().map(|(seed, _)| Some(format!("c{seed:05}"))).collect::<StringArray>())),
        (column::AS_OF, Arc::new(Date32Array::from(vec![day.0; rows.len()]))),
        (column::X, whole(&|c| past(c).len() as f64 - 1.0)),
        (column::T_X, whole(&|c| f64::from(last(c) - first(c)))),
        (column::T, whole(&|c| f64::from(day.0 - first(c)))),
        (column::DAYS_SINCE_LAST_ORDER, whole(&|c| f64::from(day.0 - last(c)))),
        (column::ORDERS, whole(&|c| past(c).len() as f64)),
        (column::SPEND_CENTS, whole(&|c| cents(&past(c)))),
        ("order_cents_mean", numbers(&|c| Some(cents(&past(c)) / past(c).len() as f64))),
        (
            column::REPEAT_SPEND_CENTS_MEAN,
            numbers(&|c| (past(c).len() > 1).then(|| cents(&past(c)[1..]) / (past(c).len() - 1) as f64)),
        ),
        ("gap_days_mean", numbers(&|c| (past(c).len() > 1).then(|| f64::from(last(c) - first(c)) / (past(c).len() - 1) as f64))),
        ("spend_cents_90d", numbers(&|c| Some(past(c).iter().filter(|o| o.0 >= day.0 - 90).map(|o| o.1).sum()))),
        ("acquisition_channel", Arc::new(rows.iter().map(|(_, c)| Some(c.channel)).collect::<StringArray>())),
        ("is_even", Arc::new(rows.iter().map(|(seed, _)| Some(seed % 2 == 0)).collect::<BooleanArray>())),
        (column::LABEL_CHURN, whole(&|c| f64::from(next(c).is_empty()))),
        (column::LABEL_ORDERS, whole(&|c| next(c).len() as f64)),
        (column::LABEL_SPEND_CENTS, whole(&|c| cents(&next(c)))),
        (column::LABEL_NEXT_ORDER_DAYS, numbers(&|c| next(c).first().map(|order| f64::from(order.0 - day.0)))),
    ])
    .expect("columns of one length")
}

/// The table without one column.
pub fn without(table: &Table, name: &str) -> Table {
    let batch = table.batch();
    let columns = table.names().zip(batch.columns()).filter(|(has, _)| *has != name);
    Table::from_columns(columns.map(|(name, column)| (name, column.clone())).collect()).expect("columns of one length")
}

/// Every number of the table replaced.
fn all_numbers(table: &Table, value: Option<f64>) -> Table {
    let columns = table.names().zip(table.batch().columns()).map(|(name, column)| {
        let is_feature = !column::is_reserved(name) && column.data_type().is_numeric();
        let replaced: ArrayRef = Arc::new(Float64Array::from(vec![value; column.len()]));
        (name, if is_feature { replaced } else { column.clone() })
    });
    Table::from_columns(columns.collect()).expect("columns of one length")
}

/// Tables no shop should send but one will.
pub fn odd(test: &Table) -> Vec<(&'static str, Table)> {
    let some: Vec<u32> = (0..300).collect();
    let some = test.take(&some).expect("rows");
    let labelled = |value: i64| {
        let labels: ArrayRef = Arc::new(Int64Array::from(vec![value; some.rows()]));
        let table = some.with(column::LABEL_CHURN, labels.clone()).expect("a column");
        table.with(column::LABEL_SPEND_CENTS, labels).expect("a column")
    };
    let text: ArrayRef = Arc::new(StringArray::from(vec!["many"; some.rows()]));
    vec![
        ("no rows", some.slice(0, 0)),
        ("one row", some.slice(0, 1)),
        ("two rows", some.slice(0, 2)),
        ("all null", all_numbers(&some, None)),
        ("all NaN", all_numbers(&some, Some(f64::NAN))),
        ("all infinite", all_numbers(&some, Some(f64::INFINITY))),
        ("all minus infinite", all_numbers(&some, Some(f64::NEG_INFINITY))),
        ("constant", all_numbers(&some, Some(3.0))),
        ("negative", all_numbers(&some, Some(-5.0))),
        ("huge", all_numbers(&some, Some(1e300))),
        ("everybody left", labelled(1)),
        ("nobody left", labelled(0)),
        ("a text for a number", some.with(column::ORDERS, text).expect("a column")),
        ("no days", without(&some, column::DAYS_SINCE_LAST_ORDER)),
        ("no ids", without(&some, column::CUSTOMER_ID)),
        ("no as-of", without(&some, column::AS_OF)),
        ("no spend", without(&some, column::SPEND_CENTS)),
        ("no labels", without(&without(&some, column::LABEL_CHURN), column::LABEL_SPEND_CENTS)),
    ]
}

/// One step into a JSON value.
#[derive(Clone, Debug)]
pub enum Step {
    Key(String),
    Index(usize),
}

/// Paths to every leaf, and to every object and list.
pub fn paths(value: &serde_json::Value, here: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
    out.push(here.clone());
    let mut into = |step: Step, value: &serde_json::Value| {
        here.push(step);
        paths(value, here, out);
        here.pop();
    };
    match value {
        serde_json::Value::Object(map) => map.iter().for_each(|(key, value)| into(Step::Key(key.clone()), value)),
        serde_json::Value::Array(list) => list.iter().enumerate().for_each(|(i, value)| into(Step::Index(i), value)),
        _ => {}
    }
}

pub fn at<'a>(value: &'a mut serde_json::Value, path: &[Step]) -> &'a mut serde_json::Value {
    path.iter().fold(value, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Index(index) => &mut value[*index],
    })
}
