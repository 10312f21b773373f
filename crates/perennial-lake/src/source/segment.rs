//! Segment's calls as JSON lines: `track`, `identify`, `page`, `screen`, `alias`.
//!
//! Every track, page and screen call is an event; Order Completed also makes the order and its lines, Order Refunded returns,
//! Product Reviewed a review, and identify the customer. Traits that tell who somebody is go to the vault; so does a user id
//! that is an e-mail, for which a keyed pseudonym stands. An order completed twice (browser and server) counts once.

use perennial_contract::money::Decimal;
use perennial_contract::source::IdentityKind;
use perennial_contract::{Day, Entity};
use serde_json::{Map, Value as Json};

use super::ReadOptions;
use super::cell::{DecimalMark, decimal};
use super::drive::Reader;
use super::event_names::canonical;
use super::identity::{Pseudonyms, birth_year, looks_like_email, scrub};
use super::moment::{Clock, DateFormat};
use super::names::Names;
use super::people::People;
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::Value;
use super::sale::{Line, Sale, Till, line_amount};
use super::sink::Sink;
use super::sniff::{Shape, Sniffed};

const EVENT: Entity = Entity::Events;

pub struct Segment {
    clock: Clock,
    pseudonyms: Option<Pseudonyms>,
    till: Till,
    people: People,
    /// Orders given back, with how many returns each has.
    refunded: Names,
    refunds: Vec<u32>,
    stem: String,
    stage_products: bool,
}

/// A call, as far as every kind has it.
struct Call {
    name: String,
    customer: Option<String>,
    anonymous: String,
    time: (i64, Day),
    id: String,
    properties: Map<String, Json>,
}

pub fn detect(file: &Sniffed) -> bool {
    matches!(file.shape, Shape::JsonLines | Shape::Lines)
        && file.has(&["type"])
        && (file.has(&["userId"]) || file.has(&["anonymousId"]))
        && ["timestamp", "originalTimestamp", "messageId"].iter().any(|key| file.has(&[key]))
}

/// Lines are read whole: a call's meaning lies deeper than its first level.
pub fn laid_out(mut files: Vec<Sniffed>) -> Result<Vec<Sniffed>, Problem> {
    for file in &mut files {
        if !matches!(file.shape, Shape::JsonLines) {
            return Err(Problem::refused(
                format!("{} is not JSON lines", file.name),
                "export the calls with one JSON object on each line",
            ));
        }
        file.shape = Shape::Lines;
    }
    Ok(files)
}

fn text<'a>(object: &'a Map<String, Json>, names: &[&str]) -> &'a str {
    names.iter().find_map(|name| object.get(*name).and_then(Json::as_str)).unwrap_or_default().trim()
}

