//! WooCommerce order exports: a row per line item with the order's fields on every row. Plugins name and order the columns
//! differently, so every column goes by several names; dates are MM/DD/YYYY unless written year first.
//!
//! People are known by their e-mail, which goes to the vault while a keyed pseudonym becomes `customer_id`; who has none is a guest.

use std::collections::BTreeMap;

use perennial_contract::money::Decimal;
use perennial_contract::source::IdentityKind;
use perennial_contract::{Day, Entity};

use super::ReadOptions;
use super::bounds::{Bounds, KEY_BYTES_MAX, KEY_TOO_LONG};
use super::cell::{DecimalMark, QUANTITY_MAX, TOO_MANY, decimal, whole};
use super::columns::{Columns, Names};
use super::drive::Reader;
use super::identity::Pseudonyms;
use super::moment::{Clock, DateFormat, slashed_order};
use super::problem::{Bad, Problem};
use super::record::Record;
use super::sale::{Judged, Line, ORDER_LINES_MAX, Sale, TOO_LARGE, TOO_MANY_LINES, Till, line_amount, sane_amount};
use super::sink::Sink;
use super::sniff::{Sniffed, listed, position};
use super::status::{CANCELLED, is_no_sale};

const ITEM: Entity = Entity::OrderItems;
const ORDER: Entity = Entity::Orders;

const COLUMNS: &[Names] = &[
    ("order", &["Order Number", "order_number", "Order ID", "order_id", "Order #"]),
    ("date", &["Order Date", "order_date", "Date", "Date Created", "Order Date and Time"]),
    ("status", &["Order Status", "order_status", "Status"]),
    ("currency", &["Order Currency", "order_currency", "Currency"]),
    ("email", &["Email (Billing)", "billing_email", "Billing Email", "Billing Email Address", "Customer Email"]),
    ("phone", &["Phone (Billing)", "billing_phone", "Billing Phone"]),
    ("first", &["First Name (Billing)", "billing_first_name", "Billing First Name"]),
    ("last", &["Last Name (Billing)", "billing_last_name", "Billing Last Name"]),
    ("street", &["Address 1&2 (Billing)", "Address 1 (Billing)", "billing_address_1", "Billing Address 1"]),
    ("city", &["City (Billing)", "billing_city", "Billing City"]),
    ("postcode", &["Postcode (Billing)", "billing_postcode", "Billing Postcode"]),
    ("region", &["State Code (Billing)", "State Name (Billing)", "billing_state", "Billing State"]),
    ("country", &["Country Code (Billing)", "Country Name (Billing)", "billing_country", "Billing Country"]),
    ("shipping", &["Order Shipping Amount", "shipping_total", "Shipping Total", "order_shipping"]),
    ("tax", &["Order Total Tax Amount", "tax_total", "Tax Total", "order_tax"]),
    ("off", &["Cart Discount Amount", "discount_total", "cart_discount", "Discount Total"]),
    ("refund", &["Order Refund Amount", "refunded_total", "Refunded Total"]),
    ("coupon", &["Coupon Code", "coupon_code", "Coupons", "coupon_items"]),
    ("sku", &["SKU", "item_sku", "Item SKU", "Product SKU"]),
    ("product", &["Item Name", "item_name", "Product Name", "Name"]),
    ("quantity", &["Quantity", "item_quantity", "Item Quantity", "Quantity (- Refund)"]),
    ("price", &["Item Cost", "item_price", "Item Price", "Product Price"]),
    ("item_refund", &["item_refunded", "Item Refunded"]),
    ("item_refund_qty", &["item_refunded_qty", "Item Refunded Qty"]),
    ("line", &["Order Line Total", "item_total", "Item Total", "Order Line Subtotal"]),
];

const PRIVATE: [&str; 18] = [
    "Customer Note",
    "Company (Billing)",
    "First Name (Shipping)",
    "Last Name (Shipping)",
    "Address 1&2 (Shipping)",
    "Address 1 (Shipping)",
    "City (Shipping)",
    "Postcode (Shipping)",
    "Phone (Shipping)",
    "shipping_first_name",
    "shipping_last_name",
    "shipping_address_1",
    "shipping_address_2",
    "shipping_city",
    "shipping_postcode",
    "billing_address_2",
    "billing_company",
    "customer_note",
];

pub struct WooCommerce {
    clock: Clock,
    pseudonyms: Pseudonyms,
    till: Till,
    columns: Columns,
    private: Vec<usize>,
    bounds: Bounds,
    dates: DateFormat,
    sale: Option<Sale>,
    failed: Option<Problem>,
}

pub fn detect(file: &Sniffed) -> bool {
    let columns = Columns::find(&file.header, COLUMNS);
    let is_there = |name: &str| columns.cell(name).is_some();
    ["order", "date", "status", "quantity", "product"].iter().all(|name| is_there(name))
        && (is_there("price") || is_there("line"))
        && (is_there("email") || position(&file.header, &["Item #"]).is_some())
        && position(&file.header, &["Financial Status"]).is_none()
}

