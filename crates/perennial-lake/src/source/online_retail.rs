//! UCI Online Retail and Online Retail II: one line per invoice line.
//!
//! Lines become rows so that nothing is lost and net revenue is Σ Quantity × UnitPrice:
//! - a line above zero is an `order_items` row; postage, fees, manual corrections and gift cards are of kind `charge`;
//! - a line of an invoice beginning with `C` is a `returns` row (`cancellation`);
//! - any other line with a quantity or a price below zero is a `returns` row too: `stock adjustment` where it is about goods,
//!   `adjustment` where it is about money (the two bad debts have an amount above zero: they lower revenue);
//! - a line of price 0 is an `order_items` row of total 0. An invoice of nothing but such lines and without a customer is
//!   no sale; its order has the status `adjustment`.
//!
//! Four prices have three decimals: a line's total is quantity × price rounded to the cent, and what that changes is accounted for.

use std::collections::HashMap;

use perennial_contract::money::Decimal;
use perennial_contract::{Day, Entity};

use super::ReadOptions;
use super::book::{Book, Order};
use super::bounds::Bounds;
use super::cell::{DecimalMark, QUANTITY_MAX, TOO_MANY, decimal, whole};
use super::drive::Reader;
use super::moment::{Clock, DateFormat, slashed_order};
use super::names::Names;
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::Value;
use super::sink::Sink;
use super::sniff::{Sniffed, position, require};

const ITEM: Entity = Entity::OrderItems;
/// Stock codes that are no products.
const CHARGES: [&str; 17] = [
    "POST",
    "DOT",
    "D",
    "M",
    "C2",
    "C3",
    "S",
    "B",
    "CRUK",
    "PADS",
    "AMAZONFEE",
    "BANK CHARGES",
    "ADJUST",
    "ADJUST2",
    "SP1002",
    "TEST001",
    "TEST002",
];

struct Cells {
    invoice: usize,
    code: usize,
    description: usize,
    quantity: usize,
    date: usize,
    price: usize,
    customer: usize,
    country: usize,
}

pub struct OnlineRetail {
    clock: Clock,
    currency: String,
    dates: DateFormat,
    cells: Option<Cells>,
    book: Book,
    /// Whether each order has a line above zero, by number of [`Book`]'s orders: kept as lines come.
    returns_of: HashMap<String, u32>,
    products: Names,
    /// Description of each product, and whether it came from a sale.
    descriptions: Vec<(String, bool)>,
    /// Bytes of the texts in `descriptions` and `countries`.
    text_bytes: usize,
    bounds: Bounds,
    countries: Vec<String>,
    emitted: usize,
    stage: Stage,
    digits: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Orders,
    Customers,
    Products,
}

/// What a line says.
struct Line<'a> {
    invoice: &'a str,
    code: &'a str,
    quantity: i64,
    exact: Decimal,
    price: Decimal,
    time: (i64, Day),
    customer: &'a str,
}

pub fn detect(file: &Sniffed) -> bool {
    file.has(&["StockCode", "Description", "Quantity", "InvoiceDate"]) && (file.has(&["InvoiceNo"]) || file.has(&["Invoice"]))
}

#[must_use]
fn is_charge(code: &str) -> bool {
    CHARGES.iter().any(|charge| code.eq_ignore_ascii_case(charge))
        || code.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("gift"))
}

