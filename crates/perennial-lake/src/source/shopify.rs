//! Shopify's orders export: a row per line item; an order's own fields stand on its first row only.
//!
//! People are known by their e-mail, else their phone number: both go to the vault and a keyed pseudonym becomes `customer_id`.
//! The export has no date of a refund: it is taken to be the day the order was cancelled, else fulfilled, else paid, else made.

use std::collections::BTreeMap;

use perennial_contract::Entity;
use perennial_contract::money::Decimal;
use perennial_contract::source::IdentityKind;

use super::ReadOptions;
use super::bounds::{Bounds, KEY_BYTES_MAX, KEY_TOO_LONG};
use super::cell::{DecimalMark, QUANTITY_MAX, TOO_MANY, decimal, flag, whole};
use super::columns::{Columns, Names as ColumnNames};
use super::drive::Reader;
use super::identity::Pseudonyms;
use super::moment::{Clock, DateFormat};
use super::names::Names;
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::Value;
use super::sale::{Judged, Line, ORDER_LINES_MAX, Sale, TOO_LARGE, TOO_MANY_LINES, Till, line_amount, sane_amount};
use super::sink::Sink;
use super::sniff::{Sniffed, position, require};
use super::status::{CANCELLED, is_no_sale};

const ITEM: Entity = Entity::OrderItems;
const ORDER: Entity = Entity::Orders;
/// Columns that tell who somebody is.
const PRIVATE: [&str; 24] = [
    "Email",
    "Phone",
    "Billing Name",
    "Billing Street",
    "Billing Address1",
    "Billing Address2",
    "Billing Company",
    "Billing City",
    "Billing Zip",
    "Billing Phone",
    "Shipping Name",
    "Shipping Street",
    "Shipping Address1",
    "Shipping Address2",
    "Shipping Company",
    "Shipping City",
    "Shipping Zip",
    "Shipping Phone",
    "Notes",
    "Note Attributes",
    "Payment Reference",
    "Payment References",
    "Employee",
    "Receipt Number",
];

/// Columns that are read.
const USED: [&str; 33] = [
    "Accepts Marketing",
    "Billing City",
    "Billing Country",
    "Billing Name",
    "Billing Phone",
    "Billing Province",
    "Billing Street",
    "Billing Zip",
    "Cancelled at",
    "Created at",
    "Currency",
    "Discount Amount",
    "Discount Code",
    "Email",
    "Financial Status",
    "Fulfilled at",
    "Lineitem discount",
    "Lineitem name",
    "Lineitem price",
    "Lineitem quantity",
    "Lineitem sku",
    "Name",
    "Paid at",
    "Phone",
    "Refunded Amount",
    "Shipping",
    "Shipping Country",
    "Shipping Name",
    "Shipping Province",
    "Source",
    "Subtotal",
    "Taxes",
    "Vendor",
];

/// An order that is rejected with all its rows.
struct Dropped {
    id: String,
    /// Whether it is in another currency.
    is_foreign: bool,
}

/// A customer's answer, as an order of theirs has it.
#[derive(Clone, Copy)]
struct Answer {
    time: (i64, perennial_contract::Day),
    accepts: bool,
}

pub struct Shopify {
    clock: Clock,
    pseudonyms: Pseudonyms,
    till: Till,
    columns: Columns,
    private: Vec<usize>,
    bounds: Bounds,
    sale: Option<Sale>,
    /// What customers last answered to marketing by e-mail, by their numbers in `asked`.
    asked: Names,
    answers: Vec<Answer>,
    answered: usize,
    /// The order whose first row was bad: its other rows are too.
    dropped: Option<Dropped>,
    failed: Option<Problem>,
}

pub fn detect(file: &Sniffed) -> bool {
    file.has(&["Name", "Financial Status", "Lineitem quantity", "Lineitem price", "Created at"])
}

