//! An order with its lines, as shop systems export it: what was taken off the whole order is shared among its lines, what was
//! paid back becomes a return.

use std::collections::BTreeMap;

use perennial_contract::money::{Decimal, minor_digits};
use perennial_contract::source::IdentityKind;
use perennial_contract::{Day, Entity};

use super::ReadOptions;
use super::cell::minor;
use super::names::Names;
use super::plan::at;
use super::problem::Bad;
use super::rows::Value;
use super::sink::Sink;
use super::status::CANCELLED;

const ITEM: Entity = Entity::OrderItems;

/// One line of an order.
#[derive(Clone, Debug)]
pub struct Line {
    pub product: String,
    pub is_charge: bool,
    /// Above 0.
    pub quantity: i64,
    pub price: Decimal,
    /// Taken off this line.
    pub discount: Decimal,
    /// Paid back for this line, and for how many pieces.
    pub returned: Option<(Decimal, i64)>,
}

/// An order and its lines.
#[derive(Clone, Debug)]
pub struct Sale {
    pub id: String,
    pub customer: Option<String>,
    pub time: (i64, Day),
    pub status: String,
    pub channel: Option<String>,
    pub coupons: Vec<String>,
    pub shipping: Decimal,
    pub tax: Decimal,
    /// What the source says the lines come to after every discount.
    pub subtotal: Option<Decimal>,
    /// Taken off the whole order, beyond what its lines say.
    pub discount: Decimal,
    /// Paid back, with its share of shipping and tax, and when.
    pub refund: Option<(Decimal, (i64, Day))>,
    pub delivered_at: Option<i64>,
    pub lines: Vec<Line>,
}

impl Sale {
    #[must_use]
    pub fn new(id: &str, customer: Option<String>, time: (i64, Day)) -> Self {
        Self {
            id: id.to_owned(),
            customer,
            time,
            status: "completed".to_owned(),
            channel: None,
            coupons: Vec::new(),
            shipping: Decimal::ZERO,
            tax: Decimal::ZERO,
            subtotal: None,
            discount: Decimal::ZERO,
            refund: None,
            delivered_at: None,
            lines: Vec::new(),
        }
    }
}

impl Sale {
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.status == CANCELLED
    }
}

#[must_use]
pub fn negative(amount: Decimal) -> Decimal {
    Decimal { units: -amount.units, ..amount }
}

/// quantity × price − discount, exact.
#[must_use]
pub fn line_amount(line: &Line) -> Option<Decimal> {
    line.price.times(line.quantity)?.plus(negative(line.discount))
}

/// A line as it was judged, and the money it states either way.
pub struct Judged {
    pub amount: Option<Decimal>,
    pub line: Result<Line, Bad>,
}

/// The amount of a line within the bounds of one.
#[must_use]
pub fn sane_amount(line: &Line, digits: u32) -> Option<Decimal> {
    line_amount(line).filter(|amount| [*amount, line.price, line.discount].iter().all(|part| minor(*part, digits).is_some()))
}

/// Writes sales, and the customers and products that appear in them.
pub struct Till {
    currency: String,
    digits: u32,
    customers: Names,
    /// Lines written for each order, so that numbers go on where an order comes up again.
    orders: Names,
    lines: Vec<u32>,
    products: Names,
    product_rows: Vec<(String, String)>,
    /// Bytes of the texts in `product_rows`.
    product_bytes: usize,
    emitted: usize,
}

/// Lines of one order; an export with more of them has lost its order numbers.
pub const ORDER_LINES_MAX: usize = 100_000;
/// Why a line beyond them is rejected.
pub const TOO_MANY_LINES: &str = "belongs to an order of more than 100000 lines";

/// Why an order is refused.
pub const TOO_LARGE: &str = "is too large an amount";

impl Till {
    #[must_use]
    pub fn new(options: &ReadOptions) -> Self {
        Self {
            currency: options.currency.clone(),
            digits: minor_digits(&options.currency),
            customers: Names::default(),
            orders: Names::default(),
            lines: Vec::new(),
            products: Names::default(),
            product_rows: Vec::new(),
            product_bytes: 0,
            emitted: 0,
        }
    }

