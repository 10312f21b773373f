//! CDNOW: every line is one purchase (customer, day, number of CDs, dollars). The master file and the 1/10 sample are columns
//! parted by white space, with or without a header line; the sample is also known as a CSV.
//!
//! Purchases have no number, so an order's id is its customer, its day and its place among that day's purchases.

use std::collections::HashMap;

use perennial_contract::Entity;

use super::ReadOptions;
use super::cell::{DecimalMark, decimal, whole};
use super::delimited::{Cut, Layout};
use super::drive::Reader;
use super::moment::{Clock, DateFormat};
use super::names::Names;
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::Value;
use super::sink::Sink;
use super::sniff::{Shape, Sniffed, position, require};

const MASTER: [&str; 4] = ["customer_id", "date", "number_of_cds", "dollar_value"];
const SAMPLE: [&str; 5] = ["customer_id", "sample_id", "date", "number_of_cds", "dollar_value"];
const ITEM: Entity = Entity::OrderItems;

pub struct Cdnow {
    clock: Clock,
    currency: String,
    /// Cells of the customer, the date, the number of CDs and the dollars.
    cells: [usize; 4],
    /// How many purchases a customer made on a day, by (customer's number, day).
    purchases: HashMap<(u32, i32), u32>,
    customers: Names,
}

/// The first line's cells, if they are parted by white space.
fn words(file: &Sniffed) -> Vec<&str> {
    file.lines.first().map(|line| line.split_whitespace().collect()).unwrap_or_default()
}

fn is_purchase(words: &[&str]) -> bool {
    let digits = |word: &str, width: usize| word.len() == width && word.bytes().all(|b| b.is_ascii_digit());
    match words {
        [customer, date, cds, dollars] | [customer, _, date, cds, dollars] => {
            digits(customer, 5)
                && digits(date, 8)
                && whole(cds, DecimalMark::Point).is_some()
                && decimal(dollars, DecimalMark::Point).is_some()
        }
        _ => false,
    }
}

pub fn detect(file: &Sniffed) -> bool {
    let first = words(file);
    first == MASTER || is_purchase(&first) || file.has(&["masterid", "sampleid", "date", "cds", "sales"])
}

/// Files of purchases without commas are parted by white space and may lack a header.
pub fn laid_out(mut files: Vec<Sniffed>) -> Result<Vec<Sniffed>, Problem> {
    for file in &mut files {
        let first = words(file);
        let names: Option<&[&str]> =
            if is_purchase(&first) { Some(if first.len() == 4 { &MASTER } else { &SAMPLE }) } else { None };
        let is_master = first == MASTER;
        if let (Shape::Delimited(layout), true) = (&file.shape, is_master || names.is_some()) {
            let names = names.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            file.shape = Shape::Delimited(Layout { cut: Cut::WhiteSpace, line_end: layout.line_end, names });
        }
    }
    Ok(files)
}

impl Cdnow {
    pub fn new(options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            clock: Clock::new(&options.zone)?,
            currency: options.currency.clone(),
            cells: [0; 4],
            purchases: HashMap::new(),
            customers: Names::default(),
        })
    }
}

impl Reader for Cdnow {
    fn start(&mut self, _file: &Sniffed, header: &[String]) -> Result<(), Problem> {
        self.cells = [
            require(header, &["customer_id", "masterid"])?,
            require(header, &["date"])?,
            require(header, &["number_of_cds", "cds"])?,
            require(header, &["dollar_value", "sales"])?,
        ];
        if position(header, &["date"]) == Some(0) {
            return Err(Problem::refused("has its columns in an unknown order", "see the import guide"));
        }
        Ok(())
    }

    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let [customer, date, cds, dollars] = self.cells;
        let amount =
            decimal(record.cell(dollars), DecimalMark::Point).ok_or_else(|| Bad::cell(ITEM, dollars, "is not an amount"))?;
        out.state(amount);
        let number = whole(record.cell(customer), DecimalMark::Point).filter(|n| (0..1_000_000).contains(n));
        let number = number.ok_or_else(|| Bad::cell(ITEM, customer, "is not a customer number"))?;
        let quantity = whole(record.cell(cds), DecimalMark::Point).filter(|cds| *cds > 0);
        let quantity = quantity.ok_or_else(|| Bad::cell(ITEM, cds, "is not a number of CDs above 0"))?;
        let (at, on) = self.clock.read(record.cell(date), &DateFormat::Iso).map_err(|reason| Bad::cell(ITEM, date, reason))?;
        if amount.units < 0 {
            return Err(Bad::cell(ITEM, dollars, "is below 0"));
        }
        let cents = out.load(amount).ok_or_else(|| Bad::cell(ITEM, dollars, "is too large an amount"))?;
        // The CSV form drops the leading zeros of the master file's ids.
        let customer = format!("{number:05}");
        let (number, is_new) = self.customers.number(&customer);
        let nth = self.purchases.entry((number, on.0)).or_default();
        *nth += 1;
        let order = format!("{customer}-{on}-{nth}");
        if is_new {
            out.push(Entity::Customers, &customer_row(&customer));
            if self.customers.len() == 1 {
                out.push(Entity::Products, &product_row());
            }
        }
        let (whose, order) = (Value::Text(&customer), Value::Text(&order));
        let (total, none) = (Value::Whole(cents), Value::Whole(0));
        let time = [Value::Instant(at), Value::Day(on)];
        let currency = Value::Text(&self.currency);
        out.push(
            ITEM,
            &[
                whose.clone(),
                order.clone(),
                Value::Whole(1),
                time[0].clone(),
                time[1].clone(),
                Value::Text("CD"),
                Value::Text("product"),
                Value::Whole(quantity),
                // Only the purchase's total is known: this is the average, cut to whole cents.
                Value::Whole(cents / quantity),
                none.clone(),
                total.clone(),
                currency.clone(),
            ],
        );
        out.push(
            Entity::Orders,
            &[
                whose,
                order,
                time[0].clone(),
                time[1].clone(),
                Value::Text("completed"),
                currency,
                total.clone(),
                none.clone(),
                none.clone(),
                none,
                total,
                Value::Null,
                Value::Null,
                Value::Null,
                Value::Null,
            ],
        );
        Ok(())
    }

    fn entity(&self) -> Entity {
        ITEM
    }
}

fn customer_row(id: &str) -> Vec<Value<'_>> {
    let mut row = vec![Value::Null; Entity::Customers.columns().len()];
    row[0] = Value::Text(id);
    row
}

fn product_row() -> Vec<Value<'static>> {
    let mut row = vec![Value::Null; Entity::Products.columns().len()];
    (row[0], row[1]) = (Value::Text("CD"), Value::Text("CD"));
    row
}