impl Shopify {
    pub fn new(options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            clock: Clock::new(&options.zone)?,
            pseudonyms: Pseudonyms::new(options.pseudonym_key.as_ref())?,
            till: Till::new(options),
            columns: Columns::default(),
            private: Vec::new(),
            bounds: Bounds::default(),
            sale: None,
            asked: Names::default(),
            answers: Vec::new(),
            answered: 0,
            dropped: None,
            failed: None,
        })
    }

    fn text<'a>(&self, name: &str, record: &Record<'a>) -> &'a str {
        self.columns.text(name, record)
    }

    fn bad(&self, entity: Entity, name: &str, reason: &'static str) -> Bad {
        Bad { entity, cell: self.columns.cell(name), reason: reason.into(), part: None }
    }

    fn amount(&self, name: &str, record: &Record<'_>) -> Result<Decimal, Bad> {
        match self.text(name, record) {
            "" => Ok(Decimal::ZERO),
            text => {
                let amount = decimal(text, DecimalMark::Point).ok_or_else(|| self.bad(ORDER, name, "is not an amount"))?;
                if self.till.is_sane(amount) { Ok(amount) } else { Err(self.bad(ORDER, name, TOO_LARGE)) }
            }
        }
    }

    /// The order's own fields, from its first row.
    fn begin(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<Sale, Bad> {
        let time = self.time("Created at", record)?;
        let time = time.ok_or_else(|| self.bad(ORDER, "Created at", "is missing"))?;
        if !self.till.is_currency(self.text("Currency", record)) {
            return Err(self.bad(ORDER, "Currency", "is another currency than the shop's"));
        }
        let (email, phone) = (self.text("Email", record), self.text("Phone", record));
        let person = if email.is_empty() { phone } else { email };
        let customer = (!person.is_empty()).then(|| self.pseudonyms.of(person));
        let mut sale = Sale::new(self.text("Name", record), customer, time);
        let cancelled = self.time("Cancelled at", record)?;
        let fulfilled = self.time("Fulfilled at", record)?;
        let paid = self.time("Paid at", record)?;
        let financial = self.text("Financial Status", record).to_ascii_lowercase();
        sale.status = match financial.as_str() {
            other if cancelled.is_some() || is_no_sale(other) => CANCELLED.to_owned(),
            "paid" | "" => "completed".to_owned(),
            other => other.to_owned(),
        };
        sale.channel = Some(self.text("Source", record).to_owned()).filter(|source| !source.is_empty());
        sale.coupons =
            self.text("Discount Code", record).split(',').map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned).collect();
        sale.shipping = self.amount("Shipping", record)?;
        sale.tax = self.amount("Taxes", record)?;
        sale.subtotal = match self.text("Subtotal", record) {
            "" => None,
            _ => Some(self.amount("Subtotal", record)?),
        };
        sale.discount = self.amount("Discount Amount", record)?;
        let refund = self.amount("Refunded Amount", record)?;
        let refunded_at = cancelled.or(fulfilled).or(paid).unwrap_or(time);
        sale.refund = (refund.units > 0).then_some((refund, refunded_at));
        self.put_customer(&sale, record, out);
        Ok(sale)
    }

    fn time(&mut self, name: &str, record: &Record<'_>) -> Result<Option<(i64, perennial_contract::Day)>, Bad> {
        match self.text(name, record) {
            "" => Ok(None),
            text => self.clock.read(text, &DateFormat::Iso).map(Some).map_err(|reason| self.bad(ORDER, name, reason)),
        }
    }

    fn put_customer(&mut self, sale: &Sale, record: &Record<'_>, out: &mut Sink) {
        let Some(customer) = &sale.customer else { return };
        self.note_answer(customer, sale.time, flag(self.text("Accepts Marketing", record)));
        let either = |self_: &Self, billing: &str, shipping: &str| match self_.text(billing, record) {
            "" => self_.text(shipping, record).to_owned(),
            text => text.to_owned(),
        };
        let country = either(self, "Billing Country", "Shipping Country");
        let region = either(self, "Billing Province", "Shipping Province");
        let known = BTreeMap::from([("country", country.as_str()), ("region", region.as_str())]);
        if !self.till.customer(customer, &known, out) {
            return;
        }
        let address: Vec<_> = ["Billing Street", "Billing Zip", "Billing City"]
            .iter()
            .map(|name| self.text(name, record))
            .filter(|t| !t.is_empty())
            .collect();
        let identities = [
            (IdentityKind::Email, self.text("Email", record).to_owned()),
            (IdentityKind::Name, either(self, "Billing Name", "Shipping Name")),
            (IdentityKind::Phone, either(self, "Phone", "Billing Phone")),
            (IdentityKind::Address, address.join(", ")),
        ];
        Till::identities(customer, &identities, out);
    }

    /// Every order says what its customer answered: the latest one counts, whatever the order of the rows.
    fn note_answer(&mut self, customer: &str, time: (i64, perennial_contract::Day), accepts: Option<bool>) {
        let Some(accepts) = accepts else { return };
        let (number, is_new) = self.asked.number(customer);
        if is_new {
            self.answers.push(Answer { time, accepts });
        } else if let Some(known) = self.answers.get_mut(number as usize)
            && known.time.0 <= time.0
        {
            *known = Answer { time, accepts };
        }
    }

    /// At the end: the next answers; false when all are written.
    fn put_answers(&mut self, out: &mut Sink) -> bool {
        let until = (self.answered + 8_192).min(self.answers.len());
        for number in self.answered..until {
            let Answer { time, accepts } = self.answers[number];
            out.push(
                Entity::Consents,
                &[
                    Value::Text(self.asked.name(number as u32)),
                    Value::Text("marketing"),
                    Value::Text("email"),
                    Value::Text(if accepts { "granted" } else { "denied" }),
                    Value::Instant(time.0),
                    Value::Day(time.1),
                    Value::Text("shopify orders export"),
                ],
            );
        }
        self.answered = until;
        until < self.answers.len()
    }

    fn line(&self, record: &Record<'_>) -> Judged {
        let price = decimal(self.text("Lineitem price", record), DecimalMark::Point);
        let quantity = whole(self.text("Lineitem quantity", record), DecimalMark::Point);
        let discount = self.amount("Lineitem discount", record);
        let (name, sku) = (self.text("Lineitem name", record), self.text("Lineitem sku", record));
        let product = if sku.is_empty() { name } else { sku };
        let line = price.zip(quantity).map(|(price, quantity)| Line {
            product: product.to_owned(),
            is_charge: matches!(name.to_ascii_lowercase().as_str(), "gift card" | "tip"),
            quantity,
            price,
            discount: discount.as_ref().map_or(Decimal::ZERO, |discount| *discount),
            returned: None,
        });
        let judged = (|| {
            price.ok_or_else(|| self.bad(ITEM, "Lineitem price", "is not an amount"))?;
            let pieces = quantity
                .filter(|q| *q > 0)
                .ok_or_else(|| self.bad(ITEM, "Lineitem quantity", "is not a whole number above 0"))?;
            if pieces > QUANTITY_MAX {
                return Err(self.bad(ITEM, "Lineitem quantity", TOO_MANY));
            }
            discount?;
            if product.is_empty() {
                return Err(self.bad(ITEM, "Lineitem name", "is missing"));
            }
            if product.len() > KEY_BYTES_MAX {
                return Err(self.bad(ITEM, "Lineitem name", KEY_TOO_LONG));
            }
            if self.sale.as_ref().is_some_and(|sale| sale.lines.len() >= ORDER_LINES_MAX) {
                return Err(self.bad(ITEM, "Name", TOO_MANY_LINES));
            }
            line.clone()
                .filter(|line| sane_amount(line, self.till.digits()).is_some())
                .ok_or_else(|| self.bad(ITEM, "Lineitem price", TOO_LARGE))
        })();
        Judged { amount: line.as_ref().filter(|line| line.quantity <= QUANTITY_MAX).and_then(line_amount), line: judged }
    }

    fn flush(&mut self, out: &mut Sink) {
        if let Some(sale) = self.sale.take()
            && let Err(reason) = self.till.put(&sale, out)
        {
            self.failed =
                Some(Problem::refused(format!("order {:?}: its sum {reason}", sale.id), "check the amounts of that order"));
        }
    }
}

