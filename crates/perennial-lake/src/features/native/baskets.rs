//! The group `baskets` in one pass; `baskets.sql` is the definition.

use super::Cell;
use super::history::Known;

#[derive(Default)]
struct Totals {
    lines: i64,
    lines_90d: i64,
    units: i64,
    units_90d: i64,
    products: i64,
    baskets: i64,
    last_day: Option<i32>,
    gross_cents: i64,
    price_max: Option<i64>,
    charge_cents: i64,
    sold_cents: i64,
}

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let mut all = Totals::default();
    for item in known.items {
        all.sold_cents = all.sold_cents.wrapping_add(item.total_cents);
        if item.is_charge {
            all.charge_cents = all.charge_cents.wrapping_add(item.total_cents);
        }
        if !item.is_product {
            continue;
        }
        all.lines += 1;
        all.units = all.units.wrapping_add(item.quantity);
        if known.as_of - item.day <= 90 {
            all.lines_90d += 1;
            all.units_90d = all.units_90d.wrapping_add(item.quantity);
        }
        all.products += i64::from(item.first);
        all.baskets += i64::from(all.last_day != Some(item.day));
        all.last_day = Some(item.day);
        all.gross_cents = all.gross_cents.wrapping_add(item.total_cents.wrapping_add(item.discount_cents));
        all.price_max = all.price_max.max(Some(item.unit_price_cents));
    }
    out.extend([
        Cell::whole(all.lines),
        Cell::whole(all.lines_90d),
        Cell::whole(all.units),
        Cell::whole(all.units_90d),
        Cell::whole(all.products),
        Cell::ratio(all.lines - all.products, all.lines),
        Cell::ratio(all.lines, all.baskets),
        Cell::ratio(all.units, all.baskets),
        Cell::ratio(all.gross_cents, all.units),
        Cell::Whole(all.price_max),
        if all.sold_cents > 0 { Cell::ratio(all.charge_cents, all.sold_cents) } else { Cell::Float(None) },
    ]);
}