impl WooCommerce {
    pub fn new(options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            clock: Clock::new(&options.zone)?,
            pseudonyms: Pseudonyms::new(options.pseudonym_key.as_ref())?,
            till: Till::new(options),
            columns: Columns::default(),
            private: Vec::new(),
            bounds: Bounds::default(),
            dates: DateFormat::Iso,
            sale: None,
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

    fn begin(&mut self, record: &Record<'_>, time: (i64, Day), out: &mut Sink) -> Result<Sale, Bad> {
        if !self.till.is_currency(self.text("currency", record)) {
            return Err(self.bad(ORDER, "currency", "is another currency than the shop's"));
        }
        let email = self.text("email", record);
        let customer = (!email.is_empty()).then(|| self.pseudonyms.of(email));
        let mut sale = Sale::new(self.text("order", record), customer, time);
        sale.status = self.status(record);
        sale.coupons =
            self.text("coupon", record).split(',').map(str::trim).filter(|c| !c.is_empty()).map(str::to_owned).collect();
        (sale.shipping, sale.tax) = (self.amount("shipping", record)?, self.amount("tax", record)?);
        // Where lines state their own totals, those are after the cart's discount.
        if self.columns.cell("line").is_none() {
            sale.discount = self.amount("off", record)?;
        }
        let refund = self.amount("refund", record)?;
        let refund = Decimal { units: refund.units.abs(), ..refund };
        // The lines may say for themselves what was paid back.
        let is_refunded = refund.units > 0 || self.columns.cell("item_refund").is_some();
        sale.refund = is_refunded.then_some((refund, time));
        self.put_customer(&sale, record, out);
        Ok(sale)
    }

    fn put_customer(&mut self, sale: &Sale, record: &Record<'_>, out: &mut Sink) {
        let Some(customer) = &sale.customer else { return };
        let known = BTreeMap::from([("country", self.text("country", record)), ("region", self.text("region", record))]);
        if !self.till.customer(customer, &known, out) {
            return;
        }
        let joined = |names: &[&str], part: &str| {
            names.iter().map(|name| self.text(name, record)).filter(|text| !text.is_empty()).collect::<Vec<_>>().join(part)
        };
        let identities = [
            (IdentityKind::Email, self.text("email", record).to_owned()),
            (IdentityKind::Name, joined(&["first", "last"], " ")),
            (IdentityKind::Phone, self.text("phone", record).to_owned()),
            (IdentityKind::Address, joined(&["street", "postcode", "city"], ", ")),
        ];
        Till::identities(customer, &identities, out);
    }

    fn line(&self, record: &Record<'_>) -> Judged {
        let quantity = whole(self.text("quantity", record), DecimalMark::Point);
        let total = self.columns.cell("line").map(|cell| decimal(record.cell(cell), DecimalMark::Point));
        let price = self.columns.cell("price").map(|cell| decimal(record.cell(cell), DecimalMark::Point));
        let (sku, name) = (self.text("sku", record), self.text("product", record));
        // Where both stand, the difference was taken off.
        let line = quantity.and_then(|quantity| {
            let (price, discount) = match (price, total) {
                (Some(price), None) => (price?, Decimal::ZERO),
                (Some(price), Some(total)) => (price?, price?.times(quantity)?.plus(super::sale::negative(total?))?),
                (None, total) => (total??, Decimal::ZERO),
            };
            let (price, quantity) = if self.columns.cell("price").is_some() { (price, quantity) } else { each(price, quantity) };
            Some(Line {
                product: if sku.is_empty() { name } else { sku }.to_owned(),
                is_charge: false,
                quantity,
                price,
                discount,
                returned: None,
            })
        });
        let judged = (|| {
            let pieces = quantity.filter(|q| *q > 0);
            let pieces = pieces.ok_or_else(|| self.bad(ITEM, "quantity", "is not a whole number above 0"))?;
            if pieces > QUANTITY_MAX {
                return Err(self.bad(ITEM, "quantity", TOO_MANY));
            }
            let mut line = line.clone().ok_or_else(|| self.bad(ITEM, "price", "is not an amount"))?;
            line.returned = self.returned(record)?;
            if line.product.is_empty() {
                return Err(self.bad(ITEM, "product", "is missing"));
            }
            if line.product.len() > KEY_BYTES_MAX {
                return Err(self.bad(ITEM, "product", KEY_TOO_LONG));
            }
            if self.sale.as_ref().is_some_and(|sale| sale.lines.len() >= ORDER_LINES_MAX) {
                return Err(self.bad(ITEM, "order", TOO_MANY_LINES));
            }
            let priced = if self.columns.cell("price").is_some() { "price" } else { "line" };
            sane_amount(&line, self.till.digits()).ok_or_else(|| self.bad(ITEM, priced, TOO_LARGE))?;
            Ok(line)
        })();
        Judged { amount: line.as_ref().filter(|line| line.quantity <= QUANTITY_MAX).and_then(line_amount), line: judged }
    }

    /// What was paid back for a line, and for how many pieces.
    fn returned(&self, record: &Record<'_>) -> Result<Option<(Decimal, i64)>, Bad> {
        let back = self.amount("item_refund", record)?;
        if back.units == 0 {
            return Ok(None);
        }
        let pieces = match self.text("item_refund_qty", record) {
            "" => Some(0),
            text => whole(text, DecimalMark::Point).map(i64::abs).filter(|pieces| *pieces <= QUANTITY_MAX),
        };
        let pieces = pieces.ok_or_else(|| self.bad(ITEM, "item_refund_qty", "is not a whole number up to 1000000000"))?;
        Ok(Some((Decimal { units: back.units.abs(), ..back }, pieces)))
    }

    fn status(&self, record: &Record<'_>) -> String {
        let status = self.text("status", record).to_ascii_lowercase();
        match status.trim_start_matches("wc-") {
            "" => "completed".to_owned(),
            // Nobody has paid for these, and whoever pays makes them `processing` or `on-hold`.
            "pending" | "pending payment" | "draft" | "checkout-draft" | "auto-draft" => CANCELLED.to_owned(),
            other if is_no_sale(other) => CANCELLED.to_owned(),
            other => other.to_owned(),
        }
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

/// Price and quantity of a line that states its total only: the total parted among the pieces where that leaves no rest, else one
/// piece of that price.
fn each(total: Decimal, quantity: i64) -> (Decimal, i64) {
    // Sums keep at most 12 decimals.
    for more in (0..=4).filter(|more| total.scale + more <= 12) {
        let units = total.units.checked_mul(10_i128.pow(more));
        if let Some(units) = units.filter(|units| quantity > 0 && units % i128::from(quantity) == 0) {
            return (Decimal { units: units / i128::from(quantity), scale: total.scale + more }, quantity);
        }
    }
    (total, 1)
}

impl Reader for WooCommerce {
    fn start(&mut self, file: &Sniffed, header: &[String]) -> Result<(), Problem> {
        self.columns = Columns::find(header, COLUMNS);
        for (name, others) in COLUMNS.iter().filter(|(name, _)| ["order", "date", "quantity", "product"].contains(name)) {
            if self.columns.cell(name).is_none() {
                return Err(Problem::refused(
                    format!("has no column {:?}; it has {}", others[0], listed(header)),
                    "export the orders with their line items, or map the columns with a mapping file",
                ));
            }
        }
        if self.columns.cell("price").is_none() && self.columns.cell("line").is_none() {
            return Err(Problem::refused("has neither \"Item Cost\" nor \"Order Line Total\"", "add one of them to the export"));
        }
        let identifying = ["email", "phone", "first", "last", "street", "city", "postcode"];
        self.private = identifying.iter().filter_map(|name| self.columns.cell(name)).collect();
        let names = [identifying.as_slice(), &["product"]].concat();
        self.bounds = Bounds::of(&["order", "sku"], &names, |name| self.columns.cell(name));
        self.private.extend(PRIVATE.iter().filter_map(|name| position(header, &[name])));
        let samples = self.columns.cell("date").map(|cell| file.samples(cell)).unwrap_or_default();
        self.dates = slashed_order(samples.iter().map(String::as_str)).unwrap_or(DateFormat::MonthFirst);
        Ok(())
    }

    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let id = self.text("order", record);
        let is_next = self.sale.as_ref().is_none_or(|sale| sale.id != id);
        if is_next {
            self.flush(out);
        }
        let Judged { amount, line } = self.line(record);
        // What is in another currency, or was never paid, is in no sum.
        let amount = amount.filter(|_| self.till.is_currency(self.text("currency", record)) && self.status(record) != CANCELLED);
        if line.is_err() {
            amount.into_iter().for_each(|amount| out.state(amount));
        }
        let line = line?;
        if is_next {
            let begun = if id.is_empty() {
                Err(self.bad(ORDER, "order", "is missing"))
            } else {
                match self.clock.read(self.text("date", record), &self.dates) {
                    Ok(time) => self.begin(record, time, out),
                    Err(reason) => Err(self.bad(ORDER, "date", reason)),
                }
            };
            // Every row has the order's fields, so each of a bad order's rows is judged for itself.
            match begun {
                Ok(sale) => self.sale = Some(sale),
                Err(bad) => {
                    amount.into_iter().for_each(|amount| out.state(amount));
                    return Err(bad);
                }
            }
        }
        self.till.product(&line.product, self.text("product", record), "");
        if let Some(sale) = &mut self.sale {
            sale.lines.push(line);
        }
        Ok(())
    }

    fn bounds(&self) -> Option<&Bounds> {
        Some(&self.bounds)
    }

    fn held_bytes(&self) -> usize {
        self.till.held_bytes()
    }

    fn end(&mut self, out: &mut Sink) {
        self.flush(out);
    }

    fn finish(&mut self, out: &mut Sink) -> Result<bool, Problem> {
        match self.failed.take() {
            Some(problem) => Err(problem),
            None => Ok(self.till.put_products(out)),
        }
    }

    fn entity(&self) -> Entity {
        ITEM
    }

    fn private(&self) -> &[usize] {
        &self.private
    }
}
