//! The feature group `orders` on the CDNOW sample against the published summary.
//!
//! Fader, Hardie & Lee (2005): 2,357 customers, calibration from 1997-01-01 to 1997-09-30, ages in weeks of seven days.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use perennial_contract::engine::{Snapshot, Who};
use perennial_contract::estimator::column;
use perennial_contract::{Day, Entity, Table};
use perennial_lake::features::{OwnFeatures, compute};

use crate::features_store::{Memory, Row, Value};

fn text(name: &str) -> Option<String> {
    let data = std::env::var_os("PERENNIAL_DATA").map(PathBuf::from);
    let data = data.unwrap_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let file = std::fs::File::open(data.join("cdnow").join(name)).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text)
}

fn sample() -> Option<Memory> {
    let mut rows: BTreeMap<Entity, Vec<Row>> = BTreeMap::new();
    for (number, line) in text("CDNOW_sample.txt.gz")?.lines().enumerate() {
        let parts: Vec<_> = line.split_whitespace().collect();
        let [_, customer, date, _, dollars] = parts[..] else { panic!("{line}") };
        let day = Day::from_ymd(date[..4].parse().unwrap(), date[4..6].parse().unwrap(), date[6..].parse().unwrap()).unwrap();
        let cents = perennial_contract::money::Decimal::parse(dollars).unwrap().to_minor(2).unwrap().0;
        let common = [
            ("customer_id", Value::Text(format!("{:04}", customer.parse::<u32>().unwrap()))),
            ("order_id", Value::Text(number.to_string())),
            ("ordered_at", Value::Whole(i64::from(day.0) * 86_400_000_000)),
            ("ordered_on", Value::Whole(day.0.into())),
        ];
        let order = common.clone().into_iter().chain([("status", Value::Text("completed".to_owned()))]);
        let item = common.into_iter().chain([("kind", Value::Text("product".to_owned())), ("total_cents", Value::Whole(cents))]);
        rows.entry(Entity::Orders).or_default().push(order.collect());
        rows.entry(Entity::OrderItems).or_default().push(item.collect());
    }
    Some(Memory::new("UTC", &rows))
}

fn features(as_of: &str) -> Option<Table> {
    let store = sample()?;
    let table = compute(&store, &Snapshot::default(), as_of.parse().unwrap(), &Who::Everyone, &OwnFeatures::none());
    Some(table.unwrap())
}

#[test]
fn x_t_x_and_t_equal_the_published_summary() {
    let (Some(table), Some(published)) = (features("1997-10-01"), text("cdnow_customers_summary.csv.gz")) else {
        return println!("skipped: no data set cdnow");
    };
    let (x, t_x) = (table.i64s(column::X).unwrap(), table.i64s(column::T_X).unwrap());
    let t = table.i64s(column::T).unwrap();
    let mut seen = 0;
    for (row, line) in published.lines().skip(1).enumerate() {
        let parts: Vec<f64> = line.split(',').map(|part| part.parse().unwrap()).collect();
        assert_eq!(parts[0] as usize, row + 1);
        assert_eq!(x[row] as f64, parts[1], "x of {line}");
        assert!((t_x[row] as f64 / 7.0 - parts[2]).abs() < 0.0051, "t_x of {line}: {} days", t_x[row]);
        // The summary measures the age at 1997-09-30; the as-of day is the day after, when that day has passed.
        assert!(((t[row] - 1) as f64 / 7.0 - parts[3]).abs() < 0.0051, "T of {line}: {} days", t[row]);
        seen += 1;
    }
    assert_eq!((seen, table.rows()), (2_357, 2_357));
    assert_eq!(x.iter().filter(|&&x| x > 0).count(), 946);
    assert_eq!(x.iter().sum::<i64>(), 2_457);
}

#[test]
fn mean_repeat_spend_equals_the_published_summary() {
    let (Some(table), Some(published)) = (features("1997-10-01"), text("cdnow_customers_summary_with_transactions.csv.gz"))
    else {
        return println!("skipped: no data set cdnow");
    };
    let means = table.f64s(column::REPEAT_SPEND_CENTS_MEAN).unwrap();
    for (mean, line) in means.iter().zip(published.lines().skip(1)) {
        let zbar: f64 = line.rsplit(',').next().unwrap().parse().unwrap();
        match mean.is_nan() {
            true => assert_eq!(zbar, 0.0, "{line}"),
            false => assert!((mean / 100.0 - zbar).abs() < 0.0051, "{line}: {mean}"),
        }
    }
}