    #[must_use]
    pub fn is_currency(&self, code: &str) -> bool {
        code.is_empty() || code.eq_ignore_ascii_case(&self.currency)
    }

    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// How many digits the currency's minor unit has.
    #[must_use]
    pub fn digits(&self) -> u32 {
        self.digits
    }

    /// An order's own amount that is within bounds.
    #[must_use]
    pub fn is_sane(&self, amount: Decimal) -> bool {
        minor(amount, self.digits).is_some()
    }

    #[must_use]
    pub fn has_order(&self, id: &str) -> bool {
        self.orders.find(id).is_some()
    }

    /// Write a customer once, with what is known at first sight.
    pub fn customer(&mut self, id: &str, known: &BTreeMap<&str, &str>, out: &mut Sink) -> bool {
        if !self.customers.number(id).1 {
            return false;
        }
        let mut row = vec![Value::Null; Entity::Customers.columns().len()];
        row[0] = Value::Text(id);
        for (column, place) in Entity::Customers.columns().iter().zip(&mut row).skip(1) {
            if let Some(text) = known.get(column.name) {
                *place = Value::text(text);
            }
        }
        out.push(Entity::Customers, &row);
        true
    }

    pub fn identities(customer: &str, known: &[(IdentityKind, String)], out: &mut Sink) {
        for (kind, value) in known {
            out.identity(customer, *kind, value.trim());
        }
    }

    /// Remember a product's name and brand for its own table.
    pub fn product(&mut self, id: &str, name: &str, brand: &str) {
        if self.products.number(id).1 {
            self.product_bytes += name.len() + brand.len();
            self.product_rows.push((name.to_owned(), brand.to_owned()));
        }
    }

