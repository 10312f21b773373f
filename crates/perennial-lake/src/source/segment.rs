//! Segment's calls as JSON lines: `track`, `identify`, `page`, `screen`, `alias`.
//!
//! Every track, page and screen call is an event; Order Completed also makes the order and its lines, Order Refunded returns,
//! Product Reviewed a review, and identify the customer. Traits that tell who somebody is go to the vault; so does a user id
//! that is an e-mail, for which a keyed pseudonym stands. An order completed twice (browser and server) counts once; a message that
//! was sent twice is there once. A first look over all files tells which orders were cancelled or changed later, and who an anonymous
//! visitor was.

use std::collections::HashSet;

use perennial_contract::money::Decimal;
use perennial_contract::source::IdentityKind;
use perennial_contract::{Day, Entity};
use serde_json::{Map, Value as Json};

use super::ReadOptions;
use super::ahead::Ahead;
use super::bounds::{KEY_BYTES_MAX, KEY_TOO_LONG, NAME_BYTES_MAX};
use super::call::{Call, ORDER_IDS, PRODUCT_IDS, id_text, lines, number, object, overlong_id, products, returned, text};
use super::drive::Reader;
use super::event_names::canonical;
use super::identity::{Pseudonyms, birth_year, holds_email, looks_like_phone, scrub};
use super::moment::{Clock, DateFormat};
use super::names::Names;
use super::people::{People, Trait};
use super::problem::{Bad, Problem};
use super::record::Record;
use super::rows::Value;
use super::sale::{Sale, TOO_LARGE, Till, negative, sane_amount};
use super::sink::{Sink, cut};
use super::sniff::{Shape, Sniffed};
use super::status::CANCELLED;
use crate::table::hash::{StableState, hash};

const EVENT: Entity = Entity::Events;
/// Calls that make more than an event.
const COUNTED: [&str; 3] = ["order_completed", "order_refunded", "product_reviewed"];

pub struct Segment {
    clock: Clock,
    pseudonyms: Option<Pseudonyms>,
    till: Till,
    people: People,
    /// Orders given back, with how many returns each has.
    refunded: Names,
    refunds: Vec<u32>,
    ahead: Ahead,
    /// Messages of [`COUNTED`] calls read so far, by 128 bits of their ids' hashes.
    messages: HashSet<u128, StableState>,
    stem: String,
    stage_products: bool,
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

impl Segment {
    pub fn new(files: &[Sniffed], options: &ReadOptions) -> Result<Self, Problem> {
        Ok(Self {
            clock: Clock::new(&options.zone)?,
            pseudonyms: options.pseudonym_key.as_ref().map(|key| Pseudonyms::new(Some(key))).transpose()?,
            till: Till::new(options),
            people: People::default(),
            refunded: Names::default(),
            refunds: Vec::new(),
            ahead: Ahead::of(files, &options.limits)?,
            messages: HashSet::default(),
            stem: String::new(),
            stage_products: false,
        })
    }

    /// The customer's id; an e-mail is none.
    fn customer(&self, id: &str, out: &mut Sink) -> Result<Option<String>, Bad> {
        if id.is_empty() {
            return Ok(None);
        }
        let kind = match (holds_email(id), looks_like_phone(id)) {
            (true, _) => IdentityKind::Email,
            (_, true) => IdentityKind::Phone,
            _ => return Ok(Some(id.to_owned())),
        };
        let missing = "has an e-mail or a phone number as user id, and the shop has no pseudonym key";
        let customer = self.pseudonyms.as_ref().ok_or_else(|| Bad::row(EVENT, missing))?.of(id);
        out.identity(&customer, kind, id);
        Ok(Some(customer))
    }

    /// Whose a call is: the user's it names, else the one person's who was seen under its anonymous id.
    fn owner(&self, call: &Map<String, Json>, anonymous: &str, out: &mut Sink) -> Result<Option<String>, Bad> {
        match id_text(call, &["userId", "user_id"]) {
            id if id.is_empty() => self.customer(self.ahead.owner(anonymous).unwrap_or_default(), out),
            id => self.customer(&id, out),
        }
    }