impl Reader for Shopify {
    fn start(&mut self, _file: &Sniffed, header: &[String]) -> Result<(), Problem> {
        for name in ["Name", "Created at", "Lineitem quantity", "Lineitem price", "Lineitem name"] {
            require(header, &[name])?;
        }
        self.columns = Columns::find(header, &USED.map(|name| -> ColumnNames { (name, &[]) }));
        let names = [
            "Email",
            "Phone",
            "Billing Name",
            "Billing Street",
            "Billing Zip",
            "Billing City",
            "Billing Phone",
            "Shipping Name",
            "Lineitem name",
            "Vendor",
        ];
        self.bounds = Bounds::of(&["Name", "Lineitem sku"], &names, |name| self.columns.cell(name));
        self.private = PRIVATE.iter().filter_map(|name| position(header, &[name])).collect();
        Ok(())
    }

    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let id = self.text("Name", record);
        if id.is_empty() {
            return Err(self.bad(ORDER, "Name", "is missing"));
        }
        let Judged { amount, line } = self.line(record);
        if self.sale.as_ref().is_none_or(|sale| sale.id != id) {
            self.flush(out);
            let dropped = self.dropped.as_ref().is_some_and(|dropped| dropped.id == id);
            let begun = if dropped {
                Err(self.bad(ORDER, "Name", "belongs to an order that is rejected"))
            } else {
                // The order's own fields stand on this row only; so does its currency, whose money adds up with no other.
                let is_foreign = !self.till.is_currency(self.text("Currency", record));
                self.dropped = Some(Dropped { id: id.to_owned(), is_foreign });
                self.begin(record, out)
            };
            match begun {
                Ok(sale) => (self.sale, self.dropped) = (Some(sale), None),
                Err(bad) => {
                    if self.dropped.as_ref().is_some_and(|dropped| !dropped.is_foreign) {
                        amount.into_iter().for_each(|amount| out.state(amount));
                    }
                    return Err(bad);
                }
            }
        }
        if line.is_err() && self.sale.as_ref().is_some_and(|sale| !sale.is_cancelled()) {
            amount.into_iter().for_each(|amount| out.state(amount));
        }
        self.add(line?, record);
        Ok(())
    }

    fn bounds(&self) -> Option<&Bounds> {
        Some(&self.bounds)
    }

    fn held_bytes(&self) -> usize {
        self.till.held_bytes() + self.asked.bytes() + self.answers.capacity() * size_of::<Answer>()
    }

    fn end(&mut self, out: &mut Sink) {
        self.flush(out);
    }

    fn finish(&mut self, out: &mut Sink) -> Result<bool, Problem> {
        match self.failed.take() {
            Some(problem) => Err(problem),
            None => Ok(self.put_answers(out) || self.till.put_products(out)),
        }
    }

    fn entity(&self) -> Entity {
        ORDER
    }

    fn private(&self) -> &[usize] {
        &self.private
    }
}

impl Shopify {
    fn add(&mut self, line: Line, record: &Record<'_>) {
        self.till.product(&line.product, self.text("Lineitem name", record), self.text("Vendor", record));
        if let Some(sale) = &mut self.sale {
            sale.lines.push(line);
        }
    }
}