/// An id may be a text or a number.
fn id_text(object: &Map<String, Json>, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| match object.get(*name) {
        Some(Json::String(text)) => Some(text.trim().to_owned()),
        Some(Json::Number(number)) => Some(number.to_string()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// An amount or count, as a number or a text.
fn number(object: &Map<String, Json>, names: &[&str]) -> Option<Decimal> {
    names.iter().find_map(|name| match object.get(*name) {
        Some(Json::String(text)) => decimal(text.trim(), DecimalMark::Point),
        Some(Json::Number(number)) => decimal(&number.to_string(), DecimalMark::Point),
        _ => None,
    })
}

fn object<'a>(parent: &'a Map<String, Json>, name: &str) -> Option<&'a Map<String, Json>> {
    parent.get(name).and_then(Json::as_object)
}

const PRODUCT_IDS: [&str; 4] = ["product_id", "sku", "item_id", "id"];

impl Segment {
    pub fn new(options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            clock: Clock::new(&options.zone)?,
            pseudonyms: options.pseudonym_key.as_ref().map(|key| Pseudonyms::new(Some(key))).transpose()?,
            till: Till::new(options),
            people: People::default(),
            refunded: Names::default(),
            refunds: Vec::new(),
            stem: String::new(),
            stage_products: false,
        })
    }

    /// The customer's id; an e-mail is none.
    fn customer(&mut self, call: &Map<String, Json>, out: &mut Sink) -> Result<Option<String>, Bad> {
        let id = id_text(call, &["userId", "user_id"]);
        if id.is_empty() {
            return Ok(None);
        }
        if !looks_like_email(&id) {
            return Ok(Some(id));
        }
        let missing = "has an e-mail as user id, and the shop has no pseudonym key";
        let customer = self.pseudonyms.as_ref().ok_or_else(|| Bad::row(EVENT, missing))?.of(&id);
        out.identity(&customer, IdentityKind::Email, &id);
        Ok(Some(customer))
    }

    fn time(&mut self, call: &Map<String, Json>) -> Result<(i64, Day), Bad> {
        let written = text(call, &["timestamp", "originalTimestamp", "sentAt", "receivedAt"]);
        if written.is_empty() {
            return Err(Bad::row(EVENT, "has no timestamp"));
        }
        self.clock.read(written, &DateFormat::Iso).map_err(|reason| Bad::row(EVENT, format!("its timestamp {reason}")))
    }

    fn identify(&mut self, call: &Map<String, Json>, customer: &str, out: &mut Sink) {
        let none = Map::new();
        let traits = object(call, "traits").or_else(|| object(call, "context").and_then(|context| object(context, "traits")));
        let traits = traits.unwrap_or(&none);
        let name = match text(traits, &["name"]) {
            "" => [text(traits, &["firstName", "first_name"]), text(traits, &["lastName", "last_name"])].join(" "),
            name => name.to_owned(),
        };
        let birth_date = text(traits, &["birthday", "birth_date", "dateOfBirth"]);
        let parts = object(traits, "address");
        let address =
            parts.map_or_else(String::new, |parts| parts.values().filter_map(Json::as_str).collect::<Vec<_>>().join(", "));
        for (kind, value) in [
            (IdentityKind::Email, text(traits, &["email"])),
            (IdentityKind::Name, name.trim()),
            (IdentityKind::Phone, text(traits, &["phone"])),
            (IdentityKind::Address, &address),
            (IdentityKind::BirthDate, birth_date),
        ] {
            out.identity(customer, kind, value);
        }
        let created = text(traits, &["createdAt", "created_at"]);
        let person = self.people.of(customer);
        let set = |place: &mut String, value: &str| {
            if !value.is_empty() {
                value.clone_into(place);
            }
        };
        let place = |names: [&str; 2]| parts.map_or("", |parts| text(parts, &names));
        set(&mut person.country, place(["country", "countryCode"]));
        set(&mut person.region, place(["state", "region"]));
        set(&mut person.gender, text(traits, &["gender"]));
        set(&mut person.channel, text(traits, &["acquisition_channel", "source", "utm_source"]));
        person.birth_year = birth_year(birth_date).or(person.birth_year);
        person.created = self.clock.read(created, &DateFormat::Iso).ok().or(person.created);
    }

    fn event(&self, call: &Call, out: &mut Sink) {
        let session = id_text(&call.properties, &["session_id", "sessionId"]);
        let product = id_text(&call.properties, &["product_id", "sku", "item_id"]);
        let properties = Json::Object(call.properties.clone()).to_string();
        out.push(
            EVENT,
            &[
                Value::text(call.customer.as_deref().unwrap_or_default()),
                Value::Text(&call.id),
                Value::text(&call.anonymous),
                Value::text(&session),
                Value::Instant(call.time.0),
                Value::Day(call.time.1),
                Value::Text(&call.name),
                Value::text(&product),
                Value::Text(&properties),
            ],
        );
    }

    fn lines(call: &Call) -> Result<Vec<Line>, Bad> {
        let bad = |reason: &'static str| Bad::row(Entity::OrderItems, reason);
        let products = ["products", "items"].iter().find_map(|name| call.properties.get(*name).and_then(Json::as_array));
        let mut lines = Vec::new();
        for product in products.into_iter().flatten() {
            let product = product.as_object().ok_or_else(|| bad("a product is not an object"))?;
            let id = id_text(product, &PRODUCT_IDS);
            let price = number(product, &["price"]).ok_or_else(|| bad("a product has no price"))?;
            let quantity = number(product, &["quantity"]).unwrap_or(Decimal { units: 1, scale: 0 });
            let quantity = quantity.to_minor(0).filter(|(quantity, exact)| *exact && *quantity > 0);
            let quantity = quantity.ok_or_else(|| bad("a product's quantity is not a whole number above 0"))?.0;
            if id.is_empty() {
                return Err(bad("a product has no id"));
            }
            let discount = number(product, &["discount"]).unwrap_or(Decimal::ZERO);
            lines.push(Line { product: id, is_charge: false, quantity, price, discount });
        }
        if lines.is_empty() {
            // An order without its products is still revenue.
            let price = number(&call.properties, &["subtotal", "revenue", "total", "value"]);
            let price = price.ok_or_else(|| bad("has neither products nor a total"))?;
            lines.push(Line { product: "unknown".to_owned(), is_charge: true, quantity: 1, price, discount: Decimal::ZERO });
        }
        Ok(lines)
    }

    fn order(&mut self, call: &Call, out: &mut Sink) -> Result<(), Bad> {
        let bad = |reason: &'static str| Bad::row(Entity::Orders, reason);
        let lines = Self::lines(call)?;
        let id = id_text(&call.properties, &["order_id", "transaction_id", "orderId"]);
        let problem = if id.is_empty() {
            Some("has no order_id")
        } else if self.till.has_order(&id) {
            Some("completes an order that was completed before")
        } else if !self.till.is_currency(text(&call.properties, &["currency"])) {
            Some("is in another currency than the shop's")
        } else if lines.iter().any(|line| line_amount(line).is_none()) {
            Some(super::sale::TOO_LARGE)
        } else {
            None
        };
        if let Some(reason) = problem {
            lines.iter().filter_map(line_amount).for_each(|amount| out.state(amount));
            return Err(bad(reason));
        }
        for product in call.properties.get("products").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_object)
        {
            self.till.product(&id_text(product, &PRODUCT_IDS), text(product, &["name"]), text(product, &["brand"]));
        }
        let amount = |names: &[&str]| number(&call.properties, names).unwrap_or(Decimal::ZERO);
        let mut sale = Sale::new(&id, call.customer.clone(), call.time);
        (sale.shipping, sale.tax, sale.discount) = (amount(&["shipping"]), amount(&["tax"]), amount(&["discount"]));
        sale.subtotal = number(&call.properties, &["subtotal", "revenue"]);
        sale.channel = Some(text(&call.properties, &["channel", "affiliation"]).to_owned()).filter(|channel| !channel.is_empty());
        sale.coupons =
            Some(text(&call.properties, &["coupon"]).to_owned()).filter(|coupon| !coupon.is_empty()).into_iter().collect();
        sale.lines = lines;
        self.till.put(&sale, out).map_err(bad)
    }

    fn refund(&mut self, call: &Call, out: &mut Sink) -> Result<(), Bad> {
        let bad = |reason: &'static str| Bad::row(Entity::Returns, reason);
        let lines = Self::lines(call)?;
        let order = id_text(&call.properties, &["order_id", "transaction_id", "orderId"]);
        let exact = lines.iter().map(line_amount).collect::<Option<Vec<_>>>().ok_or_else(|| bad(super::sale::TOO_LARGE))?;
        for amount in &exact {
            out.state(super::sale::negative(*amount));
        }
        if order.is_empty() {
            return Err(bad("has no order_id"));
        }
        if !self.till.is_currency(text(&call.properties, &["currency"])) {
            return Err(bad("is in another currency than the shop's"));
        }
        if exact.iter().any(|amount| amount.to_minor(4).is_none()) {
            return Err(bad(super::sale::TOO_LARGE));
        }
        let (number, is_new) = self.refunded.number(&order);
        if is_new {
            self.refunds.push(0);
        }
        for (line, amount) in lines.iter().zip(&exact) {
            let Some(cents) = out.load(super::sale::negative(*amount)) else { continue };
            let nth = &mut self.refunds[number as usize];
            *nth += 1;
            let id = format!("{order}-refund-{nth}");
            out.push(
                Entity::Returns,
                &[
                    Value::text(call.customer.as_deref().unwrap_or_default()),
                    Value::Text(&id),
                    Value::Text(&order),
                    Value::Null,
                    if line.is_charge { Value::Null } else { Value::Text(&line.product) },
                    Value::Instant(call.time.0),
                    Value::Day(call.time.1),
                    Value::Whole(line.quantity),
                    Value::Whole(-cents),
                    Value::Text(self.till.currency()),
                    Value::Text("refund"),
                ],
            );
        }
        Ok(())
    }

    fn review(call: &Call, out: &mut Sink) -> Result<(), Bad> {
        let rating = number(&call.properties, &["rating"]).and_then(|rating| rating.to_minor(0)).map(|(rating, _)| rating);
        let rating = rating.filter(|rating| (1..=5).contains(rating));
        let rating = rating.ok_or_else(|| Bad::row(Entity::Reviews, "has no rating from 1 to 5"))?;
        let id = match id_text(&call.properties, &["review_id"]) {
            id if id.is_empty() => call.id.clone(),
            id => id,
        };
        let product = id_text(&call.properties, &PRODUCT_IDS[..2]);
        let order = id_text(&call.properties, &["order_id"]);
        out.push(
            Entity::Reviews,
            &[
                Value::text(call.customer.as_deref().unwrap_or_default()),
                Value::Text(&id),
                Value::text(&product),
                Value::text(&order),
                Value::Instant(call.time.0),
                Value::Day(call.time.1),
                Value::Whole(rating),
                Value::text(text(&call.properties, &["review_title", "title"])),
                Value::text(text(&call.properties, &["review_body", "body"])),
                Value::text(text(&call.properties, &["language", "locale"])),
                Value::Null,
            ],
        );
        Ok(())
    }
}