impl OnlineRetail {
    pub fn new(options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            clock: Clock::new(&options.zone)?,
            currency: options.currency.clone(),
            dates: DateFormat::Iso,
            cells: None,
            book: Book::default(),
            returns_of: HashMap::new(),
            products: Names::default(),
            descriptions: Vec::new(),
            text_bytes: 0,
            bounds: Bounds::default(),
            countries: Vec::new(),
            emitted: 0,
            stage: Stage::Orders,
            digits: perennial_contract::money::minor_digits(&options.currency),
        })
    }

    fn line<'a>(&mut self, record: &Record<'a>, out: &mut Sink) -> Result<Line<'a>, Bad> {
        let Some(cells) = &self.cells else { return Err(Bad::row(ITEM, "has no columns")) };
        let price = decimal(record.cell(cells.price), DecimalMark::Point);
        let quantity = whole(record.cell(cells.quantity), DecimalMark::Point);
        let exact = price.zip(quantity).and_then(|(price, quantity)| price.times(quantity));
        if let Some(exact) = exact {
            out.state(exact);
        }
        let bad = |cell: usize, reason: &'static str| Bad::cell(ITEM, cell, reason);
        let price = price.ok_or_else(|| bad(cells.price, "is not an amount"))?;
        let quantity = quantity
            .filter(|quantity| *quantity != 0)
            .ok_or_else(|| bad(cells.quantity, "is not a whole number other than 0"))?;
        if quantity.unsigned_abs() > QUANTITY_MAX.unsigned_abs() {
            return Err(bad(cells.quantity, TOO_MANY));
        }
        let exact = exact.ok_or_else(|| bad(cells.price, "is too large an amount"))?;
        let time = self.clock.read(record.cell(cells.date), &self.dates).map_err(|reason| bad(cells.date, reason))?;
        let text = |cell: usize| match record.cell(cell) {
            "" => Err(bad(cell, "is missing")),
            damaged if damaged.contains('\u{FFFD}') => Err(bad(cell, "is damaged text")),
            text => Ok(text),
        };
        let (invoice, code) = (text(cells.invoice)?, text(cells.code)?);
        // Tables with gaps write 17850 as 17850.0.
        let customer = record.cell(cells.customer);
        let customer = customer.strip_suffix(".0").unwrap_or(customer);
        Ok(Line { invoice, code, quantity, exact, price, time, customer })
    }

    /// Remember the customer's country and the product's name for their own tables.
    fn note(&mut self, line: &Line<'_>, record: &Record<'_>) {
        let Some(cells) = &self.cells else { return };
        if let Some(number) = self.book.customer(line.customer)
            && number as usize == self.countries.len()
        {
            let country = record.cell(cells.country).to_owned();
            self.text_bytes += country.len() + size_of::<String>();
            self.countries.push(country);
        }
        if is_charge(line.code) {
            return;
        }
        let (number, is_new) = self.products.number(line.code);
        let description = record.cell(cells.description);
        let is_sale = line.exact.units > 0;
        if is_new {
            self.text_bytes += description.len() + size_of::<(String, bool)>();
        }
        if is_new {
            self.descriptions.push((description.to_owned(), is_sale && !description.is_empty()));
        } else if let Some(known) = self.descriptions.get_mut(number as usize)
            && !known.1
            && !description.is_empty()
            && (is_sale || known.0.is_empty())
        {
            // Names such as "damaged" stand on adjustments only: a sale's is the product's.
            *known = (description.to_owned(), is_sale);
        }
    }

    fn put_return(&mut self, line: &Line<'_>, cents: i64, out: &mut Sink) {
        let is_cancellation = line.invoice.starts_with(['C', 'c']);
        let reason = match (is_cancellation, line.exact.units) {
            (true, _) => "cancellation",
            (false, 0) => "stock adjustment",
            (false, _) => "adjustment",
        };
        if !self.returns_of.contains_key(line.invoice) {
            self.returns_of.insert(line.invoice.to_owned(), 0);
        }
        let nth = self.returns_of.get_mut(line.invoice).map_or(1, |nth| {
            *nth += 1;
            *nth
        });
        let id = format!("{}-{nth}", line.invoice);
        out.push(
            Entity::Returns,
            &[
                Value::text(line.customer),
                Value::Text(&id),
                Value::Null,
                Value::Null,
                Value::Text(line.code),
                Value::Instant(line.time.0),
                Value::Day(line.time.1),
                Value::Whole(line.quantity.abs()),
                Value::Whole(-cents),
                Value::Text(&self.currency),
                Value::Text(reason),
            ],
        );
    }

    fn put_item(&mut self, line: &Line<'_>, cents: i64, out: &mut Sink) {
        let owner = self.book.customer(line.customer);
        let status = if owner.is_some() { "completed" } else { "adjustment" };
        let order = self.book.order(line.invoice, || Order::new(owner, line.time, status));
        order.lines += 1;
        order.subtotal += cents;
        if cents > 0 {
            order.status = "completed";
        }
        let number = order.lines;
        let price = line.price.to_minor(self.digits).map_or(0, |(cents, _)| cents);
        out.push(
            ITEM,
            &[
                Value::text(line.customer),
                Value::Text(line.invoice),
                Value::Whole(i64::from(number)),
                Value::Instant(line.time.0),
                Value::Day(line.time.1),
                Value::Text(line.code),
                Value::Text(if is_charge(line.code) { "charge" } else { "product" }),
                Value::Whole(line.quantity),
                Value::Whole(price),
                Value::Whole(0),
                Value::Whole(cents),
                Value::Text(&self.currency),
            ],
        );
    }

    fn put_customers(&mut self, out: &mut Sink) {
        for (number, country) in self.countries.iter().enumerate() {
            let mut row = vec![Value::Null; Entity::Customers.columns().len()];
            row[0] = Value::Text(self.book.customers.name(number as u32));
            row[super::plan::at(Entity::Customers, "country")] = Value::text(country);
            out.push(Entity::Customers, &row);
        }
    }

    /// The next product rows; false when all are written.
    fn put_products(&mut self, out: &mut Sink) -> bool {
        let mut until = (self.emitted + 8_192).min(self.descriptions.len());
        for number in self.emitted..until {
            if out.has_batches() {
                until = number;
                break;
            }
            let mut row = vec![Value::Null; Entity::Products.columns().len()];
            row[0] = Value::Text(self.products.name(number as u32));
            row[1] = Value::text(&self.descriptions[number].0);
            out.push(Entity::Products, &row);
        }
        self.emitted = until;
        until < self.descriptions.len()
    }
}