    /// Memory of what is remembered until the end of the import, near enough.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        let names = self.customers.bytes() + self.orders.bytes() + self.products.bytes();
        let rows = self.product_rows.capacity() * size_of::<(String, String)>();
        names + rows + self.product_bytes + self.lines.capacity() * size_of::<u32>()
    }

    /// Write an order, of one that came up before its further lines only. The lines of a cancelled order are kept and worth
    /// nothing; it states no money, and what was paid back of it is no return, because nothing was earned.
    pub fn put(&mut self, sale: &Sale, out: &mut Sink) -> Result<(), &'static str> {
        let cents = self.cents(sale).ok_or(TOO_LARGE)?;
        let (number, is_new) = self.orders.number(&sale.id);
        if is_new {
            self.lines.push(0);
        }
        let counts = !sale.is_cancelled();
        for (line, &(total, discount)) in sale.lines.iter().zip(&cents.lines) {
            if let Some(exact) = line_amount(line).filter(|_| counts) {
                out.state(exact);
                out.load(exact);
            }
            let (kind, total, discount) = match (counts, line.is_charge) {
                (false, _) => (CANCELLED, 0, 0),
                (true, true) => ("charge", total, discount),
                (true, false) => ("product", total, discount),
            };
            let count = &mut self.lines[number as usize];
            *count += 1;
            out.push(
                ITEM,
                &[
                    Value::text(sale.customer.as_deref().unwrap_or_default()),
                    Value::Text(&sale.id),
                    Value::Whole(i64::from(*count)),
                    Value::Instant(sale.time.0),
                    Value::Day(sale.time.1),
                    Value::Text(&line.product),
                    Value::Text(kind),
                    Value::Whole(line.quantity),
                    Value::Whole(line.price.to_minor(self.digits).map_or(0, |(cents, _)| cents)),
                    Value::Whole(discount),
                    Value::Whole(total),
                    Value::Text(&self.currency),
                ],
            );
        }
        if counts {
            let taken_off = negative(cents.taken_off);
            out.state(taken_off);
            out.load(taken_off);
            self.put_refund(sale, &cents, out);
        }
        if is_new {
            self.put_order(sale, &cents, out);
        }
        // The money of a whole order does not belong to the record that is read at the moment.
        out.settle();
        Ok(())
    }

    fn put_order(&self, sale: &Sale, cents: &Cents, out: &mut Sink) {
        let coupons = if sale.coupons.is_empty() { Value::Null } else { Value::Texts(sale.coupons.clone()) };
        out.push(
            Entity::Orders,
            &[
                Value::text(sale.customer.as_deref().unwrap_or_default()),
                Value::Text(&sale.id),
                Value::Instant(sale.time.0),
                Value::Day(sale.time.1),
                Value::Text(&sale.status),
                Value::Text(&self.currency),
                Value::Whole(cents.gross),
                Value::Whole(cents.discount),
                Value::Whole(cents.shipping),
                Value::Whole(cents.tax),
                Value::Whole(cents.paid),
                Value::text(sale.channel.as_deref().unwrap_or_default()),
                coupons,
                sale.delivered_at.map_or(Value::Null, Value::Instant),
                Value::Null,
            ],
        );
    }

    /// What was paid back: line by line where the lines say it, else the order's refund less its share of shipping and tax.
    fn put_refund(&self, sale: &Sale, cents: &Cents, out: &mut Sink) {
        let Some((amount, time)) = sale.refund else { return };
        // The lines were numbered just now: these are the order's last ones.
        let last = self.orders.find(&sale.id).map_or(0, |number| i64::from(self.lines[number as usize]));
        let mut by_lines = false;
        for (line, line_no) in sale.lines.iter().zip(last - sale.lines.len() as i64 + 1..) {
            let Some((exact, quantity)) = line.returned else { continue };
            by_lines = true;
            out.state(negative(exact));
            let Some(back) = out.load(negative(exact)) else { continue };
            let id = format!("{}-refund-{line_no}", sale.id);
            let back = Back { id, line_no: Some(line_no), product: &line.product, time, quantity, cents: -back };
            self.put_return(sale, &back, out);
        }
        if by_lines || cents.refund == 0 {
            return;
        }
        let exact = Decimal { units: -i128::from(cents.refund), scale: self.digits };
        out.state(exact);
        let whole = amount.to_minor(self.digits).is_some_and(|(back, _)| back >= cents.paid);
        let quantity = if whole { sale.lines.iter().map(|line| line.quantity).sum() } else { 0 };
        let id = format!("{}-refund", sale.id);
        self.put_return(sale, &Back { id, line_no: None, product: "", time, quantity, cents: cents.refund }, out);
    }

    fn put_return(&self, sale: &Sale, back: &Back<'_>, out: &mut Sink) {
        out.push(
            Entity::Returns,
            &[
                Value::text(sale.customer.as_deref().unwrap_or_default()),
                Value::Text(&back.id),
                Value::Text(&sale.id),
                back.line_no.map_or(Value::Null, Value::Whole),
                Value::text(back.product),
                Value::Instant(back.time.0),
                Value::Day(back.time.1),
                Value::Whole(back.quantity),
                Value::Whole(back.cents),
                Value::Text(&self.currency),
                Value::Text("refund"),
            ],
        );
    }

    /// Every amount of the sale in minor units, or nothing if one does not fit.
    fn cents(&self, sale: &Sale) -> Option<Cents> {
        let minor = |amount: Decimal| amount.to_minor(self.digits).map(|(cents, _)| cents);
        let mut sum = Decimal::ZERO;
        let (mut totals, mut discounts) = (Vec::new(), Vec::new());
        for line in &sale.lines {
            let exact = line_amount(line)?;
            sum = sum.plus(exact)?;
            totals.push(minor(exact)?);
            discounts.push(minor(line.discount)?);
        }
        // The subtotal says what was really taken off; the stated discount may also be one on shipping.
        let gap = sale.subtotal.and_then(|subtotal| sum.plus(negative(subtotal)));
        let taken_off = gap.filter(|gap| gap.units >= 0).unwrap_or(sale.discount);
        let taken_off = if sum.plus(negative(taken_off))?.units < 0 { sum } else { taken_off };
        let shares = share(minor(taken_off)?, &totals)?;
        let parts = totals.iter().zip(&discounts).zip(&shares);
        let lines: Vec<_> = parts.map(|((t, d), s)| Some((t.checked_sub(*s)?, d.checked_add(*s)?))).collect::<Option<_>>()?;
        let (shipping, tax) = (minor(sale.shipping)?, minor(sale.tax)?);
        let net = lines.iter().try_fold(0_i64, |sum, (total, _)| sum.checked_add(*total))?;
        let discount = lines.iter().try_fold(0_i64, |sum, (_, discount)| sum.checked_add(*discount))?;
        let gross = net.checked_add(discount)?;
        let paid = net.checked_add(shipping)?.checked_add(tax)?;
        let back = sale.refund.map_or(Some(0), |(amount, _)| minor(amount))?;
        let refund =
            if paid > 0 { i64::try_from(i128::from(back) * i128::from(net) / i128::from(paid)).ok()?.min(net) } else { 0 };
        Some(Cents { lines, gross, discount, shipping, tax, paid, refund, taken_off })
    }

    /// At the end: the next product rows; false when all are written.
    pub fn put_products(&mut self, out: &mut Sink) -> bool {
        let mut until = (self.emitted + 8_192).min(self.product_rows.len());
        for number in self.emitted..until {
            if out.has_batches() {
                until = number;
                break;
            }
            let (name, brand) = &self.product_rows[number];
            let mut row = vec![Value::Null; Entity::Products.columns().len()];
            row[0] = Value::Text(self.products.name(number as u32));
            row[at(Entity::Products, "name")] = Value::text(name);
            row[at(Entity::Products, "brand")] = Value::text(brand);
            out.push(Entity::Products, &row);
        }
        self.emitted = until;
        until < self.product_rows.len()
    }
}