impl Reader for Segment {
    fn start(&mut self, file: &Sniffed, _header: &[String]) -> Result<(), Problem> {
        self.stem.clone_from(&file.stem);
        Ok(())
    }

    fn row(&mut self, record: &Record<'_>, out: &mut Sink) -> Result<(), Bad> {
        let not_json = || Bad::row(EVENT, "is not a JSON object");
        let mut call: Map<String, Json> = serde_json::from_str(record.cell(0)).map_err(|_| not_json())?;
        let kind = text(&call, &["type"]).to_ascii_lowercase();
        let name = match kind.as_str() {
            "track" => canonical(text(&call, &["event"])),
            "page" => "page_viewed".to_owned(),
            "screen" => "screen_viewed".to_owned(),
            "identify" | "alias" => kind.clone(),
            "group" => "group".to_owned(),
            _ => return Err(Bad::row(EVENT, "is no track, identify, page, screen, group or alias call")),
        };
        if name.is_empty() {
            return Err(Bad::row(EVENT, "has no event name"));
        }
        let time = self.time(&call)?;
        let customer = self.customer(&call, out)?;
        let anonymous = id_text(&call, &["anonymousId", "anonymous_id", "previousId"]);
        if let Some(customer) = &customer {
            self.people.of(customer).meet(&anonymous);
        }
        if kind == "identify" || kind == "alias" || kind == "group" {
            let customer = customer.ok_or_else(|| Bad::row(Entity::Customers, "has no userId"))?;
            if kind == "identify" {
                self.identify(&call, &customer, out);
            }
            return Ok(());
        }
        let id = match id_text(&call, &["messageId", "message_id"]) {
            id if id.is_empty() => format!("{}:{}", self.stem, record.row),
            id => id,
        };
        let mut properties = match call.remove("properties") {
            Some(Json::Object(properties)) => properties,
            _ => Map::new(),
        };
        scrub(&mut properties, &mut |kind, value| {
            if let Some(customer) = &customer {
                out.identity(customer, kind, value);
            }
        });
        let call = Call { name, customer, anonymous, time, id, properties };
        match call.name.as_str() {
            "order_completed" => self.order(&call, out)?,
            "order_refunded" => self.refund(&call, out)?,
            "product_reviewed" if call.properties.contains_key("rating") => Self::review(&call, out)?,
            _ => {}
        }
        self.event(&call, out);
        Ok(())
    }

    fn finish(&mut self, out: &mut Sink) -> Result<bool, Problem> {
        if self.stage_products {
            return Ok(self.till.put_products(out));
        }
        self.stage_products = !self.people.emit(out);
        Ok(true)
    }

    fn entity(&self) -> Entity {
        EVENT
    }

    fn private(&self) -> &[usize] {
        // A call may hold anything anywhere.
        &[0]
    }
}