impl Reader for OnlineRetail {
    fn start(&mut self, file: &Sniffed, header: &[String]) -> Result<(), Problem> {
        let cells = Cells {
            invoice: require(header, &["InvoiceNo", "Invoice"])?,
            code: require(header, &["StockCode"])?,
            description: require(header, &["Description"])?,
            quantity: require(header, &["Quantity"])?,
            date: require(header, &["InvoiceDate"])?,
            price: require(header, &["UnitPrice", "Price"])?,
            customer: require(header, &["CustomerID", "Customer ID"])?,
            country: require(header, &["Country"])?,
        };
        let samples = file.samples(cells.date);
        let slashed = samples.iter().any(|date| date.contains('/') && !date.starts_with("20"));
        // The well-known CSV has 12/1/2010 8:26: the month comes first unless the first dates say otherwise.
        self.dates = match slashed_order(samples.iter().map(String::as_str)) {
            Some(order) if slashed => order,
            _ if slashed => DateFormat::MonthFirst,
            _ => DateFormat::Iso,
        };
        let keys = ["InvoiceNo", "Invoice", "StockCode", "CustomerID", "Customer ID", "Country"];
        self.bounds = Bounds::of(&keys, &[], |name| position(header, &[name]));
        self.cells = Some(cells);
        Ok(())
    }

    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let line = self.line(record, out)?;
        let cents = out.load(line.exact).ok_or_else(|| Bad::row(ITEM, "is too large an amount"))?;
        self.note(&line, record);
        let gives_back = line.invoice.starts_with(['C', 'c']) || line.quantity < 0 || line.price.units < 0;
        if gives_back {
            self.put_return(&line, cents, out);
        } else {
            self.put_item(&line, cents, out);
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut Sink) -> Result<bool, Problem> {
        match self.stage {
            Stage::Orders => {
                if !self.book.emit(&self.currency, Value::Text("web"), out) {
                    self.stage = Stage::Customers;
                }
                Ok(true)
            }
            Stage::Customers => {
                self.put_customers(out);
                self.stage = Stage::Products;
                Ok(true)
            }
            Stage::Products => Ok(self.put_products(out)),
        }
    }

    fn bounds(&self) -> Option<&Bounds> {
        Some(&self.bounds)
    }

    fn held_bytes(&self) -> usize {
        self.book.bytes() + self.products.bytes() + self.text_bytes
    }

    fn entity(&self) -> Entity {
        ITEM
    }
}
