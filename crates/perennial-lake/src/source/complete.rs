//! What follows for a canonical row from the columns it has, and what it may not say.

use perennial_contract::Entity;

use super::cell::{MINOR_MAX, QUANTITY_MAX, TOO_MANY};
use super::plan::{Plan, at};
use super::problem::Bad;
use super::rows::Value;
use super::sale::TOO_LARGE;
use super::status::{CANCELLED, is_no_sale};

const ITEM: Entity = Entity::OrderItems;

/// Fill the columns that are left out and follow from others, and judge the row.
pub fn complete(plan: &Plan, values: &mut [Value<'_>]) -> Result<(), Bad> {
    match plan.entity {
        Entity::Orders => complete_order(plan, values),
        Entity::OrderItems => complete_item(plan, values),
        Entity::Returns => complete_return(plan, values),
        Entity::Reviews => {
            const RATING: usize = at(Entity::Reviews, "rating");
            let known = matches!(values[RATING], Value::Whole(1..=5));
            if known { Ok(()) } else { Err(plan.bad(RATING, "is not a rating from 1 to 5")) }
        }
        Entity::Customers => {
            const YEAR: usize = at(Entity::Customers, "birth_year");
            let plausible = matches!(values[YEAR], Value::Null | Value::Whole(1900..=2100));
            if plausible { Ok(()) } else { Err(plan.bad(YEAR, "is not a year of birth from 1900 to 2100")) }
        }
        Entity::Touches => {
            default(&mut values[const { at(Entity::Touches, "holdout") }], Value::Flag(false));
            Ok(())
        }
        _ => Ok(()),
    }
}

pub fn default<'a>(value: &mut Value<'a>, other: Value<'a>) {
    if *value == Value::Null {
        *value = other;
    }
}

fn cents(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Whole(cents) => Some(*cents),
        _ => None,
    }
}

/// Amounts of an order that are left out follow from the others.
fn complete_order(plan: &Plan, values: &mut [Value<'_>]) -> Result<(), Bad> {
    const ORDER: Entity = Entity::Orders;
    const SUBTOTAL: usize = at(ORDER, "subtotal_cents");
    const TOTAL: usize = at(ORDER, "total_cents");
    const STATUS: usize = at(ORDER, "status");
    default(&mut values[STATUS], Value::Text("completed"));
    if matches!(values[STATUS], Value::Text(status) if is_no_sale(status)) {
        values[STATUS] = Value::Text(CANCELLED);
    }
    let mut part = |column: usize| {
        default(&mut values[column], Value::Whole(0));
        cents(&values[column]).unwrap_or(0)
    };
    let discount = part(const { at(ORDER, "discount_cents") });
    let added = part(const { at(ORDER, "shipping_cents") }).checked_add(part(const { at(ORDER, "tax_cents") }));
    let more = added.and_then(|added| added.checked_sub(discount)).ok_or_else(|| plan.bad(TOTAL, TOO_LARGE))?;
    match (cents(&values[SUBTOTAL]), cents(&values[TOTAL])) {
        (Some(subtotal), None) => {
            let total = subtotal.checked_add(more).ok_or_else(|| plan.bad(SUBTOTAL, TOO_LARGE))?;
            values[TOTAL] = Value::Whole(total);
        }
        (None, Some(total)) => {
            let subtotal = total.checked_sub(more).ok_or_else(|| plan.bad(TOTAL, TOO_LARGE))?;
            values[SUBTOTAL] = Value::Whole(subtotal);
        }
        (None, None) => return Err(plan.bad(TOTAL, "is missing: an order needs a subtotal or a total")),
        (Some(_), Some(_)) => {}
    }
    Ok(())
}

/// Parts of a line that are left out follow from the others.
fn complete_item(plan: &Plan, values: &mut [Value<'_>]) -> Result<(), Bad> {
    const QUANTITY: usize = at(ITEM, "quantity");
    const PRICE: usize = at(ITEM, "unit_price_cents");
    const DISCOUNT: usize = at(ITEM, "discount_cents");
    const TOTAL: usize = at(ITEM, "total_cents");
    const KIND: usize = at(ITEM, "kind");
    default(&mut values[KIND], Value::Text("product"));
    if !matches!(values[KIND], Value::Text("product" | "charge" | CANCELLED)) {
        return Err(plan.bad(KIND, "is neither product, charge nor cancelled"));
    }
    default(&mut values[DISCOUNT], Value::Whole(0));
    let quantity = match cents(&values[QUANTITY]) {
        Some(quantity) if quantity > QUANTITY_MAX => return Err(plan.bad(QUANTITY, TOO_MANY)),
        Some(quantity @ 1..) => quantity,
        Some(_) => return Err(plan.bad(QUANTITY, "is not above 0; goods that came back belong in returns")),
        None => return Err(plan.bad(QUANTITY, "is missing")),
    };
    if matches!(values[PRICE], Value::Whole(i64::MIN..0)) {
        return Err(plan.bad(PRICE, "is below 0; money given back belongs in returns"));
    }
    let large = || plan.bad(if plan.has(TOTAL) { TOTAL } else { PRICE }, TOO_LARGE);
    let discount = cents(&values[DISCOUNT]).unwrap_or(0);
    match (cents(&values[PRICE]), cents(&values[TOTAL])) {
        (Some(price), None) => {
            let gross = price.checked_mul(quantity).and_then(|gross| gross.checked_sub(discount));
            values[TOTAL] = Value::Whole(gross.filter(|total| total.abs() <= MINOR_MAX).ok_or_else(large)?);
        }
        (None, Some(total)) => values[PRICE] = Value::Whole(total.checked_add(discount).ok_or_else(large)? / quantity),
        (None, None) => return Err(plan.bad(PRICE, "is missing: a line needs a unit price or a total")),
        (Some(_), Some(_)) => {}
    }
    if values[KIND] == Value::Text(CANCELLED) {
        // Kept as it was ordered, and worth nothing.
        (values[DISCOUNT], values[TOTAL]) = (Value::Whole(0), Value::Whole(0));
    }
    Ok(())
}

fn complete_return(plan: &Plan, values: &mut [Value<'_>]) -> Result<(), Bad> {
    let quantity = const { at(Entity::Returns, "quantity") };
    default(&mut values[quantity], Value::Whole(1));
    if matches!(values[quantity], Value::Whole(i64::MIN..0)) {
        return Err(plan.bad(quantity, "is below 0"));
    }
    if matches!(values[quantity], Value::Whole(pieces) if pieces > QUANTITY_MAX) {
        return Err(plan.bad(quantity, TOO_MANY));
    }
    Ok(())
}
