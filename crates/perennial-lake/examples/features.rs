//! The feature group `orders` over a lake of any size; `bench/features/run.sh` runs it beside DuckDB and Polars.
//!
//! `features make DIR LINES` fills a lake with a reproducible shop; `features run DIR native|sql` computes the group and prints sums
//! of its columns.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array};
use perennial_contract::entity::Kind;
use perennial_contract::money::Decimal;
use perennial_contract::source::{Batch, Reconciliation};
use perennial_contract::{Day, Entity};
use perennial_lake::features::{Ask, OwnFeatures, Via};
use perennial_lake::lake::{Begin, FileFact, Import, Lake, Origin, ShopFacts};

type Failure = Box<dyn std::error::Error>;

const DAYS: u64 = 730;
/// 2024-01-01.
const FIRST_DAY: i32 = 19_723;
const BATCH_ROWS: usize = 65_536;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["make", dir, lines] => make(Path::new(dir), lines.parse()?),
        ["run", dir, "native"] => run(Path::new(dir), Via::Native),
        ["run", dir, "sql"] => run(Path::new(dir), Via::Sql),
        _ => Err("features make DIR LINES, or features run DIR native|sql".into()),
    }
}

fn shop() -> ShopFacts {
    ShopFacts { zone: "UTC".to_owned(), currency: "EUR".to_owned() }
}

fn run(dir: &Path, via: Via) -> Result<(), Failure> {
    let lake = Lake::open(dir, &shop(), None)?;
    let (at, own) = (lake.snapshot()?, OwnFeatures::none());
    let ask = Ask { via, only: &["orders"], ..Ask::new(&lake, &at, &own) };
    let tables = ask.tables(&[Day(FIRST_DAY + DAYS as i32)])?;
    for table in &tables {
        for name in table.names().skip(2) {
            let sum: f64 = table.f64s(name)?.into_iter().filter(|value| !value.is_nan()).sum();
            println!("{name} {} {sum:.3}", table.rows());
        }
    }
    Ok(())
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }
}

/// One row of any of the three tables.
#[derive(Clone)]
struct Line {
    customer: String,
    id: String,
    line: i64,
    day: i32,
    cents: i64,
    status: &'static str,
}

/// About ten lines a customer: orders one to hundreds of days apart until the customer stops, one to three lines each.
fn make(dir: &Path, lines: usize) -> Result<(), Failure> {
    let lake = Lake::create(dir, &shop())?;
    let file = FileFact { name: "bench".to_owned(), sha256: format!("{lines:064}"), bytes: 0 };
    let Begin::Import(mut import) = lake.begin(&Origin { format: "bench".to_owned(), files: vec![file], at_us: 0 })? else {
        return Err("the lake is not empty".into());
    };
    let (mut dice, mut made, mut customer, mut order, mut cents) = (Dice(1), 0, 0_u64, 0_u64, 0_i64);
    let mut tables = [(Entity::Orders, Vec::new()), (Entity::OrderItems, Vec::new()), (Entity::Returns, Vec::new())];
    while made < lines {
        let (mut day, pace, stops) = (dice.roll(DAYS), 2 + dice.roll(150), 4 + dice.roll(8));
        // Spread over the ids, so that the file's order is not the lake's.
        let id = format!("c{:09}", customer.wrapping_mul(2_654_435_761) % 1_000_000_007);
        while day < DAYS {
            let line = Line {
                customer: id.clone(),
                id: format!("o{order}"),
                line: 0,
                day: FIRST_DAY + day as i32,
                cents: 0,
                status: if dice.roll(33) == 0 { "cancelled" } else { "completed" },
            };
            for number in 0..1 + dice.roll(3) as i64 {
                let price = if dice.roll(50) == 0 { 0 } else { 99 + dice.roll(9_900) as i64 };
                cents += price;
                tables[1].1.push(Line { line: number, cents: price, ..line.clone() });
                made += 1;
            }
            if dice.roll(15) == 0 {
                let (back, later) = (500 + dice.roll(3_000) as i64, dice.roll(40) as i32);
                cents -= back;
                tables[2].1.push(Line { day: line.day + later, cents: back, ..line.clone() });
            }
            tables[0].1.push(line);
            order += 1;
            day = if dice.roll(stops) == 0 { DAYS } else { day + dice.roll(2 * pace) };
        }
        customer += 1;
        for (entity, rows) in &mut tables {
            if rows.len() >= BATCH_ROWS {
                append(&mut import, *entity, rows)?;
            }
        }
    }
    for (entity, rows) in &mut tables {
        append(&mut import, *entity, rows)?;
    }
    import.commit(&Reconciliation { stated: Decimal { units: cents.into(), scale: 2 }, ..Reconciliation::ZERO })?;
    println!("{customer} customers, {order} orders, {made} lines");
    Ok(())
}

fn append(import: &mut Import<'_>, entity: Entity, rows: &mut Vec<Line>) -> Result<(), Failure> {
    let texts = |pick: fn(&Line) -> &str| Arc::new(StringArray::from_iter_values(rows.iter().map(pick))) as ArrayRef;
    let wholes = |pick: fn(&Line) -> i64| Arc::new(Int64Array::from_iter_values(rows.iter().map(pick))) as ArrayRef;
    let column = |name: &str, kind: Kind, nullable: bool| -> ArrayRef {
        match name {
            "customer_id" => texts(|row| &row.customer),
            "order_id" | "return_id" => texts(|row| &row.id),
            "line_no" => wholes(|row| row.line),
            "total_cents" | "unit_price_cents" | "amount_cents" | "subtotal_cents" => wholes(|row| row.cents),
            "quantity" => wholes(|_| 1),
            "status" => texts(|row| row.status),
            "currency" => texts(|_| "EUR"),
            "kind" => texts(|_| "product"),
            "product_id" => texts(|row| if row.cents % 2 == 0 { "even" } else { "odd" }),
            "ordered_on" | "returned_on" => Arc::new(Date32Array::from_iter_values(rows.iter().map(|row| row.day))),
            "ordered_at" | "returned_at" => {
                let at = rows.iter().map(|row| i64::from(row.day) * 86_400_000_000);
                Arc::new(TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC"))
            }
            _ if nullable => new_null_array(&kind.data_type(), rows.len()),
            _ => wholes(|_| 0),
        }
    };
    let columns = entity.columns().iter().map(|c| column(c.name, c.kind, c.nullable)).collect();
    let batch = RecordBatch::try_new(entity.source_schema(), columns)?;
    import.append(Batch { entity, rows: batch, places: Vec::new(), rejects: Vec::new(), identities: Vec::new() })?;
    rows.clear();
    Ok(())
}
