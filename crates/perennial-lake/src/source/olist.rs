//! Olist's Brazilian shop: one file a table, joined by ids.
//!
//! - `customer_id` is made anew for every order; the person is `customer_unique_id`.
//! - Orders `canceled` or `unavailable` are no sales: they are `cancelled`, and their lines are kept and worth nothing.
//! - An item is one piece; freight is the order's shipping. Payments, sellers and places are not imported.
//! - A review's time is when the customer answered it; one review id may stand at several orders, so both make the key.

use std::collections::HashMap;

use perennial_contract::{Day, Entity};

use super::ReadOptions;
use super::book::{Book, Order};
use super::cell::{DecimalMark, decimal, minor, whole};
use super::columns::{Columns, Names};
use super::drive::Reader;
use super::moment::{Clock, DateFormat};
use super::plan::at;
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::Value;
use super::sale::TOO_LARGE;
use super::sink::Sink;
use super::sniff::Sniffed;
use super::status::CANCELLED;

/// A file of the set, in the order they are read: what others refer to comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Categories,
    Products,
    Customers,
    Orders,
    Items,
    Reviews,
    /// Payments, sellers, places.
    Unused,
}

const PARTS: [(Part, &[&str]); 9] = [
    (Part::Categories, &["product_category_name", "product_category_name_english"]),
    (Part::Products, &["product_id", "product_category_name", "product_photos_qty"]),
    (Part::Customers, &["customer_id", "customer_unique_id"]),
    (Part::Orders, &["order_id", "customer_id", "order_status", "order_purchase_timestamp"]),
    (Part::Items, &["order_id", "order_item_id", "product_id", "price", "freight_value"]),
    (Part::Reviews, &["review_id", "order_id", "review_score"]),
    (Part::Unused, &["order_id", "payment_type", "payment_value"]),
    (Part::Unused, &["seller_id", "seller_zip_code_prefix"]),
    (Part::Unused, &["geolocation_zip_code_prefix"]),
];

const COLUMNS: &[Names] = &[
    ("product_category_name", &[]),
    ("product_category_name_english", &[]),
    ("product_id", &[]),
    ("customer_id", &[]),
    ("customer_unique_id", &[]),
    ("customer_state", &[]),
    ("order_id", &[]),
    ("order_status", &[]),
    ("order_purchase_timestamp", &[]),
    ("order_delivered_customer_date", &[]),
    ("order_estimated_delivery_date", &[]),
    ("order_item_id", &[]),
    ("price", &[]),
    ("freight_value", &[]),
    ("review_id", &[]),
    ("review_score", &[]),
    ("review_comment_title", &[]),
    ("review_comment_message", &[]),
    ("review_creation_date", &[]),
    ("review_answer_timestamp", &[]),
];

pub struct Olist {
    clock: Clock,
    currency: String,
    digits: u32,
    part: Part,
    columns: Columns,
    categories: HashMap<String, String>,
    /// The person behind each order's `customer_id`.
    people: HashMap<String, u32>,
    book: Book,
}

fn part_of(file: &Sniffed) -> Option<Part> {
    PARTS.iter().find(|(_, columns)| file.has(columns)).map(|(part, _)| *part)
}

pub fn detect(files: &[Sniffed]) -> bool {
    files.iter().any(|file| part_of(file) == Some(Part::Orders)) && files.iter().all(|file| part_of(file).is_some())
}

/// The files that are read, in the order in which they are.
pub fn ordered(mut files: Vec<Sniffed>) -> Result<Vec<Sniffed>, Problem> {
    if let Some(file) = files.iter().find(|file| part_of(file).is_none()) {
        return Err(Problem::refused(format!("{} is no file of the Olist set", file.name), "leave it out"));
    }
    for (part, name) in [(Part::Customers, "customers"), (Part::Orders, "orders"), (Part::Items, "order items")] {
        if !files.iter().any(|file| part_of(file) == Some(part)) {
            return Err(Problem::refused(
                format!("the file of {name} is missing"),
                "import the folder with all files of the set",
            ));
        }
    }
    files.retain(|file| part_of(file) != Some(Part::Unused));
    files.sort_by_key(part_of);
    Ok(files)
}