    /// Whether a message was read before: trackers send one again when they are not sure that it arrived.
    fn is_repeat(&mut self, message: &str) -> bool {
        let bytes = message.as_bytes();
        let key = u128::from(hash(bytes, 17)) << 64 | u128::from(hash(bytes, 19));
        !message.is_empty() && !self.messages.insert(key)
    }

    fn time(&mut self, call: &Map<String, Json>) -> Result<(i64, Day), Bad> {
        let written = text(call, &["timestamp", "originalTimestamp", "sentAt", "receivedAt"]);
        if written.is_empty() {
            return Err(Bad::part(EVENT, ("timestamp", ""), "has no timestamp"));
        }
        self.clock
            .read(written, &DateFormat::Iso)
            .map_err(|reason| Bad::part(EVENT, ("timestamp", written), format!("its timestamp {reason}")))
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
        let place = |names: [&str; 2]| parts.map_or("", |parts| text(parts, &names));
        for (what, value) in [
            (Trait::Country, place(["country", "countryCode"])),
            (Trait::Region, place(["state", "region"])),
            (Trait::Gender, text(traits, &["gender"])),
            (Trait::Channel, text(traits, &["acquisition_channel", "source", "utm_source"])),
        ] {
            self.people.tell(customer, what, cut(value, KEY_BYTES_MAX));
        }
        self.people.tell_times(customer, birth_year(birth_date), self.clock.read(created, &DateFormat::Iso).ok());
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

    fn order(&mut self, call: &Call, out: &mut Sink) -> Result<(), Bad> {
        let bad = |part: (&'static str, &str), reason: &'static str| Bad::part(Entity::Orders, part, reason);
        let id = id_text(&call.properties, &ORDER_IDS);
        let mut updated = call.clone();
        self.ahead.update(&id, &mut updated.properties);
        let (lines, discount) = lines(&updated)?;
        let (properties, digits) = (&updated.properties, self.till.digits());
        let currency = text(properties, &["currency"]);
        if !self.till.is_currency(currency) {
            return Err(bad(("properties.currency", currency), "is in another currency than the shop's"));
        }
        if lines.iter().any(|line| sane_amount(line, digits).is_none()) {
            return Err(bad(("products.price", ""), TOO_LARGE));
        }
        let problem = if id.is_empty() {
            Some((("properties.order_id", ""), "has no order_id"))
        } else if self.till.has_order(&id) {
            Some((("properties.order_id", id.as_str()), "completes an order that was completed before"))
        } else {
            None
        };
        if let Some((part, reason)) = problem {
            let counts = !self.ahead.is_cancelled(&id);
            lines.iter().filter(|_| counts).filter_map(|line| sane_amount(line, digits)).for_each(|amount| out.state(amount));
            return Err(bad(part, reason));
        }
        for product in products(properties).filter_map(Json::as_object) {
            // The event itself keeps them whole.
            let [name, brand] = ["name", "brand"].map(|part| cut(text(product, &[part]), NAME_BYTES_MAX));
            self.till.product(&id_text(product, &PRODUCT_IDS), name, brand);
        }
        let amount = |name: &'static str| {
            let amount = number(properties, &[name]).unwrap_or(Decimal::ZERO);
            if self.till.is_sane(amount) { Ok(amount) } else { Err(bad((name, &amount.to_string()), TOO_LARGE)) }
        };
        let mut sale = Sale::new(&id, call.customer.clone(), call.time);
        (sale.shipping, sale.tax, sale.discount) = (amount("shipping")?, amount("tax")?, discount);
        sale.subtotal = number(properties, &["subtotal"]);
        if sale.subtotal.is_none() && discount.units == 0 {
            // Before any discount, without shipping and tax: less than the lines only if something was taken off.
            sale.subtotal = number(properties, &["revenue"]);
        }
        if self.ahead.is_cancelled(&id) {
            CANCELLED.clone_into(&mut sale.status);
        }
        sale.channel = Some(text(properties, &["channel", "affiliation"]).to_owned()).filter(|channel| !channel.is_empty());
        sale.coupons = Some(text(properties, &["coupon"]).to_owned()).filter(|coupon| !coupon.is_empty()).into_iter().collect();
        sale.lines = lines;
        self.till.put(&sale, out).map_err(|reason| bad(("properties.total", ""), reason))
    }

    fn refund(&mut self, call: &Call, out: &mut Sink) -> Result<(), Bad> {
        let bad = |part: (&'static str, &str), reason: &'static str| Bad::part(Entity::Returns, part, reason);
        let lines = returned(call)?;
        let order = id_text(&call.properties, &ORDER_IDS);
        let currency = text(&call.properties, &["currency"]);
        if !self.till.is_currency(currency) {
            return Err(bad(("properties.currency", currency), "is in another currency than the shop's"));
        }
        let digits = self.till.digits();
        let exact = lines.iter().map(|line| sane_amount(line, digits)).collect::<Option<Vec<_>>>();
        let exact = exact.ok_or_else(|| bad(("properties.total", ""), TOO_LARGE))?;
        if self.ahead.is_cancelled(&order) {
            // Nothing was earned with it, so nothing is given back.
            return Ok(());
        }
        for amount in &exact {
            out.state(negative(*amount));
        }
        if order.is_empty() {
            return Err(bad(("properties.order_id", ""), "has no order_id"));
        }
        let (number, is_new) = self.refunded.number(&order);
        if is_new {
            self.refunds.push(0);
        }
        for (line, amount) in lines.iter().zip(&exact) {
            let Some(cents) = out.load(negative(*amount)) else { continue };
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
                    if line.is_charge { Value::Null } else { Value::text(&line.product) },
                    Value::Instant(call.time.0),
                    Value::Day(call.time.1),
                    Value::Whole(line.returned.map_or(line.quantity, |(_, pieces)| pieces)),
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
        let given = call.properties.get("rating").map_or(String::new(), Json::to_string);
        let rating = rating
            .ok_or_else(|| Bad::part(Entity::Reviews, ("properties.rating", given.as_str()), "has no rating from 1 to 5"))?;
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
            "track" => canonical(text(&call, &["event"])).into_owned(),
            "page" => "page_viewed".to_owned(),
            "screen" => "screen_viewed".to_owned(),
            "identify" | "alias" => kind.clone(),
            "group" => "group".to_owned(),
            other => {
                return Err(Bad::part(EVENT, ("type", other), "is no track, identify, page, screen, group or alias call"));
            }
        };
        if name.is_empty() {
            return Err(Bad::part(EVENT, ("event", ""), "has no event name"));
        }
        if let Some(name) = overlong_id(&call) {
            return Err(Bad::part(EVENT, (name, ""), KEY_TOO_LONG));
        }
        let message = id_text(&call, &["messageId", "message_id"]);
        // Events have their message as key and repeat themselves; what becomes orders, returns and reviews must be told.
        if COUNTED.contains(&name.as_str()) && self.is_repeat(&message) {
            return Ok(());
        }
        let time = self.time(&call)?;
        let anonymous = id_text(&call, &["anonymousId", "anonymous_id", "previousId"]);
        let customer = self.owner(&call, &anonymous, out)?;
        if let Some(customer) = &customer {
            self.people.meet(customer, &anonymous);
        }
        if kind == "identify" || kind == "alias" || kind == "group" {
            let customer = customer.ok_or_else(|| Bad::part(Entity::Customers, ("userId", ""), "has no userId"))?;
            if kind == "identify" {
                self.identify(&call, &customer, out);
            }
            return Ok(());
        }
        let id = match message {
            id if id.is_empty() => format!("{}:{}", self.stem, record.row),
            id => id,
        };
        let mut properties = match call.remove("properties") {
            Some(Json::Object(properties)) => properties,
            _ => Map::new(),
        };
        let cells_masked = scrub(&mut properties, &mut |kind, value| {
            if let Some(customer) = &customer {
                out.identity(customer, kind, value);
            }
        });
        out.cells_masked += cells_masked;
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

    fn held_bytes(&self) -> usize {
        let messages = self.messages.capacity() * (size_of::<u128>() + 1);
        let refunds = self.refunded.bytes() + self.refunds.capacity() * size_of::<u32>();
        self.till.held_bytes() + self.people.bytes() + self.ahead.bytes() + messages + refunds
    }

    fn entity(&self) -> Entity {
        EVENT
    }

    fn private(&self) -> &[usize] {
        // A call may hold anything anywhere.
        &[0]
    }
}
