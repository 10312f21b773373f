//! A tracker's call, and what its properties say of an order: ids, amounts, lines.

use perennial_contract::money::Decimal;
use perennial_contract::{Day, Entity};
use serde_json::{Map, Value as Json};

use super::bounds::KEY_BYTES_MAX;
use super::cell::{DecimalMark, QUANTITY_MAX, decimal};
use super::problem::Bad;
use super::sale::{Line, negative};

/// A call, as far as every kind has it.
#[derive(Clone)]
pub struct Call {
    pub name: String,
    pub customer: Option<String>,
    pub anonymous: String,
    pub time: (i64, Day),
    pub id: String,
    pub properties: Map<String, Json>,
}

pub fn text<'a>(object: &'a Map<String, Json>, names: &[&str]) -> &'a str {
    names.iter().find_map(|name| object.get(*name).and_then(Json::as_str)).unwrap_or_default().trim()
}

/// An id may be a text or a number.
pub fn id_text(object: &Map<String, Json>, names: &[&str]) -> String {
    let found = names.iter().find_map(|name| match object.get(*name) {
        Some(Json::String(text)) => Some(text.trim().to_owned()),
        Some(Json::Number(number)) => Some(number.to_string()),
        _ => None,
    });
    found.unwrap_or_default()
}

/// A member of a call that is an id and too long for one.
#[must_use]
pub fn overlong_id(call: &Map<String, Json>) -> Option<&'static str> {
    const OF_CALL: [&str; 7] = ["userId", "user_id", "anonymousId", "anonymous_id", "previousId", "messageId", "message_id"];
    const OF_PROPERTIES: [&str; 10] =
        ["order_id", "transaction_id", "orderId", "product_id", "sku", "item_id", "id", "session_id", "sessionId", "review_id"];
    let is_long = |object: &Map<String, Json>, name: &str| {
        object.get(name).and_then(Json::as_str).is_some_and(|text| text.len() > KEY_BYTES_MAX)
    };
    let found = OF_CALL.into_iter().find(|name| is_long(call, name));
    found.or_else(|| {
        let properties = object(call, "properties")?;
        let of_product = || {
            let mut listed = products(properties).filter_map(Json::as_object);
            listed.find_map(|product| PRODUCT_IDS.into_iter().find(|name| is_long(product, name)))
        };
        OF_PROPERTIES.into_iter().find(|name| is_long(properties, name)).or_else(of_product)
    })
}

/// An amount or count, as a number or a text.
pub fn number(object: &Map<String, Json>, names: &[&str]) -> Option<Decimal> {
    names.iter().find_map(|name| match object.get(*name) {
        Some(Json::String(text)) => decimal(text.trim(), DecimalMark::Point),
        Some(Json::Number(number)) => decimal(&number.to_string(), DecimalMark::Point),
        _ => None,
    })
}

pub fn object<'a>(parent: &'a Map<String, Json>, name: &str) -> Option<&'a Map<String, Json>> {
    parent.get(name).and_then(Json::as_object)
}

pub const ORDER_IDS: [&str; 3] = ["order_id", "transaction_id", "orderId"];
pub const PRODUCT_IDS: [&str; 4] = ["product_id", "sku", "item_id", "id"];

pub fn products(properties: &Map<String, Json>) -> impl Iterator<Item = &Json> {
    let products = ["products", "items"].iter().find_map(|name| properties.get(*name).and_then(Json::as_array));
    products.into_iter().flatten()
}

/// What an order is worth that does not say of what: without shipping and tax, and what of `off` is still to be taken off it.
/// `subtotal` and `total` are after the discount, `revenue` before it, `total` with shipping and tax (Segment's e-commerce spec).
pub fn worth(properties: &Map<String, Json>, off: Decimal) -> Option<(Decimal, Decimal)> {
    if let Some(subtotal) = number(properties, &["subtotal", "value"]) {
        return Some((subtotal, Decimal::ZERO));
    }
    if let Some(revenue) = number(properties, &["revenue"]) {
        return Some((revenue, off));
    }
    let total = number(properties, &["total"])?;
    let mut added = ["shipping", "tax"].iter().filter_map(|name| number(properties, &[name]));
    let goods = added.try_fold(total, |goods, part| goods.plus(negative(part))).filter(|goods| goods.units >= 0);
    Some((goods.unwrap_or(total), Decimal::ZERO))
}

/// A line of an order or refund that names no product.
pub fn unnamed(price: Decimal) -> Line {
    Line { product: "unknown".to_owned(), is_charge: true, quantity: 1, price, discount: Decimal::ZERO, returned: None }
}

/// The lines of an order, and what was taken off the whole of it.
pub fn lines(call: &Call) -> Result<(Vec<Line>, Decimal), Bad> {
    let bad = |part: (&'static str, &str), reason: &'static str| Bad::part(Entity::OrderItems, part, reason);
    let shown = |product: &Map<String, Json>, name: &str| product.get(name).map_or(String::new(), Json::to_string);
    let mut lines = Vec::new();
    for product in products(&call.properties) {
        let product = product.as_object().ok_or_else(|| bad(("products", ""), "a product is not an object"))?;
        let id = id_text(product, &PRODUCT_IDS);
        let price = number(product, &["price"]);
        let price = price.ok_or_else(|| bad(("products.price", &shown(product, "price")), "a product has no price"))?;
        let quantity = number(product, &["quantity"]).unwrap_or(Decimal { units: 1, scale: 0 });
        let quantity = quantity.to_minor(0).filter(|(q, exact)| *exact && (1..=QUANTITY_MAX).contains(q));
        let quantity = quantity.ok_or_else(|| {
            let shown = shown(product, "quantity");
            bad(("products.quantity", &shown), "a product's quantity is not a whole number from 1 to 1000000000")
        })?;
        if id.is_empty() {
            return Err(bad(("products.product_id", ""), "a product has no id"));
        }
        let discount = number(product, &["discount"]).unwrap_or(Decimal::ZERO);
        lines.push(Line { product: id, is_charge: false, quantity: quantity.0, price, discount, returned: None });
    }
    let off = number(&call.properties, &["discount"]).unwrap_or(Decimal::ZERO);
    if !lines.is_empty() {
        return Ok((lines, off));
    }
    // An order without its products is still revenue.
    let (price, off) = worth(&call.properties, off)
        .ok_or_else(|| bad(("properties.total", &shown(&call.properties, "total")), "has neither products nor a total"))?;
    Ok((vec![unnamed(price)], off))
}

/// What came back: the products with their prices, else the total of the refund.
pub fn returned(call: &Call) -> Result<Vec<Line>, Bad> {
    let given: Vec<_> = products(&call.properties).filter_map(Json::as_object).collect();
    let is_priced = !given.is_empty() && given.iter().all(|product| number(product, &["price"]).is_some());
    let total = number(&call.properties, &["total", "value", "revenue", "subtotal"]);
    let Some(total) = total.filter(|_| !is_priced) else { return lines(call).map(|(lines, _)| lines) };
    let mut line = unnamed(total);
    if let [product] = given.as_slice() {
        // One product: all of the money is for it.
        line.is_charge = false;
        line.product = id_text(product, &PRODUCT_IDS);
        let pieces = number(product, &["quantity"]).and_then(|quantity| quantity.to_minor(0)).map(|(pieces, _)| pieces);
        line.returned = Some((total, pieces.filter(|pieces| (1..=QUANTITY_MAX).contains(pieces)).unwrap_or(1)));
    }
    Ok(vec![line])
}
