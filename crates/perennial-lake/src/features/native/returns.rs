//! The group `returns` in one pass; `returns.sql` is the definition.

use super::Cell;
use super::history::{Known, Return};

pub(super) fn cells<'a>(known: &Known<'a>, out: &mut Vec<Cell<'a>>) {
    let since = |window| known.since(known.returns, window, |sent_back| sent_back.day);
    let amount = |rows: &[Return]| rows.iter().fold(0_i64, |sum, row| sum.wrapping_add(row.amount_cents));
    let cents = amount(known.returns);
    let sold_cents = known.items.iter().fold(0_i64, |sum, item| sum.wrapping_add(item.total_cents));
    out.push(Cell::whole(known.returns.len() as i64));
    out.extend([30, 90, 180, 365].map(|window| Cell::whole(since(window).len() as i64)));
    out.extend([
        Cell::whole(known.returns.iter().fold(0_i64, |sum, row| sum.wrapping_add(row.quantity))),
        Cell::whole(cents),
        Cell::whole(amount(since(90))),
        Cell::whole(amount(since(365))),
        if sold_cents > 0 { Cell::ratio(cents, sold_cents) } else { Cell::Float(None) },
        known.days_since_last(known.returns, |sent_back| sent_back.day),
    ]);
}