/// A return of a sale.
struct Back<'a> {
    id: String,
    line_no: Option<i64>,
    product: &'a str,
    time: (i64, Day),
    quantity: i64,
    cents: i64,
}

/// A sale's amounts in minor units.
struct Cents {
    /// Total and discount of each line.
    lines: Vec<(i64, i64)>,
    /// Before every discount.
    gross: i64,
    discount: i64,
    shipping: i64,
    tax: i64,
    /// With shipping and tax.
    paid: i64,
    /// The part of the refund that is not shipping or tax.
    refund: i64,
    /// Taken off the whole order, exact.
    taken_off: Decimal,
}

/// Share `amount` in proportion to `weights`; what is left over goes to the first lines, a unit each.
fn share(amount: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let sum: i128 = weights.iter().map(|&weight| i128::from(weight)).sum();
    if amount == 0 || sum <= 0 {
        return Some(vec![0; weights.len()]);
    }
    let part = |&weight: &i64| i64::try_from(i128::from(amount) * i128::from(weight) / sum).ok();
    let mut shares = weights.iter().map(part).collect::<Option<Vec<_>>>()?;
    let mut left = i64::try_from(i128::from(amount) - shares.iter().map(|&share| i128::from(share)).sum::<i128>()).ok()?;
    for (share, &weight) in shares.iter_mut().zip(weights) {
        if left > 0 && *share < weight {
            *share += 1;
            left -= 1;
        }
    }
    if let Some(first) = shares.first_mut() {
        *first += left;
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_add_up() {
        for (amount, weights) in [(100, vec![333, 333, 334]), (1, vec![5, 5]), (0, vec![1]), (7, vec![0, 3, 4]), (5, vec![])] {
            let shares = share(amount, &weights).expect("fits");
            let expected = if weights.is_empty() { 0 } else { amount };
            assert_eq!(shares.iter().sum::<i64>(), expected, "{weights:?}");
            assert!(shares.iter().zip(&weights).all(|(share, weight)| share <= weight && *share >= 0), "{shares:?}");
        }
    }
}
