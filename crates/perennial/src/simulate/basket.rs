//! What is in one order, and what it costs to the cent.

use super::clock::Moment;
use super::draw::Draw;
use super::person::Person;
use super::season::markdown_percent;
use super::shop::Shop;
use super::words::people::COUNTRIES;

/// Mean of [`draw_quantity`].
pub const QUANTITY_MEAN: f64 = 0.82 + 0.18 * 2.6;
const LINES_MAX: usize = 40;
const FREE_SHIPPING_FROM_CENTS: i64 = 6_900;
const SHIPPING_CENTS: i64 = 590;

#[derive(Clone, Copy, Debug)]
pub struct Return {
    pub at: Moment,
    pub quantity: i64,
    pub amount_cents: i64,
    pub reason: &'static str,
}

#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub product: u32,
    pub quantity: i64,
    pub unit_price_cents: i64,
    pub discount_cents: i64,
    pub returned: Option<Return>,
}

impl Item {
    pub fn total_cents(&self) -> i64 {
        self.quantity * self.unit_price_cents - self.discount_cents
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Sums {
    pub subtotal_cents: i64,
    pub discount_cents: i64,
    pub shipping_cents: i64,
    pub tax_cents: i64,
}

impl Sums {
    pub fn total_cents(&self) -> i64 {
        self.subtotal_cents - self.discount_cents + self.shipping_cents + self.tax_cents
    }
}

/// Draw an order's lines and append them to `items`; no discount yet.
pub fn fill(items: &mut Vec<Item>, shop: &Shop, person: &Person, at: Moment, draw: &mut Draw) {
    let lines = (1 + draw.poisson(person.extra_lines_mean)).min(LINES_MAX);
    let markdown = markdown_percent(at.day());
    for _ in 0..lines {
        let category = draw.index(&person.tastes_cumulative);
        let tier = draw.index(&person.tiers_cumulative);
        let product = shop.assortment.choose(draw, category, tier);
        let list_price = shop.assortment.products[product as usize].price_cents;
        let unit_price_cents = list_price - list_price * markdown / 100;
        items.push(Item { product, quantity: draw_quantity(draw), unit_price_cents, discount_cents: 0, returned: None });
    }
}

fn draw_quantity(draw: &mut Draw) -> i64 {
    if draw.chance(0.82) { 1 } else { 2 + draw.poisson(0.6) as i64 }
}

/// Take `percent` off every line, rounded down to whole cents a line, and add up the order.
pub fn settle(items: &mut [Item], percent: i64, country: usize) -> Sums {
    let mut sums = Sums::default();
    for item in items {
        let full = item.quantity * item.unit_price_cents;
        item.discount_cents = full * percent / 100;
        sums.subtotal_cents += full;
        sums.discount_cents += item.discount_cents;
    }
    let net = sums.subtotal_cents - sums.discount_cents;
    sums.shipping_cents = if net >= FREE_SHIPPING_FROM_CENTS { 0 } else { SHIPPING_CENTS };
    sums.tax_cents = (net * COUNTRIES[country].tax_percent + 50) / 100;
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_adds_up_to_the_cent() {
        let item =
            |quantity, unit_price_cents| Item { product: 0, quantity, unit_price_cents, discount_cents: 0, returned: None };
        let mut items = [item(3, 1_995), item(1, 545)];
        let sums = settle(&mut items, 15, 1);
        // 15% of 59.85 is 8.9775 and of 5.45 is .8175; both are rounded down.
        assert_eq!((items[0].discount_cents, items[1].discount_cents), (897, 81));
        assert_eq!((sums.subtotal_cents, sums.discount_cents, sums.shipping_cents), (6_530, 978, 590));
        // 20% of 55.52 is 11.104.
        assert_eq!(sums.tax_cents, 1_110);
        assert_eq!(sums.total_cents(), 6_530 - 978 + 590 + 1_110);
        assert_eq!(items.iter().map(Item::total_cents).sum::<i64>(), 6_530 - 978);
    }
}