impl Olist {
    pub fn new(options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            clock: Clock::new(&options.zone)?,
            currency: options.currency.clone(),
            digits: perennial_contract::money::minor_digits(&options.currency),
            part: Part::Orders,
            columns: Columns::default(),
            categories: HashMap::new(),
            people: HashMap::new(),
            book: Book::default(),
        })
    }

    fn bad(&self, name: &str, reason: &'static str) -> Bad {
        Bad { entity: self.entity(), cell: self.columns.cell(name), reason: reason.into(), part: None }
    }

    fn text<'a>(&self, name: &str, record: &Record<'a>) -> Result<&'a str, Bad> {
        match self.columns.text(name, record) {
            "" => Err(self.bad(name, "is missing")),
            text => Ok(text),
        }
    }

    fn time(&mut self, name: &str, record: &Record<'_>) -> Result<(i64, Day), Bad> {
        let text = self.text(name, record)?;
        self.clock.read(text, &DateFormat::Iso).map_err(|reason| self.bad(name, reason))
    }

    fn optional_time(&mut self, name: &str, record: &Record<'_>) -> Result<Option<i64>, Bad> {
        match self.columns.text(name, record) {
            "" => Ok(None),
            _ => self.time(name, record).map(|(instant, _)| Some(instant)),
        }
    }

    fn product(&self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let category = self.columns.text("product_category_name", record);
        let english = self.categories.get(category).map_or(category, String::as_str);
        let mut row = vec![Value::Null; Entity::Products.columns().len()];
        row[0] = Value::Text(self.text("product_id", record)?);
        row[at(Entity::Products, "category")] = Value::text(english);
        if !english.is_empty() {
            row[at(Entity::Products, "category_path")] = Value::Texts(vec![english.to_owned()]);
        }
        out.push(Entity::Products, &row);
        Ok(())
    }

    fn customer(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let (id, person) = (self.text("customer_id", record)?, self.text("customer_unique_id", record)?);
        let (number, is_new) = self.book.customers.number(person);
        self.people.insert(id.to_owned(), number);
        if is_new {
            let mut row = vec![Value::Null; Entity::Customers.columns().len()];
            row[0] = Value::Text(person);
            row[at(Entity::Customers, "country")] = Value::Text("BR");
            row[at(Entity::Customers, "region")] = Value::text(self.columns.text("customer_state", record));
            out.push(Entity::Customers, &row);
        }
        Ok(())
    }

    fn order(&mut self, record: &Record<'_>) -> Result<(), Bad> {
        let (id, customer) = (self.text("order_id", record)?, self.text("customer_id", record)?);
        let person = *self.people.get(customer).ok_or_else(|| self.bad("customer_id", "is no customer of the customers file"))?;
        let status = match self.text("order_status", record)? {
            // Sold out after it was ordered is no sale either.
            "canceled" | "unavailable" => CANCELLED,
            "delivered" => "delivered",
            "shipped" => "shipped",
            "invoiced" => "invoiced",
            "processing" => "processing",
            "approved" => "approved",
            "created" => "created",
            _ => return Err(self.bad("order_status", "is no status of an order")),
        };
        let time = self.time("order_purchase_timestamp", record)?;
        let delivered_at = self.optional_time("order_delivered_customer_date", record)?;
        let promised_at = self.optional_time("order_estimated_delivery_date", record)?;
        if self.book.find(id).is_some() {
            return Err(self.bad("order_id", "stands in the file twice"));
        }
        let order = self.book.order(id, || Order::new(Some(person), time, status));
        (order.delivered_at, order.promised_at) = (delivered_at, promised_at);
        Ok(())
    }

    fn item(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let price = decimal(self.columns.text("price", record), DecimalMark::Point);
        let price = price.ok_or_else(|| self.bad("price", "is not an amount"))?;
        let is_sale = self.book.find(self.columns.text("order_id", record)).is_none_or(|order| order.status != CANCELLED);
        if is_sale {
            out.state(price);
        }
        let freight = decimal(self.columns.text("freight_value", record), DecimalMark::Point);
        let freight =
            freight.and_then(|amount| minor(amount, self.digits)).ok_or_else(|| self.bad("freight_value", "is not an amount"))?.0;
        let line = whole(self.columns.text("order_item_id", record), DecimalMark::Point).filter(|line| *line > 0);
        let line = line.ok_or_else(|| self.bad("order_item_id", "is not a line number"))?;
        if price.units < 0 {
            return Err(self.bad("price", "is below 0"));
        }
        let (id, product) = (self.text("order_id", record)?, self.text("product_id", record)?);
        let missing = self.bad("order_id", "is no order of the orders file");
        let order = self.book.find(id).ok_or(missing)?;
        let too_large =
            Bad { entity: Entity::OrderItems, cell: self.columns.cell("price"), reason: TOO_LARGE.into(), part: None };
        let (cents, _) = minor(price, self.digits).ok_or(too_large)?;
        if is_sale {
            out.load(price);
        }
        order.lines += 1;
        order.subtotal = order.subtotal.saturating_add(cents);
        order.shipping = order.shipping.saturating_add(freight);
        let (time, customer) = ((order.at, order.on), order.customer);
        out.push(
            Entity::OrderItems,
            &[
                Value::text(self.book.customer_id(customer)),
                Value::Text(id),
                Value::Whole(line),
                Value::Instant(time.0),
                Value::Day(time.1),
                Value::Text(product),
                Value::Text(if is_sale { "product" } else { CANCELLED }),
                Value::Whole(1),
                Value::Whole(cents),
                Value::Whole(0),
                Value::Whole(if is_sale { cents } else { 0 }),
                Value::Text(&self.currency),
            ],
        );
        Ok(())
    }

    fn review(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let (review, id) = (self.text("review_id", record)?, self.text("order_id", record)?);
        let score = whole(self.columns.text("review_score", record), DecimalMark::Point).filter(|score| (1..=5).contains(score));
        let score = score.ok_or_else(|| self.bad("review_score", "is not a rating from 1 to 5"))?;
        let answered = if self.columns.text("review_answer_timestamp", record).is_empty() {
            "review_creation_date"
        } else {
            "review_answer_timestamp"
        };
        let time = self.time(answered, record)?;
        let missing = self.bad("order_id", "is no order of the orders file");
        let customer = self.book.find(id).ok_or(missing)?.customer;
        let (title, body) =
            (self.columns.text("review_comment_title", record), self.columns.text("review_comment_message", record));
        let key = format!("{review}-{id}");
        out.push(
            Entity::Reviews,
            &[
                Value::text(self.book.customer_id(customer)),
                Value::Text(&key),
                Value::Null,
                Value::Text(id),
                Value::Instant(time.0),
                Value::Day(time.1),
                Value::Whole(score),
                Value::text(title),
                Value::text(body),
                if title.is_empty() && body.is_empty() { Value::Null } else { Value::Text("pt") },
                Value::Null,
            ],
        );
        Ok(())
    }
}

impl Reader for Olist {
    fn start(&mut self, file: &Sniffed, header: &[String]) -> Result<(), Problem> {
        self.part = part_of(file).unwrap_or(Part::Unused);
        self.columns = Columns::find(header, COLUMNS);
        Ok(())
    }

    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        match self.part {
            Part::Categories => {
                let name = self.text("product_category_name", record)?.to_owned();
                self.categories.insert(name, self.text("product_category_name_english", record)?.to_owned());
                Ok(())
            }
            Part::Products => self.product(record, out),
            Part::Customers => self.customer(record, out),
            Part::Orders => self.order(record),
            Part::Items => self.item(record, out),
            Part::Reviews => self.review(record, out),
            Part::Unused => Ok(()),
        }
    }

    fn finish(&mut self, out: &mut Sink) -> Result<bool, Problem> {
        Ok(self.book.emit(&self.currency, Value::Text("marketplace"), out))
    }

    fn entity(&self) -> Entity {
        match self.part {
            Part::Categories | Part::Products | Part::Unused => Entity::Products,
            Part::Customers => Entity::Customers,
            Part::Orders => Entity::Orders,
            Part::Items => Entity::OrderItems,
            Part::Reviews => Entity::Reviews,
        }
    }
}
