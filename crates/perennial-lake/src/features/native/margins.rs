//! The group `margins` in one pass; `margins.sql` is the definition.

use super::Cell;
use super::history::Known;

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let (mut sold_cents, mut cost_cents) = (0_i64, 0_i64);
    if known.products.have_costs {
        for item in known.items.iter().filter(|item| item.is_product) {
            if let Some(cost) = known.products.cost_cents(item.product, known.as_of_us) {
                sold_cents = sold_cents.wrapping_add(item.total_cents);
                cost_cents = cost_cents.wrapping_add(item.quantity.wrapping_mul(cost));
            }
        }
    }
    out.push(match sold_cents > 0 {
        true => Cell::ratio(sold_cents.wrapping_sub(cost_cents), sold_cents),
        false => Cell::Float(None),
    });
}
