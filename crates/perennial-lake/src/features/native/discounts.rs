//! The group `discounts` in one pass; `discounts.sql` is the definition.

use super::Cell;
use super::history::Known;

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let (mut cents, mut cents_90d, mut gross_cents, mut discounted) = (0_i64, 0_i64, 0_i64, 0_i64);
    let mut lines = 0_i64;
    for item in known.items.iter().filter(|item| !item.is_cancelled) {
        lines += 1;
        cents = cents.wrapping_add(item.discount_cents);
        if known.as_of - item.day <= 90 {
            cents_90d = cents_90d.wrapping_add(item.discount_cents);
        }
        gross_cents = gross_cents.wrapping_add(item.discount_cents.wrapping_add(item.total_cents));
        discounted += i64::from(item.discount_cents > 0);
    }
    let coupons = known.orders.iter().filter(|order| order.coupon).count() as i64;
    out.extend([
        Cell::whole(cents),
        Cell::whole(cents_90d),
        if gross_cents > 0 { Cell::ratio(cents, gross_cents) } else { Cell::Float(None) },
        Cell::ratio(discounted, lines),
        Cell::whole(coupons),
        Cell::ratio(coupons, known.orders.len() as i64),
    ]);
}
